/* SPDX-License-Identifier: MIT */
/* Escaping and unescaping the tokens of JSON pointers; see json_pointer.h. */
#include "text/json_pointer.h"

#include <string.h>

void json_pointer_add(struct buf *pointer, struct slice token)
{
	buf_char(pointer, '/');
	for (size_t i = 0; i < token.n; i++) {
		char c = token.p[i];

		if (c == '~' || c == '/')
			buf_str(pointer, c == '~' ? "~0" : "~1");
		else if (c == '\0')
			buf_str(pointer, "\xef\xbf\xbd");
		else
			buf_char(pointer, c);
	}
}

static bool unescape(struct slice *token, struct buf *room)
{
	size_t begin = room->n;

	for (size_t i = 0; i < token->n; i++) {
		char c = token->p[i];

		if (c == '~') {
			if (++i == token->n || (token->p[i] != '0' && token->p[i] != '1'))
				return false;
			c = token->p[i] == '0' ? '~' : '/';
		}
		buf_char(room, c);
	}
	*token = slice_skip(buf_slice(room), begin);
	return true;
}

bool json_pointer_next(struct slice *pointer, struct buf *room, struct slice *ret)
{
	struct slice left = slice_skip(*pointer, pointer->p[0] == '/');
	const char *slash = memchr(left.p, '/', left.n);

	*ret = slash ? slice_of(left.p, (size_t)(slash - left.p)) : left;
	*pointer = slice_skip(left, ret->n);
	return !memchr(ret->p, '~', ret->n) || unescape(ret, room);
}
