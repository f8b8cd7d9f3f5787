/* SPDX-License-Identifier: MIT */
/* Asking all primaries, once for all that want it; see server_answers.h. */
#include "watch/server_answers.h"

#include "base/mem.h"
#include "store/survey.h"

struct server_answers {
	struct cache *cache;
	struct slice words[SERVER_ANSWERS_WORDS];
	size_t word_count;
	struct answer_set *last; /* NULL = none yet */
	bool asking;
	struct fiber_cond asked;
};

struct server_answers *server_answers_new(
	struct cache *cache, const char *const words[SERVER_ANSWERS_WORDS])
{
	struct server_answers *answers = mem_new(struct server_answers);

	answers->cache = cache;
	while (answers->word_count < SERVER_ANSWERS_WORDS && words[answers->word_count]) {
		answers->words[answers->word_count] = slice_str(words[answers->word_count]);
		answers->word_count++;
	}
	return answers;
}

void server_answers_unref(struct answer_set *set)
{
	if (!set || --set->refs > 0)
		return;
	for (size_t i = 0; i < set->count; i++) {
		redis_value_free(set->items[i].reply);
		redis_node_unref(set->items[i].node);
	}
	mem_free(set->items);
	mem_free(set);
}

void server_answers_free(struct server_answers *answers)
{
	if (!answers)
		return;
	server_answers_unref(answers->last);
	mem_free(answers);
}

static struct server_answer_item take(struct survey_answer *answer)
{
	struct server_answer_item item = {
		.node = redis_node_ref(answer->node), .fault = answer->fault};

	if (!item.fault.error)
		item.fault.error =
			redis_value_error(redis_batch_reply(answer->batch, 0), &item.fault);
	if (!item.fault.error)
		item.reply = redis_batch_take(answer->batch, 0);
	return item;
}

/* All servers at once. Parks. */
static struct answer_set *ask(struct server_answers *answers)
{
	struct answer_set *set = mem_new(struct answer_set);
	struct survey survey;

	survey_init(&survey, answers->cache->store);
	for (size_t i = 0; i < survey.count; i++)
		redis_batch_add(survey.answers[i].batch, answers->word_count, answers->words);
	survey_run(&survey, REDIS_BULK, cache_deadline(answers->cache));
	set->refs = 1;
	set->count = survey.count;
	set->items = mem_array(set->count, sizeof *set->items);
	for (size_t i = 0; i < survey.count; i++)
		set->items[i] = take(&survey.answers[i]);
	survey_release(&survey);
	set->wall_ms = clock_wall_ms();
	set->mono_ms = clock_mono_ms();
	return set;
}

static bool is_fresh(const struct answer_set *set)
{
	return set && clock_mono_ms() - set->mono_ms < SERVER_ANSWERS_MS;
}

/* OK if one has answered. */
static enum error judge(const struct answer_set *set, struct fault *fault)
{
	for (size_t i = 0; i < set->count; i++)
		if (set->items[i].reply)
			return OK;
	*fault = set->items[0].fault;
	return fault->error;
}

enum error server_answers_get(
	struct server_answers *answers, struct answer_set **ret, struct fault *fault)
{
	enum error error = OK;

	while (answers->asking && !error)
		error = fiber_cond_wait(&answers->asked, "another request's answers",
			cache_deadline(answers->cache));
	if (error)
		return fault_set(fault, error, "the servers' answers were waited for in vain");
	if (!is_fresh(answers->last)) {
		answers->asking = true;
		struct answer_set *set = ask(answers);

		answers->asking = false;
		server_answers_unref(answers->last);
		answers->last = set;
		fiber_cond_broadcast(&answers->asked);
	}
	error = judge(answers->last, fault);
	if (!error) {
		answers->last->refs++;
		*ret = answers->last;
	}
	return error;
}
