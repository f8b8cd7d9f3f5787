/* SPDX-License-Identifier: MIT */
/* ping URL [CONFIG]: says what cw_open() and cw_ping() said, and leaves nothing behind. */
#include <cachewarden/cachewarden.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	struct cw_options options = {0};
	struct cw_error error;

	options.url = argc > 1 && *argv[1] ? argv[1] : NULL;
	options.config = argc > 2 ? argv[2] : NULL;
	struct cw_cache *cache = cw_open(&options, &error);
	if (cache)
		cw_ping(cache, &error);
	cw_close(cache);
	printf("%s %s\n", error.code, error.message);
	return (int)error.status;
}
