/* SPDX-License-Identifier: MIT */
/*
 * How many of the keys that a run stored were read before they expire.
 *
 *	run ends -> its sample -> "usefulness", at 80 % of the shortest TTL (at most a day later, an
 *	hour where none expires) or before the job's next run -> OBJECT IDLETIME or FREQ of each
 *	-> job->use, metric, cw:job:<job>
 *
 * A key counts as read if it was idle for less time than it has been stored, or, where Redis counts
 * frequencies (an LFU policy), if its counter is above that of a new key. The counter decays with
 * time, so that the share is then a lower bound. Keys that are gone are not counted, nor are those
 * of a server that does not tell whether OBJECT is a lookup in its figures.
 */
#ifndef CW_WARM_USEFULNESS_H
#define CW_WARM_USEFULNESS_H

#include "warm/job.h"

struct usefulness;

/* `jobs` is borrowed. */
struct usefulness *usefulness_new(struct jobs *jobs);
/* Ends its fiber. Parks. */
void usefulness_stop(struct usefulness *usefulness);
/* After usefulness_stop(). May be NULL. */
void usefulness_free(struct usefulness *usefulness);
/* A run of the job has stored keys: takes the sample over, which is empty then. */
void usefulness_take(struct usefulness *usefulness, struct job *job, struct key_sample *sample);
/* The job's next run begins: measures the sample if that was not done yet. Parks. */
void usefulness_measure(struct usefulness *usefulness, struct job *job);

#endif
