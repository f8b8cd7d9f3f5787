/* SPDX-License-Identifier: MIT */
/*
 * Reads JSON bodies by a table of their members, so that all routes refuse unknown members with the
 * same message, and numbers beyond 2^53 stay exact.
 *
 * `null` counts as absent. An empty string or list is refused where the member selects something.
 * What is read lives in an arena: that of the request, which its handler need not release.
 */
#ifndef CW_API_BODY_H
#define CW_API_BODY_H

#include "http/request.h"
#include "text/json.h"

enum body_kind {
	BODY_BOOL,   /* bool */
	BODY_INT,    /* int64_t, within min..max */
	BODY_NUMBER, /* double, at least min */
	BODY_STRING, /* struct slice, behind it a NUL; at most max bytes */
	BODY_LIST,   /* struct body_list of strings; at most max elements */
	/* Both: with min 0 an empty one counts as absent, with min 1 it is refused. */
	BODY_ID,     /* as BODY_STRING, or an integer of any number of digits, as text */
	BODY_IDS,    /* as BODY_LIST of these */
	BODY_OBJECT, /* struct json_value */
	BODY_ARRAY,  /* struct json_value */
	BODY_LATER,  /* not supported by this version yet: refused if present */
};

/* Decoded strings. A zeroed list is empty. */
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
 * Called for a member that is not in the table. OK: it was read. ERR_NOT_FOUND: it is unknown, too,
 * and the fault will name it.
 */
typedef enum error body_other(void *context, struct slice name, struct json_value value,
	struct arena *arena, struct fault *fault);

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
/* A name, or a string, decoded; its pointer is never NULL. */
struct slice body_name(const struct json_iter *it, struct arena *arena);
struct slice body_text(struct json_value string, struct arena *arena);

/*
 * Reads the request's body, one JSON object (an empty body counts as {}). ERR_BAD_JSON or
 * ERR_BAD_BODY, with the member's pointer and what was expected.
 */
enum error body_parse(struct request *request, const struct body_table *table, struct fault *fault);
/* The same for an object within a checked text; the table's `at` is its pointer. */
enum error body_read(struct json_value object, const struct body_table *table, struct arena *arena,
	struct fault *fault);

/* The body of a route whose only member is `note`; without one *ret stays as it is. */
enum error body_note_only(struct request *request, struct slice *ret, struct fault *fault);

/* A value as BODY_ID; ERR_BAD_BODY at `pointer`. */
enum error body_id(struct json_value value, const char *pointer, struct arena *arena,
	struct slice *ret, struct fault *fault);
/* A list as BODY_IDS, of 1 to `max`. */
enum error body_ids(struct json_value value, const char *pointer, int64_t max, struct arena *arena,
	struct body_list *ret, struct fault *fault);

#endif
