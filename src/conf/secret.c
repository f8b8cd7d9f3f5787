/* SPDX-License-Identifier: MIT */
/* Paths as seen from the file that names them, and secrets that stand in files of their own. */
#include <libgen.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "conf/file.h"
#include "conf/reader.h"

char *reader_resolve(struct reader *r, const struct node *node, struct slice path)
{
	char *file, *folder, *joined, *copy;

	if (path.n && path.p[0] == '/')
		return arena_dup(r->arena, path);
	/* dirname() writes into its argument. The folder in full: ours may change. */
	file = mem_strdup(node->file);
	folder = realpath(dirname(file), NULL);
	joined = mem_printf("%s/%s", folder ? folder : ".", path.p);
	copy = arena_dup(r->arena, slice_str(joined));
	mem_free(joined);
	free(folder);
	mem_free(file);
	return copy;
}

const char *reader_secret(struct reader *r, struct slice path, char **ret)
{
	struct buf text = {0}, why = {0};
	const char *wrong = file_read(path.p, true, &text, &why, NULL);

	if (wrong)
		wrong = reader_say(r, "names %s, which %s", path.p, wrong);
	else if (text.n && text.p[text.n - 1] == '\n')
		text.p[--text.n] = '\0';
	if (!wrong && text.n == 0)
		wrong = reader_say(r, "names %s, which is empty", path.p);
	if (!wrong && memchr(text.p, '\0', text.n))
		wrong = reader_say(r, "names %s, which holds a NUL byte", path.p);
	if (!wrong)
		*ret = arena_dup(r->arena, buf_slice(&text));
	/* The copy in freed memory would outlive the snapshot. */
	if (text.p)
		explicit_bzero(text.p, text.cap);
	buf_release(&text);
	buf_release(&why);
	return wrong;
}
