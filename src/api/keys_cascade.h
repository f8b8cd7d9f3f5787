/* SPDX-License-Identifier: MIT */
/* DELETE ?cascade=true and mdelete's {"cascade": true}: keys with what depends on them. */
#ifndef CW_API_KEYS_CASCADE_H
#define CW_API_KEYS_CASCADE_H

#include "api/app.h"
#include "http/request.h"

/*
 * Removes the keys, which the caller may touch, and their dependents by rule and as stored, as POST
 * /invalidate does. True: *ret_deleted is how many keys were removed, and the caller answers.
 * False: it has answered, with 202 where the operation goes on, or with why not all was removed.
 * Parks.
 */
bool keys_cascade(struct request *request, struct app *app, const struct slice *keys, size_t count,
	uint64_t *ret_deleted);

#endif
