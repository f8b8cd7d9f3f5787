/* SPDX-License-Identifier: MIT */
/* Inside of source/: the header Link (RFC 8288). */
#ifndef CW_SOURCE_HTTP_LINK_H
#define CW_SOURCE_HTTP_LINK_H

#include "base/slice.h"

/* The target of the first link whose relations include "next"; false if there is none. */
bool http_link_next(struct slice header, struct slice *ret);

#endif
