/* SPDX-License-Identifier: MIT */
/* What an invalidation names, as JSON; see invalidation_names.h. */
#include "invalidate/invalidation_names.h"

#include <string.h>

#include "base/base64.h"
#include "base/utf8.h"
#include "text/json.h"

struct names_writer {
	struct buf *out;
	size_t began; /* of `out`, before the first byte */
	bool first, full;
};

static void begin_list(struct names_writer *w, const char *head)
{
	buf_str(w->out, head);
	w->first = true;
}

static void add_name(struct names_writer *w, struct slice name)
{
	size_t before = w->out->n;

	if (w->full)
		return;
	if (!w->first)
		buf_char(w->out, ',');
	if (utf8_valid(name) && !memchr(name.p, '\0', name.n)) {
		json_quote(w->out, name);
	} else {
		buf_str(w->out, "{\"base64url\":\"");
		base64_encode(name, true, w->out);
		buf_str(w->out, "\"}");
	}
	w->first = false;
	if (w->out->n - w->began <= INVALIDATION_NAMES_BYTES)
		return;
	w->out->n = before;
	w->full = true;
}

void invalidation_names_json(const struct plan *plan, struct buf *out)
{
	struct names_writer w = {.out = out, .began = out->n};

	begin_list(&w, "{\"keys\":[");
	for (size_t i = 0; i < plan->key_count; i++)
		if (plan_key_is_claimed(&plan->keys[i]))
			add_name(&w, plan->keys[i].name);
	begin_list(&w, "],\"patterns\":[");
	for (size_t i = 0; i < plan->pattern_count; i++)
		add_name(&w, plan->patterns[i].glob);
	begin_list(&w, "],\"tags\":[");
	for (size_t i = 0; i < plan->tag_count; i++)
		add_name(&w, plan->tags[i].name);
	buf_str(out, w.full ? "],\"truncated\":true}" : "],\"truncated\":false}");
}
