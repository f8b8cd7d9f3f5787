/* SPDX-License-Identifier: MIT */
/*
 * What a job's schedule says, and what is due when clocks jump or the process was asleep.
 *
 * A fire has a nominal time, the same on all daemons, and runs a jitter later that depends on job
 * and nominal time alone. Overdue fires become one, the newest. After a jump (the wall clock went
 * another way than the monotonic one) of more than three hours everything begins anew from the new
 * time; after a smaller one, forward: what was missed runs once; backward: a fixed time (a cron
 * with plain minute and hour) does not come twice, anything else goes on by the new time, while the
 * receipts keep the newest fires from being repeated.
 */
#ifndef CW_WARM_SCHEDULE_H
#define CW_WARM_SCHEDULE_H

#include "conf/conf.h"

struct schedule;

enum { SCHEDULE_REBASE_MS = 3 * 3600 * 1000 };

/* OK and *ret = NULL where the job has no schedule; ERR_BAD_CONFIG names the job and the key. */
enum error schedule_new(const struct conf_job *job, struct schedule **ret, struct fault *fault);
void schedule_free(struct schedule *schedule);
/* Both say the same. */
bool schedule_equal(const struct schedule *a, const struct schedule *b);

/* The next nominal time after `after_wall_ms`; -1 where there is none. */
int64_t schedule_next(const struct schedule *schedule, int64_t after_wall_ms);
/* When the fire of a nominal time runs: 0 .. jitter later. */
int64_t schedule_fire_time(const struct schedule *schedule, int64_t nominal_wall_ms);
/*
 * For how long a fire may be tried: its starting_deadline, counted from when it should have run;
 * without one 60 s from the first try, or until the next fire comes.
 */
int64_t schedule_patience_ms(const struct schedule *schedule, int64_t nominal_wall_ms);
bool schedule_has_deadline(const struct schedule *schedule);
/* How long a fire's receipt must live so that no other daemon repeats it. */
int64_t schedule_receipt_ms(const struct schedule *schedule, int64_t nominal_wall_ms);
/* "0 3 * * *", with the zone behind it where it is not UTC, or "every 25m". */
void schedule_text(const struct conf_schedule *conf, struct buf *out);

enum due { DUE_LATER, DUE_NOW, DUE_MISSED };

/* The next nominal time of one job; -1 = none. */
struct due_state {
	int64_t next;
};

void due_begin(struct due_state *state, const struct schedule *schedule, int64_t now_wall_ms);
/*
 * Looks at the clock, which has jumped by `jump_ms` since the last look. DUE_NOW and DUE_MISSED
 * (past its starting_deadline, or three hours late): *ret_nominal is the fire's time, and the state
 * has gone on to the next.
 */
enum due due_look(struct due_state *state, const struct schedule *schedule, int64_t now_wall_ms,
	int64_t jump_ms, int64_t *ret_nominal);

#endif
