/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../unit.h"

const struct identity config_reader = {.name = "reader", .scopes = SCOPE_INVALIDATE};
const struct identity config_admin = {.name = "admin", .scopes = SCOPE_ADMIN};

struct conf *config_of(const char *yaml)
{
	char path[] = "/tmp/cw-conf-XXXXXX";
	struct conf *conf = NULL;
	struct buf faults = {0};
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, yaml, strlen(yaml)), (ssize_t)strlen(yaml));
	close(fd);
	enum error error = conf_load(path, &conf, &faults);
	unlink(path);
	ck_assert_msg(error == OK, "%s", faults.p ? faults.p : "");
	buf_release(&faults);
	return conf;
}
