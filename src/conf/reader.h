/* SPDX-License-Identifier: MIT */
/* Reads a tree into structs, by the rows of the table. */
#ifndef CW_CONF_READER_H
#define CW_CONF_READER_H

#include "conf/table.h"

struct reader {
	struct arena *arena;
	struct faults *faults;
	struct faults *warnings; /* what is valid, but probably not intended */
	struct conf_full *conf;
	struct buf path; /* of the current node, such as "warm.jobs[2].key" */
	struct buf why;	 /* the last sentence made by reader_say() */
};

/* Formats the end of a sentence; valid until the next call. */
const char *reader_say(struct reader *r, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Reports "FILE:LINE: path sentence" for the current path and the place of `node`. */
void reader_fault(struct reader *r, const struct node *node, const char *sentence);
/* The same for a warning: the configuration is valid. */
void reader_warn(struct reader *r, const struct node *node, const char *sentence);
/* The end of a sentence about a node that must be a map of `name: value`. */
const char *reader_no_map(const struct node *node);

/* The same of the member of `root` at `path`, at its own line. */
void reader_fault_at(struct reader *r, struct node *root, const char *path, const char *sentence);
void reader_warn_at(struct reader *r, struct node *root, const char *path, const char *sentence);

/* Appends a member's name or an element's index to the current path; reader_leave() removes it. */
size_t reader_enter(struct reader *r, struct slice name);
size_t reader_enter_element(struct reader *r, size_t index);
void reader_leave(struct reader *r, size_t mark);

/*
 * Reads the map `node` into `object`: unknown names are faults, defaults are added to the tree,
 * each member is set, then the section's finish() is called.
 */
void section_read(struct reader *r, const struct section *section, struct node *node, void *object);
/* The same without defaults, required members and finish(): sets only the given members. */
void section_overlay(
	struct reader *r, const struct section *section, struct node *node, void *object);

/* Reports each name in `node` that has no row, with the most similar name that has one. */
void section_check_names(struct reader *r, const struct section *section, struct node *node);

/* `path` relative to the folder of the node's file, as a full path. */
char *reader_resolve(struct reader *r, const struct node *node, struct slice path);
/* The content of a secret's file without a newline at its end. Returns as type->set. */
const char *reader_secret(struct reader *r, struct slice path, char **ret);
/* Warn if the file that a member names cannot be read, or the program cannot be found. */
void reader_expect_file(
	struct reader *r, const struct node *node, const char *member, const char *path);
void reader_expect_program(
	struct reader *r, const struct node *node, const char *member, const char *program);
/* Puts the built-in rules of alerts before those of the file. */
void alert_join(struct reader *r, struct conf *conf);
/* NULL if the text is a name: [A-Za-z0-9_.-]{1,64}; else as type->set. */
const char *reader_check_name(struct slice text);

#endif
