/* SPDX-License-Identifier: MIT */
/* Inside of conf/: the parameters of an SQL query. */
#ifndef CW_CONF_QUERY_H
#define CW_CONF_QUERY_H

#include "base/slice.h"

/*
 * The highest N of the parameters $N in `query`, outside of texts, quoted names and comments; 0 if
 * it has none. At most 65535, PostgreSQL's own limit.
 */
unsigned query_params(struct slice query);
/* Whether $n is one of them. */
bool query_has_param(struct slice query, unsigned n);

#endif
