/* SPDX-License-Identifier: MIT */
/* A JSON pointer, taken apart; see pointer.h. */
#include "source/pointer.h"

#include <assert.h>

#include "base/mem.h"

/* One part from *at on, which moves to the next slash or the end: ~1 is a slash, ~0 a tilde. */
static struct slice decode_part(struct pointer *pointer, struct slice text, size_t *at)
{
	size_t begin = pointer->bytes.n;
	size_t i = *at;

	for (; i < text.n && text.p[i] != '/'; i++) {
		bool escaped = text.p[i] == '~' && i + 1 < text.n;

		if (escaped)
			i++;
		buf_char(&pointer->bytes, !escaped ? text.p[i] : text.p[i] == '1' ? '/' : '~');
	}
	*at = i;
	return slice_skip(buf_slice(&pointer->bytes), begin);
}

void pointer_init(struct pointer *pointer, struct slice text)
{
	size_t at = 0;

	*pointer = (struct pointer){.text = slice_dup(text)};
	buf_reserve(&pointer->bytes, text.n); /* so that the parts stay where they are */
	assert(text.n <= pointer_max_parts);
	while (at < text.n) {
		if (text.p[at] == '/')
			at++;
		pointer->parts[pointer->count++] = decode_part(pointer, text, &at);
	}
}

void pointer_release(struct pointer *pointer)
{
	mem_free(pointer->text);
	buf_release(&pointer->bytes);
	*pointer = (struct pointer){0};
}
