/* SPDX-License-Identifier: MIT */
/*
 * Bodies are read through a table of their members, so that every route refuses in the same words
 * what it does not know, and numbers beyond 2^53 stay exact.
 *
 * `null` means left out. An empty string or list is refused where the member selects something.
 */
#ifndef CW_API_BODY_H
#define CW_API_BODY_H

#include "text/json.h"

enum body_kind {
	BODY_BOOL,   /* bool */
	BODY_INT,    /* int64_t, within min..max */
	BODY_NUMBER, /* double, at least min */
	BODY_STRING, /* struct slice, the caller's to mem_free(); at most max bytes */
	BODY_LIST,   /* struct body_list of strings; at most max elements */
	/* Both: with min 0 an empty one counts as left out, with min 1 it is refused. */
	BODY_OBJECT, /* struct json_value */
	BODY_ARRAY,  /* struct json_value */
	BODY_LATER, /* part of the contract that this version does not have: refused when present */
};

/* Decoded texts; released with body_list_release(). A zeroed list is empty. */
struct body_list {
	struct slice *items;
	size_t count;
};

struct body_member {
	const char *name;
	enum body_kind kind;
	void *target;
	int64_t min, max;
};

/*
 * Called for a member that the table does not have. OK = taken; ERR_NOT_FOUND = not known, which
 * becomes the fault that names it.
 */
typedef enum error body_other(
	void *context, struct slice name, struct json_value value, struct fault *fault);

struct body_table {
	const struct body_member *members;
	size_t count;
	body_other *other; /* NULL = none */
	void *context;
	const char *at; /* pointer of the object within the body; NULL = the body itself */
};

enum { BODY_POINTER_BYTES = 96, BODY_NOTE_BYTES = 200 };

/* The pointer of a member of the object at pointer `at`, escaped; a long name is cut. */
void body_point(char ret[BODY_POINTER_BYTES], const char *at, struct slice name);
/* Appends the decoded name. */
void body_name(const struct json_iter *it, struct buf *ret);

/*
 * Reads `text`, one JSON object (nothing at all counts as {}). ERR_BAD_JSON or ERR_BAD_BODY, with
 * the member's pointer and what it should have been. On an error what was filled so far must still
 * be released.
 */
enum error body_parse(struct slice text, const struct body_table *table, struct fault *fault);
/* The same for an object within a checked text; the table's `at` is its pointer. */
enum error body_read(struct json_value object, const struct body_table *table, struct fault *fault);

/* The body of a route that takes `note` and nothing else; *ret is the caller's to mem_free(). */
enum error body_note_only(struct slice text, struct slice *ret, struct fault *fault);

/* A string's decoded bytes, never empty: ERR_BAD_BODY at `pointer` otherwise. The caller's. */
enum error body_string(struct json_value value, const char *pointer, int64_t max, struct slice *ret,
	struct fault *fault);
/* As body_string(), or an integer as it is spelt, however many digits it has. */
enum error body_id(
	struct json_value value, const char *pointer, struct slice *ret, struct fault *fault);
/* A list of such strings, or of ids where `integers`; at most `max`, at least one. */
enum error body_strings(struct json_value value, const char *pointer, bool integers, int64_t max,
	struct body_list *ret, struct fault *fault);
void body_list_release(struct body_list *list);

#endif
