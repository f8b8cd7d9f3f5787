/* SPDX-License-Identifier: MIT */
/* Inside of source/: a JSON pointer (RFC 6901), taken apart and decoded. */
#ifndef CW_SOURCE_POINTER_H
#define CW_SOURCE_POINTER_H

#include "base/buf.h"

enum { pointer_max_parts = 512 };

struct pointer {
	char *text;
	struct slice parts[pointer_max_parts]; /* into `bytes` */
	unsigned count;
	struct buf bytes;
};

/* At most 512 bytes, as the configuration allows, so that each part has room. */
void pointer_init(struct pointer *pointer, struct slice text);
void pointer_release(struct pointer *pointer);

#endif
