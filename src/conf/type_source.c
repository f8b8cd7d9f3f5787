/* SPDX-License-Identifier: MIT */
/*
 * Sources, shared or of one job: the members of each type, and what a job may add to a shared one.
 *
 *	sources: {api: {type: http, base_url, headers}}  ─┐
 *	job: source: {use: api, path, rows, format, pages} ┴─> the job's own struct conf_source
 *
 * A loader's source is like a job's, with the loader's parameters instead of pages.
 * What a query says of its parameters is in conf/query.h.
 */
#include <string.h>

#include "conf/query.h"
#include "conf/reader.h"
#include "text/field.h"

enum { pool_usual = 4, timeout_usual_ms = 300000 };

enum {
	OF_FILE = 1 << SOURCE_FILE,
	OF_COMMAND = 1 << SOURCE_COMMAND,
	OF_HTTP = 1 << SOURCE_HTTP,
	OF_POSTGRES = 1 << SOURCE_POSTGRES,
	OF_TEXT = OF_FILE | OF_COMMAND | OF_HTTP, /* rows are made of text */
	OF_ANY = OF_TEXT | OF_POSTGRES,
};

/* The types of each member; a job that uses a shared source gives only members with `use`. */
static const struct {
	const char *name;
	unsigned types;
	bool use;
} members[] = {
	{"path", OF_FILE | OF_HTTP, true},
	{"argv", OF_COMMAND, false},
	{"format", OF_TEXT, true},
	{"rows", OF_TEXT, true},
	{"delimiter", OF_TEXT, true},
	{"base_url", OF_HTTP, false},
	{"headers", OF_HTTP, false},
	{"ca", OF_HTTP, false},
	{"pages", OF_HTTP, true},
	{"dsn", OF_POSTGRES, false},
	{"password", OF_POSTGRES, false},
	{"password_file", OF_POSTGRES, false},
	{"pool", OF_POSTGRES, false},
	{"statement_timeout", OF_POSTGRES, false},
	{"query", OF_POSTGRES, true},
	{"count", OF_POSTGRES, true},
	{"breaker", OF_ANY, false},
};

static const char *const type_names[] = {[SOURCE_FILE] = "file",
	[SOURCE_COMMAND] = "command",
	[SOURCE_HTTP] = "http",
	[SOURCE_POSTGRES] = "postgres"};

static const char *check_members(
	struct reader *r, struct node *node, const struct conf_source *source, bool use)
{
	for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
		if (!node_given(node, members[i].name))
			continue;
		if (!(members[i].types & 1u << source->type))
			return reader_say(r, "has %s, which cannot be used with type %s",
				members[i].name, type_names[source->type]);
		if (use && !members[i].use)
			return reader_say(r,
				"has use and %s: a job or loader may add path, rows, format, "
				"delimiter, pages, query and count to a shared source",
				members[i].name);
	}
	return NULL;
}

static void free_template(void *p)
{
	template_free(p);
}

static const char *parse_url_path(
	struct reader *r, const struct node *path, struct conf_source *source)
{
	const char *why = NULL;
	struct template *template = template_parse(path->text, &why);

	if (!template)
		return reader_say(r, "has a path that %s", why);
	arena_own(r->arena, template, free_template);
	if (path->text.p[0] != '/')
		return "has a path that does not begin with a slash, such as /items?page={page}";
	source->url_path = template;
	source->path = NULL;
	return NULL;
}

static const char *check_base_url(const char *url)
{
	const char *host = strstr(url, "://");

	if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
		return "has a base_url that does not begin with http:// or https://";
	host += 3;
	if (strcspn(host, "/") == 0 || strpbrk(url, " \t\r\n?#"))
		return "has a base_url that is not scheme, host and path, such as "
		       "https://api.internal/v1";
	if (memchr(host, '@', strcspn(host, "/")))
		return "has credentials in its base_url: use headers instead";
	return NULL;
}

/* What a source must have by itself, before a job adds to it. */
static const char *finish_own(struct node *node, struct conf_source *source)
{
	if (!node_given(node, "type"))
		return "must have a type: file, command, http or postgres";
	if (!node_given(node, "format"))
		source->format = source->type == SOURCE_HTTP ? FORMAT_JSON : FORMAT_JSONL;
	if (source->type == SOURCE_COMMAND && !source->argc)
		return "must have argv: the program and its arguments, such as [cat, /srv/a.jsonl]";
	if (source->type == SOURCE_POSTGRES && !source->dsn)
		return "must have dsn, such as \"host=db dbname=shop user=cachewarden\"";
	if (source->type == SOURCE_POSTGRES && node_given(node, "password") &&
		node_given(node, "password_file"))
		return "has password and password_file: remove one of them";
	if (source->type != SOURCE_HTTP)
		return NULL;
	if (!source->base_url)
		return "must have base_url, such as https://api.internal";
	return check_base_url(source->base_url);
}

/* Files and programs must exist when they are used; until then their absence is only a warning. */
static void expect_parts(struct reader *r, struct node *node, const struct conf_source *source)
{
	const struct node *path = node_given(node, "path"), *argv = node_given(node, "argv"),
			  *ca = node_given(node, "ca");

	if (path && source->type == SOURCE_FILE && source->path)
		reader_expect_file(r, path, "path", source->path);
	if (argv && source->argc)
		reader_expect_program(r, argv, "argv", source->argv[0]);
	if (ca && source->ca)
		reader_expect_file(r, ca, "ca", source->ca);
}

/* The rules for a source and for what a job adds to one. */
static const char *finish_parts(
	struct reader *r, struct node *node, struct conf_source *source, bool use)
{
	struct node *path = node_given(node, "path");
	const char *wrong = check_members(r, node, source, use);

	if (wrong)
		return wrong;
	if (path && source->type == SOURCE_FILE)
		wrong = type_path.set(r, section_key(&section_source, "path"), path, source);
	if (path && source->type == SOURCE_HTTP)
		wrong = parse_url_path(r, path, source);
	if (wrong)
		return wrong;
	expect_parts(r, node, source);
	if (node_given(node, "query"))
		source->query_params = query_params(slice_str(source->query));
	if (source->rows.n && source->rows.p[0] != '/')
		return "has rows that are not a JSON pointer such as /items";
	if (source->rows.n && source->format != FORMAT_JSON)
		return "has rows, which can be used with format json only";
	if (source->delimiter && source->format != FORMAT_CSV)
		return "has a delimiter, which can be used with format csv only";
	return NULL;
}

static const char *finish_source(struct reader *r, struct node *node, void *object)
{
	struct conf_source *source = object;
	const char *wrong = NULL;

	if (node_given(node, "use"))
		return "has use, which only the source of a job or loader may have";
	wrong = finish_own(node, source);
	return wrong ? wrong : finish_parts(r, node, source, false);
}

/* What the source of a job or loader must have, with all parts merged. */
static const char *finish_whole(const struct conf_source *source)
{
	if (source->type == SOURCE_FILE && !source->path)
		return "must have path: the file to read";
	if (source->type == SOURCE_HTTP && !source->url_path)
		return "must have path, such as /items";
	if (source->type == SOURCE_POSTGRES && !source->query)
		return "must have query, such as SELECT id, name FROM product";
	return NULL;
}

static const char *finish_job(const struct conf_source *source)
{
	bool has_page = false;

	if (source->type == SOURCE_POSTGRES && source->query_params)
		return "has $1 or the like in its query, which only a loader's query may have";
	if (source->type != SOURCE_HTTP)
		return NULL;
	for (size_t i = 0; i < template_names(source->url_path); i++, has_page = true)
		if (!slice_is(template_name(source->url_path, i), "page"))
			return "has a path with a placeholder other than {page}";
	if (has_page && !source->paged)
		return "has {page} in its path, but no pages: {from: 1, until: empty}";
	if (source->paged && has_page != (source->pages_by == PAGES_NUMBERED))
		return has_page ? "has {page} in its path, but pages with next"
				: "has pages, but no {page} in its path";
	if (source->paged && source->pages_by == PAGES_POINTER &&
		(source->format != FORMAT_JSON || !source->rows.n))
		return "has pages with a next pointer, which needs format json and rows, such as "
		       "/items";
	return NULL;
}

static const struct conf_source *find_shared(struct reader *r, struct slice name)
{
	const struct conf_private *private = &r->conf->private;

	for (size_t i = 0; i < private->source_count; i++)
		if (private->sources[i].name && slice_is(name, private->sources[i].name))
			return &private->sources[i];
	return NULL;
}

/* The source of a job or loader, with its name and owner: its own, or one that adds to a shared one. */
static const char *set_source(
	struct reader *r, const struct key *key, struct node *node, struct conf_source *source)
{
	const struct node *use = node_given(node, "use");
	unsigned faults = r->faults->count;
	const char *wrong = NULL;

	if (node->kind != NODE_MAP)
		return "must be a map, such as {type: file, path: /srv/rates.csv}";
	if (use && node_given(node, "type"))
		return "has use and type: the type is that of the shared source";
	source->breaker_failures = CONF_BREAKER_FAILURES;
	source->breaker_open_ms = CONF_BREAKER_OPEN_MS;
	source->pool = pool_usual;
	source->statement_timeout_ms = timeout_usual_ms;
	if (use) {
		const struct conf_source *shared = find_shared(r, use->text);

		if (!shared)
			return reader_say(r, "uses %.*s, which is not in sources", (int)use->text.n,
				use->text.p);
		*source = *shared;
	}
	section_overlay(r, key->section, node, source);
	if (r->faults->count != faults)
		return NULL;
	if (!use)
		wrong = finish_own(node, source);
	if (!wrong)
		wrong = finish_parts(r, node, source, use != NULL);
	return wrong ? wrong : finish_whole(source);
}

static const char *set_job_source(
	struct reader *r, const struct key *key, struct node *node, void *object)
{
	struct conf_job *job = object;
	unsigned faults = r->faults->count;

	job->source.name = job->name;
	job->source.owner = OWNER_JOB;
	const char *wrong = set_source(r, key, node, &job->source);

	return wrong || r->faults->count != faults ? wrong : finish_job(&job->source);
}
const struct type type_job_source = {.set = set_job_source};

static const char *set_job_visit(
	struct reader *r, const struct key *key, struct node *node, void *object)
{
	struct conf_job *job = object;
	unsigned faults = r->faults->count;

	job->visit.name = job->name;
	job->visit.owner = OWNER_VISIT;
	const char *wrong = set_source(r, key, node, &job->visit);

	if (wrong || r->faults->count != faults)
		return wrong;
	if (job->visit.type != SOURCE_HTTP)
		return "is not of type http";
	return job->visit.paged ? "has pages, which only the source of a job may have" : NULL;
}
const struct type type_job_visit = {.set = set_job_visit};

static const char *set_loader_source(
	struct reader *r, const struct key *key, struct node *node, void *object)
{
	struct conf_loader *loader = object;
	unsigned faults = r->faults->count;

	loader->source.name = loader->name;
	loader->source.owner = OWNER_LOADER;
	const char *wrong = set_source(r, key, node, &loader->source);

	if (wrong || r->faults->count != faults)
		return wrong;
	if (loader->source.count)
		return "has count, which only the source of a job may have";
	return loader->source.paged ? "has pages, which only the source of a job may have" : NULL;
}
const struct type type_loader_source = {.set = set_loader_source};

static const char *set_argument(
	struct reader *r, const struct key *key, struct node *node, void *element)
{
	(void)key;
	*(char **)element = arena_dup(r->arena, node->text);
	return node->kind == NODE_SCALAR ? NULL : "must be one text, not a list or map";
}

static const struct list argument_list = {
	.expected = "must be a list: the program and its arguments",
	.size = sizeof(char *),
	.set = set_argument,
};
static const struct type arguments = {.list = &argument_list};

/* The program and its arguments; NULL follows the last one. */
static const char *set_argv(
	struct reader *r, const struct key *key, struct node *node, void *object)
{
	struct key inner = *key;
	const char *wrong;

	inner.type = &arguments;
	wrong = type_set(r, &inner, node, object);
	if (wrong || node->children->kind != NODE_SCALAR)
		return wrong;
	struct slice program = node->children->text;
	size_t mark = reader_enter_element(r, 0);

	if (program.n == 0)
		reader_fault(r, node->children, "must name a program");
	else if (program.p[0] == '{' && program.p[program.n - 1] == '}')
		reader_fault(r, node->children,
			"is a placeholder: callers could choose the program to run");
	reader_leave(r, mark);
	return NULL;
}
const struct type type_argv = {.set = set_argv};

static const char *set_header(
	struct reader *r, const struct key *key, struct node *node, void *element)
{
	struct conf_header *header = element;
	static const struct slice twin = {"_file", 5};
	struct slice name = node->name;
	bool from_file = name.n > twin.n && memcmp(name.p + name.n - twin.n, twin.p, twin.n) == 0;
	const char *wrong = NULL;

	(void)key;
	if (node->kind != NODE_SCALAR || node_is_null(node))
		return "must be one text, not a list or map";
	if (from_file)
		name.n -= twin.n;
	if (name.n > 256 || !field_is_name(name))
		return "is not the name of a header";
	header->name = arena_dup(r->arena, name);
	if (from_file)
		wrong = reader_secret(
			r, slice_str(reader_resolve(r, node, node->text)), &header->value);
	else
		header->value = arena_dup(r->arena, node->text);
	if (!wrong && !field_is_value(slice_str(header->value)))
		wrong = "has control bytes in its value";
	return wrong;
}

/* An earlier one with a fault has no name. */
static bool is_same(const void *a, const void *b)
{
	const struct conf_header *x = a, *y = b;

	return x->name && strcasecmp(x->name, y->name) == 0;
}
static const struct list headers = {
	.shape = MAP_ONLY,
	.expected = "must be a map, such as {Accept: application/json}",
	.size = sizeof(struct conf_header),
	.set = set_header,
	.same = is_same,
};
const struct type type_headers = {.list = &headers};

static const char *set_delimiter(
	struct reader *r, const struct key *key, struct node *node, void *object)
{
	struct conf_source *source = object;
	struct slice text = node->text;

	(void)r;
	(void)key;
	/* In single quotes, YAML does not replace \t. */
	if (node->kind == NODE_SCALAR && (slice_is(text, "\\t") || slice_is(text, "tab")))
		text = SLICE("\t");
	if (node->kind != NODE_SCALAR || text.n != 1 || !strchr(",;\t|:^~", text.p[0]))
		return "must be one of \",\", \";\", \"\\t\", \"|\", \":\", \"^\" and \"~\"";
	source->delimiter = text.p[0];
	return NULL;
}
const struct type type_delimiter = {.set = set_delimiter};

static const char *set_password_file(
	struct reader *r, const struct key *key, struct node *node, void *object)
{
	struct conf_source *source = object;
	const struct key path = {.offset = offsetof(struct conf_source, password_file)};
	const char *wrong = type_path.set(r, &path, node, source);

	(void)key;
	return wrong ? wrong
		     : reader_secret(r, slice_str(source->password_file), &source->password);
}
static const struct type type_source_password = {.set = set_password_file};

#define AT(field)      .offset = offsetof(struct conf_source, field)
#define LIST(field, n) AT(field), .count_offset = offsetof(struct conf_source, n)

/* clang-format off */
static const struct key keys[] = {
	{"use", &type_name, AT(name), .help = "the shared source to use"},
	{"type", &type_choice, AT(type), .choices = "file command http postgres", .help = "where rows come from: file, command, http or postgres"},
	{"path", &type_string, AT(path), .flags = KEY_MASKED, .min = 1, .max = 4096, .help = "file: the file to read; http: what follows base_url, with {page} where there are pages"},
	{"argv", &type_argv, LIST(argv, argc), .min = 1, .flags = KEY_MASKED, .help = "command: the program and its arguments, without a shell"},
	{"format", &type_choice, AT(format), .choices = "jsonl json csv", .help = "format of rows: jsonl, json or csv"},
	{"rows", &type_slice, AT(rows), .max = 512, .help = "json: the pointer to the array of rows"},
	{"delimiter", &type_delimiter, .help = "csv: the separator of cells: \",\", \";\", \"\\t\" and the like"},
	{"base_url", &type_string, AT(base_url), .min = 1, .max = 2048, .help = "http: scheme, host and the beginning of the path"},
	{"headers", &type_headers, LIST(headers, header_count), .flags = KEY_SECRET, .help = "http: headers to send; NAME_file takes the value from a file"},
	{"ca", &type_path, AT(ca), .help = "http: file of trusted certificates, instead of the system's"},
	{"pages", &type_pages, .help = "http: {from: 1, until: empty, max: 10000}: pages are requested until one has no rows; {next: link} or {next: /pointer}: as long as one names another"},
	{"dsn", &type_string, AT(dsn), .flags = KEY_MASKED, .min = 1, .max = 4096, .help = "postgres: where the database is, as libpq takes it: keyword=value pairs or a URL"},
	{"password", &type_string, AT(password), .flags = KEY_SECRET, .min = 1, .max = 4096, .help = "postgres: the password; takes precedence over one in the dsn"},
	{"password_file", &type_source_password, .help = "postgres: file that holds the password, read again for each connection"},
	{"pool", &type_int, AT(pool), "4", 1, 100, .flags = KEY_QUIET, .help = "postgres: connections at most"},
	{"statement_timeout", &type_duration, AT(statement_timeout_ms), "5m", 100, INT64_C(86400000), .flags = KEY_QUIET, .help = "postgres: how long the server may work on a query"},
	{"query", &type_string, AT(query), .min = 1, .max = 65536, .help = "postgres: the query whose rows are used; $1, $2 are a loader's parameters"},
	{"count", &type_string, AT(count), .min = 1, .max = 65536, .help = "postgres: a query for the number of rows, for progress"},
	{"breaker.failures", &type_int, AT(breaker_failures), "5", 1, 100, .help = "consecutive failures of different keys after which the source is not used"},
	{"breaker.open_for", &type_duration, AT(breaker_open_ms), "5s", 100, 3600000, .help = "how long it is then not used before a few keys are tried"},
};
/* clang-format on */

const struct section section_source = {.keys = keys,
	.count = sizeof keys / sizeof *keys,
	.size = sizeof(struct conf_source),
	.name_offset = offsetof(struct conf_source, name),
	.finish = finish_source};
