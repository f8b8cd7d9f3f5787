/* SPDX-License-Identifier: MIT */
/* A configuration file: it is loaded, or refused with lines; what is loaded can be shown. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/conf.h"
#include "fuzz.h"

/* A file of this process in a folder that is memory. */
static const char *path_of(void)
{
	static char path[64];

	if (!path[0])
		snprintf(path, sizeof path, "/dev/shm/cachewarden-fuzz-%ld.yaml", (long)getpid());
	return path;
}

static void write_file(struct slice text)
{
	int fd = open(path_of(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	FUZZ_CHECK(fd >= 0 && write(fd, text.n ? text.p : "", text.n) == (ssize_t)text.n);
	close(fd);
}

void fuzz_one(struct slice input)
{
	struct conf *conf = NULL;
	struct buf faults = {0};

	write_file(input);
	enum error error = conf_load(path_of(), &conf, &faults);
	unlink(path_of());
	FUZZ_CHECK((error == OK) == (conf != NULL));
	FUZZ_CHECK(!error || faults.n > 0);
	if (conf)
		cJSON_Delete(conf_json(conf));
	conf_unref(conf);
	buf_release(&faults);
}
