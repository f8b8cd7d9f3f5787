/* SPDX-License-Identifier: MIT */
/* JSON pointers (RFC 6901), token by token: `/a~1b/0` has the tokens `a/b` and `0`. */
#ifndef CW_TEXT_JSON_POINTER_H
#define CW_TEXT_JSON_POINTER_H

#include "base/buf.h"

/* Appends a slash and the escaped token; a NUL, which a C string cannot hold, becomes U+FFFD. */
void json_pointer_add(struct buf *pointer, struct slice token);
/*
 * Takes the next token off *pointer, which is not empty; its leading slash may be missing. *ret
 * lies in *pointer, or at the end of `room` where it has to be unescaped. False where a `~` is not
 * followed by 0 or 1: *ret is then the token as it is written.
 */
bool json_pointer_next(struct slice *pointer, struct buf *room, struct slice *ret);

#endif
