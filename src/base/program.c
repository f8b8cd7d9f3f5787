/* SPDX-License-Identifier: MIT */
/* Programs to run; see program.h. */
#include "base/program.h"

#include <errno.h>
#include <stdlib.h>
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

char **program_environment(void)
{
	static const char *const passed[] = {"PATH", "LANG", "HOME", "TZ"};
	enum { count = sizeof passed / sizeof *passed };
	char **env = mem_array(count + 1, sizeof *env);
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		const char *value = getenv(passed[i]);

		if (value)
			env[n++] = mem_printf("%s=%s", passed[i], value);
	}
	return env;
}

void program_free_texts(char **texts)
{
	for (size_t i = 0; texts[i]; i++)
		mem_free(texts[i]);
	mem_free(texts);
}
