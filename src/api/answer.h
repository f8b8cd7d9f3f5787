/* SPDX-License-Identifier: MIT */
/*
 * What several routes answer with.
 *
 * Answers that many poll are rendered at most every ANSWER_MS milliseconds, so that a thousand
 * dashboards cost as much as one. An age in such an answer may be 10 ms old, too.
 */
#ifndef CW_API_ANSWER_H
#define CW_API_ANSWER_H

#include "api/app.h"

enum { ANSWER_MS = 10 };

/* True: render it now; its body was emptied. Else the last one is to be sent. */
bool answer_begin(struct rendered_answer *answer);
/* Fills it from a JSON value, which it takes over. */
void answer_json(struct rendered_answer *answer, int status, cJSON *value);
/* Forgets them all, because what they say no longer holds. */
void answers_forget(struct app *app);
void answer_release(struct rendered_answer *answer);

/* 200 with {"name": value}. */
void answer_int(struct request *request, const char *name, int64_t value);
/* 200 with {"items": [...], "next": cursor}: `items` is JSON; an empty cursor gives null. */
void answer_page(struct request *request, const struct buf *items, struct slice next);
/* 204 with X-Cache-Deleted. */
void answer_deleted(struct request *request, uint64_t deleted);
void answer_header_int(struct request *request, const char *name, int64_t value);
/*
 * Logs the note of a change that is not an operation: what the caller did (`what`, constant text)
 * to `subject`. Without a note nothing is logged.
 */
void answer_log_note(const struct request *request, const struct app *app, const char *what,
	struct slice subject, struct slice note);

#endif
