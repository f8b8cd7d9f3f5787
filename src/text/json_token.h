/* SPDX-License-Identifier: MIT */
/*
 * The state of a scan and its tokens: strings, numbers, words.
 *
 * Internal to base/json_scan.c and base/json_token.c. Each function steps over what stands at
 * s->p. A token that the end of the text cuts is STEP_MORE; whether that is a fault is for the
 * caller's `more` to say.
 */
#ifndef CW_TEXT_JSON_TOKEN_H
#define CW_TEXT_JSON_TOKEN_H

#include "text/json.h"
#include "text/json_name.h"

enum step { STEP_OK, STEP_MORE, STEP_BAD };

/* An open array or object. */
struct json_frame {
	bool object;
	unsigned count;	  /* members so far, or the index of the current element */
	const char *name; /* of the current member, raw; NULL between members */
	size_t name_n;
	size_t first_name; /* in json_scan.names */
};

struct json_scan {
	const char *start, *p, *end;
	const struct json_limits *limits;
	bool more;
	unsigned nodes, depth;
	char why[200];
	struct json_frame frames[JSON_MAX_DEPTH];
	struct json_names names;
};

/* Notes what is wrong at `at`; STEP_BAD. */
enum step json_token_bad(struct json_scan *s, const char *at, const char *format, ...)
	__attribute__((cold, format(printf, 3, 4)));
enum step json_token_unexpected(struct json_scan *s, const char *at, const char *wanted)
	__attribute__((cold));

/* *escaped becomes true where the string has a backslash. */
enum step json_token_string(struct json_scan *s, bool *escaped);
enum step json_token_number(struct json_scan *s);
enum step json_token_word(struct json_scan *s, const char *word, size_t n);

#endif
