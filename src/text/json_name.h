/* SPDX-License-Identifier: MIT */
/*
 * Finding duplicate member names of an object.
 *
 * Internal to text/json*.c. The names of all open objects are on one stack, an object's names from
 * its `first` on. In a small object each new name is compared with the ones before; a big one is
 * sorted once when it closes, so that no choice of names makes the check quadratic.
 */
#ifndef CW_TEXT_JSON_NAME_H
#define CW_TEXT_JSON_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_name {
	const char *p; /* raw text between the quotes */
	size_t n;
	uint32_t print; /* differs: the names differ, where neither is escaped */
	bool escaped;	/* has a backslash */
};

struct json_names {
	struct json_name *all;
	size_t count, cap;
	struct json_name few[32];
};

void json_names_init(struct json_names *names);
void json_names_release(struct json_names *names);
/* False where the object whose names begin at `first` is small and has this name. */
bool json_names_add(struct json_names *names, size_t first, struct json_name name);
/* Drops the object's names; false, with *twice = the later of the two, if there is a duplicate. */
bool json_names_close(struct json_names *names, size_t first, struct json_name *twice);

#endif
