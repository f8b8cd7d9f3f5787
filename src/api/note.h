/* SPDX-License-Identifier: MIT */
/* Notes of what is not an operation: why it was done stands in the log. */
#ifndef CW_API_NOTE_H
#define CW_API_NOTE_H

#include "api/app.h"
#include "http/request.h"

/* One line: `what` (constant text) with `subject` was done by the caller; none without a note. */
void api_log_note(const struct request *request, const struct app *app, const char *what,
	struct slice subject, struct slice note);

#endif
