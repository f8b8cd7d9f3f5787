/* SPDX-License-Identifier: MIT */
/* Encoding commands and collecting their outcomes; see pipeline.h. */
#include "redis/pipeline.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"

struct pipeline *pipeline_new(void)
{
	return mem_new(struct pipeline);
}

void pipeline_free(struct pipeline *pipeline)
{
	if (!pipeline)
		return;
	for (size_t i = 0; i < pipeline->count; i++)
		redis_value_free(pipeline->slots[i].reply);
	mem_free(pipeline->slots);
	mem_free(pipeline->fault);
	buf_release(&pipeline->bytes);
	mem_free(pipeline);
}

/* "$5\r\n" or "*5\r\n" at `to`; how many bytes that is. */
static size_t put_header(char *to, char type, size_t value)
{
	char digits[20];
	size_t n = sizeof digits, at = 0;

	do {
		digits[--n] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	to[at++] = type;
	memcpy(to + at, digits + n, sizeof digits - n);
	at += sizeof digits - n;
	to[at++] = '\r';
	to[at++] = '\n';
	return at;
}

enum { header_bytes = 23, per_argument = header_bytes + 2 };

static void encode(struct buf *out, size_t argc, const struct slice *argv)
{
	size_t need = header_bytes;

	for (size_t i = 0; i < argc; i++)
		need += argv[i].n + per_argument;
	char *to = buf_reserve(out, need), *begin = to;

	to += put_header(to, '*', argc);
	for (size_t i = 0; i < argc; i++) {
		to += put_header(to, '$', argv[i].n);
		if (argv[i].n)
			memcpy(to, argv[i].p, argv[i].n);
		to += argv[i].n;
		*to++ = '\r';
		*to++ = '\n';
	}
	*to = '\0';
	out->n += (size_t)(to - begin);
}

/* A slot for the command whose bytes were just appended. */
static size_t add_slot(struct pipeline *pipeline, enum redis_command command, uint32_t keys)
{
	if (pipeline->count == pipeline->cap) {
		pipeline->cap = pipeline->cap ? pipeline->cap * 2 : 4;
		pipeline->slots =
			mem_realloc(pipeline->slots, pipeline->cap * sizeof *pipeline->slots);
	}
	pipeline->slots[pipeline->count] =
		(struct pipeline_slot){.end = pipeline->bytes.n, .command = command, .keys = keys};
	return pipeline->count++;
}

size_t pipeline_add(struct pipeline *pipeline, size_t argc, const struct slice *argv)
{
	assert(argc > 0);
	encode(&pipeline->bytes, argc, argv);
	return add_slot(pipeline, commands_find(argv[0]), (uint32_t)(argc - 1));
}

static struct slice pipeline_bytes(const struct pipeline *pipeline, size_t i)
{
	size_t begin = i ? pipeline->slots[i - 1].end : 0;

	return slice_of(pipeline->bytes.p + begin, pipeline->slots[i].end - begin);
}

void pipeline_copy(struct pipeline *to, const struct pipeline *from, size_t i)
{
	buf_add(&to->bytes, pipeline_bytes(from, i));
	add_slot(to, from->slots[i].command, from->slots[i].keys);
}

/* Reads the number after '*' or '$' and its line end. */
static size_t take_number(const char **at)
{
	size_t n = 0;

	for (++*at; **at != '\r'; ++*at)
		n = 10 * n + (size_t)(**at - '0');
	*at += 2;
	return n;
}

size_t pipeline_words(const struct pipeline *pipeline, size_t i, struct slice *ret, size_t most)
{
	assert(i < pipeline->count && pipeline->slots[i].end <= pipeline->bytes.n);
	const char *at = pipeline->bytes.p + (i ? pipeline->slots[i - 1].end : 0);
	size_t count = take_number(&at);

	for (size_t word = 0; word < count && word < most; word++) {
		size_t n = take_number(&at);

		ret[word] = slice_of(at, n);
		at += n + 2;
	}
	return count;
}

bool pipeline_answer(
	struct pipeline *pipeline, struct redis_value *reply, const struct fault *fault)
{
	struct pipeline_slot *slot = &pipeline->slots[pipeline->answered++];

	slot->reply = reply;
	if (!reply) {
		slot->error = fault->error;
		if (!pipeline->fault) {
			pipeline->fault = mem_alloc(sizeof *fault);
			*pipeline->fault = *fault;
		}
	}
	return pipeline->answered == pipeline->count;
}

void pipeline_fail(struct pipeline *pipeline, const struct fault *fault)
{
	while (pipeline->answered < pipeline->count)
		pipeline_answer(pipeline, NULL, fault);
	redis_batch_end(pipeline);
}

static void exec_tally(const struct pipeline *pipeline, const struct pipeline_slot *exec,
	const struct redis_value *reply, struct commands_tally *tally)
{
	const struct pipeline_slot *at = exec;

	while (at > pipeline->slots && at->command != COMMAND_MULTI)
		at--;
	if (reply->type != REDIS_ARRAY || (size_t)(exec - at) != reply->count + 1)
		return;
	for (size_t i = 0; i < reply->count; i++)
		commands_tally(at[i + 1].command, at[i + 1].keys, reply->items[i], tally);
}

void pipeline_tally(const struct pipeline *pipeline, const struct pipeline_slot *slot,
	const struct redis_value *reply, struct commands_tally *tally)
{
	if (slot->command == COMMAND_EXEC)
		exec_tally(pipeline, slot, reply, tally);
	else
		commands_tally(slot->command, slot->keys, reply, tally);
}
