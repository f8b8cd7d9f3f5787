/* SPDX-License-Identifier: MIT */
/* The access log, and the metrics of requests. */
#ifndef CW_HTTP_ACCESS_LOG_H
#define CW_HTTP_ACCESS_LOG_H

#include "base/log.h"
#include "base/metric.h"
#include "http/route.h"

struct access_log;

/* `metrics` and `log` are borrowed. */
struct access_log *access_log_new(
	const struct route *routes, size_t count, struct metrics *metrics, struct log *log);
void access_log_free(struct access_log *access); /* may be NULL */
/* Counts a request that was answered or whose client has disconnected, and logs it by log.access.
 */
void access_log_request(struct access_log *access, const struct request *request);
/* Adds what was counted since the last call to the metrics. */
void access_log_publish(struct access_log *access, size_t connections);

#endif
