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
	size_t field_bytes; /* of all fields as sent, those beyond HEAD_MAX_FIELDS too */
	bool too_many;

	/* Filled by gate_fields(); p is NULL where the field is absent. */
	struct slice host, authorization, content_type, content_length, cookie, expect;
	struct slice transfer_encoding, origin, fetch_site, request_id;
	int64_t length; /* by gate_framing(): of the body, 0 where there is none */
};

/* Empties `head` for a new request. */
void head_begin(struct head *head, struct slice method);
/* Adds a field as it came. */
void head_add(struct head *head, struct slice name, struct slice value);
/* By any case; false where it is absent. */
bool head_find(const struct head *head, struct slice name, struct slice *ret);

/* Compares without regard to the case of ASCII letters. */
bool text_equal_caseless(struct slice a, struct slice b);
/* An RFC 9110 token: letters, digits and !#$%&'*+-.^_`|~, at least one. */
bool text_is_token(struct slice text);

#endif
