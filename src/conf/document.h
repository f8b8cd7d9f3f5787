/* SPDX-License-Identifier: MIT */
/*
 * A YAML file as a tree of nodes with their file and line.
 *
 * Anchors, aliases, tags, merge keys, a second document, duplicate names, NUL bytes and more than
 * DOCUMENT_MAX_DEPTH levels are faults.
 */
#ifndef CW_CONF_DOCUMENT_H
#define CW_CONF_DOCUMENT_H

#include "base/arena.h"
#include "base/crypto.h"
#include "conf/faults.h"
#include "conf/file.h"

enum { DOCUMENT_MAX_DEPTH = 32, DOCUMENT_MAX_MEMBERS = 4096 };

enum node_kind { NODE_SCALAR, NODE_LIST, NODE_MAP };

struct key;

struct node {
	enum node_kind kind;
	bool plain;	 /* a scalar without quotes */
	bool is_default; /* not written in a file: a default */
	const char *file;
	unsigned line;	       /* of a member: the line of its name. 0 = not in a file */
	struct slice name;     /* of a member of a map */
	struct slice text;     /* of a scalar, environment variables filled in */
	struct slice raw;      /* of a scalar, as it was written */
	const struct key *key; /* the row that took it, NULL until then */
	struct node *children, *last, *next;
	size_t count; /* of children */
};

/*
 * The tree of `text`, in the arena; `file` must live as long. An empty text gives an empty map.
 * NULL if no tree could be built; then there are faults. There may also be faults beside a tree.
 */
struct node *document_parse(
	struct arena *arena, struct slice text, const char *file, struct faults *faults);
/* A file for document_load(), and what was found of it. */
struct document_file {
	const char *path;
	bool secret; /* as in conf/file.h */
	/* If it could not be read: the end of a sentence about the file, else NULL. */
	const char *wrong;
	/* If it could be read. */
	struct file_stamp stamp;
	uint8_t digest[SHA256_BYTES]; /* of its bytes */
};

/* Reads the file and parses it. NULL with file->wrong or with faults. Blocks. */
struct node *document_load(struct arena *arena, struct document_file *file, struct faults *faults);

struct node *node_new(struct arena *arena, enum node_kind kind, const char *file, unsigned line);
/* A default's YAML text as a node, at the line of the map without such a member. */
struct node *node_default(struct arena *arena, const char *text, const struct node *map);
void node_append(struct node *parent, struct node *child);
/* A member by its name; NULL if there is none or `map` is not a map. */
struct node *node_member(const struct node *map, struct slice name);
/* A member by a path such as "invalidate.pace.max_latency". */
struct node *node_find(struct node *map, const char *path);
/* The same, but NULL for defaults. */
struct node *node_given(struct node *map, const char *path);
/*
 * Makes `node` the member at `path`, replacing one that exists; missing maps above it are created.
 * False if something above it is not a map.
 */
bool node_put(struct arena *arena, struct node *map, const char *path, struct node *node);
/* Removes a member, if it exists. */
void node_drop(struct node *map, struct slice name);
/* Whether both trees have the same content; NULL equals NULL. */
bool node_equal(const struct node *a, const struct node *b);
/* Whether it is a plain scalar without a value: empty, `~` or `null`. */
bool node_is_null(const struct node *node);

#endif
