/* SPDX-License-Identifier: MIT */
/* What one operation asks of a pass; see pass.h. */
#include "base/mem.h"
#include "invalidate/pass_internal.h"

/* The slot of a selector, new or not; PASS_SLOTS where there is none left. */
static unsigned slot_of(struct pass_request *request, uint32_t selector)
{
	unsigned i = 0;

	while (i < request->slot_count && request->slots[i].selector != selector)
		i++;
	if (i == request->slot_count && i < PASS_SLOTS)
		request->slots[request->slot_count++] = (struct pass_slot){.selector = selector};
	return i;
}

struct pass_request *pass_request_new(struct plan *plan, size_t *at)
{
	struct pass_request *request = mem_new(struct pass_request);
	size_t left = plan->pattern_count - *at;

	request->plan = plan;
	request->limit = UINT64_MAX;
	request->patterns =
		mem_array(left < PASS_PATTERNS ? left : PASS_PATTERNS, sizeof *request->patterns);
	while (*at < plan->pattern_count && request->pattern_count < PASS_PATTERNS) {
		const struct plan_pattern *from = &plan->patterns[*at];
		unsigned slot = slot_of(request, from->selector);

		if (slot == PASS_SLOTS)
			break;
		struct pass_pattern *to = &request->patterns[request->pattern_count++];
		pattern_init(&to->pattern, from->glob);
		to->slot = slot;
		++*at;
	}
	return request;
}

void pass_request_free(struct pass_request *request)
{
	if (!request)
		return;
	buf_release(&request->held);
	mem_free(request->patterns);
	mem_free(request);
}

uint64_t pass_member_mask(const struct pass_request *member)
{
	uint64_t all = member->slot_count == PASS_SLOTS ? UINT64_MAX
							: (UINT64_C(1) << member->slot_count) - 1;

	return all << member->first_bit;
}

void pass_release(struct pass_request *member)
{
	if (member->pass)
		member->pass->members[member->place] = NULL;
	member->pass = NULL;
	member->done = true;
	fiber_cond_broadcast(&member->ended);
}
