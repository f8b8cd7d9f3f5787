/* SPDX-License-Identifier: MIT */
/* Encoding commands and collecting their outcomes; see flight.h. */
#include "redis/flight.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"

struct flight *flight_new(void)
{
	return mem_new(struct flight);
}

void flight_free(struct flight *flight)
{
	if (!flight)
		return;
	for (size_t i = 0; i < flight->count; i++)
		redis_value_free(flight->slots[i].reply);
	mem_free(flight->slots);
	mem_free(flight->fault);
	buf_release(&flight->bytes);
	mem_free(flight);
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

size_t flight_add(struct flight *flight, size_t argc, const struct slice *argv)
{
	assert(argc > 0);
	if (flight->count == flight->cap) {
		flight->cap = flight->cap ? flight->cap * 2 : 4;
		flight->slots = mem_realloc(flight->slots, flight->cap * sizeof *flight->slots);
	}
	encode(&flight->bytes, argc, argv);
	enum lookup lookup = lookup_of(argv[0]);

	flight->slots[flight->count] = (struct flight_slot){
		.end = flight->bytes.n,
		.lookup = lookup,
		.bounds = bounds_of(argv[0], argc),
		.keys = lookup == LOOKUP_EACH || lookup == LOOKUP_COUNT ? (uint32_t)(argc - 1) : 1,
	};
	return flight->count++;
}

bool flight_answer(struct flight *flight, struct redis_value *reply, const struct fault *fault)
{
	struct flight_slot *slot = &flight->slots[flight->answered++];

	slot->reply = reply;
	if (!reply) {
		slot->error = fault->error;
		if (!flight->fault) {
			flight->fault = mem_alloc(sizeof *fault);
			*flight->fault = *fault;
		}
	}
	return flight->answered == flight->count;
}

void flight_fail(struct flight *flight, const struct fault *fault)
{
	while (flight->answered < flight->count)
		flight_answer(flight, NULL, fault);
	flight_land(flight);
}

static void exec_tally(const struct flight *flight, const struct flight_slot *exec,
	const struct redis_value *reply, struct lookup_tally *tally)
{
	const struct flight_slot *at = exec;

	while (at > flight->slots && at->lookup != LOOKUP_BEGIN)
		at--;
	if (reply->type != REDIS_ARRAY || (size_t)(exec - at) != reply->count + 1)
		return;
	for (size_t i = 0; i < reply->count; i++)
		lookup_tally(at[i + 1].lookup, at[i + 1].keys, reply->items[i], tally);
}

void flight_tally(const struct flight *flight, const struct flight_slot *slot,
	const struct redis_value *reply, struct lookup_tally *tally)
{
	if (slot->lookup == LOOKUP_EXEC)
		exec_tally(flight, slot, reply, tally);
	else
		lookup_tally(slot->lookup, slot->keys, reply, tally);
}
