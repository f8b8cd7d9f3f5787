/* SPDX-License-Identifier: MIT */
/* An error with the sentence that explains it. */
#ifndef CW_BASE_FAULT_H
#define CW_BASE_FAULT_H

#include <stdarg.h>
#include <stdbool.h>

#include "base/error.h"

/*
 * What is wrong, where, and how to fix it. A plain value that needs no release. `pointer` is the
 * RFC 6901 JSON pointer of the faulty member, or empty. `temporary`: the same may succeed later
 * without a change (an address that is in use).
 */
struct fault {
	enum error error;
	char pointer[128];
	char detail[512];
	bool temporary;
	/* Continues `detail` for operators and the log only: what a source itself reported. */
	char aside[320];
};

/*
 * Fill `fault` (which may be NULL) and return `error`, so that a failing function can end with
 * `return fault_set(fault, ERR_X, "...")`. Longer texts are cut.
 */
enum error fault_set(struct fault *fault, enum error error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
enum error fault_at(struct fault *fault, enum error error, const char *pointer, const char *format,
	...) __attribute__((format(printf, 4, 5)));
/* Adds to a filled fault (or NULL) what only operators may see. Filling it again drops that. */
void fault_aside(struct fault *fault, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* For operators: the aside becomes the end of the detail. */
void fault_disclose(struct fault *fault);
/* Marks one that was set (`fault` may be NULL) and returns its error, as the above. */
enum error fault_temporary(struct fault *fault, enum error error);
/* Puts "PREFIX: " before the detail; what does not fit any more is cut. */
void fault_prefix(struct fault *fault, const char *prefix);

#endif
