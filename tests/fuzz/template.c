/* SPDX-License-Identifier: MIT */
/*
 * Templates: what is filled begins with the template's beginning and, where its values tell
 * themselves apart and hold no `:`, matches the template.
 */
#include "text/template.h"
#include "fuzz.h"
#include "text/glob.h"

struct values {
	struct slice value; /* of every name */
};

static bool lookup(void *context, struct slice name, struct buf *out)
{
	struct values *values = context;

	(void)name;
	buf_add(out, values->value);
	return true;
}

static void fill(const struct template *t, enum template_escape escape, struct values *values)
{
	struct slice captures[TEMPLATE_MAX_NAMES], beginning = template_beginning(t);
	struct buf out = {0};
	struct fault fault;

	if (template_fill(t, escape, lookup, values, &out, &fault)) {
		FUZZ_CHECK(out.n == 0);
	} else {
		FUZZ_CHECK(slice_starts(buf_slice(&out), beginning));
		template_match(t, buf_slice(&out), captures);
	}
	buf_release(&out);
}

void fuzz_one(struct slice input)
{
	struct slice text = fuzz_until(&input, '\n');
	struct values values = {.value = fuzz_until(&input, '\n')};
	struct slice captures[TEMPLATE_MAX_NAMES], untold;
	const char *why;
	struct template *t = template_parse(text, &why);

	FUZZ_CHECK((t != NULL) == (why == NULL));
	if (!t)
		return;
	for (int escape = TEMPLATE_LITERAL; escape <= TEMPLATE_PATH; escape++)
		fill(t, (enum template_escape)escape, &values);
	template_tells(t, lookup, &values, &untold);
	if (template_match(t, input, captures))
		for (size_t i = 0; i < template_names(t); i++)
			FUZZ_CHECK(captures[i].n > 0 && captures[i].p >= input.p &&
				   captures[i].p + captures[i].n <= input.p + input.n);
	template_free(t);
}
