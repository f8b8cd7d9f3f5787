/* SPDX-License-Identifier: MIT */
/* CRC16 of keys; see slot.h. */
#include "store/slot.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

/* CRC16 of each half of a byte. */
static const uint16_t halves[16] = {0x0000, 0x1021, 0x2042, 0x3063, 0x4084, 0x50a5, 0x60c6, 0x70e7,
	0x8108, 0x9129, 0xa14a, 0xb16b, 0xc18c, 0xd1ad, 0xe1ce, 0xf1ef};

static uint16_t crc16(struct slice text)
{
	unsigned crc = 0;

	for (size_t i = 0; i < text.n; i++) {
		unsigned byte = (unsigned char)text.p[i];

		crc = (crc << 4 & 0xffff) ^ halves[(crc >> 12) ^ (byte >> 4)];
		crc = (crc << 4 & 0xffff) ^ halves[(crc >> 12) ^ (byte & 0xf)];
	}
	return (uint16_t)crc;
}

/* What of a key is hashed. */
static struct slice hashed(struct slice key)
{
	const char *open = key.n ? memchr(key.p, '{', key.n) : NULL;

	if (!open)
		return key;
	struct slice rest = slice_of(open + 1, (size_t)(slice_end(key) - open - 1));
	const char *close = rest.n ? memchr(rest.p, '}', rest.n) : NULL;

	return close && close > rest.p ? slice_of(rest.p, (size_t)(close - rest.p)) : key;
}

unsigned slot_of(struct slice key)
{
	return crc16(hashed(key)) % SLOT_COUNT;
}

static uint32_t numbers[SLOT_COUNT];
static pthread_once_t made = PTHREAD_ONCE_INIT;

static void make_numbers(void)
{
	char digits[SLICE_INT_ROOM];
	bool known[SLOT_COUNT] = {false};

	for (uint32_t n = 0, left = SLOT_COUNT; left; n++) {
		unsigned slot = crc16(slice_of_int(digits, n)) % SLOT_COUNT;

		if (known[slot])
			continue;
		known[slot] = true;
		numbers[slot] = n;
		left--;
	}
}

unsigned slot_number(unsigned slot)
{
	assert(slot < SLOT_COUNT);
	pthread_once(&made, make_numbers);
	return numbers[slot];
}
