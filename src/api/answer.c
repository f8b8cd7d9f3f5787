/* SPDX-License-Identifier: MIT */
/* Rendered once, sent many times; see answer.h. */
#include "api/answer.h"

#include "text/json.h"

bool answer_stale(struct answer *answer)
{
	int64_t now = clock_mono_ms();

	if (answer->body.n && now - answer->rendered_mono_ms < ANSWER_MS)
		return false;
	answer->rendered_mono_ms = now;
	buf_clear(&answer->body);
	return true;
}

void answer_json(struct answer *answer, int status, cJSON *value)
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

void answer_release(struct answer *answer)
{
	buf_release(&answer->body);
}
