/* SPDX-License-Identifier: MIT */
/*
 * Reading the lines of CLUSTER NODES about one primary and its replicas:
 *
 *	ID HOST:PORT@BUS[,NAME] master,fail - PING PONG EPOCH STATE 0-99
 *	ID HOST:PORT@BUS[,NAME] slave PRIMARY'S-ID PING PONG EPOCH STATE
 */
#include "store/slot_absence.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "store/slot_claim.h"

struct line {
	struct slice id, host, name, flags, primary;
	uint64_t port;
};

static bool read_line(struct slice *text, struct line *ret)
{
	struct slice rest = slice_take(text, '\n');

	ret->id = slice_take(&rest, ' ');
	struct slice place = slice_take(&rest, ' ');

	ret->flags = slice_take(&rest, ' ');
	ret->primary = slice_take(&rest, ' ');
	struct slice address = slice_take(&place, '@');
	const char *colon = address.n ? memrchr(address.p, ':', address.n) : NULL;

	slice_take(&place, ',');
	ret->name = slice_take(&place, ',');
	if (!colon || !ret->flags.n)
		return false;
	ret->host = slice_of(address.p, (size_t)(colon - address.p));
	return slice_uint64(slice_skip(address, ret->host.n + 1), &ret->port);
}

/* A server that does not know its own address gives an empty one. */
static bool is_at(const struct line *line, const char *host, uint16_t port)
{
	return line->port == port &&
	       (line->host.n == 0 || slice_is(line->host, host) || slice_is(line->name, host));
}

static void count_replicas(struct slice text, struct slice primary, struct peer_view *ret)
{
	struct line line;

	while (text.n) {
		if (!read_line(&text, &line) || !slot_claim_has_flag(line.flags, "slave") ||
			!slice_equal(line.primary, primary))
			continue;
		ret->replicas++;
		if (!ret->replica[0] && !slot_claim_has_flag(line.flags, "fail") &&
			!slot_claim_has_flag(line.flags, "fail?"))
			snprintf(ret->replica, sizeof ret->replica, "%.*s:%u",
				(int)(line.host.n < 100 ? line.host.n : 100), line.host.p,
				(unsigned)line.port);
	}
}

void slot_absence_peers(struct slice text, const char *host, uint16_t port, struct peer_view *ret)
{
	struct slice rest = text;
	struct line line;

	*ret = (struct peer_view){0};
	while (rest.n && !ret->known) {
		if (!read_line(&rest, &line) || !slot_claim_has_flag(line.flags, "master") ||
			!is_at(&line, host, port))
			continue;
		ret->known = true;
		ret->suspected = slot_claim_has_flag(line.flags, "fail?");
		ret->failed = slot_claim_has_flag(line.flags, "fail");
		count_replicas(text, line.id, ret);
	}
}

void slot_absence_of_none(struct slot_absence *ret)
{
	buf_str(&ret->why, "no server of the cluster has them");
	buf_str(&ret->fix, "Give them to a server: redis-cli --cluster fix, or CLUSTER ADDSLOTS.");
}

/* The other servers agree that it is away. */
static void explain_failed(const struct peer_view *peers, struct slot_absence *ret)
{
	buf_str(&ret->why, "; the cluster has given it up (fail), ");
	if (!peers->replicas) {
		buf_str(&ret->why, "and it has no replica");
		buf_str(&ret->fix,
			"Start it. If its data is lost, give its slots to another server: "
			"redis-cli --cluster fix --cluster-fix-with-unreachable-masters.");
	} else if (!peers->replica[0]) {
		buf_str(&ret->why, "and its replicas have failed, too");
		buf_str(&ret->fix, "Start it, or one of its replicas.");
	} else {
		buf_printf(&ret->why, "and its replica %s has not taken over yet", peers->replica);
		buf_printf(&ret->fix,
			"Wait for the failover. If it does not come, most primaries are away, or "
			"the replica's data is too old (cluster-replica-validity-factor): send it "
			"CLUSTER FAILOVER TAKEOVER (redis-cli to %s).",
			peers->replica);
	}
}

static void explain_down(
	const struct redis_state *state, const struct peer_view *peers, struct slot_absence *ret)
{
	struct fault fault = state->last_error;

	fault_disclose(&fault);
	buf_str(&ret->why, fault.error ? fault.detail : "it has not answered yet");
	if (fault.error == ERR_REDIS_AUTH) {
		buf_str(&ret->fix,
			"Give all servers of the cluster the same user and password (ACL SETUSER "
			"there, redis.username and redis.password here).");
	} else if (!peers->known) {
		buf_str(&ret->fix, "Start it, or promote its replica (CLUSTER FAILOVER TAKEOVER).");
	} else if (peers->failed) {
		explain_failed(peers, ret);
	} else if (peers->suspected) {
		buf_str(&ret->why,
			"; another server does not reach it either (fail?), but most primaries "
			"have not agreed on that");
		buf_str(&ret->fix,
			"Wait for cluster-node-timeout. If it stays so, most primaries are away, "
			"and no failover can be decided: start them.");
	} else {
		buf_str(&ret->why, "; the other servers reach it, or have not missed it yet");
		buf_str(&ret->fix,
			"If this lasts for longer than cluster-node-timeout, look at the network "
			"between cachewarden and it, and at what it announces "
			"(cluster-announce-ip, cluster-announce-port).");
	}
}

void slot_absence_explain(const struct redis_state *state, enum redis_view view,
	const struct peer_view *peers, struct slot_absence *ret)
{
	switch (state->status) {
	case REDIS_IS_LOADING:
		buf_str(&ret->why, "it loads its data into memory");
		buf_str(&ret->fix,
			"Wait until it has loaded (INFO persistence: loading_eta_seconds).");
		return;
	case REDIS_IS_BUSY:
		buf_str(&ret->why, "it is busy with a script or a function");
		buf_str(&ret->fix, "Wait, or end it: SCRIPT KILL, FUNCTION KILL.");
		return;
	case REDIS_DOWN:
		explain_down(state, peers, ret);
		return;
	case REDIS_UP:
		break;
	}
	if (state->kind == SERVER_REPLICA) {
		buf_str(&ret->why, "it has become a replica, and its successor is not known yet");
		buf_str(&ret->fix, "Wait for the failover to end (CLUSTER NODES).");
	} else if (view == VIEW_FAILS) {
		buf_str(&ret->why,
			"it answers, but counts itself to a part of the cluster that does not work "
			"(cluster_state:fail), as for some seconds after its start");
		buf_str(&ret->fix, "If this lasts, look whether it reaches the other primaries by "
				   "their bus ports (CLUSTER INFO and CLUSTER NODES there).");
	} else {
		buf_str(&ret->why, "it answers again, and has not said yet that the cluster works");
		buf_str(&ret->fix, "Wait: it is asked twice a second.");
	}
}

void slot_absence_tell(const struct slot_absence *absence, struct buf *out)
{
	buf_printf(out, "%s (slots ", absence->node ? absence->node : "no server");
	buf_add(out, buf_slice(&absence->ranges));
	buf_str(out, "): ");
	buf_add(out, buf_slice(&absence->why));
}

void slot_absence_release(struct slot_absence *absence)
{
	mem_free(absence->node);
	buf_release(&absence->ranges);
	buf_release(&absence->why);
	buf_release(&absence->fix);
}
