/* SPDX-License-Identifier: MIT */
/* A sample of all keys, by SCAN; see namespace_run.h. */
#ifndef CW_WATCH_NAMESPACE_SCAN_H
#define CW_WATCH_NAMESPACE_SCAN_H

#include "watch/namespace_run.h"

/* The sample has its nodes. Paced by invalidate.pace.max_latency. Errors as scan_run(). Parks. */
enum error namespace_scan(
	struct cache *cache, struct namespace_sample *sample, struct fault *fault);

#endif
