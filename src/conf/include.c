/* SPDX-License-Identifier: MIT */
/* Merges included files into the tree before it is read; every node keeps its file and line. */
#include "conf/include.h"

#include <errno.h>
#include <glob.h>
#include <string.h>

#include "base/mem.h"
#include "conf/environment.h"

enum { max_files = 256 };

static void merge_named(struct reader *r, struct node *to, struct node *node)
{
	struct node *twin = node_member(to, node->name);

	if (!twin) {
		node_append(to, node);
		return;
	}
	size_t mark = reader_enter(r, node->name);

	reader_fault(r, node,
		reader_say(r, "is given twice: first at %s:%u; rename or remove one", twin->file,
			twin->line));
	reader_leave(r, mark);
}

/* Moves the children of `node` to the member at `path`, which is created if it is missing. */
static void merge_entries(struct reader *r, struct node *root, const char *path, struct node *node)
{
	struct node *to = node_find(root, path);

	if (!to) {
		node_put(r->arena, root, path, node);
		return;
	}
	if (to->kind != node->kind || node->kind == NODE_SCALAR) {
		reader_fault(r, node,
			reader_say(r, "is not of the same type as at %s:%u", to->file, to->line));
		return;
	}
	for (struct node *child = node->children, *next; child; child = next) {
		next = child->next;
		if (to->kind == NODE_MAP)
			merge_named(r, to, child);
		else
			node_append(to, child);
	}
}

static void merge_level(struct reader *r, struct node *root, struct buf *path, struct node *map)
{
	for (struct node *node = map->children, *next; node; node = next) {
		size_t path_mark = path->n, mark;
		const struct key *key;

		next = node->next;
		if (path->n)
			buf_char(path, '.');
		buf_add(path, node->name);
		key = section_key(&section_root, path->p);
		mark = reader_enter(r, node->name);
		if (key && (key->flags & KEY_MERGES))
			merge_entries(r, root, key->path, node);
		else if (key)
			reader_fault(r, node, "must be in the main file, not in an included file");
		else if (node->kind == NODE_MAP)
			merge_level(r, root, path, node);
		reader_leave(r, mark);
		path->n = path_mark;
		path->p[path_mark] = '\0';
	}
}

static void include_fault(struct reader *r, const struct node *element, const char *sentence)
{
	size_t mark = reader_enter(r, SLICE("include"));

	reader_fault(r, element, sentence);
	reader_leave(r, mark);
}

static void include_file(
	struct reader *r, struct node *root, const struct node *element, const char *name)
{
	struct document_file file = {.path = name};
	struct node *node = document_load(r->arena, &file, r->faults);
	struct buf path = {0};

	if (file.wrong)
		include_fault(r, element, reader_say(r, "names %s, which %s", name, file.wrong));
	if (!node)
		return;
	if (node->kind != NODE_MAP) {
		reader_fault(r, node, reader_no_map(node));
		return;
	}
	section_check_names(r, &section_root, node);
	environment_fill(r, node);
	buf_reserve(&path, 64);
	merge_level(r, root, &path, node);
	buf_release(&path);
}

/* The path with the folder as it was given, for messages; reader_resolve() gives the full path. */
static char *beside(const struct node *node, struct slice pattern)
{
	const char *slash = strrchr(node->file, '/');

	if (pattern.p[0] == '/' || !slash)
		return mem_strdup(pattern.p);
	return mem_printf("%.*s/%s", (int)(slash - node->file), node->file, pattern.p);
}

/* For glob(3): a folder that does not exist has no files, one that cannot be read is a fault. */
static int on_glob_error(const char *path, int error)
{
	(void)path;
	return error != ENOENT && error != ENOTDIR;
}

static void include_pattern(
	struct reader *r, struct node *root, const struct node *element, size_t *files)
{
	char *pattern = beside(root, element->text);
	glob_t found = {0};
	int outcome = glob(pattern, 0, on_glob_error, &found);
	bool literal = strpbrk(pattern, "*?[") == NULL;

	if (outcome == GLOB_NOMATCH && literal)
		include_fault(r, element, reader_say(r, "names %s, which does not exist", pattern));
	else if (outcome != 0 && outcome != GLOB_NOMATCH)
		include_fault(r, element, reader_say(r, "names %s, which cannot be read", pattern));
	for (size_t i = 0; outcome == 0 && i < found.gl_pathc; i++) {
		if ((*files)++ == max_files)
			include_fault(r, element, "names more than 256 files");
		if (*files > max_files)
			break;
		include_file(r, root, element, found.gl_pathv[i]);
	}
	globfree(&found);
	mem_free(pattern);
}

void include_files(struct reader *r, struct node *root)
{
	const struct key *key = section_key(&section_root, "include");
	struct node *list = node_member(root, slice_str(key->path));
	struct node *empty = node_new(r->arena, NODE_LIST, root->file, root->line);
	size_t files = 0;

	if (!list)
		list = node_default(r->arena, key->def, root);
	if (list->kind != NODE_LIST)
		return; /* its type will say so */
	for (struct node *element = list->children; element; element = element->next) {
		if (element->kind == NODE_SCALAR && element->text.n)
			include_pattern(r, root, element, &files);
		else
			include_fault(r, element, "must name files, such as conf.d/*.yaml");
	}
	empty->is_default = list->is_default;
	empty->line = list->line;
	node_put(r->arena, root, key->path, empty);
}
