/* SPDX-License-Identifier: MIT */
/*
 * The metric table's values and their Prometheus text; see metric.h.
 *
 *	rows[METRIC_x] --> series by label text: `route="/livez",code="200"` --> value | histogram
 *
 * The label text is both the key of a series and what is rendered, so a scrape copies it.
 */
#include "base/metric.h"

#include <assert.h>
#include <string.h>
#include <uthash.h>

#include "base/histogram.h"
#include "base/mem.h"

static const char *const kind_names[] = {"counter", "gauge", "histogram"};

enum { label_name_bytes = 16 };

struct metric_row {
	enum metric_kind kind;
	const char *name;
	const char *label_names; /* as in the table */
	const char *help;
};

#define PREFIX "cachewarden_"

static const struct metric_row rows[METRIC_COUNT] = {
#define X(name, kind, text, labels, help) {METRIC_##kind, PREFIX text, labels, help},
	METRIC_TABLE(X)
#undef X
};

struct metric_series {
	char *labels; /* `{a="1",b="2"`, without the closing brace; empty where the row has none */
	size_t labels_n;
	uint64_t count; /* of a counter */
	double value;	/* of a gauge */
	struct histogram *histogram;
	UT_hash_handle hh;
};

struct metrics {
	struct metric_series *rows[METRIC_COUNT];
	struct buf key; /* scratch for the label text that is looked up */
};

/*
 * The upper bounds of the buckets that a histogram shows, chosen by what it measures, so that a
 * quantile does not lie in the first or the last of them.
 */
struct metric_bound {
	uint64_t us;
	const char *seconds;
};

/* One round trip, one turn of the loop: up to redis.command_timeout. */
static const struct metric_bound trip_bounds[] = {
	{100, "0.0001"},
	{250, "0.00025"},
	{500, "0.0005"},
	{1000, "0.001"},
	{2500, "0.0025"},
	{5000, "0.005"},
	{10000, "0.01"},
	{25000, "0.025"},
	{50000, "0.05"},
	{100000, "0.1"},
	{500000, "0.5"},
	{2000000, "2"},
	{0, NULL},
};

/* Requests: from what is answered from memory to those that wait for an operation. */
static const struct metric_bound request_bounds[] = {
	{100, "0.0001"},
	{500, "0.0005"},
	{1000, "0.001"},
	{2500, "0.0025"},
	{5000, "0.005"},
	{10000, "0.01"},
	{50000, "0.05"},
	{100000, "0.1"},
	{500000, "0.5"},
	{1000000, "1"},
	{10000000, "10"},
	{60000000, "60"},
	{300000000, "300"},
	{0, NULL},
};

/* Runs, whose default timeout is 10 minutes. */
static const struct metric_bound run_bounds[] = {
	{10000, "0.01"},
	{100000, "0.1"},
	{500000, "0.5"},
	{1000000, "1"},
	{5000000, "5"},
	{10000000, "10"},
	{30000000, "30"},
	{60000000, "60"},
	{120000000, "120"},
	{300000000, "300"},
	{600000000, "600"},
	{1800000000, "1800"},
	{3600000000, "3600"},
	{0, NULL},
};

static const struct metric_bound *bounds_of(enum metric metric)
{
	if (metric == METRIC_WARM_DURATION)
		return run_bounds;
	return metric == METRIC_HTTP_DURATION ? request_bounds : trip_bounds;
}

struct metrics *metrics_new(void)
{
	return mem_new(struct metrics);
}

static void series_end(struct metric_series **row, struct metric_series *series)
{
	HASH_DEL(*row, series);
	mem_free(series->labels);
	mem_free(series->histogram);
	mem_free(series);
}

static void row_clear(struct metric_series **row)
{
	struct metric_series *series, *next;

	HASH_ITER(hh, *row, series, next)
	series_end(row, series);
}

void metrics_begin_counters(struct metrics *m)
{
	for (enum metric metric = 0; metric < METRIC_COUNT; metric++)
		if (rows[metric].kind == METRIC_COUNTER && !*rows[metric].label_names)
			metric_add(m, metric, NULL, NULL, 0);
}

void metrics_free(struct metrics *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < METRIC_COUNT; i++)
		row_clear(&m->rows[i]);
	buf_release(&m->key);
	mem_free(m);
}

/* Writes the label text of the series into m->key. */
static void set_key(struct metrics *m, enum metric metric, const char *a, const char *b)
{
	const char *values[METRIC_MAX_LABELS] = {a, b};
	const char *names = rows[metric].label_names;
	size_t i = 0;

	buf_clear(&m->key);
	for (; *names; i++) {
		char name[label_name_bytes];
		size_t n = strcspn(names, ",");

		assert(n < sizeof name && i < METRIC_MAX_LABELS && values[i]);
		memcpy(name, names, n);
		name[n] = '\0';
		metric_render_label(&m->key, name, slice_str(values[i]), i == 0);
		names += n + (names[n] == ',');
	}
	assert(i == METRIC_MAX_LABELS || !values[i]);
}

static struct metric_series *find(
	struct metrics *m, enum metric metric, const char *a, const char *b)
{
	struct metric_series *series;

	set_key(m, metric, a, b);
	HASH_FIND(hh, m->rows[metric], m->key.p ? m->key.p : "", m->key.n, series);
	return series;
}

static struct metric_series *find_or_begin(
	struct metrics *m, enum metric metric, const char *a, const char *b)
{
	struct metric_series **row = &m->rows[metric];
	struct metric_series *series = find(m, metric, a, b);

	if (!series && HASH_COUNT(*row) >= METRIC_MAX_SERIES)
		series = find(m, metric, a ? "other" : NULL, b ? "other" : NULL);
	if (series)
		return series;
	series = mem_new(struct metric_series);
	series->labels = slice_dup(buf_slice(&m->key));
	series->labels_n = m->key.n;
	if (rows[metric].kind == METRIC_HISTOGRAM)
		series->histogram = mem_new(struct histogram);
	HASH_ADD_KEYPTR(hh, *row, series->labels, series->labels_n, series);
	return series;
}

void metric_add(struct metrics *m, enum metric metric, const char *a, const char *b, uint64_t n)
{
	assert(rows[metric].kind == METRIC_COUNTER);
	find_or_begin(m, metric, a, b)->count += n;
}

void metric_set(struct metrics *m, enum metric metric, const char *a, const char *b, double value)
{
	assert(rows[metric].kind == METRIC_GAUGE);
	find_or_begin(m, metric, a, b)->value = value;
}

void metric_observe_us(struct metrics *m, enum metric metric, const char *a, int64_t us)
{
	assert(rows[metric].kind == METRIC_HISTOGRAM);
	histogram_record(find_or_begin(m, metric, a, NULL)->histogram, us);
}

void metric_drop(struct metrics *m, enum metric metric, const char *a, const char *b)
{
	struct metric_series *series;

	if (!a && !b) {
		row_clear(&m->rows[metric]);
		return;
	}
	series = find(m, metric, a, b);
	if (series)
		series_end(&m->rows[metric], series);
}

double metric_value(struct metrics *m, enum metric metric, const char *a, const char *b)
{
	const struct metric_series *series = find(m, metric, a, b);

	if (!series)
		return 0;
	return rows[metric].kind == METRIC_COUNTER ? (double)series->count : series->value;
}

enum metric metric_named(struct slice name)
{
	enum metric metric = 0;

	while (metric < METRIC_COUNT && !slice_is(name, rows[metric].name + sizeof PREFIX - 1))
		metric++;
	return metric;
}

enum metric_kind metric_kind(enum metric metric)
{
	return rows[metric].kind;
}

bool metric_extreme(const struct metrics *m, enum metric metric, bool highest, double *ret)
{
	const struct metric_series *first = m->rows[metric];

	assert(rows[metric].kind == METRIC_GAUGE);
	for (const struct metric_series *s = first; s; s = s->hh.next)
		if (s == first || (highest ? s->value > *ret : s->value < *ret))
			*ret = s->value;
	return first;
}

double metric_total(const struct metrics *m, enum metric metric)
{
	uint64_t total = 0;

	assert(rows[metric].kind == METRIC_COUNTER);
	for (const struct metric_series *s = m->rows[metric]; s; s = s->hh.next)
		total += s->count;
	return (double)total;
}

void metric_histogram_total(const struct metrics *m, enum metric metric, struct histogram *to)
{
	assert(rows[metric].kind == METRIC_HISTOGRAM);
	for (const struct metric_series *s = m->rows[metric]; s; s = s->hh.next)
		histogram_add(to, s->histogram);
}

const struct histogram *metric_histogram(struct metrics *m, enum metric metric, const char *a)
{
	const struct metric_series *series = find(m, metric, a, NULL);

	return series ? series->histogram : NULL;
}

/* `name` + `suffix` and the labels, up to the space before the value. */
static void render_name(
	const char *name, const char *suffix, const struct metric_series *series, struct buf *out)
{
	buf_str(out, name);
	buf_str(out, suffix);
	buf_append(out, series->labels, series->labels_n);
	buf_str(out, series->labels_n ? "} " : " ");
}

/* The beginning that all lines of a histogram's buckets share, written once and copied then. */
static size_t render_bucket_head(
	const char *name, const struct metric_series *series, struct buf *out)
{
	size_t begin = out->n;

	buf_str(out, name);
	buf_str(out, "_bucket");
	buf_append(out, series->labels, series->labels_n);
	buf_str(out, series->labels_n ? ",le=\"" : "{le=\"");
	return out->n - begin;
}

static void copy_head(size_t from, size_t n, struct buf *out)
{
	char *to = buf_reserve(out, n);

	memcpy(to, out->p + from, n);
	out->n += n;
}

static void render_bucket_end(const char *bound, uint64_t below, struct buf *out)
{
	buf_str(out, bound);
	buf_str(out, "\"} ");
	buf_uint(out, below);
	buf_char(out, '\n');
}

static void render_histogram(
	enum metric metric, const struct metric_series *series, struct buf *out)
{
	const char *name = rows[metric].name;
	const struct histogram *h = series->histogram;
	struct histogram_sweep sweep = {0};
	size_t begin = out->n, head = render_bucket_head(name, series, out);

	for (const struct metric_bound *bound = bounds_of(metric); bound->seconds; bound++) {
		render_bucket_end(bound->seconds, histogram_sweep(h, &sweep, bound->us), out);
		copy_head(begin, head, out);
	}
	render_bucket_end("+Inf", h->count, out);
	render_name(name, "_sum", series, out);
	metric_render_number(out, (double)h->sum_us / 1e6);
	buf_char(out, '\n');
	render_name(name, "_count", series, out);
	buf_uint(out, h->count);
	buf_char(out, '\n');
}

static void render_series(enum metric metric, const struct metric_series *series, struct buf *out)
{
	const struct metric_row *row = &rows[metric];

	if (row->kind == METRIC_HISTOGRAM) {
		render_histogram(metric, series, out);
		return;
	}
	render_name(row->name, "", series, out);
	if (row->kind == METRIC_COUNTER)
		buf_uint(out, series->count);
	else
		metric_render_number(out, series->value);
	buf_char(out, '\n');
}

void metrics_render(const struct metrics *m, struct buf *out)
{
	for (enum metric i = 0; i < METRIC_COUNT; i++) {
		const struct metric_row *row = &rows[i];

		if (m->rows[i])
			metric_render_head(out, row->name, kind_names[row->kind], row->help);
		for (const struct metric_series *s = m->rows[i]; s; s = s->hh.next)
			render_series(i, s, out);
	}
}
