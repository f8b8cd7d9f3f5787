/* SPDX-License-Identifier: MIT */
/* What several routes answer with; see answer.h. */
#include "api/answer.h"

#include "text/json.h"

bool answer_begin(struct rendered_answer *answer)
{
	int64_t now = clock_mono_ms();

	if (answer->body.n && now - answer->rendered_mono_ms < ANSWER_MS)
		return false;
	answer->rendered_mono_ms = now;
	buf_clear(&answer->body);
	return true;
}

void answer_json(struct rendered_answer *answer, int status, cJSON *value)
{
	answer->status = status;
	json_print(value, &answer->body);
	cJSON_Delete(value);
}

void answers_forget(struct app *app)
{
	buf_clear(&app->stats.body);
	buf_clear(&app->health.body);
	buf_clear(&app->metrics_text.body);
}

void answer_release(struct rendered_answer *answer)
{
	buf_release(&answer->body);
}

void answer_int(struct request *request, const char *name, int64_t value)
{
	cJSON *body = cJSON_CreateObject();

	json_add_int(body, name, value);
	reply_json(request, 200, body);
}

void answer_page(struct request *request, const struct buf *items, struct slice next)
{
	struct buf out = {0};
	size_t n;

	buf_str(&out, "{\"items\":[");
	buf_add(&out, buf_slice(items));
	buf_str(&out, "],\"next\":");
	if (next.n)
		json_quote(&out, next);
	else
		buf_str(&out, "null");
	buf_str(&out, "}\n");
	char *body = buf_steal(&out, &n);
	reply_owned(request, 200, "application/json", body, n);
}

void answer_header_int(struct request *request, const char *name, int64_t value)
{
	char room[SLICE_INT_ROOM];

	reply_header(request, name, slice_of_int(room, value).p);
}

void answer_deleted(struct request *request, uint64_t deleted)
{
	answer_header_int(request, "X-Cache-Deleted", (int64_t)deleted);
	reply_empty(request, 204);
}

void answer_log_note(const struct request *request, const struct app *app, const char *what,
	struct slice subject, struct slice note)
{
	if (note.n)
		log_info(app->log, "%s%s%.*s by '%s', note: %.*s", what, subject.n ? " " : "",
			(int)subject.n, subject.n ? subject.p : "", request_identity(request)->name,
			(int)note.n, note.p);
}
