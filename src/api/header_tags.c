/* SPDX-License-Identifier: MIT */
/* Surrogate-Key and Cache-Tag; see header_tags.h. */
#include "api/header_tags.h"

#include <string.h>

#include "cache/tag.h"
#include "text/percent.h"

struct list_header {
	const char *name;
	const char *separators;
};

static const struct list_header headers[] = {{"Surrogate-Key", " \t"}, {"Cache-Tag", ", \t"}};

/* One tag as it stands in the header. */
struct word {
	const struct list_header *header;
	struct slice text;
};

static bool is_separator(const struct list_header *header, char c)
{
	return c && strchr(header->separators, c);
}

/* Takes the next word off `line`; false where there is none. */
static bool next_word(struct word *word, struct slice *line)
{
	size_t begin = 0, end;

	while (begin < line->n && is_separator(word->header, line->p[begin]))
		begin++;
	end = begin;
	while (end < line->n && !is_separator(word->header, line->p[end]))
		end++;
	word->text = slice_of(line->p + begin, end - begin);
	*line = slice_of(line->p + end, line->n - end);
	return word->text.n > 0;
}

static enum error take_word(const struct word *word, struct buf *tag, struct fault *fault)
{
	const char *name = word->header->name;
	struct fault own;

	/* Cache-Tag would read two tags: refused, so that a purge finds what was stored. */
	if (memchr(word->text.p, ',', word->text.n))
		return fault_set(fault, ERR_BAD_REQUEST,
			"the header %s: a tag holds a comma, which separates tags in other "
			"headers: write it as %%2C",
			name);
	buf_add(tag, word->text);
	if (!percent_decode(tag->p, &tag->n, 0))
		return fault_set(fault, ERR_BAD_REQUEST,
			"the header %s: a %% is not followed by two hexadecimal digits: write it "
			"as %%25",
			name);
	if (tag_check(buf_slice(tag), &own))
		return fault_set(fault, ERR_BAD_REQUEST, "the header %s: %s", name, own.detail);
	return OK;
}

static enum error add_word(const struct word *word, size_t most, struct arena *arena,
	struct body_list *ret, struct fault *fault)
{
	struct buf tag = {0};

	if (ret->count == most)
		return fault_set(fault, ERR_BAD_REQUEST, "the header %s names more than %zu tags",
			word->header->name, most);
	enum error error = take_word(word, &tag, fault);
	if (!ret->items)
		ret->items = arena_alloc(arena, most * sizeof *ret->items);
	ret->items[ret->count] = arena_take(arena, &tag);
	ret->count += !error;
	return error;
}

enum error header_tags(struct request *request, size_t most, struct body_list *ret,
	const char **ret_header, struct fault *fault)
{
	*ret_header = NULL;
	for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
		struct word word = {.header = &headers[i]};
		struct slice line;
		size_t at = 0;

		while (request_header_line(request, headers[i].name, &at, &line)) {
			*ret_header = headers[i].name;
			while (next_word(&word, &line)) {
				enum error error =
					add_word(&word, most, request_arena(request), ret, fault);

				if (error)
					return error;
			}
		}
	}
	return OK;
}
