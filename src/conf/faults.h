/* SPDX-License-Identifier: MIT */
/* The faults of a configuration, as lines "FILE:LINE: key ...". */
#ifndef CW_CONF_FAULTS_H
#define CW_CONF_FAULTS_H

#include "base/buf.h"

enum { FAULTS_SHOWN = 20 };

struct faults {
	struct buf *out; /* the first FAULTS_SHOWN lines, each with a newline; borrowed */
	unsigned count;	 /* of all */
};

/* To be called after the last one: appends "and N more" if there were more than are shown. */
void faults_end(struct faults *faults);

/* Appends "FILE:LINE", the beginning of each fault's line; `line` 0 is omitted. */
void faults_place(struct buf *out, const char *file, unsigned line);
/* Control bytes are shown as `?`, long lines are cut. */
void faults_add(struct faults *faults, const char *file, unsigned line, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

#endif
