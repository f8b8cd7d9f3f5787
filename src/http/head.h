/* SPDX-License-Identifier: MIT */
/* A request's head as it was received, and the fields that the gate has found. */
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
	size_t cookie_bytes; /* of them, in values of Cookie */
	bool too_many;
	bool torn; /* there was more than the fields: see head_is_whole() */
	bool is_http_1_0;

	/* Set by gate_fields(); p is NULL if the field is absent. */
	struct slice host, authorization, content_type, content_length, cookie, expect;
	struct slice transfer_encoding, origin, fetch_site, request_id, session_id;
	struct slice traceparent;
	int64_t length; /* of the body, set by gate_framing(); 0 = none */
};

/* Empties `head` for a new request. */
void head_begin(struct head *head, struct slice method);
/* Adds a field as it was received. */
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
 * Whether the request line and the fields, separated by one space, one colon with blanks after it,
 * and CRLF, make up all of the bytes. They do not if a line was folded (MHD appends it to the
 * *name* before it, so that a length disappears), ended with a bare LF, contained a NUL, or began
 * with a colon (which ends the head for MHD, so that what follows is read as another request).
 */
bool head_is_whole(const struct head *head, const struct head_bytes *bytes);
/*
 * Copies the texts into `text`, replacing its content: the head is then valid as long as that, and
 * not only as long as its connection. To be called before gate_fields().
 */
void head_keep(struct head *head, struct buf *text);
/* In any case; false if it is absent. */
bool head_find(const struct head *head, struct slice name, struct slice *ret);
/* The next one from field *at on; *at is then the field after it. */
bool head_find_from(const struct head *head, struct slice name, size_t *at, struct slice *ret);

#endif
