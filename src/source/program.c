/* SPDX-License-Identifier: MIT */
/* Programs to run; see program.h. */
#include "source/program.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

static char setpriv[] = "/usr/bin/setpriv";

static const char *path_of(char **env)
{
	for (; *env; env++)
		if (strncmp(*env, "PATH=", 5) == 0)
			return *env + 5;
	return "/usr/bin:/bin";
}

int program_find(const char *name, char **env)
{
	const char *at = strchr(name, '/') ? "" : path_of(env);
	int error = -ENOENT;

	for (;;) {
		size_t n = strcspn(at, ":");
		char *path = mem_printf("%.*s%s%s", (int)n, at, n ? "/" : "", name);

		if (access(path, X_OK) == 0)
			error = 0;
		else if (errno != ENOENT && errno != ENOTDIR)
			error = -errno;
		mem_free(path);
		if (error == 0 || !at[n])
			return error;
		at += n + 1;
	}
}

char **program_that_dies_with_us(char **argv)
{
	static char *const before[] = {setpriv, "--pdeathsig", "KILL", "--"};
	enum { count = sizeof before / sizeof *before };
	size_t n = 0;

	if (access(setpriv, X_OK) != 0)
		return NULL;
	while (argv[n])
		n++;
	char **all = mem_array(count + n + 1, sizeof *all);
	memcpy(all, before, sizeof before);
	memcpy(all + count, argv, n * sizeof *argv);
	return all;
}
