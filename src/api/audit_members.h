/* SPDX-License-Identifier: MIT */
/* The members of a request's body, found by one walk over it, for the audit log. */
#ifndef CW_API_AUDIT_MEMBERS_H
#define CW_API_AUDIT_MEMBERS_H

#include "base/arena.h"
#include "base/timeslice.h"
#include "text/json.h"

struct audit_member {
	struct slice name; /* decoded */
	struct json_value value;
};

/* Zeroed = none. They live as long as the body and the arena. */
struct audit_members {
	struct audit_member *all;
	size_t count;
};

/*
 * `body` was checked with json_control_limits; what is not an object has no members. Without
 * `timeslice` (NULL) it does not park. Parks now and then.
 */
struct audit_members audit_members_read(
	struct slice body, struct arena *arena, struct timeslice *timeslice);
/* False if there is none of that name. */
bool audit_members_find(
	const struct audit_members *members, struct slice name, struct json_value *ret);

#endif
