/* SPDX-License-Identifier: MIT */
/*
 * The effective configuration as YAML and as JSON: the tree with its defaults, without secrets.
 *
 * Text with ${env:NAME} is shown as it was written.
 */
#include <string.h>

#include "base/utf8.h"
#include "conf/mask.h"
#include "conf/table.h"
#include "text/json.h"

static const struct slice redacted = {"<redacted>", 10};

static bool is_shown(const struct node *node)
{
	if (!node->is_default)
		return true;
	if (node->key && (node->key->flags & KEY_QUIET))
		return false;
	if (node->kind != NODE_MAP || node->key)
		return true;
	/* A map with nothing but defaults, such as `schedule`. */
	for (const struct node *child = node->children; child; child = child->next)
		if (is_shown(child))
			return true;
	return false;
}

enum secrecy { SHOWN, MASKED, HIDDEN };

/*
 * The secrecy of a node: that of its row, else that of the map or list that contains it. `before`
 * is the element before it in a list, or NULL.
 */
static enum secrecy secrecy_of(
	const struct node *node, const struct node *before, enum secrecy inherited)
{
	static const struct slice twin = {"_file", 5};
	struct slice name = node->name;

	if (node->key)
		return node->key->flags & KEY_SECRET   ? HIDDEN
		       : node->key->flags & KEY_MASKED ? MASKED
						       : SHOWN;
	if (inherited == MASKED && before && mask_next(before->raw))
		return slice_starts(node->raw, SLICE("${env:")) ? SHOWN : HIDDEN;
	if (inherited == HIDDEN && name.n > twin.n &&
		memcmp(name.p + name.n - twin.n, twin.p, twin.n) == 0)
		return SHOWN;
	return inherited;
}

/* A view of the node, of constant text or of `room`. */
static struct slice shown_text(const struct node *node, enum secrecy secrecy, struct buf *room)
{
	if (secrecy == HIDDEN)
		return redacted;
	if (secrecy == SHOWN)
		return node->raw;
	mask_text(node->raw, room);
	return room->n ? buf_slice(room) : slice_of("", 0);
}

/* Whether it needs no escape between double quotes. */
static bool is_printable(unsigned rune)
{
	if (rune < 0x7f)
		return rune >= 0x20 && rune != '"' && rune != '\\';
	return (rune >= 0xa0 && rune < 0xd800 && rune != 0x2028 && rune != 0x2029) ||
	       (rune >= 0xe000 && rune < 0xfeff) || (rune > 0xfeff && rune < 0xfffe) ||
	       rune >= 0x10000;
}

static void yaml_quoted(struct buf *out, struct slice text)
{
	buf_char(out, '"');
	for (size_t n; text.n; text = slice_skip(text, n)) {
		uint32_t rune = 0;

		n = utf8_next(text, &rune); /* it is valid */
		if (is_printable(rune))
			buf_append(out, text.p, n);
		else if (rune == '"' || rune == '\\')
			buf_printf(out, "\\%c", (char)rune);
		else if (rune == '\n')
			buf_str(out, "\\n");
		else
			buf_printf(out, "\\u%04x", rune);
	}
	buf_char(out, '"');
}

/* `quoted`: it was written with quotes, which digits keep ("0660" is not a number). */
static void yaml_text(struct buf *out, struct slice text, bool quoted)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789_./+%";
	bool simple = text.n > 0 && strspn(text.p, plain) >= text.n && text.p[0] != '%' &&
		      !slice_is(text, "null") && !(quoted && text.p[0] >= '0' && text.p[0] <= '9');

	if (simple)
		buf_add(out, text);
	else
		yaml_quoted(out, text);
}

struct printer {
	struct buf *out;
	unsigned indent;
};

static void yaml_node(
	struct printer *p, const struct node *node, enum secrecy secrecy, bool in_line);

static void yaml_indent(struct printer *p)
{
	for (unsigned i = 0; i < p->indent; i++)
		buf_str(p->out, "  ");
}

/* `in_line`: the first member follows the dash that has just been written. */
static void yaml_map(struct printer *p, const struct node *map, enum secrecy secrecy, bool in_line)
{
	for (const struct node *node = map->children; node; node = node->next) {
		if (!is_shown(node))
			continue;
		if (!in_line)
			yaml_indent(p);
		in_line = false;
		yaml_text(p->out, node->name, true);
		buf_char(p->out, ':');
		yaml_node(p, node, secrecy_of(node, NULL, secrecy), false);
	}
}

static void yaml_list(struct printer *p, const struct node *list, enum secrecy secrecy)
{
	const struct node *before = NULL;

	for (const struct node *node = list->children; node; before = node, node = node->next) {
		yaml_indent(p);
		buf_char(p->out, '-');
		yaml_node(p, node, secrecy_of(node, before, secrecy), true);
	}
}

/* What follows a name or a dash, with the end of its line. */
static void yaml_node(
	struct printer *p, const struct node *node, enum secrecy secrecy, bool in_line)
{
	if (node->kind == NODE_SCALAR) {
		struct buf room = {0};

		buf_char(p->out, ' ');
		yaml_text(p->out, shown_text(node, secrecy, &room), !node->plain);
		buf_char(p->out, '\n');
		buf_release(&room);
		return;
	}
	if (!node->count) {
		buf_str(p->out, node->kind == NODE_MAP ? " {}\n" : " []\n");
		return;
	}
	p->indent++;
	if (node->kind == NODE_MAP && in_line) {
		buf_char(p->out, ' ');
		yaml_map(p, node, secrecy, true);
	} else {
		buf_char(p->out, '\n');
		if (node->kind == NODE_MAP)
			yaml_map(p, node, secrecy, false);
		else
			yaml_list(p, node, secrecy);
	}
	p->indent--;
}

void conf_print(const struct conf *conf, struct buf *out)
{
	struct printer printer = {.out = out};

	yaml_map(&printer, conf->private->root, SHOWN, false);
}

static cJSON *json_text(struct slice text)
{
	cJSON *holder = cJSON_CreateObject();
	cJSON *value;

	json_add_slice(holder, "v", text);
	value = cJSON_DetachItemFromObject(holder, "v");
	cJSON_Delete(holder);
	return value;
}

static cJSON *json_node(const struct node *node, enum secrecy secrecy)
{
	const struct node *before = NULL;
	cJSON *value;

	if (node->kind == NODE_SCALAR) {
		if (node->key && node->key->type->print == PRINT_BOOL)
			return cJSON_CreateBool(slice_is(node->text, "true"));
		if (node->key && node->key->type->print == PRINT_NUMBER)
			return cJSON_CreateRaw(node->text.p);
		struct buf room = {0};

		value = json_text(shown_text(node, secrecy, &room));
		buf_release(&room);
		return value;
	}
	value = node->kind == NODE_MAP ? cJSON_CreateObject() : cJSON_CreateArray();
	for (const struct node *child = node->children; child;
		before = child, child = child->next) {
		enum secrecy of_child =
			secrecy_of(child, node->kind == NODE_LIST ? before : NULL, secrecy);

		if (!is_shown(child))
			continue;
		if (node->kind == NODE_MAP)
			cJSON_AddItemToObject(value, child->name.p, json_node(child, of_child));
		else
			cJSON_AddItemToArray(value, json_node(child, of_child));
	}
	return value;
}

cJSON *conf_json(const struct conf *conf)
{
	return json_node(conf->private->root, SHOWN);
}
