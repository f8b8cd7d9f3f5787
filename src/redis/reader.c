/* SPDX-License-Identifier: MIT */
/*
 * hiredis's reader with our own values: one reply lives in a few blocks, the first of which begins
 * with the root, so that a page of a thousand keys costs a handful of allocations.
 *
 * Special: works with hiredis 0.14 and 1.x, whose object functions differ. What the frame lets
 * through stays below all limits that either version has.
 */
#include "redis/reader.h"

#include <assert.h>
#include <stdalign.h>
#include <string.h>

/* Its inline functions do not convert as strictly as we do. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#include <hiredis/hiredis.h>
#ifdef HI_SDS_MAX_PREALLOC
#define sdsMakeRoomFor hi_sdsMakeRoomFor /* as of 1.0.1 */
#endif
#pragma GCC diagnostic pop

#include "base/mem.h"
#include "redis/frame.h"
#include "redis/value_block.h"

#if HIREDIS_MAJOR >= 1
typedef size_t array_count;
#else
typedef int array_count;
#endif

enum { block_bytes = 16 * 1024, guess_per_element = 96 };

struct reader {
	redisReader *hiredis;
	struct frame frame;
	struct value_block *block; /* the one that is being filled */
};

static void *block_take(struct value_block *block, size_t n)
{
	void *p = block->data + block->used;

	block->used += (n + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	return p;
}

static struct value_block *block_new(size_t bytes)
{
	struct value_block *block = mem_alloc(sizeof *block + bytes + alignof(max_align_t));

	block->next = NULL;
	block->used = 0;
	block->bytes = bytes + alignof(max_align_t);
	return block;
}

/* Room for a value and `extra` bytes behind it, in the tree that the task belongs to. */
static struct redis_value *value_new(const redisReadTask *task, size_t extra, size_t guess)
{
	struct reader *reader = task->privdata;
	size_t need = sizeof(struct redis_value) + extra;

	if (!task->parent) {
		reader->block = block_new(need + guess);
	} else if (reader->block->bytes - reader->block->used < need + alignof(max_align_t)) {
		struct value_block *block = block_new(need > block_bytes ? need : block_bytes);

		reader->block->next = block;
		reader->block = block;
	}
	struct redis_value *value = block_take(reader->block, need);

	*value = (struct redis_value){0};
	if (task->parent) {
		struct redis_value *parent = task->parent->obj;

		parent->items[task->idx] = value;
	}
	return value;
}

static void *create_string(const redisReadTask *task, char *p, size_t n)
{
	struct redis_value *value = value_new(task, n + 1, 0);
	char *text = (char *)(value + 1);

	value->type = task->type == REDIS_REPLY_STATUS	? REDIS_STATUS
		      : task->type == REDIS_REPLY_ERROR ? REDIS_ERROR
							: REDIS_STRING;
	memcpy(text, p, n);
	text[n] = '\0';
	value->text = slice_of(text, n);
	return value;
}

static void *create_array(const redisReadTask *task, array_count count)
{
	size_t n = (size_t)count;
	size_t guess = n * guess_per_element;
	struct redis_value *value = value_new(
		task, n * sizeof(void *), guess > block_bytes ? (size_t)block_bytes : guess);

	value->type = REDIS_ARRAY;
	value->count = n;
	value->items = (struct redis_value **)(value + 1);
	return value;
}

static void *create_integer(const redisReadTask *task, long long integer)
{
	struct redis_value *value = value_new(task, 0, 0);

	value->type = REDIS_INTEGER;
	value->integer = integer > REDIS_MOST_NUMBER	? REDIS_MOST_NUMBER
			 : integer < -REDIS_MOST_NUMBER ? -REDIS_MOST_NUMBER
							: integer;
	return value;
}

static void *create_nil(const redisReadTask *task)
{
	return value_new(task, 0, 0);
}

static void free_value(void *value)
{
	redis_value_free(value);
}

/* hiredis takes a pointer to non-const. */
static redisReplyObjectFunctions functions = {
	.createString = create_string,
	.createArray = create_array,
	.createInteger = create_integer,
	.createNil = create_nil,
	.freeObject = free_value,
};

static void open_hiredis(struct reader *reader)
{
	reader->hiredis = redisReaderCreateWithFunctions(&functions);
	if (!reader->hiredis)
		mem_exhausted();
	reader->hiredis->privdata = reader;
}

struct reader *reader_new(void)
{
	struct reader *reader = mem_new(struct reader);

	open_hiredis(reader);
	return reader;
}

void reader_free(struct reader *reader)
{
	if (!reader)
		return;
	redisReaderFree(reader->hiredis);
	mem_free(reader);
}

bool reader_skipping(const struct reader *reader)
{
	return reader->frame.over;
}

static enum reader_result end_skipped(struct reader *reader)
{
	reader->frame = (struct frame){0};
	return READER_TOO_LARGE;
}

/* What was gathered of a reply that turned out to be past a cap goes at once. */
static void drop_gathered(struct reader *reader)
{
	redisReaderFree(reader->hiredis);
	open_hiredis(reader);
}

/* hiredis forgets half a reply where it cannot grow, so that room is made before. */
static void make_room(redisReader *hiredis, size_t n)
{
	char *grown;

	while (!(grown = sdsMakeRoomFor(hiredis->buf, n)))
		mem_missing(n);
	hiredis->buf = grown;
}

enum reader_result reader_feed(
	struct reader *reader, struct slice bytes, size_t *ret_used, struct redis_value **ret)
{
	bool was_over = reader->frame.over;
	enum frame_verdict verdict = frame_scan(&reader->frame, bytes.p, bytes.n, ret_used);
	void *value = NULL;

	if (verdict == FRAME_BAD)
		return READER_BAD;
	if (reader->frame.over) {
		if (!was_over)
			drop_gathered(reader);
		return verdict == FRAME_DONE ? end_skipped(reader) : READER_MORE;
	}
	make_room(reader->hiredis, *ret_used);
	if (redisReaderFeed(reader->hiredis, bytes.p, *ret_used) != REDIS_OK)
		mem_exhausted();
	if (redisReaderGetReply(reader->hiredis, &value) != REDIS_OK)
		return READER_BAD;
	if (verdict == FRAME_MORE) {
		assert(!value);
		return READER_MORE;
	}
	reader->frame = (struct frame){0};
	*ret = value;
	return value ? READER_VALUE : READER_BAD;
}
