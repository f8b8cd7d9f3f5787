/* SPDX-License-Identifier: MIT */
/* Redis's answers: read byte by byte they are what they are in one piece. */
#include "redis/resp.h"
#include "fuzz.h"

static void write_value(const struct redis_value *value, struct buf *out)
{
	buf_printf(out, "%d:%lld:%zu:", (int)value->type, (long long)value->integer, value->count);
	buf_add(out, value->text);
	for (size_t i = 0; i < value->count; i++)
		write_value(value->items[i], out);
}

/* False where it is no RESP, which is told at once, or after what is past a cap was skipped. */
static bool read_all(struct slice bytes, size_t piece, struct buf *out)
{
	struct resp *reader = resp_new();
	enum resp_result result = RESP_MORE;

	while (bytes.n > 0 && result != RESP_BAD) {
		struct redis_value *value = NULL;
		size_t used = 0, n = bytes.n < piece ? bytes.n : piece;

		result = resp_feed(reader, slice_of(bytes.p, n), &used, &value);
		FUZZ_CHECK(used <= n && (used > 0 || result == RESP_BAD));
		FUZZ_CHECK((result == RESP_VALUE) == (value != NULL));
		if (value)
			write_value(value, out);
		if (result == RESP_TOO_LARGE)
			buf_printf(out, "|%d", (int)result);
		redis_value_free(value);
		bytes = slice_of(bytes.p + used, bytes.n - used);
	}
	resp_free(reader);
	return result != RESP_BAD;
}

void fuzz_one(struct slice input)
{
	size_t piece = fuzz_byte(&input) + (size_t)1;
	struct buf whole = {0}, parts = {0};

	bool good = read_all(input, input.n + 1, &whole);
	bool good_parts = read_all(input, piece, &parts);
	if (good && good_parts)
		FUZZ_CHECK(slice_equal(buf_slice(&whole), buf_slice(&parts)));
	else
		FUZZ_CHECK(slice_starts(buf_slice(&whole), buf_slice(&parts)) ||
			   slice_starts(buf_slice(&parts), buf_slice(&whole)));
	buf_release(&whole);
	buf_release(&parts);
}
