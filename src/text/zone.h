/* SPDX-License-Identifier: MIT */
/*
 * IANA time zones: conversion between local time and Unix time, past and future.
 *
 * Read from /usr/share/zoneinfo (TZif of version 2 or later, RFC 8536) with the rule for all years
 * after the table; unlike TZ and localtime(3) without global state. Zones are immutable. Local
 * times are seconds since 1970-01-01T00:00:00 local, as if each day had 86400. Times must be within
 * a million years of 1970.
 */
#ifndef CW_TEXT_ZONE_H
#define CW_TEXT_ZONE_H

#include "base/buf.h"

struct zone;

/*
 * A zone by its name, such as Europe/Paris; UTC is built in. NULL, with *why = the end of a
 * sentence
 * ("is not a known time zone, such as Europe/Paris"). Reads a file of a few KiB.
 */
struct zone *zone_load(const char *name, const char **why);
/* The same from a file's bytes. */
struct zone *zone_parse(struct slice file, const char **why);
void zone_free(struct zone *zone);

/* Seconds east of UTC at a Unix time. */
int32_t zone_offset(const struct zone *zone, int64_t utc_s);
/* The next Unix time after `after_s` with another offset; INT64_MAX if there is none. */
int64_t zone_next_change(const struct zone *zone, int64_t after_s);

enum zone_fit {
	ZONE_ONCE,
	ZONE_GAP,  /* clocks were put forward past this local time; *ret_s is that moment */
	ZONE_TWICE /* clocks were put back; *ret_s is the first of the two */
};

/* The Unix time at which clocks show `local_s`. */
enum zone_fit zone_from_local(const struct zone *zone, int64_t local_s, int64_t *ret_s);

#endif
