/* SPDX-License-Identifier: MIT */
/*
 * Answers that many poll: rendered at most every ANSWER_MS milliseconds, so that a thousand
 * dashboards cost what one does. An age in such an answer is as old as the answer, 10 ms at most.
 */
#ifndef CW_API_ANSWER_H
#define CW_API_ANSWER_H

#include "api/app.h"

enum { ANSWER_MS = 10 };

/* Whether it must be rendered again; its body is then empty. */
bool answer_stale(struct answer *answer);
/* Fills it from a JSON value, which it takes over. */
void answer_json(struct answer *answer, int status, cJSON *value);
/* What they say no longer holds: the next one who asks has his rendered again. */
void answers_forget(struct app *app);
void answer_release(struct answer *answer);

#endif
