/* SPDX-License-Identifier: MIT */
/* Events as entries of a stream; see event_entry.h. */
#include "watch/event_entry.h"

#include "text/json.h"

enum { max_words = 6 + 2 * 6 };

void event_entry_add(
	const struct event_item *item, struct slice key, uint64_t most, struct redis_batch *batch)
{
	char length[SLICE_INT_ROOM], time[SLICE_INT_ROOM];
	struct slice words[max_words] = {SLICE("XADD"), key, SLICE("MAXLEN"), SLICE("~"),
		slice_of_int(length, (int64_t)most), SLICE("*"), SLICE("i"), slice_str(item->id),
		SLICE("e"), slice_str(item->event), SLICE("t"), slice_of_int(time, item->wall_ms),
		SLICE("d"), item->data};
	size_t n = 14;

	if (item->names.n) {
		words[n++] = SLICE("n");
		words[n++] = item->names;
	}
	if (item->shown) {
		words[n++] = SLICE("l");
		words[n++] = SLICE("1");
	}
	redis_batch_add(batch, n, words);
}

struct slice event_entry_id(const struct redis_value *entry)
{
	return entry->type == REDIS_ARRAY ? redis_value_item(entry, 0) : SLICE("");
}

struct slice event_entry_event(const struct redis_value *entry)
{
	const struct redis_value *fields =
		entry->type == REDIS_ARRAY && entry->count == 2 ? entry->items[1] : NULL;

	for (size_t i = 0; fields && fields->type == REDIS_ARRAY && i + 1 < fields->count; i += 2)
		if (slice_is(redis_value_item(fields, i), "i"))
			return redis_value_item(fields, i + 1);
	return SLICE("");
}

static bool is_name(struct slice text)
{
	for (size_t i = 0; i < text.n; i++)
		if ((text.p[i] < 'a' || text.p[i] > 'z') && text.p[i] != '_')
			return false;
	return text.n > 0 && text.n <= EVENT_NAME_BYTES;
}

/* One JSON object without a line end, which would end a line of Server-Sent Events. */
static bool is_object(struct slice text, size_t most)
{
	if (text.n > most || !slice_starts(text, SLICE("{")) || !slice_ends(text, SLICE("}")))
		return false;
	for (size_t i = 0; i < text.n; i++)
		if ((unsigned char)text.p[i] < ' ')
			return false;
	return json_check(text, &json_control_limits, NULL) == OK;
}

static bool are_names(struct slice text)
{
	struct json_value member;

	return is_object(text, EVENT_NAMES_BYTES) &&
	       json_member(json_root(text), SLICE("keys"), &member) && member.type == JSON_ARRAY;
}

static void take_field(struct event_spec *spec, struct slice field, struct slice value)
{
	if (slice_is(field, "i"))
		spec->id = value;
	else if (slice_is(field, "e"))
		spec->event = value;
	else if (slice_is(field, "d"))
		spec->data = value;
	else if (slice_is(field, "n"))
		spec->names = value;
	else if (slice_is(field, "l"))
		spec->late = true;
	else if (slice_is(field, "t") && (!slice_int64(value, &spec->wall_ms) || spec->wall_ms < 0))
		spec->wall_ms = -1;
}

struct event_item *event_entry_read(const struct redis_value *entry)
{
	struct event_spec spec = {.wall_ms = -1};

	if (entry->type != REDIS_ARRAY || entry->count != 2 || entry->items[1]->type != REDIS_ARRAY)
		return NULL;
	const struct redis_value *fields = entry->items[1];

	for (size_t i = 0; i + 1 < fields->count; i += 2)
		take_field(&spec, redis_value_item(fields, i), redis_value_item(fields, i + 1));
	if (!event_id_is(spec.id) || !is_name(spec.event) || spec.wall_ms < 0 ||
		!is_object(spec.data, EVENT_DATA_BYTES))
		return NULL;
	if (spec.names.n && !are_names(spec.names))
		spec.names = SLICE("");
	return event_item_new(&spec);
}
