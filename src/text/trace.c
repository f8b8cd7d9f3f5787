/* SPDX-License-Identifier: MIT */
/* Reading and continuing a trace; see trace.h. */
#include "text/trace.h"

#include <string.h>

#include "base/buf.h"
#include "base/crypto.h"
#include "base/hex.h"

enum { span_at = 36, span_bytes = 8, flags_at = 53 };

/* Lower-case hex digits up to `to`, not all of them 0 unless `zero`. */
static bool hex_field(struct slice text, size_t from, size_t to, bool zero)
{
	bool others = false;

	for (size_t i = from; i < to; i++) {
		char c = text.p[i];

		if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f'))
			return false;
		others = others || c != '0';
	}
	return others || zero;
}

bool trace_parse(struct slice text, char ret[TRACE_PARENT_BYTES + 1])
{
	if (text.n < TRACE_PARENT_BYTES || text.p[2] != '-' || text.p[span_at - 1] != '-' ||
		text.p[flags_at - 1] != '-')
		return false;
	if (!hex_field(text, 0, 2, true) || memcmp(text.p, "ff", 2) == 0 ||
		!hex_field(text, 3, span_at - 1, false) ||
		!hex_field(text, span_at, flags_at - 1, false) ||
		!hex_field(text, flags_at, TRACE_PARENT_BYTES, true))
		return false;
	/* Later versions may add fields, which begin with a dash. */
	if (text.n > TRACE_PARENT_BYTES &&
		(memcmp(text.p, "00", 2) == 0 || text.p[TRACE_PARENT_BYTES] != '-'))
		return false;
	memcpy(ret, text.p, TRACE_PARENT_BYTES);
	memcpy(ret, "00", 2);
	ret[TRACE_PARENT_BYTES] = '\0';
	return true;
}

struct slice trace_id(const char *parent)
{
	return *parent ? slice_of(parent + 3, TRACE_ID_BYTES) : slice_of("", 0);
}

void trace_child(const char *parent, char ret[TRACE_PARENT_BYTES + 1])
{
	uint8_t span[span_bytes];
	struct buf hex = {0};

	crypto_random(span, sizeof span);
	span[0] |= 1; /* never all zeros */
	hex_encode(span, sizeof span, &hex);
	memcpy(ret, parent, TRACE_PARENT_BYTES + 1);
	memcpy(ret + span_at, hex.p, 2 * span_bytes);
	buf_release(&hex);
}
