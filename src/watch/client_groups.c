/* SPDX-License-Identifier: MIT */
/* CLIENT LIST, line by line; see client_groups.h. */
#include "watch/client_groups.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "base/mem.h"
#include "base/timeslice.h"

struct client_row {
	struct client_group sums; /* first: its address is that of the whole */
	char *key;		  /* what its texts are parts of */
	UT_hash_handle hh;
};

struct client_groups {
	struct client_row *groups;
	struct client_group rest;
	const struct client_group **sorted;
	struct buf key; /* scratch */
};

/* One line. */
struct client_line {
	struct slice name, address, user, library, flags;
	int64_t age, idle, memory, output, subscriptions, multi;
};

struct client_groups *client_groups_new(void)
{
	struct client_groups *groups = mem_new(struct client_groups);

	groups->rest = (struct client_group){.rest = true, .age_seconds = -1, .idle_seconds = -1};
	return groups;
}

void client_groups_free(struct client_groups *groups)
{
	struct client_row *group, *next;

	HASH_ITER(hh, groups->groups, group, next)
	{
		HASH_DEL(groups->groups, group);
		mem_free(group->key);
		mem_free(group);
	}
	buf_release(&groups->key);
	mem_free(groups->sorted);
	mem_free(groups);
}

/* "127.0.0.1:50000" -> "127.0.0.1", "/path:0" -> "/path". */
static struct slice without_port(struct slice address)
{
	const char *colon = address.n ? memrchr(address.p, ':', address.n) : NULL;

	return colon ? slice_of(address.p, (size_t)(colon - address.p)) : address;
}

static struct slice cut(struct slice text)
{
	return slice_of(text.p, text.n < CLIENT_GROUP_TEXT ? text.n : CLIENT_GROUP_TEXT);
}

static void number(struct slice value, int64_t *ret)
{
	int64_t found;

	if (slice_int64(value, &found) && found >= 0)
		*ret = found;
}

static void take_field(struct client_line *line, struct slice name, struct slice value)
{
	int64_t count = 0;

	if (slice_is(name, "name"))
		line->name = cut(value);
	else if (slice_is(name, "addr"))
		line->address = cut(without_port(value));
	else if (slice_is(name, "user"))
		line->user = cut(value);
	else if (slice_is(name, "lib-name"))
		line->library = cut(value);
	else if (slice_is(name, "flags"))
		line->flags = value;
	else if (slice_is(name, "age"))
		number(value, &line->age);
	else if (slice_is(name, "idle"))
		number(value, &line->idle);
	else if (slice_is(name, "tot-mem"))
		number(value, &line->memory);
	else if (slice_is(name, "omem"))
		number(value, &line->output);
	else if (slice_is(name, "multi"))
		line->multi = slice_int64(value, &line->multi) ? line->multi : -1;
	else if (slice_is(name, "sub") || slice_is(name, "psub") || slice_is(name, "ssub"))
		number(value, &count);
	line->subscriptions += count;
}

static struct client_line parse(struct slice text)
{
	struct client_line line = {.age = -1, .idle = -1, .memory = -1, .output = -1, .multi = -1};

	while (text.n) {
		struct slice value = slice_take(&text, ' '), name = slice_take(&value, '=');

		take_field(&line, name, value);
	}
	return line;
}

static struct client_group *group_of(struct client_groups *groups, const struct client_line *line)
{
	const struct slice texts[] = {line->name, line->address, line->user, line->library};
	struct client_row *group;

	buf_clear(&groups->key);
	for (size_t i = 0; i < 4; i++) {
		buf_add(&groups->key, texts[i]);
		buf_char(&groups->key, '\n');
	}
	HASH_FIND(hh, groups->groups, groups->key.p, groups->key.n, group);
	if (group)
		return &group->sums;
	if (HASH_COUNT(groups->groups) >= CLIENT_GROUPS_MAX)
		return &groups->rest;
	group = mem_new(struct client_row);
	group->key = slice_dup(buf_slice(&groups->key));
	struct slice left = slice_of(group->key, groups->key.n);

	group->sums.name = slice_take(&left, '\n');
	group->sums.address = slice_take(&left, '\n');
	group->sums.user = slice_take(&left, '\n');
	group->sums.library = slice_take(&left, '\n');
	group->sums.age_seconds = group->sums.idle_seconds = -1;
	HASH_ADD_KEYPTR(hh, groups->groups, group->key, groups->key.n, group);
	return &group->sums;
}

static bool has_flag(const struct client_line *line, char flag)
{
	return line->flags.n && memchr(line->flags.p, flag, line->flags.n);
}

static void add_known(int64_t *sum, int64_t value)
{
	*sum = *sum < 0 || value < 0 ? -1 : *sum + value;
}

static void add_line(struct client_group *group, const struct client_line *line)
{
	group->connections++;
	group->blocked += has_flag(line, 'b');
	group->subscribed += line->subscriptions > 0;
	group->in_transaction += line->multi >= 0;
	group->replicas += has_flag(line, 'S');
	if (line->age > group->age_seconds)
		group->age_seconds = line->age;
	if (line->idle >= 0 && (group->idle_seconds < 0 || line->idle < group->idle_seconds))
		group->idle_seconds = line->idle;
	add_known(&group->memory_bytes, line->memory);
	add_known(&group->output_bytes, line->output);
}

void client_groups_add(struct client_groups *groups, struct slice list)
{
	struct timeslice timeslice = {.since_ns = clock_mono_ns()};

	while (list.n) {
		struct slice text = slice_take(&list, '\n');

		if (text.n == 0)
			continue;
		struct client_line line = parse(text);

		add_line(group_of(groups, &line), &line);
		if (timeslice_spend(&timeslice, 2))
			return;
	}
}

static int by_connections(const void *a, const void *b)
{
	const struct client_group *x = *(const struct client_group *const *)a;
	const struct client_group *y = *(const struct client_group *const *)b;

	if (x->connections != y->connections)
		return x->connections < y->connections ? 1 : -1;
	int order = slice_compare(x->name, y->name);

	return order ? order : slice_compare(x->address, y->address);
}

size_t client_groups_sorted(struct client_groups *groups, const struct client_group *const **ret)
{
	size_t count = 0;

	mem_free(groups->sorted);
	groups->sorted =
		mem_array(HASH_COUNT(groups->groups) + 1, sizeof(const struct client_group *));
	for (const struct client_row *group = groups->groups; group; group = group->hh.next)
		groups->sorted[count++] = &group->sums;
	qsort(groups->sorted, count, sizeof *groups->sorted, by_connections);
	if (groups->rest.connections)
		groups->sorted[count++] = &groups->rest;
	*ret = groups->sorted;
	return count;
}
