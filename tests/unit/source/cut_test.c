/* SPDX-License-Identifier: MIT */
/* Texts of each format that are cut off or damaged anywhere. */
#include <stdlib.h>
#include <string.h>

#include "../unit.h"
#include "base/random.h"
#include "parsing.h"

static const struct {
	struct reading how;
	struct slice text;
	bool tells; /* a text that is cut is never whole */
} samples[] = {
	{{.format = FORMAT_JSON, .rows = "/data/items"},
		SLICE("\xEF\xBB\xBF "
		      "{\"n\":null,\"data\":{\"a\":[1,\"]\"],\"items\":[{\"id\":1,\"v\":\"x\\\"y\"}"
		      ",2,"
		      "\"\xc3\xa9\"],\"b\":{}},\"next\":false}"),
		true},
	{{.format = FORMAT_JSON}, SLICE("[[],{},\"\\u00e9\",1.5e3,null,true]"), true},
	{{.format = FORMAT_JSON, .max_row_bytes = 7},
		SLICE("[[1,[{}],{\"a\":2}],12345678,\"123456789\",{\"a\":[]}]"), true},
	{{.format = FORMAT_JSONL, .max_row_bytes = 7}, SLICE("[1,2,3,4]\n{\"a\":1}\n12345678\n"),
		false},
	{{.format = FORMAT_CSV, .max_row_bytes = 7},
		SLICE("a,b\n1234,5678\n\"1\",\"2\"\r\n1,\"x\n\n\n\""), false},
	{{.format = FORMAT_JSONL}, SLICE("\xEF\xBB\xBF{\"id\":1}\r\n\n[2,\"\\n\"]\n\"\xc3\xa9\"\n"),
		false},
	{{.format = FORMAT_CSV},
		SLICE("\xEF\xBB\xBFid,name,\r\n1,\"a \"\"b\"\"\r\nc\",\r2,\xc3\xa9\n\n3,,,,\n"),
		false},
	{{.format = FORMAT_CSV, .delimiter = ';'}, SLICE("sep=;\nid;name\n1;\"x;y\"\n"), false},
};
enum { count = sizeof samples / sizeof *samples };

START_TEST(a_truncated_text_ends_and_truncated_json_is_an_error)
{
	for (size_t i = 0; i < count; i++) {
		struct slice text = samples[i].text;

		for (size_t n = 1; n < text.n; n++) {
			for (size_t piece = 1; piece <= n; piece = piece * 2 + 1) {
				struct buf out = {0};

				read_text(&samples[i].how, slice_of(text.p, n), piece, &out, NULL);
				bool broken = out.n && out.p[out.n - 1] == 'X';
				/* Before its first byte there is nothing that could be cut. */
				bool begun = n > 4 || !slice_starts(text, SLICE("\xEF"));
				ck_assert_msg(!samples[i].tells || !begun || broken,
					"sample %zu cut at %zu: %s", i, n, out.p ? out.p : "");
				buf_release(&out);
			}
		}
	}
}
END_TEST

static size_t pick(uint64_t *random, size_t n)
{
	return (size_t)(random_unit(random) * (double)n);
}

/* The same result whatever the pieces are, and an end. */
START_TEST(damaged_text_is_read_alike_in_pieces_of_any_size)
{
	static const char bytes[] = "\"\\{}[],:;\r\n\t \0\xEF\xBB\xBF"
				    "0n";
	uint64_t random = 20240229;

	for (int round = 0; round < 4000; round++) {
		size_t i = (size_t)round % count;
		char text[200];
		size_t n = samples[i].text.n;
		struct buf whole = {0}, cut = {0};

		memcpy(text, samples[i].text.p, n);
		for (int k = 0; k < 1 + round % 3; k++)
			text[pick(&random, n)] = bytes[pick(&random, sizeof bytes - 1)];
		n = 1 + pick(&random, n);
		read_text(&samples[i].how, slice_of(text, n), n, &whole, NULL);
		read_text(&samples[i].how, slice_of(text, n), 1 + pick(&random, 9), &cut, NULL);
		ck_assert_msg(slice_equal(buf_slice(&whole), buf_slice(&cut)),
			"%.*s: \"%s\" and \"%s\"", (int)n, text, whole.p ? whole.p : "",
			cut.p ? cut.p : "");
		buf_release(&whole);
		buf_release(&cut);
	}
}
END_TEST

TEST_SUITE("cut", a_truncated_text_ends_and_truncated_json_is_an_error,
	damaged_text_is_read_alike_in_pieces_of_any_size)
