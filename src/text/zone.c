/* SPDX-License-Identifier: MIT */
/*
 * Time zones from TZif files; see zone.h.
 *
 *	header, data with 32-bit times (skipped)
 *	header, data with 64-bit times:  change times | type of each | types | names | leap seconds
 *	newline, rule for later years, newline
 */
#include "text/zone.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "text/zone_rule.h"

#define ZONE_FOLDER "/usr/share/zoneinfo/"

enum {
	max_file = 256 * 1024,
	max_name = 64,
	max_types = 256,
	header_bytes = 44,
	day_s = 86400,
	max_offset_s = 26 * 3600 /* RFC 8536: more than any zone has or should have */
};

static const char unknown_zone[] = "is not a known time zone, such as Europe/Paris";
static const char malformed[] = "is a time zone whose file is damaged";

struct zone {
	size_t count;
	int64_t *at;	 /* ascending */
	int32_t *offset; /* from at[i] on */
	int32_t first_offset;
	bool has_rule;
	struct zone_rule rule;
};

/* The counts of one of a file's two parts. */
struct header {
	char version;
	uint32_t utc_flags, standard_flags, leaps, times, types, name_bytes;
};

static uint32_t read_u32(const char *p)
{
	const uint8_t *b = (const uint8_t *)p;

	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static int64_t read_i64(const char *p)
{
	return (int64_t)((uint64_t)read_u32(p) << 32 | read_u32(p + 4));
}

static bool take(struct slice *file, size_t n, const char **ret)
{
	if (n > file->n)
		return false;
	*ret = file->p;
	*file = slice_skip(*file, n);
	return true;
}

static bool take_header(struct slice *file, struct header *ret)
{
	const char *p;

	if (!take(file, header_bytes, &p) || memcmp(p, "TZif", 4) != 0)
		return false;
	ret->version = p[4];
	ret->utc_flags = read_u32(p + 20);
	ret->standard_flags = read_u32(p + 24);
	ret->leaps = read_u32(p + 28);
	ret->times = read_u32(p + 32);
	ret->types = read_u32(p + 36);
	ret->name_bytes = read_u32(p + 40);
	return ret->times <= max_file && ret->types <= max_types && ret->leaps <= max_file &&
	       ret->name_bytes <= max_file && ret->utc_flags <= max_types &&
	       ret->standard_flags <= max_types;
}

/* How many bytes follow the header. */
static size_t data_bytes(const struct header *h, size_t time_bytes)
{
	return h->times * (time_bytes + 1) + h->types * (size_t)6 + h->name_bytes +
	       h->leaps * (time_bytes + 4) + h->standard_flags + h->utc_flags;
}

static bool read_types(const char *p, uint32_t count, int32_t *offsets)
{
	for (uint32_t i = 0; i < count; i++) {
		offsets[i] = (int32_t)read_u32(p + (size_t)i * 6);
		if (offsets[i] > max_offset_s || offsets[i] < -max_offset_s)
			return false;
	}
	return count > 0;
}

static bool read_changes(const char *p, const struct header *h, struct zone *zone)
{
	const uint8_t *types = (const uint8_t *)p + (size_t)h->times * 8;
	int32_t offsets[max_types];

	if (!read_types((const char *)types + h->times, h->types, offsets))
		return false;
	zone->first_offset = offsets[0];
	zone->at = mem_array(h->times, sizeof *zone->at);
	zone->offset = mem_array(h->times, sizeof *zone->offset);
	zone->count = h->times;
	for (size_t i = 0; i < h->times; i++) {
		zone->at[i] = read_i64(p + i * 8);
		if (types[i] >= h->types || (i > 0 && zone->at[i] <= zone->at[i - 1]))
			return false;
		zone->offset[i] = offsets[types[i]];
	}
	return true;
}

/* A newline, the rule or nothing, a newline. */
static bool read_rule(struct slice file, struct zone *zone)
{
	const char *end = file.n > 1 ? memchr(file.p + 1, '\n', file.n - 1) : NULL;

	if (!end || file.p[0] != '\n')
		return false;
	struct slice text = slice_of(file.p + 1, (size_t)(end - file.p) - 1);
	zone->has_rule = text.n > 0;
	return !zone->has_rule || zone_rule_parse(text, &zone->rule);
}

struct zone *zone_parse(struct slice file, const char **why)
{
	struct zone *zone;
	struct header h;
	const char *p;

	*why = malformed;
	if (!take_header(&file, &h))
		return NULL;
	if (h.version < '2') {
		*why = "is a time zone in a file of an old form, without 64-bit times";
		return NULL;
	}
	if (!take(&file, data_bytes(&h, 4), &p) || !take_header(&file, &h) ||
		!take(&file, data_bytes(&h, 8), &p))
		return NULL;
	if (h.leaps > 0) {
		*why = "is a time zone that counts leap seconds, which Unix time does not";
		return NULL;
	}
	zone = mem_new(struct zone);
	if (!read_changes(p, &h, zone) || !read_rule(file, zone)) {
		zone_free(zone);
		return NULL;
	}
	*why = NULL;
	return zone;
}

/* Letters, digits and _ + - with single slashes between: nothing that leaves the folder. */
static bool name_is_safe(const char *name)
{
	size_t n = strlen(name);
	char last = '/';

	if (n == 0 || n > max_name)
		return false;
	for (size_t i = 0; i < n; i++) {
		char c = name[i];
		bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			    (c >= '0' && c <= '9') || c == '_' || c == '+' || c == '-';

		if (!word && (c != '/' || last == '/'))
			return false;
		last = c;
	}
	return last != '/';
}

static bool read_file(const char *path, struct buf *out)
{
	struct stat about;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t n = -1;

	if (fd < 0)
		return false;
	if (fstat(fd, &about) == 0 && S_ISREG(about.st_mode))
		do {
			n = read(fd, buf_reserve(out, 8192), 8192);
			if (n > 0)
				out->n += (size_t)n;
		} while ((n > 0 && out->n <= max_file) || (n < 0 && errno == EINTR));
	close(fd);
	return n == 0;
}

struct zone *zone_load(const char *name, const char **why)
{
	struct buf file = {0};
	struct zone *zone = NULL;

	*why = NULL;
	if (strcmp(name, "UTC") == 0) {
		zone = mem_new(struct zone);
		return zone;
	}
	*why = unknown_zone;
	if (!name_is_safe(name))
		return NULL;
	char *path = mem_printf("%s%s", ZONE_FOLDER, name);
	if (read_file(path, &file))
		zone = zone_parse(buf_slice(&file), why);
	else if (access(ZONE_FOLDER, X_OK) != 0)
		*why = "needs " ZONE_FOLDER " (package tzdata), which is not there";
	mem_free(path);
	buf_release(&file);
	return zone;
}

void zone_free(struct zone *zone)
{
	if (!zone)
		return;
	mem_free(zone->at);
	mem_free(zone->offset);
	mem_free(zone);
}

/* How many changes lie at or before a time. */
static size_t changes_until(const struct zone *zone, int64_t utc_s)
{
	size_t low = 0, high = zone->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (zone->at[middle] <= utc_s)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int32_t zone_offset(const struct zone *zone, int64_t utc_s)
{
	size_t i = changes_until(zone, utc_s);

	if (i == zone->count && zone->has_rule)
		return zone_rule_offset(&zone->rule, utc_s);
	return i > 0 ? zone->offset[i - 1] : zone->first_offset;
}

int64_t zone_next_change(const struct zone *zone, int64_t after_s)
{
	int32_t offset = zone_offset(zone, after_s);

	for (size_t i = changes_until(zone, after_s); i < zone->count; i++)
		if (zone->offset[i] != offset)
			return zone->at[i];
	if (!zone->has_rule)
		return INT64_MAX;
	if (zone->count > 0 && after_s < zone->at[zone->count - 1])
		after_s = zone->at[zone->count - 1];
	return zone_rule_next_change(&zone->rule, after_s);
}

enum zone_fit zone_from_local(const struct zone *zone, int64_t local_s, int64_t *ret_s)
{
	int64_t from = local_s - max_offset_s;
	bool found = false;

	/* Each stretch with one offset is tried, from before the time can be to after. */
	while (from <= local_s + max_offset_s) {
		int64_t until = zone_next_change(zone, from);
		int64_t utc = local_s - zone_offset(zone, from);

		if (utc < until && found)
			return utc >= from ? ZONE_TWICE : ZONE_ONCE;
		if (utc < until) {
			*ret_s = utc < from ? from : utc;
			if (utc < from)
				return ZONE_GAP;
			found = true;
		}
		from = until;
	}
	return ZONE_ONCE;
}
