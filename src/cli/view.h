/* SPDX-License-Identifier: MIT */
/*
 * Members of the daemon's answers, which json_check() has seen. A daemon of another version may
 * have fewer members, or more: what is not there is not known.
 */
#ifndef CW_CLI_VIEW_H
#define CW_CLI_VIEW_H

#include "cli/cli.h"
#include "text/json.h"

/* The member at a path such as "redis/memory/used_bytes"; false if it is null or not there. */
bool cli_view(struct json_value value, const char *path, struct json_value *ret);
/* A scalar as text, decoded; `p` is NULL if there is none. In the arena, behind it a NUL. */
struct slice cli_view_text(struct cli *cli, struct json_value value, const char *path);
/* False unless it is a number. */
bool cli_view_real(struct json_value value, const char *path, double *ret);
/* A number, or `fallback`. */
double cli_view_number(struct json_value value, const char *path, double fallback);
bool cli_view_true(struct json_value value, const char *path);
bool cli_view_is(struct json_value value, const char *path, const char *text);
/* The elements of a list or members of an object; none where it is something else. */
struct json_iter cli_view_each(struct json_value value, const char *path);
size_t cli_view_length(struct json_value value, const char *path);
/* Text elements of a list, separated by ", "; NULL if there are none. */
const char *cli_view_join(struct cli *cli, struct json_value value, const char *path);

#endif
