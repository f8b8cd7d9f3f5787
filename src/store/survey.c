/* SPDX-License-Identifier: MIT */
/* One question to all primaries at once; see survey.h. */
#include "store/survey.h"

#include "base/mem.h"

void survey_init(struct survey *survey, struct store *store)
{
	struct redis_node *const *nodes;

	survey->count = store_primaries(store, &nodes);
	survey->answers = mem_array(survey->count, sizeof *survey->answers);
	for (size_t i = 0; i < survey->count; i++)
		survey->answers[i] = (struct survey_answer){
			.node = redis_node_ref(nodes[i]), .batch = redis_batch_new()};
}

void survey_run(struct survey *survey, enum redis_priority priority, int64_t deadline)
{
	for (size_t i = 0; i < survey->count; i++) {
		struct survey_answer *answer = &survey->answers[i];

		answer->fault.error =
			redis_node_start(answer->node, priority, answer->batch, &answer->fault);
	}
	for (size_t i = 0; i < survey->count; i++) {
		struct survey_answer *answer = &survey->answers[i];

		if (!answer->fault.error)
			answer->fault.error =
				redis_batch_wait(answer->batch, deadline, &answer->fault);
	}
}

void survey_release(struct survey *survey)
{
	for (size_t i = 0; i < survey->count; i++) {
		redis_batch_free(survey->answers[i].batch);
		redis_node_unref(survey->answers[i].node);
	}
	mem_free(survey->answers);
}
