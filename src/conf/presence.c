/* SPDX-License-Identifier: MIT */
/* Files and programs that a configuration names and that need not be there before they are used. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "conf/reader.h"

static bool can_run(const char *path)
{
	return access(path, X_OK) == 0;
}

/* As execvp(3) looks for it. */
static bool is_in_path(const char *program)
{
	const char *folders = getenv("PATH");
	bool found = false;

	if (!folders || !*folders)
		folders = "/bin:/usr/bin";
	while (*folders && !found) {
		size_t n = strcspn(folders, ":");
		char *path = mem_printf("%.*s/%s", n ? (int)n : 1, n ? folders : ".", program);

		found = can_run(path);
		mem_free(path);
		folders += n + (folders[n] == ':');
	}
	return found;
}

static void warn_at(struct reader *r, const struct node *node, const char *member, const char *what)
{
	size_t mark = reader_enter(r, slice_str(member));

	reader_warn(r, node, what);
	reader_leave(r, mark);
}

void reader_expect_file(
	struct reader *r, const struct node *node, const char *member, const char *path)
{
	if (access(path, R_OK) != 0)
		warn_at(r, node, member,
			reader_say(r, "names %s, which cannot be read now: %s", path,
				strerror(errno)));
}

void reader_expect_program(
	struct reader *r, const struct node *node, const char *member, const char *program)
{
	if (strchr(program, '/') ? !can_run(program) : !is_in_path(program))
		warn_at(r, node, member,
			reader_say(r, "names the program %s, which is not there or cannot be run",
				program));
}
