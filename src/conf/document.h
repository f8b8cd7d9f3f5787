/* SPDX-License-Identifier: MIT */
/*
 * A YAML file as a tree of nodes that know where they stand.
 *
 * Anchors, aliases, tags, merge keys, a second document, duplicate names, NUL bytes and more than
 * DOCUMENT_MAX_DEPTH levels are faults: a configuration says plainly what it means.
 */
#ifndef CW_CONF_DOCUMENT_H
#define CW_CONF_DOCUMENT_H

#include "base/arena.h"
#include "conf/faults.h"
#include "conf/file.h"

enum { DOCUMENT_MAX_DEPTH = 32, DOCUMENT_MAX_MEMBERS = 4096 };

enum node_kind { NODE_SCALAR, NODE_LIST, NODE_MAP };

struct key;

struct node {
	enum node_kind kind;
	bool plain;	 /* a scalar without quotes */
	bool is_default; /* nobody wrote it: it stands for a default */
	const char *file;
	unsigned line;	       /* of a member: where its name stands. 0 = no file's line */
	struct slice name;     /* of a member of a map */
	struct slice text;     /* of a scalar, environment variables filled in */
	struct slice raw;      /* of a scalar, as it was written */
	const struct key *key; /* the row that took it, NULL until then */
	struct node *children, *last, *next;
	size_t count; /* of children */
};

/*
 * The tree of `text`, in the arena; `file` is kept too. An empty text gives an empty map. NULL
 * where no tree could be made, and then `faults` says why; there may be faults beside a tree.
 */
struct node *document_parse(
	struct arena *arena, struct slice text, const char *file, struct faults *faults);
/* A file as document_load() wants it and found it. */
struct document_file {
	const char *path;
	bool secret; /* as in conf/file.h */
	/* Where it could not be read: the end of a sentence, for the place that names the file. */
	const char *wrong;
	struct file_stamp stamp; /* else */
};

/* Reads the file and parses it. NULL with file->wrong or with faults. Blocks. */
struct node *document_load(struct arena *arena, struct document_file *file, struct faults *faults);

struct node *node_new(struct arena *arena, enum node_kind kind, const char *file, unsigned line);
/* A default's YAML text as a node, at the place of the map that lacks it. */
struct node *node_default(struct arena *arena, const char *text, const struct node *map);
void node_append(struct node *parent, struct node *child);
/* A member by its name; NULL where there is none or `map` is no map. */
struct node *node_member(const struct node *map, struct slice name);
/* A member by a path such as "invalidate.pace.max_latency". */
struct node *node_find(struct node *map, const char *path);
/* The same, but NULL for what is there by default only. */
struct node *node_given(struct node *map, const char *path);
/*
 * Makes `node` the member at `path`, in place of one that is there; maps above it are made where
 * they are missing. False where something above it is no map.
 */
bool node_put(struct arena *arena, struct node *map, const char *path, struct node *node);
/* Takes a member out, if it is there. */
void node_drop(struct node *map, struct slice name);
/* Whether both trees mean the same; NULL equals NULL. */
bool node_equal(const struct node *a, const struct node *b);
/* A plain scalar that stands for nothing: empty, `~` or `null`. */
bool node_is_null(const struct node *node);

#endif
