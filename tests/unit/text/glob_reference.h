/* SPDX-License-Identifier: MIT */
/* What globs match, by a matcher too plain and too slow for anything but tests. */
#ifndef CW_TESTS_BASE_GLOB_REFERENCE_H
#define CW_TESTS_BASE_GLOB_REFERENCE_H

#include "base/buf.h"

bool glob_reference(struct slice pattern, struct slice text);

#endif
