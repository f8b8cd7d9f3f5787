/* SPDX-License-Identifier: MIT */
/* One call of a loader: filling its key and tags, and reading its value from the source. */
#include "base/mem.h"
#include "cache/guard.h"
#include "cache/tag.h"
#include "warm/loader_internal.h"
#include "warm/row.h"

static bool param_value(void *context, struct slice name, struct buf *out)
{
	const struct loader_call *call = context;

	for (size_t i = 0; i < call->conf_loader->param_count; i++) {
		if (!slice_equal(call->params[i].name, name))
			continue;
		buf_add(out, call->params[i].value);
		return true;
	}
	return false;
}

static enum error fill(struct loader_call *call, const struct template *template, struct buf *out,
	struct fault *fault)
{
	enum error error = template_fill(template, TEMPLATE_LITERAL, param_value, call, out, fault);

	if (error && fault)
		fault->error = ERR_BAD_PARAMETER;
	return error ? ERR_BAD_PARAMETER : OK;
}

/* Different values of the parameters must not give the same key. */
static enum error check_ambiguous(struct loader_call *call, struct fault *fault)
{
	const struct template *key = call->conf_loader->key;
	struct slice name, text = template_text(key);

	if (template_tells(key, param_value, call, &name))
		return OK;
	return fault_set(fault, ERR_BAD_PARAMETER,
		"the value of %.*s contains the text that follows it in the key %.*s, so that "
		"other values would give the same key",
		(int)name.n, name.p, (int)(text.n < 200 ? text.n : 200), text.p);
}

static enum error fill_key(
	struct loader_call *call, const struct identity *who, struct fault *fault)
{
	struct guard guard;
	enum error error = fill(call, call->conf_loader->key, &call->key, fault);

	guard_init(&guard, call->conf, who);
	if (!error)
		error = check_ambiguous(call, fault);
	if (!error)
		error = guard_check_key(buf_slice(&call->key), fault);
	if (!error)
		error = guard_exact(&guard, buf_slice(&call->key), fault);
	return error;
}

static enum error fill_tags(struct loader_call *call, struct fault *fault)
{
	const struct conf_loader *loader = call->conf_loader;
	enum error error = OK;

	for (size_t i = 0; i < loader->tag_count && !error; i++) {
		struct buf tag = {0};

		error = fill(call, loader->tags[i], &tag, fault);
		if (!error)
			error = tag_check(buf_slice(&tag), fault);
		call->tags[i] = arena_slice(&call->texts, buf_slice(&tag));
		buf_release(&tag);
	}
	if (error == ERR_BAD_BODY && fault)
		fault->error = ERR_BAD_PARAMETER;
	return error == ERR_BAD_BODY ? ERR_BAD_PARAMETER : error;
}

static void prepare_request(struct loader_call *call)
{
	const struct conf_loader *loader = call->conf_loader;

	call->request = (struct result_request){.key = buf_slice(&call->key),
		.ttl_ms = loader->ttl_ms > 0 ? loader->ttl_ms : 0,
		.tags = call->tags,
		.tag_count = loader->tag_count,
		.load_ms = loader->timeout_ms,
		.absent_ms = loader->absent_ms,
		.usual_load_ms = (int64_t)call->loader->usual_ms,
		/* Another client's load, and one of our own if that fails. */
		.deadline = clock_deadline(2 * loader->timeout_ms)};
}

static struct loader *known(struct loaders *loaders, const char *name)
{
	struct loader *loader;

	HASH_FIND_STR(loaders->known, name, loader);
	if (loader)
		return loader;
	loader = mem_zalloc(sizeof *loader + strlen(name) + 1);
	memcpy(loader->name, name, strlen(name) + 1);
	HASH_ADD_KEYPTR(hh, loaders->known, loader->name, strlen(name), loader);
	return loader;
}

enum error loader_call_new(struct loaders *loaders, const struct loader_request *request,
	struct loader_call **ret, struct fault *fault)
{
	struct loader_call *call = mem_new(struct loader_call);
	const struct conf_loader *loader = request->loader;

	call->loaders = loaders;
	call->loader = known(loaders, loader->name);
	call->conf = conf_ref(request->conf);
	call->conf_loader = loader;
	call->references = 1;
	for (size_t i = 0; i < loader->param_count; i++)
		call->params[i] = (struct source_param){.name = loader->params[i],
			.value = arena_slice(&call->texts, request->values[i])};
	enum error error = fill_key(call, request->who, fault);
	if (!error)
		error = fill_tags(call, fault);
	prepare_request(call);
	*ret = call;
	if (!error)
		return OK;
	loader_call_unref(call);
	return error;
}

void loader_call_unref(struct loader_call *call)
{
	if (--call->references)
		return;
	result_end(call->result);
	arena_release(&call->texts);
	buf_release(&call->key);
	conf_unref(call->conf);
	mem_free(call);
}

static enum error add_row(const struct loader_call *call, struct source_row *row, struct buf *value,
	struct fault *fault)
{
	const struct template *template = call->conf_loader->value;

	if (template)
		return row_fill(template, row, value, fault);
	source_row_json(row, value);
	return OK;
}

static enum error check_size(
	const struct loader_call *call, const struct buf *value, struct fault *fault)
{
	if ((int64_t)value->n <= call->conf->max_value_bytes)
		return OK;
	return fault_set(fault, ERR_TOO_LARGE,
		"the value from the source of loader %s is larger than %lld bytes "
		"(cache.max_value_bytes)",
		call->conf_loader->name, (long long)call->conf->max_value_bytes);
}

/* null instead of a row means that there is none. */
static bool is_none(const struct source_row *row)
{
	return row->kind == ROW_JSON && row->json.type == JSON_NULL;
}

/* The only row. Parks. */
static enum error read_one(const struct loader_call *call, struct source *source, struct buf *value,
	struct fault *fault)
{
	struct source_row row;
	bool end;
	enum error error = source_next(source, &row, &end, fault);

	if (!error && (end || is_none(&row)))
		return fault_set(fault, ERR_NO_VALUE, "the source of loader %s has no such value",
			call->conf_loader->name);
	if (!error)
		error = add_row(call, &row, value, fault);
	if (!error)
		error = check_size(call, value, fault);
	if (!error)
		error = source_next(source, &row, &end, fault);
	if (!error && !end)
		return fault_set(fault, ERR_SOURCE_ROW,
			"the source of loader %s gave more than one row: set many: true to keep "
			"all rows, or make the source give one",
			call->conf_loader->name);
	return error;
}

/* All rows as a JSON array. Parks. */
static enum error read_many(const struct loader_call *call, struct source *source,
	struct buf *value, struct fault *fault)
{
	struct source_row row;
	enum error error = OK;
	bool end = false;

	buf_char(value, '[');
	while (!error && !end) {
		error = source_next(source, &row, &end, fault);
		if (error || end)
			continue;
		if (value->n > 1)
			buf_char(value, ',');
		error = add_row(call, &row, value, fault);
		if (!error)
			error = check_size(call, value, fault);
	}
	buf_char(value, ']');
	return error;
}

enum error loader_call_value(const struct loader_call *call, struct buf *value, struct fault *fault)
{
	const struct conf_loader *loader = call->conf_loader;
	struct source *source = NULL;
	enum error error = source_open(call->loaders->sources,
		&(struct source_call){.conf = &loader->source,
			.params = call->params,
			.param_count = loader->param_count,
			.deadline = clock_deadline(loader->timeout_ms),
			.max_row_bytes = row_max_bytes(call->conf),
			.lookup = true},
		&source, fault);

	if (!error)
		error = loader->many ? read_many(call, source, value, fault)
				     : read_one(call, source, value, fault);
	fiber_cleanup_begin(5000);
	source_close(source);
	fiber_cleanup_end();
	return error;
}
