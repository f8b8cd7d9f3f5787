/* SPDX-License-Identifier: MIT */
#include "../unit.h"
#include "source/http_link.h"

static const struct {
	const char *header, *next; /* NULL = there is none */
} headers[] = {
	{"", NULL},
	{"<http://h/2>; rel=\"next\"", "http://h/2"},
	{"</a?p=2>;rel=next", "/a?p=2"},
	{"<a>; rel=\"prev\", <b>; rel=\"next\", <c>; rel=\"next\"", "b"},
	{"<a>; rel=prev,<b>;REL=NEXT", "b"},
	{"<a,b;c>; title=\"x, <y>; rel=next\"; rel=\"last next\"", "a,b;c"},
	{"<a>; title=\"\\\"; rel=next\", <b>; rel=next", "b"},
	{"<a>; rel=prev; rel=next, <b>; rel=first", NULL}, /* the first rel counts */
	{"<a>; anchor; rel = \"next\" ; x", "a"},
	{" , ,<a> ; rel=next", "a"},
	{"<>; rel=next", ""},
	{"<a>; rel=\"nextt\"", NULL},
	{"<a>; rel=", NULL},
	{"<a>; rel", NULL},
	{"<a>; rel=\"next", "a"},
	{"<a>; title=\"\\", NULL},
	{"<a", NULL},
	{"a; rel=next", NULL},
	{"<a> rel=next, <b>; rel=next", NULL},
	{"<a>;", NULL},
};

START_TEST(the_next_page_is_found)
{
	for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
		struct slice target;
		bool found = http_link_next(slice_str(headers[i].header), &target);

		ck_assert_msg(found == (headers[i].next != NULL), "%s", headers[i].header);
		if (found)
			ck_assert_msg(slice_is(target, headers[i].next), "%s: %.*s",
				headers[i].header, (int)target.n, target.p);
	}
}
END_TEST

TEST_SUITE("http_link", the_next_page_is_found)
