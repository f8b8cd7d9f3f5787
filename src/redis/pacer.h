/* SPDX-License-Identifier: MIT */
/*
 * The pacer keeps bulk work from delaying other clients: during that work it sends a probe (PING on
 * the commands connection) every few milliseconds, and adapts page size and pause by AIMD so that
 * the probes' latency stays below `max_latency_ms`. 0 = unpaced: full pages, no pause, no probe.
 */
#ifndef CW_REDIS_PACER_H
#define CW_REDIS_PACER_H

#include "redis/node.h"

struct redis_pacer;

/* If paced, spawns its probe into `group`. */
struct redis_pacer *redis_pacer_new(
	struct redis_node *node, double max_latency_ms, struct fiber_group *group);
/* Ends the probe, whose fiber leaves the group within a round. Does not park. `pacer` may be NULL.
 */
void redis_pacer_free(struct redis_pacer *pacer);
/* How many keys the next page may have: 10 .. 500. */
size_t redis_pacer_page(const struct redis_pacer *pacer);
/* Between two pages: waits for the current pause, which may be 0. Parks. */
enum error redis_pacer_pause(struct redis_pacer *pacer);
/* Lowers the limit: of operations that share a pass the lowest limit applies. 0 = unpaced. */
void redis_pacer_limit(struct redis_pacer *pacer, double max_latency_ms);
/*
 * One for each of `count` nodes, for work whose pages are spread over all of them: the slowest
 * decides, save for nodes that were retired meanwhile. As the functions above. `count` may be 0.
 */
struct redis_pacers;
struct redis_pacers *redis_pacers_new(struct redis_node *const *nodes, size_t count,
	double max_latency_ms, struct fiber_group *group);
void redis_pacers_free(struct redis_pacers *pacers); /* may be NULL */
/* The work concerns this node, too. Does nothing if that is known. */
void redis_pacers_add(struct redis_pacers *pacers, struct redis_node *node);
size_t redis_pacers_page(const struct redis_pacers *pacers);
enum error redis_pacers_pause(const struct redis_pacers *pacers); /* Parks. */
/* The median of the last probes, microseconds; 0 if none was answered yet. */
int64_t redis_pacer_latency_us(const struct redis_pacer *pacer);

#endif
