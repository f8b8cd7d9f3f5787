/* SPDX-License-Identifier: MIT */
/* Names and values of HTTP's header fields (RFC 9110, 5). */
#ifndef CW_TEXT_FIELD_H
#define CW_TEXT_FIELD_H

#include "base/buf.h"

/* An RFC 9110 token: letters, digits and !#$%&'*+-.^_`|~, at least one. */
bool field_is_name(struct slice text);
/* No control byte but the tab. */
bool field_is_value(struct slice text);
/* Compares without regard to the case of ASCII letters. */
bool field_equal(struct slice a, struct slice b);

#endif
