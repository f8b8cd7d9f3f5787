/* SPDX-License-Identifier: MIT */
/* Configurations for tests, written as their users write them. */
#ifndef CW_TESTS_CACHE_CONFIG_H
#define CW_TESTS_CACHE_CONFIG_H

#include "conf/conf.h"

/* Loads `yaml` from a temporary file; the test fails where it has faults. */
struct conf *config_of(const char *yaml);

extern const struct identity config_reader; /* scope invalidate alone */
extern const struct identity config_admin;

#endif
