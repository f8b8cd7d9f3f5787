/* SPDX-License-Identifier: MIT */
#include "conf/conf.h"

#include "../unit.h"

START_TEST(shipped_files_load)
{
	static const char *const files[] = {"conf/demo.yaml", "conf/cachewarden.yaml"};

	for (size_t i = 0; i < 2; i++) {
		struct buf faults = {0};
		struct conf *conf = NULL;

		ck_assert_msg(conf_load(files[i], &conf, &faults) == OK, "%s", faults.p);
		conf_unref(conf);
		buf_release(&faults);
	}
}
END_TEST

TEST_SUITE("conf", shipped_files_load)
