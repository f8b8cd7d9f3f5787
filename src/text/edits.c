/* SPDX-License-Identifier: MIT */
/* Distance of names; see edits.h. */
#include "text/edits.h"

#include "base/min.h"

size_t edits_between(struct slice a, struct slice b)
{
	size_t row[EDITS_MAX + 1];

	if (a.n > EDITS_MAX || b.n > EDITS_MAX)
		return EDITS_MAX;
	for (size_t j = 0; j <= b.n; j++)
		row[j] = j;
	for (size_t i = 1; i <= a.n; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= b.n; j++) {
			size_t above = row[j];
			size_t change = diagonal + (a.p[i - 1] != b.p[j - 1]);

			row[j] = min_size(change, min_size(above, row[j - 1]) + 1);
			diagonal = above;
		}
	}
	return row[b.n];
}
