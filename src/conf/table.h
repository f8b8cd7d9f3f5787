/* SPDX-License-Identifier: MIT */
/*
 * The table of keys: which keys exist, where their values are stored, and their defaults.
 *
 * Reading, checking, printing and the tests of the manual use these rows. KEY_LATER marks planned
 * keys: without the flag, and with a place, the key is known.
 */
#ifndef CW_CONF_TABLE_H
#define CW_CONF_TABLE_H

#include "conf/conf.h"
#include "conf/document.h"

/* What only this folder needs of a snapshot. */
struct conf_private {
	unsigned references;
	struct arena arena;
	struct node *root; /* the effective configuration, with defaults */
	struct slice *own_protected;
	size_t own_protected_count;
	bool default_protected, default_alerts;
	struct slice *include;
	size_t include_count;
	struct conf_source *sources;
	size_t source_count;
	char *tokens_file;
	struct file_stamp tokens_stamp;
	uint8_t tokens_digest[SHA256_BYTES]; /* of the file's bytes */
	char *warnings;
};

struct conf_full {
	struct conf conf; /* the first member: a struct conf * points to a struct conf_full */
	struct conf_private private;
};

struct reader;
struct section;

/*
 * The values that a key takes. `set` stores the node's value in `object` (at key->offset, unless
 * the type says otherwise) and returns NULL, or the end of a sentence that begins with the key's
 * name. Faults deeper inside a list or map it reports itself (reader_fault), and returns NULL.
 */
struct type {
	enum { PRINT_TEXT, PRINT_NUMBER, PRINT_BOOL } print;
	const char *(*set)(
		struct reader *r, const struct key *key, struct node *node, void *object);
	const struct list *list; /* instead of `set` */
};

/* A list or map of entries, read one by one into an array. */
struct list {
	enum { LIST_ONLY, MAP_ONLY, LIST_OR_MAP } shape;
	const char *expected; /* the end of a sentence about another shape */
	/*
	 * Of an element; key->section's where the key has one. The array goes to key->offset, with
	 * a cleared element behind the last one, and the number of elements to key->count_offset.
	 * 0: no array, `set` gets the object.
	 */
	size_t size;
	const char *(*set)(
		struct reader *r, const struct key *key, struct node *node, void *element);
	/* Whether two elements cannot stand beside each other; NULL = all can. */
	bool (*same)(const void *a, const void *b);
};

/* Sets by key->type, as type->set. */
const char *type_set(struct reader *r, const struct key *key, struct node *node, void *object);
/* The `set` of a list whose elements are slices that are not empty. */
const char *type_set_text(
	struct reader *r, const struct key *key, struct node *node, void *element);

enum key_flag {
	KEY_LATER = 1,	  /* planned, not supported by this version */
	KEY_RESTART = 2,  /* a reload that changes it is refused */
	KEY_REQUIRED = 4, /* must be given */
	KEY_SECRET = 8,	  /* never printed */
	KEY_MERGES = 16,  /* a list or map that included files add to */
	KEY_MASKED = 64,  /* secrets within its text are not printed: `--password=...` */
	KEY_QUIET = 32,	  /* its default is not printed: it matters only beside other keys */
};

struct key {
	const char *path; /* within its section, e.g. "redis.breaker.failures" */
	const struct type *type;
	size_t offset;
	const char *def;     /* as YAML; NULL = none, the place stays zero */
	int64_t min, max;    /* of numbers, durations and sizes; of texts bytes, of lists entries */
	size_t count_offset; /* of lists */
	unsigned flags;
	/* Choices: "one two", in the enum's order; `!three` is not supported by this version. */
	const char *choices;
	const struct section *section; /* of lists of maps and named maps */
	const char *help;
};

/* The members of one kind of map. */
struct section {
	const struct key *keys;
	size_t count;
	size_t size;
	size_t name_offset; /* named maps: the char * for the name */
	const char *unique; /* the member that must differ between entries, or NULL */
	/* Called after the members if none had a fault: checks them together. As type->set. */
	const char *(*finish)(struct reader *r, struct node *node, void *object);
};

extern const struct section section_root, section_token, section_namespace, section_entity,
	section_dependency, section_source, section_job, section_loader, section_alert,
	section_webhook;

/* The row of exactly this path, or NULL. */
const struct key *section_key(const struct section *section, const char *path);

extern const struct type type_string, type_slice, type_name, type_path, type_output, type_bool,
	type_int, type_duration, type_size, type_choice, type_choice_bool, type_choice_text,
	type_ratio, type_date, type_sha256, type_template, type_templates, type_strings, type_globs,
	type_scopes, type_items, type_named_items;
/* Types of one key each. */
extern const struct type type_later, type_listens, type_hosts, type_redis_url, type_password_file,
	type_sentinel_password_file, type_client_certificate, type_entity_keys, type_job_source,
	type_loader_source, type_job_on, type_job_ttl, type_headers, type_argv, type_pages,
	type_job_visit, type_cron, type_zone, type_alert_metric, type_threshold, type_webhook,
	type_secret_file, type_severities;

#endif
