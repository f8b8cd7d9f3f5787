/* SPDX-License-Identifier: MIT */
/*
 * The header traceparent of W3C Trace Context: version, trace, span and flags, as in
 * "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".
 */
#ifndef CW_TEXT_TRACE_H
#define CW_TEXT_TRACE_H

#include "base/slice.h"

enum { TRACE_PARENT_BYTES = 55, TRACE_ID_BYTES = 32 };

/*
 * False: the text is not a traceparent, and by the recommendation has to be ignored. *ret is the
 * text as version 00, with a NUL.
 */
bool trace_parse(struct slice text, char ret[TRACE_PARENT_BYTES + 1]);
/* The trace of a traceparent that was parsed: a view of 32 hex digits; empty for "". */
struct slice trace_id(const char *parent);
/* The traceparent of a request that is made for `parent`: the same trace, a new span. */
void trace_child(const char *parent, char ret[TRACE_PARENT_BYTES + 1]);

#endif
