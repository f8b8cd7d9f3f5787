/* SPDX-License-Identifier: MIT */
/* POST /invalidate: removes what the selectors name, or lets it end; see selectors.h. */
#include "api/body.h"
#include "api/handlers.h"
#include "api/header_tags.h"
#include "api/selectors.h"
#include "api/warm_jobs.h"
#include "base/crypto.h"

enum { max_rewarm = 100, max_spread_seconds = 7 * 86400 };

static enum error read_soft(const struct request *request, bool *ret, struct fault *fault)
{
	struct slice value;

	if (!request_header(request, "Fastly-Soft-Purge", &value))
		return OK;
	if (!slice_is(value, "1") && !slice_is(value, "0"))
		return fault_set(
			fault, ERR_BAD_REQUEST, "the header Fastly-Soft-Purge must be 1 or 0");
	*ret = slice_is(value, "1");
	return OK;
}

/* Tags may be named by headers, as CDNs do. */
static enum error read_headers(struct selectors *asked, struct fault *fault)
{
	struct request *request = asked->request;
	struct body_list tags = {0};
	const char *header;
	enum error error = read_soft(request, &asked->what->soft, fault);

	if (!error)
		error = header_tags(request, INVALIDATION_MAX_KEYS, &tags, &header, fault);
	if (!error && header && request_body(request).n)
		error = fault_set(fault, ERR_BAD_REQUEST,
			"the header %s selects tags where the body is empty; with a body, name "
			"them in its tags",
			header);
	for (size_t i = 0; i < tags.count && !error; i++)
		invalidation_add_tag(asked->what, tags.items[i]);
	return error;
}

/* Jobs that are run afterwards need the scope to run jobs. True if the request was answered. */
static bool refuse_rewarm(struct request *request, const struct invalidation *what)
{
	const struct identity *who = request_identity(request);
	struct fault fault;

	if (what->rewarm_count && !scope_granted(who, SCOPE_WARM)) {
		reply_scope_missing(request, SCOPE_WARM);
		fault_at(&fault, ERR_FORBIDDEN, "/rewarm",
			"rewarm needs the scope warm, which token '%s' does not have", who->name);
	} else if (api_warm_check(what->rewarm, what->rewarm_count, who, what->conf, &fault) ==
		   OK) {
		return false;
	}
	reply_fault(request, &fault);
	return true;
}

/* What is spread expires, instead of being removed or made stale at once. */
static enum error set_spread(struct invalidation *what, int64_t seconds, struct fault *fault)
{
	if (seconds == 0)
		return OK;
	if (what->soft)
		return fault_at(fault, ERR_BAD_BODY, "/spread",
			"soft and spread exclude each other: choose one of them");
	what->change = (struct ttl_change){.only = TTL_CHANGE_LONGER,
		.spread = true,
		.until_ms = clock_deadline(seconds * 1000)};
	crypto_random(&what->change.random, sizeof what->change.random);
	return OK;
}

static enum error read_all(struct selectors *asked, struct fault *fault)
{
	struct invalidation *what = asked->what;
	struct body_list jobs = {0};
	bool cascade = true;
	int64_t spread = 0;
	const struct body_member members[] = {
		{"cascade", BODY_BOOL, &cascade, 0, 0},
		{"verify", BODY_BOOL, &what->verify, 0, 0},
		{"soft", BODY_BOOL, &what->soft, 0, 0},
		{"spread", BODY_INT, &spread, 1, max_spread_seconds},
		{"rewarm", BODY_LIST, &jobs, 1, max_rewarm},
	};
	enum error error = read_headers(asked, fault);

	if (!error)
		error = selectors_read(asked, members, sizeof members / sizeof *members, fault);
	if (error)
		return error;
	for (size_t i = 0; i < jobs.count; i++)
		invalidation_add_rewarm(what, jobs.items[i]);
	what->no_cascade = !cascade;
	return set_spread(what, spread, fault);
}

void api_invalidate(struct request *request, void *context)
{
	struct selectors asked;
	struct fault fault;

	selectors_init(&asked, request);
	if (read_all(&asked, &fault))
		reply_fault(request, &fault);
	else if (!refuse_rewarm(request, asked.what))
		selectors_run(&asked, context);
	selectors_release(&asked);
}
