/* SPDX-License-Identifier: MIT */
/* The last ended operations, as the text of their records; bounded by count and bytes. */
#include <string.h>

#include "base/mem.h"
#include "operation/operation_internal.h"

enum { max_count = 1000, max_bytes = 4 * 1024 * 1024 };

static void drop_oldest(struct operations *operations)
{
	struct operation_past *past = operations->oldest;

	operations->oldest = past->newer;
	if (past->newer)
		past->newer->older = NULL;
	else
		operations->newest = NULL;
	operations->past_count--;
	operations->past_bytes -= past->n;
	mem_free(past);
}

void operation_past_add(struct operations *operations, const char *id, struct slice text)
{
	struct operation_past *past = mem_alloc(sizeof *past + text.n + 1);

	*past = (struct operation_past){.older = operations->newest, .unsaved = true, .n = text.n};
	memcpy(past->id, id, sizeof past->id);
	memcpy(past->text, text.p, text.n);
	past->text[text.n] = '\0';
	if (operations->newest)
		operations->newest->newer = past;
	else
		operations->oldest = past;
	operations->newest = past;
	operations->past_count++;
	operations->past_bytes += past->n;
	while (operations->past_count > max_count ||
		(operations->past_bytes > max_bytes && operations->past_count > 1))
		drop_oldest(operations);
}

struct operation_past *operation_past_find(struct operations *operations, struct slice id)
{
	for (struct operation_past *at = operations->newest; at; at = at->older)
		if (slice_is(id, at->id))
			return at;
	return NULL;
}

void operation_past_free_all(struct operations *operations)
{
	while (operations->oldest)
		drop_oldest(operations);
}
