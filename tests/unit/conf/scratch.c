/* SPDX-License-Identifier: MIT */
#include "scratch.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../unit.h"

void scratch_begin(struct scratch *s)
{
	memset(s, 0, sizeof *s);
	strcpy(s->folder, "/tmp/cw-conf-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(s->folder));
	unsetenv("REDIS_URL");
	unsetenv("REDIS_CACHE_TTL");
	unsetenv("CACHEWARDEN_LISTEN");
	unsetenv("CACHEWARDEN_LOG_LEVEL");
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

void scratch_end(struct scratch *s)
{
	nftw(s->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	conf_unref(s->conf);
	buf_release(&s->path);
	buf_release(&s->faults);
}

static void make_path(struct scratch *s, const char *name)
{
	buf_clear(&s->path);
	buf_printf(&s->path, "%s/%s", s->folder, name);
}

void scratch_write_bytes(struct scratch *s, const char *name, struct slice bytes)
{
	const char *slash = strchr(name, '/');
	FILE *file;

	if (slash) {
		buf_clear(&s->path);
		buf_printf(&s->path, "%s/%.*s", s->folder, (int)(slash - name), name);
		mkdir(s->path.p, 0700);
	}
	make_path(s, name);
	file = fopen(s->path.p, "w");
	ck_assert_ptr_nonnull(file);
	fwrite(bytes.p, 1, bytes.n, file);
	fclose(file);
	chmod(s->path.p, 0600);
}

void scratch_write(struct scratch *s, const char *name, const char *text)
{
	scratch_write_bytes(s, name, slice_str(text));
}

enum error scratch_load(struct scratch *s)
{
	struct buf faults = {0};
	size_t skip = strlen(s->folder) + 1;
	enum error error;

	conf_unref(s->conf);
	s->conf = NULL;
	buf_clear(&s->faults);
	buf_str(&s->faults, "");
	make_path(s, "c.yaml");
	error = conf_load(s->path.p, &s->conf, &faults);
	for (const char *rest = faults.n ? faults.p : ""; *rest;) {
		const char *at = strstr(rest, s->folder);

		buf_append(&s->faults, rest, at ? (size_t)(at - rest) : strlen(rest));
		rest = at ? at + skip : rest + strlen(rest);
	}
	buf_release(&faults);
	return error;
}

const struct conf *scratch_good(struct scratch *s, const char *text)
{
	scratch_write(s, "c.yaml", text);
	ck_assert_msg(scratch_load(s) == OK, "%s\nof\n%s", s->faults.p, text);
	ck_assert_ptr_nonnull(s->conf);
	return s->conf;
}

void scratch_bad(struct scratch *s, const char *text, const char *faults)
{
	scratch_write(s, "c.yaml", text);
	ck_assert_int_eq(scratch_load(s), ERR_BAD_CONFIG);
	ck_assert_ptr_null(s->conf);
	ck_assert_msg(slice_is(buf_slice(&s->faults), faults), "%s\ngives\n%sand not\n%s", text,
		s->faults.p, faults);
}

void scratch_faults(const struct scratch_fault *rows, size_t count)
{
	struct scratch s;

	scratch_begin(&s);
	for (size_t i = 0; i < count; i++)
		scratch_bad(&s, rows[i].text, rows[i].faults);
	scratch_end(&s);
}
