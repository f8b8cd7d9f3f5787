/* SPDX-License-Identifier: MIT */
/*
 * What replies mean for the parts of a scatter: done, failed, or to be sent again, and where; see
 * scatter.h.
 */
#include "base/mem.h"
#include "store/scatter_internal.h"

enum { at_once = 2 /* so many redirections in a row are followed without a pause */ };

void scatter_grow(struct scatter *s)
{
	size_t count = s->parts.count;

	s->progress = mem_realloc(s->progress, count * sizeof *s->progress);
	for (; s->known < count; s->known++)
		s->progress[s->known] = (struct progress){0};
}

bool scatter_asks(const struct scatter *s, const struct slot_part *part, size_t i)
{
	for (size_t k = part->from; k < i; k++)
		if (s->pipeline->slots[k].command == COMMAND_MULTI)
			return false;
	return true;
}

bool scatter_is_passing(const struct redis_value *reply)
{
	switch (redis_value_refusal(reply, NULL)) {
	case REFUSAL_MOVED:
	case REFUSAL_TRY_AGAIN:
	case REFUSAL_REPLICA:
	case REFUSAL_NO_PRIMARY:
		return true;
	case REFUSAL_CLUSTER:
		return slice_starts(reply->text, SLICE("CLUSTERDOWN "));
	case REFUSAL_STATE:
		return slice_starts(reply->text, SLICE("LOADING "));
	default:
		return false;
	}
}

/* Only reads: twice does no harm. */
static bool only_reads(const struct scatter *s, const struct slot_part *part)
{
	for (size_t k = part->from; k < part->to; k++) {
		enum redis_command command = s->pipeline->slots[k].command;

		if (command == COMMAND_EVAL || command == COMMAND_COUNT ||
			commands_rows[command].kind == WRITES)
			return false;
	}
	return true;
}

void scatter_fail(struct scatter *s, size_t i, const struct fault *fault)
{
	struct progress *progress = &s->progress[i];

	progress->outcome = FAILED;
	progress->error = fault->error;
	if (!s->fault.error)
		s->fault = *fault;
}

/* To be sent again; this is its outcome if that is not possible any more. */
static void again(struct scatter *s, struct progress *progress, const struct fault *fault)
{
	progress->error = fault->error;
	s->last = *fault;
}

/* A command of the part has no reply. */
static void judge_missing(
	struct scatter *s, size_t i, const struct lane *lane, const struct fault *why)
{
	struct progress *progress = &s->progress[i];
	bool unsent = false;

	switch (why->error) {
	case ERR_NOT_PRIMARY:
	case ERR_CLUSTER_NODE:
		unsent = true;
		break;
	case ERR_REDIS_UNAVAILABLE:
	case ERR_REDIS_LOADING:
		/* An open breaker refuses at once, and so do we. */
		unsent = redis_node_state(lane->node).breaker == BREAKER_CLOSED;
		break;
	case ERR_REDIS_UNKNOWN_OUTCOME:
	case ERR_TIMEOUT:
		break;
	default:
		scatter_fail(s, i, why);
		return;
	}
	cluster_want_refresh(s->cluster, true);
	if (!unsent && (why->error == ERR_REDIS_UNAVAILABLE ||
			       !(s->options.idempotent || only_reads(s, &s->parts.list[i])))) {
		scatter_fail(s, i, why);
		return;
	}
	s->pause = true;
	again(s, progress, why);
}

static void judge_redirection(
	struct scatter *s, size_t i, const struct lane *lane, struct slice text)
{
	struct progress *progress = &s->progress[i];
	struct topology *topology = cluster_topology(s->cluster);
	struct slot_redirection to;
	struct redis_node *node = NULL;
	struct fault fault;

	if (slot_redirection_parse(text, &to))
		node = topology_at(
			topology, to.host[0] ? to.host : redis_node_host(lane->node), to.port);
	if (!node) {
		fault_set(&fault, ERR_REDIS_UNAVAILABLE,
			"Redis at %s redirects to where nothing can be sent: \"%.*s\"",
			redis_node_name(lane->node), (int)(text.n < 300 ? text.n : 300), text.p);
		scatter_fail(s, i, &fault);
		return;
	}
	fault_set(&fault, ERR_REDIS_UNAVAILABLE,
		"the nodes of the cluster redirect each other: after %u redirections Redis at %s "
		"answered \"%.*s\"",
		s->redirections + 1, redis_node_name(lane->node),
		(int)(text.n < 300 ? text.n : 300), text.p);
	progress->target = redis_node_ref(node);
	progress->ask = to.ask;
	if (!to.ask && to.slot == s->parts.list[i].slot)
		topology_moved(topology, to.slot, node);
	if (!to.ask)
		cluster_want_refresh(s->cluster, false);
	s->redirected = true;
	again(s, progress, &fault);
}

/* A refusal that will end: the server has not run the command. */
static void judge_refusal(
	struct scatter *s, size_t i, const struct lane *lane, const struct redis_value *reply)
{
	enum redis_refusal refusal = redis_value_refusal(reply, NULL);
	struct fault fault;

	redis_value_error(reply, &fault);
	fault_prefix(&fault, redis_node_name(lane->node));
	if (refusal == REFUSAL_MOVED) {
		judge_redirection(s, i, lane, reply->text);
		return;
	}
	again(s, &s->progress[i], &fault);
	if (refusal == REFUSAL_TRY_AGAIN && slot_parts_split(&s->parts, s->pipeline, i)) {
		scatter_grow(s);
		return;
	}
	s->pause = true;
	if (refusal != REFUSAL_TRY_AGAIN)
		cluster_want_refresh(s->cluster, true);
}

/* The reply to the command at `at` of a lane; NULL if it has none. */
static const struct redis_value *reply_in(
	const struct scatter *s, const struct lane *lane, size_t at)
{
	return lane->batch ? redis_batch_reply(lane->batch, at) : s->pipeline->slots[at].reply;
}

static struct fault fault_in(const struct scatter *s, const struct lane *lane, size_t at)
{
	struct fault fault = lane->fault;
	enum error own =
		lane->batch ? redis_batch_failure(lane->batch, at) : s->pipeline->slots[at].error;

	fault.error = own ? own : lane->error;
	return fault;
}

static void keep_reply(struct scatter *s, struct lane *lane, size_t i, size_t k, size_t at)
{
	struct redis_value **place =
		s->parts.list[i].key_count ? &s->progress[i].reply : &s->pipeline->slots[k].reply;

	if (!lane->batch)
		return;
	redis_value_free(*place);
	*place = redis_batch_take(lane->batch, at);
}

/* Where the caller's own batch was sent, its replies are in place: those of this part are void. */
static void drop_replies(struct scatter *s, const struct slot_part *part)
{
	for (size_t k = part->from; k < part->to; k++) {
		redis_value_free(s->pipeline->slots[k].reply);
		s->pipeline->slots[k].reply = NULL;
	}
}

/* What has become of a part that was sent in this round. */
static void judge(struct scatter *s, size_t i)
{
	const struct slot_part part = s->parts.list[i];
	struct lane *lane = &s->lanes[s->progress[i].lane];
	size_t at = s->progress[i].at;
	bool asked = s->progress[i].ask;

	s->progress[i].ask = false;
	for (size_t k = part.from; k < part.to; k++, at++) {
		at += asked && scatter_asks(s, &part, k);
		const struct redis_value *reply = reply_in(s, lane, at);

		if (!reply) {
			struct fault fault = fault_in(s, lane, at);

			judge_missing(s, i, lane, &fault);
			return;
		}
		if (reply->type == REDIS_ERROR && scatter_is_passing(reply)) {
			judge_refusal(s, i, lane, reply);
			return;
		}
	}
	at = s->progress[i].at;
	for (size_t k = part.from; k < part.to; k++, at++) {
		at += asked && scatter_asks(s, &part, k);
		keep_reply(s, lane, i, k, at);
	}
	s->progress[i].outcome = DONE;
}

/* What follows a part that failed in its slot must not be run without it. */
static void fail_followers(struct scatter *s, size_t failed)
{
	if (s->parts.list[failed].slot == SLOT_ANYWHERE)
		return;
	for (size_t i = failed + 1; i < s->known; i++) {
		struct progress *progress = &s->progress[i];

		if (progress->outcome == WAITING &&
			s->parts.list[i].slot == s->parts.list[failed].slot) {
			progress->outcome = FAILED;
			progress->error = s->progress[failed].error;
		}
	}
}

bool scatter_judge(struct scatter *s)
{
	size_t sent = s->known;
	bool waiting = false;

	s->redirected = s->pause = false;
	for (size_t i = 0; i < sent; i++) {
		const struct slot_part part = s->parts.list[i];

		if (s->progress[i].outcome != WAITING)
			continue;
		judge(s, i);
		if (s->progress[i].outcome != DONE && !s->lanes[s->progress[i].lane].batch)
			drop_replies(s, &part);
	}
	for (size_t i = 0; i < sent; i++)
		if (s->progress[i].outcome == FAILED)
			fail_followers(s, i);
	for (size_t i = 0; i < s->known; i++)
		waiting = waiting || s->progress[i].outcome == WAITING;
	s->redirections += s->redirected;
	s->pause = s->pause || s->redirections > at_once;
	s->round++;
	return waiting;
}
