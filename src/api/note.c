/* SPDX-License-Identifier: MIT */
/* Notes in the log; see note.h. */
#include "api/note.h"

void api_log_note(const struct request *request, const struct app *app, const char *what,
	struct slice subject, struct slice note)
{
	if (note.n)
		log_info(app->log, "%s%s%.*s by '%s', note: %.*s", what, subject.n ? " " : "",
			(int)subject.n, subject.n ? subject.p : "", request_identity(request)->name,
			(int)note.n, note.p);
}
