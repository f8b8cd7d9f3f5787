/* SPDX-License-Identifier: MIT */
/* Faults with their places, and the files and programs that values name; see reader.h. */
#include "conf/reader.h"

#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "conf/file.h"

const char *reader_say(struct reader *r, const char *format, ...)
{
	/* The arguments may point into the previous sentence. */
	struct buf text = {0};
	va_list args;

	va_start(args, format);
	buf_vprintf(&text, format, args);
	va_end(args);
	buf_release(&r->why);
	r->why = text;
	return r->why.p;
}

static void add(struct reader *r, struct faults *to, const struct node *node, const char *sentence)
{
	faults_add(to, node->file, node->line, "%s%s%s", r->path.n ? r->path.p : "",
		r->path.n ? " " : "", sentence);
}

void reader_fault(struct reader *r, const struct node *node, const char *sentence)
{
	add(r, r->faults, node, sentence);
}

void reader_warn(struct reader *r, const struct node *node, const char *sentence)
{
	add(r, r->warnings, node, sentence);
}

const char *reader_no_map(const struct node *node)
{
	return node_is_null(node) ? "is empty: add members, or remove it"
				  : "must be a map of `name: value`";
}

size_t reader_enter(struct reader *r, struct slice name)
{
	size_t mark = r->path.n;

	if (mark)
		buf_char(&r->path, '.');
	buf_add(&r->path, name);
	return mark;
}

size_t reader_enter_element(struct reader *r, size_t index)
{
	size_t mark = r->path.n;

	buf_printf(&r->path, "[%zu]", index);
	return mark;
}

void reader_leave(struct reader *r, size_t mark)
{
	r->path.n = mark;
	if (r->path.p)
		r->path.p[mark] = '\0';
}

static void add_at(struct reader *r, struct faults *to, struct node *root, const char *path,
	const char *sentence)
{
	struct node *node = node_find(root, path);
	size_t mark = reader_enter(r, slice_str(path));

	add(r, to, node ? node : root, sentence);
	reader_leave(r, mark);
}

void reader_fault_at(struct reader *r, struct node *root, const char *path, const char *sentence)
{
	add_at(r, r->faults, root, path, sentence);
}

void reader_warn_at(struct reader *r, struct node *root, const char *path, const char *sentence)
{
	add_at(r, r->warnings, root, path, sentence);
}

const char *reader_check_name(struct slice text)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789_.-";

	if (text.n == 0 || text.n > 64 || strspn(text.p, allowed) != text.n)
		return "must be a name of 1 to 64 letters, digits, '_', '.' and '-'";
	return NULL;
}

char *reader_resolve(struct reader *r, const struct node *node, struct slice path)
{
	char *file, *folder, *joined, *copy;

	if (path.n && path.p[0] == '/')
		return arena_dup(r->arena, path);
	/*
	 * dirname() writes into its argument. A full path, because the current folder may change.
	 */
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
	const char *wrong = file_read_secret(path.p, &text, &why);

	if (wrong)
		wrong = reader_say(r, "names %s, which %s", path.p, wrong);
	else
		*ret = arena_dup(r->arena, buf_slice(&text));
	/* The secret must not remain in freed memory. */
	file_forget(&text);
	buf_release(&why);
	return wrong;
}

static bool can_run(const char *path)
{
	return access(path, X_OK) == 0;
}

/* Looks for it as execvp(3) does. */
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
			reader_say(r,
				"names the program %s, which does not exist or cannot be executed",
				program));
}
