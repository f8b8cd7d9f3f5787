/* SPDX-License-Identifier: MIT */
/*
 * Moments on the command line: all options that take a time read it here.
 *
 *	8h, 1d12h                          so long ago; of a moment to come, from now
 *	14:00, 14:00:30                    when the clock last showed that, or shows it next; see
 *	                                   cli_moment_parse_until()
 *	today, yesterday, tomorrow         their midnight, or with a time behind a blank
 *	2026-11-30, '2026-11-30 14:00'     a date is its midnight; T instead of the blank, too
 *	2026-11-30T14:00:00Z               also with an offset such as +01:00
 *
 * Without Z or an offset they are local: of the time zone of TZ or of the system.
 */
#ifndef CW_CLI_MOMENT_H
#define CW_CLI_MOMENT_H

#include "cli/args_parse.h"

/*
 * The moment of an option in milliseconds since the epoch; *ret stays as it is without the option.
 * False after saying what is wrong, with the list of forms where the text is none of them. A
 * moment to come (`ahead`) must not have passed.
 */
bool cli_moment(const struct cli_args *args, const char *name, bool ahead, int64_t *ret);
/*
 * Appends "&since=...&until=..." for those of both options that the command has and that were
 * given. False after saying what is wrong: also where nothing can be between them.
 */
bool cli_moment_query(const struct cli_args *args, struct buf *query);
/* What `text` means at `now_ms`; false if it is none of the forms. */
bool cli_moment_parse(struct slice text, int64_t now_ms, bool ahead, int64_t *ret);

/*
 * The same of an end, after `since_ms` (-1 = no beginning was given). A time without a day is the
 * first one after a beginning of the last 24 hours; else that which is nearest to now, before or
 * after it: so both of "22:00" to "23:00" are of one evening, and of "17:30" to "17:36" at 17:35
 * the second is yet to come.
 */
bool cli_moment_parse_until(struct slice text, int64_t now_ms, int64_t since_ms, int64_t *ret);

#endif
