/* SPDX-License-Identifier: MIT */
/* Lists of keys in bodies, decoded and checked before any of them is used; deleting with
 * dependents. */
#ifndef CW_API_KEYS_MANY_H
#define CW_API_KEYS_MANY_H

#include "api/body.h"
#include "api/keys.h"

/* Names as they are in Redis, in the request's arena. */
struct keys_many {
	struct arena *arena;
	bool encoded; /* in body and answer they are base64url */
	struct guard guard;
	struct slice *names;
	size_t count;
};

void keys_many_begin(struct keys_many *many, struct request *request);
/*
 * Adds a key as it stands in the body (JSON decoded, kept by the caller). The fault's pointer is
 * `pointer`. At most ENTRY_MANY_KEYS.
 */
enum error keys_many_add(
	struct keys_many *many, struct slice text, const char *pointer, struct fault *fault);

/*
 * Removes the keys, which the caller may touch, with their dependents (rules and stored ones), as
 * POST /invalidate does. True: *ret_deleted is how many keys were removed, and the caller answers.
 * False: it has answered, with 202 if the operation goes on, or with an error. Parks.
 */
bool keys_cascade(struct request *request, struct app *app, const struct slice *keys, size_t count,
	uint64_t *ret_deleted);

#endif
