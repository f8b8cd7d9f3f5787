/* SPDX-License-Identifier: MIT */
/* A request whose status alone counts; see source.h. */
#include "base/timeslice.h"
#include "source/sources.h"
#include "source/transport.h"

enum { visit_bytes = 1024 }; /* take about a microsecond */

/* Reads to the end. Parks. */
static enum error read_all(struct transport *transport, struct fault *fault)
{
	struct timeslice timeslice = {0};
	struct slice piece = {"", 0};
	enum error error;

	do {
		error = transport->ops->read(transport, &piece, fault);
		if (!error && timeslice_spend(&timeslice, 1 + piece.n / visit_bytes))
			error = transport_waited(ERR_CANCELLED, "end", fault);
	} while (!error && piece.n);
	return error;
}

static enum sources_outcome outcome_of(enum error error, bool answered)
{
	if (!error)
		return USE_SUCCEEDED;
	if (error != ERR_SOURCE_FAILED && error != ERR_TIMEOUT)
		return USE_LEFT;
	return answered ? USE_ANSWERED : USE_FAILED;
}

enum error source_visit(struct sources *sources, const struct source_call *call,
	struct source_visited *ret, struct fault *fault)
{
	struct sources_use use = sources_use(call);
	struct transport *transport = NULL;
	bool answered = false;
	enum error error = sources_enter(sources, &use, fault);

	*ret = (struct source_visited){.refused = error != OK};
	if (error)
		goto out;
	error = http_transport.open(sources, call, &transport, fault);
	if (!error)
		error = read_all(transport, fault);
	if (transport) {
		answered = transport->answered;
		ret->after_ms = transport->retry_after_ms;
		transport->ops->close(transport);
	}
	sources_leave(sources, &use, outcome_of(error, answered), error ? fault->detail : "");
out:
	if (error)
		fault_prefix(fault, call->conf->name);
	return error;
}
