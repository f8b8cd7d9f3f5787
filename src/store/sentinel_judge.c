/* SPDX-License-Identifier: MIT */
/* The judgement of what the sentinels have answered: which server is the primary; see sentinel.h.
 */
#include "base/mem.h"
#include "store/sentinel_internal.h"

enum { spread_ms = 10000 }; /* five times the period in which sentinels tell each other */

struct candidate {
	struct sentinel_answer answer; /* with the newest epoch that was told for it */
	size_t votes;
};

static bool is_current(const struct sentinel *sentinel, const struct candidate *candidate)
{
	return sentinel_answer_equal(&candidate->answer, &sentinel->current);
}

static bool is_better(
	const struct sentinel *sentinel, const struct candidate *a, const struct candidate *b)
{
	if (a->answer.epoch != b->answer.epoch)
		return a->answer.epoch > b->answer.epoch;
	if (a->votes != b->votes)
		return a->votes > b->votes;
	return is_current(sentinel, a);
}

static void add_vote(
	struct candidate *candidates, size_t *count, const struct sentinel_answer *answer)
{
	size_t i = 0;

	while (i < *count && !sentinel_answer_equal(&candidates[i].answer, answer))
		i++;
	if (i == *count)
		candidates[(*count)++] = (struct candidate){.answer = *answer};
	candidates[i].votes++;
	if (answer->epoch > candidates[i].answer.epoch)
		candidates[i].answer.epoch = answer->epoch;
}

/* The addresses that were named, the best first; the caller frees *ret. */
static size_t collect(const struct sentinel *sentinel, struct candidate **ret)
{
	struct candidate *candidates = mem_array(sentinel->count, sizeof *candidates);
	size_t count = 0;

	for (size_t i = 0; i < sentinel->count; i++)
		if (sentinel->peers[i].answered && sentinel->peers[i].answer.host[0])
			add_vote(candidates, &count, &sentinel->peers[i].answer);
	for (size_t i = 1; i < count; i++) {
		struct candidate moving = candidates[i];
		size_t at = i;

		for (; at > 0 && is_better(sentinel, &moving, &candidates[at - 1]); at--)
			candidates[at] = candidates[at - 1];
		candidates[at] = moving;
	}
	*ret = candidates;
	return count;
}

/*
 * An answer from before the last failover. If most sentinels still give it when all have had the
 * time to hear of that, their epochs have begun again.
 */
static bool is_outdated(const struct sentinel *sentinel, const struct candidate *candidate)
{
	bool most = 2 * candidate->votes > sentinel->count;

	return candidate->answer.epoch < sentinel->epoch &&
	       !(most && clock_mono_ms() - sentinel->switched_at_ms > spread_ms);
}

static void visit_changed(void *context)
{
	struct sentinel *sentinel = context;

	fiber_cond_broadcast(&sentinel->visited);
}

static enum error verdict(
	const struct redis_node *node, const struct redis_state *state, struct fault *fault)
{
	const struct fault *why = state->unfit.error ? &state->unfit : &state->last_error;

	if (state->status != REDIS_DOWN && !state->unfit.error)
		return OK;
	if (why->error)
		return fault_set(fault, why->error, "%s", why->detail);
	return fault_set(fault, ERR_REDIS_UNAVAILABLE, "Redis at %s did not answer in time",
		redis_node_name(node));
}

/* Whether the server at the address says that it is a primary. Parks. */
static enum error verify(
	struct sentinel *sentinel, const struct sentinel_answer *answer, struct fault *fault)
{
	struct conf_redis conf = *sentinel->conf;
	struct redis_node_options options = sentinel->node_options;
	struct sentinel_answer copy = *answer;
	int64_t most = conf.connect_timeout_ms < SENTINEL_VERIFY_MS ? conf.connect_timeout_ms
								    : SENTINEL_VERIFY_MS;
	int64_t deadline = clock_deadline(most);
	enum error error = OK;

	conf.kind = REDIS_URL_TCP;
	conf.host = copy.host;
	conf.port = copy.port;
	options.conf = &conf;
	options.bus = NULL;
	options.metrics = NULL;
	options.changed = visit_changed;
	options.context = sentinel;
	struct redis_node *node = redis_node_new(&options);
	struct redis_state state = redis_node_state(node);

	while (state.status == REDIS_DOWN && !state.last_error.error && !error) {
		error = fiber_cond_wait(&sentinel->visited, "a primary's role", deadline);
		state = redis_node_state(node);
	}
	if (error != ERR_CANCELLED)
		error = verdict(node, &state, fault);
	redis_node_unref(node);
	return error;
}

/* Why no sentinel gave an address: the reason of the first. */
static void explain(const struct sentinel *sentinel, struct fault *ret)
{
	const struct sentinel_peer *first = NULL;
	bool refused = true;

	for (size_t i = 0; i < sentinel->count; i++) {
		const struct sentinel_peer *peer = &sentinel->peers[i];

		if (!peer->fault.error)
			continue;
		first = first ? first : peer;
		refused = refused && peer->fault.error == ERR_REDIS_AUTH;
	}
	fault_set(ret, first && refused ? ERR_REDIS_AUTH : ERR_REDIS_UNAVAILABLE,
		"no sentinel told where the primary %s is: %.350s", sentinel->master,
		first ? first->fault.detail : "none has answered yet");
}

static void leave(struct sentinel *sentinel, const struct fault *why)
{
	if (sentinel->current.host[0])
		sentinel->turns++;
	sentinel->current = (struct sentinel_answer){0};
	redis_node_unaddress(sentinel->primary, why);
}

static void note_named(
	struct sentinel *sentinel, const struct candidate *candidate, const struct fault *why)
{
	for (size_t i = 0; i < sentinel->count; i++)
		if (sentinel_answer_equal(&sentinel->peers[i].answer, &candidate->answer))
			sentinel->peers[i].named = *why;
}

static size_t votes_for_current(
	const struct sentinel *sentinel, const struct candidate *candidates, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (is_current(sentinel, &candidates[i]))
			return candidates[i].votes;
	return 0;
}

/*
 * Takes the first that is a primary. The one in use stays unless a better one was found, or more
 * sentinels name another, whatever that one says: then it is not written to any more. Parks.
 */
static enum error choose(
	struct sentinel *sentinel, const struct candidate *candidates, size_t count)
{
	size_t kept = votes_for_current(sentinel, candidates, count);
	uint64_t turns = sentinel->turns;
	struct fault first = {0}, fault;
	const struct candidate *refusing = NULL;
	bool disowned = false;

	for (size_t i = 0; i < count; i++) {
		const struct candidate *one = &candidates[i];
		bool current = is_current(sentinel, one);

		if (current ? disowned : is_outdated(sentinel, one))
			continue;
		enum error error = current ? OK : verify(sentinel, &one->answer, &fault);

		/* While it waited, a message told more. */
		if (error == ERR_CANCELLED || turns != sentinel->turns)
			return error == ERR_CANCELLED ? error : OK;
		if (!error) {
			sentinel_use(sentinel, &one->answer);
			return OK;
		}
		if (error == ERR_REDIS_AUTH && !refusing)
			refusing = one;
		disowned = disowned || one->votes > kept;
		note_named(sentinel, one, &fault);
		if (!first.error)
			fault_set(&first, error,
				"the sentinels name a primary %s that is of no use: %.350s",
				sentinel->master, fault.detail);
	}
	/* The node knows how to wait for other credentials. */
	if (refusing)
		sentinel_use(sentinel, &refusing->answer);
	else if (first.error)
		leave(sentinel, &first);
	return OK;
}

enum error sentinel_judge(struct sentinel *sentinel)
{
	struct candidate *candidates;
	size_t count = collect(sentinel, &candidates);
	enum error error = OK;
	struct fault fault;

	if (count) {
		error = choose(sentinel, candidates, count);
	} else if (!sentinel->current.host[0]) {
		explain(sentinel, &fault);
		leave(sentinel, &fault);
	}
	mem_free(candidates);
	return error;
}
