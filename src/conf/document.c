/* SPDX-License-Identifier: MIT */
/*
 * Builds a tree from libyaml's events, with a stack of the open maps and lists.
 *
 * libyaml does not limit the depth, accepts duplicate names, and would resolve aliases into a
 * graph; these rules are checked here.
 */
#include "conf/document.h"

#include <string.h>
#include <yaml.h>

struct builder {
	struct arena *arena;
	struct faults *faults;
	const char *file;
	struct node *open[DOCUMENT_MAX_DEPTH];
	unsigned depth;
	/* The name whose value comes next, in the innermost map. */
	struct slice name;
	unsigned name_line;
	bool named;
	struct node *root;
	unsigned documents;
};

static unsigned line_of(const yaml_event_t *event)
{
	return (unsigned)event->start_mark.line + 1;
}

/* The number of bytes of `name` that messages show. */
static int shown(struct slice name)
{
	return (int)(name.n < 100 ? name.n : 100);
}

static bool take_name(struct builder *b, struct node *scalar)
{
	struct node *map = b->open[b->depth - 1];
	const struct node *twin = node_member(map, scalar->text);

	if (scalar->plain && slice_is(scalar->text, "<<")) {
		faults_add(b->faults, b->file, scalar->line,
			"<< merges are not accepted: write the members out");
	} else if (twin) {
		faults_add(b->faults, b->file, scalar->line,
			"%.*s is given twice: first on line %u; remove one", shown(scalar->text),
			scalar->text.p, twin->line);
	} else if (map->count == DOCUMENT_MAX_MEMBERS) {
		faults_add(b->faults, b->file, scalar->line, "has more than %d members",
			DOCUMENT_MAX_MEMBERS);
		return false;
	}
	b->name = scalar->text;
	b->name_line = scalar->line;
	b->named = true;
	return true;
}

/* Stores a value as the root, an element, or the value of the current name. */
static bool place(struct builder *b, struct node *node)
{
	struct node *parent;

	if (b->depth == 0) {
		b->root = node;
		return true;
	}
	parent = b->open[b->depth - 1];
	if (parent->kind == NODE_MAP && !b->named) {
		if (node->kind == NODE_SCALAR)
			return take_name(b, node);
		faults_add(b->faults, b->file, node->line,
			"a map or list cannot be a name: quote it if it is meant as text");
		return false;
	}
	if (parent->kind == NODE_MAP) {
		node->name = b->name;
		node->line = b->name_line;
		b->named = false;
	}
	node_append(parent, node);
	return true;
}

static bool open_node(struct builder *b, struct node *node)
{
	if (!place(b, node))
		return false;
	if (b->depth == DOCUMENT_MAX_DEPTH) {
		faults_add(b->faults, b->file, node->line, "is nested deeper than %d levels",
			DOCUMENT_MAX_DEPTH);
		return false;
	}
	b->open[b->depth++] = node;
	return true;
}

/* Faults after which reading continues. */
static void judge_marks(
	struct builder *b, const yaml_event_t *event, const void *anchor, const void *tag)
{
	if (anchor)
		faults_add(b->faults, b->file, line_of(event),
			"anchors (&%s) are not accepted: write the text out", (const char *)anchor);
	if (tag)
		faults_add(b->faults, b->file, line_of(event),
			"tags (%s) are not accepted: remove it", (const char *)tag);
}

static bool on_scalar(struct builder *b, const yaml_event_t *event)
{
	struct node *node = node_new(b->arena, NODE_SCALAR, b->file, line_of(event));

	judge_marks(b, event, event->data.scalar.anchor, event->data.scalar.tag);
	node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	node->text = arena_slice(b->arena,
		slice_of((const char *)event->data.scalar.value, event->data.scalar.length));
	node->raw = node->text;
	if (memchr(node->text.p, '\0', node->text.n))
		faults_add(b->faults, b->file, node->line, "text must not contain a NUL byte");
	return place(b, node);
}

static bool on_event(struct builder *b, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (b->documents++ == 0)
			return true;
		faults_add(b->faults, b->file, line_of(event),
			"a second document begins here: a file must contain only one");
		return false;
	case YAML_ALIAS_EVENT:
		faults_add(b->faults, b->file, line_of(event),
			"aliases (*%s) are not accepted: write the text out",
			(const char *)event->data.alias.anchor);
		return false;
	case YAML_SCALAR_EVENT:
		return on_scalar(b, event);
	case YAML_SEQUENCE_START_EVENT:
		judge_marks(b, event, event->data.sequence_start.anchor,
			event->data.sequence_start.tag);
		return open_node(b, node_new(b->arena, NODE_LIST, b->file, line_of(event)));
	case YAML_MAPPING_START_EVENT:
		judge_marks(
			b, event, event->data.mapping_start.anchor, event->data.mapping_start.tag);
		return open_node(b, node_new(b->arena, NODE_MAP, b->file, line_of(event)));
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		b->depth--;
		return true;
	default:
		return true;
	}
}

static unsigned line_of_offset(struct slice text, size_t offset)
{
	unsigned line = 1;

	for (size_t i = 0; i < offset && i < text.n; i++)
		line += text.p[i] == '\n';
	return line;
}

/* Whether the line is indented with a tab. */
static bool indents_with_tab(struct slice text, unsigned line)
{
	const char *at = text.p, *end = slice_end(text);

	for (; line > 1 && at; line--) {
		at = memchr(at, '\n', (size_t)(end - at));
		at = at ? at + 1 : NULL;
	}
	while (at && at < end && *at == ' ')
		at++;
	return at && at < end && *at == '\t';
}

static void syntax_fault(struct builder *b, const yaml_parser_t *parser, struct slice text)
{
	const char *problem = parser->problem ? parser->problem : "cannot be read";
	unsigned line = parser->error == YAML_READER_ERROR
				? line_of_offset(text, parser->problem_offset)
				: (unsigned)parser->problem_mark.line + 1;

	if (indents_with_tab(text, line))
		faults_add(
			b->faults, b->file, line, "is indented with a tab: YAML requires spaces");
	else
		faults_add(b->faults, b->file, line, "invalid YAML: %s%s%s", problem,
			parser->context ? " " : "", parser->context ? parser->context : "");
}

static bool build(struct builder *b, struct slice text)
{
	yaml_parser_t parser;
	bool going = true, ended = false;

	/* It fails only if memory is exhausted. */
	if (!yaml_parser_initialize(&parser))
		return false;
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text.p, text.n);
	while (going && !ended) {
		yaml_event_t event;

		if (!yaml_parser_parse(&parser, &event)) {
			syntax_fault(b, &parser, text);
			going = false;
			break;
		}
		ended = event.type == YAML_STREAM_END_EVENT;
		going = on_event(b, &event);
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	return going;
}

struct node *document_parse(
	struct arena *arena, struct slice text, const char *file, struct faults *faults)
{
	static const struct slice mark = SLICE("\xef\xbb\xbf");
	struct builder b = {.arena = arena, .faults = faults, .file = file};

	/* Some editors write a byte order mark at the beginning of UTF-8 files. */
	if (slice_starts(text, mark))
		text = slice_skip(text, mark.n);
	if (slice_starts(text, SLICE("\xff\xfe")) || slice_starts(text, SLICE("\xfe\xff"))) {
		faults_add(faults, file, 1, "is UTF-16: save the file as UTF-8");
		return NULL;
	}
	if (!build(&b, text))
		return NULL;
	if (!b.root || node_is_null(b.root))
		b.root = node_new(arena, NODE_MAP, file, 1);
	return b.root;
}

struct node *document_load(struct arena *arena, struct document_file *file, struct faults *faults)
{
	const char *path = arena_dup(arena, slice_str(file->path));
	struct buf text = {0}, why = {0};
	const char *wrong = file_read(path, file->secret, &text, &why, &file->stamp);
	struct node *root = NULL;

	file->wrong = wrong ? arena_dup(arena, slice_str(wrong)) : NULL;
	if (!wrong) {
		crypto_sha256(buf_slice(&text), file->digest);
		root = document_parse(arena, buf_slice(&text), path, faults);
	}
	buf_release(&text);
	buf_release(&why);
	return root;
}
