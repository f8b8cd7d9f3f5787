/* SPDX-License-Identifier: MIT */
/* From a tree to a section's struct, by the rows of the table. */
#ifndef CW_CONF_READER_H
#define CW_CONF_READER_H

#include "conf/table.h"

struct reader {
	struct arena *arena;
	struct faults *faults;
	struct faults *warnings; /* what is accepted, but hardly meant */
	struct conf_full *conf;
	struct buf path; /* of the node at hand, e.g. "warm.jobs[2].key" */
	struct buf why;	 /* the last sentence made by reader_say() */
};

/* Makes the end of a sentence; good until the next one is made. */
const char *reader_say(struct reader *r, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Reports "FILE:LINE: path sentence" for the path at hand and `node`'s place. */
void reader_fault(struct reader *r, const struct node *node, const char *sentence);
/* The same for what is not a fault: it is said, and the configuration holds. */
void reader_warn(struct reader *r, const struct node *node, const char *sentence);
/* The end of a sentence about a node that should be a map of `name: value`. */
const char *reader_no_map(const struct node *node);

/* The path at hand grows by a member's name or an element's index, and shrinks to what it was. */
size_t reader_enter(struct reader *r, struct slice name);
size_t reader_enter_element(struct reader *r, size_t index);
void reader_leave(struct reader *r, size_t mark);

/*
 * Reads the map `node` into `object`: unknown names are faults, defaults are added to the tree,
 * each member is set, then the section's finish() judges them together.
 */
void section_read(struct reader *r, const struct section *section, struct node *node, void *object);
/* The same without defaults, required members and finish(): lays what is given over `object`. */
void section_overlay(
	struct reader *r, const struct section *section, struct node *node, void *object);

/* Reports each name in `node` that no row knows, with the nearest one that is known. */
void section_check_names(struct reader *r, const struct section *section, struct node *node);

/* The folder of the node's file, and `path` as seen from there. */
char *reader_resolve(struct reader *r, const struct node *node, struct slice path);
/* The content of a secret's file, one newline at its end dropped. As type->set. */
const char *reader_secret(struct reader *r, struct slice path, char **ret);
/* Warn where the file cannot be read, or the program cannot be found, that a member names. */
void reader_expect_file(
	struct reader *r, const struct node *node, const char *member, const char *path);
void reader_expect_program(
	struct reader *r, const struct node *node, const char *member, const char *program);
/* NULL where the text is a name: [A-Za-z0-9_.-]{1,64}. */
const char *reader_check_name(struct slice text);

#endif
