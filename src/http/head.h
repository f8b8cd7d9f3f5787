/* SPDX-License-Identifier: MIT */
/* A request's head as it came over the wire, and what the gate found in it. */
#ifndef CW_HTTP_HEAD_H
#define CW_HTTP_HEAD_H

#include "base/buf.h"

enum { HEAD_MAX_FIELDS = 64, HEAD_MAX_BYTES = 8192 };

struct head_field {
	struct slice name;
	struct slice value;
};

struct head {
	struct slice method;
	struct head_field fields[HEAD_MAX_FIELDS];
	size_t field_count;
	size_t field_bytes;  /* of all fields as sent, those beyond HEAD_MAX_FIELDS too */
	size_t cookie_bytes; /* of them: values of Cookie, which programs beside us have set */
	bool too_many;
	bool torn; /* the fields are not all that came: see head_is_whole() */
	bool is_http_1_0;

	/* Filled by gate_fields(); p is NULL where the field is absent. */
	struct slice host, authorization, content_type, content_length, cookie, expect;
	struct slice transfer_encoding, origin, fetch_site, request_id, session_id;
	int64_t length; /* by gate_framing(): of the body, 0 where there is none */
};

/* Empties `head` for a new request. */
void head_begin(struct head *head, struct slice method);
/* Adds a field as it came. */
void head_add(struct head *head, struct slice name, struct slice value);
/*
 * A head as libmicrohttpd before 0.9.77.1 has parsed it in place: colons and line ends are NULs,
 * and the texts of a struct head point into it.
 */
struct head_bytes {
	const char *begin; /* of the method */
	size_t n;	   /* with the empty line */
	size_t target_n;   /* as sent */
	const char *version;
};

/*
 * Whether request line and fields, parted by one space, one colon with blanks after it, and CRLF,
 * are all of the bytes. They are not where a line was folded (which glues it to the *name* before
 * it, so that a length vanishes), ended by a bare LF, cut by a NUL, or began with a colon (which
 * ends the head, so that what follows is read as another request).
 */
bool head_is_whole(const struct head *head, const struct head_bytes *bytes);
/*
 * Copies the texts into `text`, in place of what it held: the head then lives as long as that does,
 * and not only as long as the connection that it was parsed for. Before gate_fields().
 */
void head_keep(struct head *head, struct buf *text);
/* By any case; false where it is absent. */
bool head_find(const struct head *head, struct slice name, struct slice *ret);
/* The next one from field *at on, which is then the field behind it. */
bool head_find_from(const struct head *head, struct slice name, size_t *at, struct slice *ret);

#endif
