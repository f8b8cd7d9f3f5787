/* SPDX-License-Identifier: MIT */
/* What the test programs of the library share: a handle, and checks that say where they failed. */
#ifndef CHECK_H
#define CHECK_H

#include <cachewarden/cachewarden.h>
#include <stdio.h>
#include <stdlib.h>

static struct cw_error error;

#define CHECK(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: %s (%s: %s)\n", __FILE__, __LINE__, #condition, \
				error.code ? error.code : "", error.message); \
			exit(1); \
		} \
	} while (0)
#define OK(call)	  CHECK((call) == CW_OK)
#define FAILS(call, with) CHECK((call) == (with) && error.status == (with) && *error.message)

static inline struct cw_cache *open_cache(const char *url, const char *config)
{
	struct cw_options options = {0};

	options.url = url;
	options.config = config;
	struct cw_cache *cache = cw_open(&options, &error);
	CHECK(cache);
	return cache;
}

static inline int value_is(const struct cw_value *value, const char *text)
{
	return value->data && value->size == strlen(text) &&
	       memcmp(value->data, text, value->size) == 0;
}

#endif
