/* SPDX-License-Identifier: MIT */
/* The members of a body; see audit_members.h. */
#include "api/audit_members.h"

#include "api/body.h"

enum { skipped_bytes = 1024 }; /* take about a microsecond */

struct audit_members audit_members_read(
	struct slice body, struct arena *arena, struct timeslice *timeslice)
{
	struct json_value root = json_root(body);
	struct audit_members members = {0};
	struct json_iter each = json_iterate(root);

	if (root.type != JSON_OBJECT)
		return members;
	members.all = arena_alloc(arena, json_control_limits.members * sizeof *members.all);
	while (members.count < json_control_limits.members && json_next(&each)) {
		members.all[members.count++] =
			(struct audit_member){body_name(&each, arena), each.value};
		/* A cancelled request is recorded, too. */
		if (timeslice)
			timeslice_spend(timeslice, 1 + each.value.text.n / skipped_bytes);
	}
	return members;
}

bool audit_members_find(
	const struct audit_members *members, struct slice name, struct json_value *ret)
{
	for (size_t i = 0; i < members->count; i++) {
		if (slice_equal(members->all[i].name, name)) {
			*ret = members->all[i].value;
			return true;
		}
	}
	return false;
}
