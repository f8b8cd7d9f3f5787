/* SPDX-License-Identifier: MIT */
/* POST /expire: another TTL for all that the selectors name; see selectors.h. */
#include "api/handlers.h"
#include "api/selectors.h"
#include "base/crypto.h"
#include "text/quantity.h"

static enum error set_change(struct ttl_change *change, int64_t ttl, struct slice only,
	double jitter, struct fault *fault)
{
	static const char *const names[] = {[TTL_CHANGE_PERSISTENT] = "persistent",
		[TTL_CHANGE_LONGER] = "longer",
		[TTL_CHANGE_ALL] = "all"};
	unsigned which = only.n ? TTL_CHANGE_NONE : TTL_CHANGE_PERSISTENT;

	for (unsigned i = TTL_CHANGE_PERSISTENT; i <= TTL_CHANGE_ALL && only.n; i++)
		if (slice_is(only, names[i]))
			which = i;
	if (which == TTL_CHANGE_NONE)
		return fault_at(fault, ERR_BAD_BODY, "/only",
			"only must be \"persistent\", \"longer\" or \"all\"");
	if (ttl == 0)
		return fault_at(fault, ERR_BAD_BODY, "/ttl",
			"ttl is required: seconds from 1 on, or -1 for no expiry");
	if (ttl == -1 && which != TTL_CHANGE_ALL)
		return fault_at(
			fault, ERR_BAD_BODY, "/ttl", "ttl -1 (no expiry) needs \"only\": \"all\"");
	*change = (struct ttl_change){
		.only = which, .ttl_ms = ttl < 0 ? -1 : ttl * 1000, .jitter = jitter};
	crypto_random(&change->random, sizeof change->random);
	return OK;
}

static enum error read_all(struct selectors *asked, struct fault *fault)
{
	struct slice only = {0};
	double jitter = 0;
	int64_t ttl = 0;
	const struct body_member members[] = {
		{"ttl", BODY_INT, &ttl, -1, TTL_MAX_MS / 1000},
		{"only", BODY_STRING, &only, 1, 16},
		{"jitter", BODY_NUMBER, &jitter, 0, 1},
	};
	enum error error = selectors_read(asked, members, sizeof members / sizeof *members, fault);

	asked->what->no_cascade = true;
	return error ? error : set_change(&asked->what->change, ttl, only, jitter, fault);
}

void api_expire(struct request *request, void *context)
{
	struct selectors asked;
	struct fault fault;

	selectors_init(&asked, request);
	if (read_all(&asked, &fault))
		reply_fault(request, &fault);
	else
		selectors_run(&asked, context);
	selectors_release(&asked);
}
