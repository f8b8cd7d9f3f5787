/* SPDX-License-Identifier: MIT */
/*
 * Folders of managed servers; see managed_folder.h.
 *
 * Special: a folder whose lock is not held is a leftover. So a crashed daemon's folder is told from
 * a running one's, whatever its process id was.
 */
#include "redis/managed_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"

enum { young_seconds = 60 };

static const char prefix[] = "cachewarden-";

static void name_files(struct managed_folder *folder)
{
	folder->socket = mem_printf("%s/redis.sock", folder->path);
	folder->log = mem_printf("%s/redis.log", folder->path);
	folder->lock = mem_printf("%s/lock", folder->path);
	folder->lock_fd = -1;
}

static void release(struct managed_folder *folder)
{
	if (folder->lock_fd >= 0)
		close(folder->lock_fd);
	mem_free(folder->path);
	mem_free(folder->socket);
	mem_free(folder->log);
	mem_free(folder->lock);
}

/* False, with errno, if it cannot be taken. */
static bool take_lock(struct managed_folder *folder, int more_flags)
{
	folder->lock_fd = open(folder->lock, O_RDWR | O_CLOEXEC | O_NOFOLLOW | more_flags, 0600);
	return folder->lock_fd >= 0 && flock(folder->lock_fd, LOCK_EX | LOCK_NB) == 0;
}

void managed_folder_close(struct managed_folder *folder)
{
	unlink(folder->socket);
	unlink(folder->log);
	unlink(folder->lock);
	if (folder->made)
		rmdir(folder->path);
	release(folder);
}

static bool ours(const char *path, struct stat *ret)
{
	return lstat(path, ret) == 0 && S_ISDIR(ret->st_mode) && ret->st_uid == geteuid();
}

static void remove_if_left(const char *parent, const char *name)
{
	struct managed_folder folder = {.path = mem_printf("%s/%s", parent, name), .made = true};
	struct stat stat;

	name_files(&folder);
	/* A folder that is being made has no lock yet, but is new. */
	if (ours(folder.path, &stat) && time(NULL) - stat.st_mtime > young_seconds &&
		take_lock(&folder, 0))
		managed_folder_close(&folder);
	else
		release(&folder);
}

static void remove_leftovers(const char *parent)
{
	DIR *dir = opendir(parent);
	struct dirent *entry;

	if (!dir)
		return;
	while ((entry = readdir(dir)))
		if (strncmp(entry->d_name, prefix, sizeof prefix - 1) == 0)
			remove_if_left(parent, entry->d_name);
	closedir(dir);
}

/* NULL if none can be created there. */
static char *make_in(const char *parent)
{
	char *path = mem_printf("%s/%sXXXXXX", parent, prefix);

	remove_leftovers(parent);
	if (mkdtemp(path))
		return path;
	mem_free(path);
	return NULL;
}

static enum error make_fresh(struct managed_folder *folder, struct fault *fault)
{
	const char *systemd = getenv("RUNTIME_DIRECTORY"), *user = getenv("XDG_RUNTIME_DIR");

	if (systemd && *systemd) {
		/* A list separated by colons; the first is used. */
		char *first = mem_strndup(systemd, strcspn(systemd, ":"));

		folder->path = make_in(first);
		mem_free(first);
	}
	if (!folder->path && user && *user)
		folder->path = make_in(user);
	if (!folder->path)
		folder->path = make_in("/tmp");
	folder->made = true;
	return folder->path
		       ? OK
		       : fault_set(fault, ERR_BAD_CONFIG,
				 "cannot create a folder for the managed Redis in /tmp: %s; set "
				 "redis.managed.directory",
				 strerror(errno));
}

static enum error use_configured(
	const char *configured, struct managed_folder *folder, struct fault *fault)
{
	struct stat stat;

	folder->made = mkdir(configured, 0700) == 0;
	if (!folder->made && errno != EEXIST)
		return fault_set(fault, ERR_BAD_CONFIG,
			"redis.managed.directory %s cannot be created: %s", configured,
			strerror(errno));
	folder->path = mem_strdup(configured);
	if (!ours(configured, &stat) || (stat.st_mode & (S_IWGRP | S_IWOTH)))
		return fault_set(fault, ERR_BAD_CONFIG,
			"redis.managed.directory %s must be a folder that is owned by, and "
			"writable "
			"for, cachewarden's user only",
			configured);
	return OK;
}

static enum error refuse_lock(const struct managed_folder *folder, struct fault *fault)
{
	if (errno != EWOULDBLOCK)
		return fault_set(fault, ERR_BAD_CONFIG, "the folder %s cannot be used: %s",
			folder->path, strerror(errno));
	return fault_temporary(
		fault, fault_set(fault, ERR_BAD_CONFIG,
			       "the folder %s is in use by another cachewarden: stop it, or set "
			       "redis.managed.directory",
			       folder->path));
}

enum error managed_folder_open(
	const char *configured, struct managed_folder *ret, struct fault *fault)
{
	struct managed_folder folder = {.lock_fd = -1};
	enum error error = configured ? use_configured(configured, &folder, fault)
				      : make_fresh(&folder, fault);

	if (error) {
		release(&folder);
		return error;
	}
	name_files(&folder);
	if (strlen(folder.socket) >= sizeof((struct sockaddr_un *)0)->sun_path)
		error = fault_set(fault, ERR_BAD_CONFIG,
			"the path of the managed Redis's socket, %s, is too long", folder.socket);
	else if (!take_lock(&folder, O_CREAT))
		error = refuse_lock(&folder, fault);
	if (error) {
		release(&folder);
		return error;
	}
	*ret = folder;
	return OK;
}

/* Searches PATH. */
static char *find_program(const char *name)
{
	const char *path = getenv("PATH");

	if (!path || !*path)
		path = "/usr/local/bin:/usr/bin:/bin";
	while (*path) {
		size_t n = strcspn(path, ":");
		char *program = mem_printf("%.*s/%s", (int)n, path, name);

		if (n > 0 && access(program, X_OK) == 0)
			return program;
		mem_free(program);
		path += n + (path[n] == ':');
	}
	return NULL;
}

char *managed_program(struct fault *fault)
{
	char *setpriv = find_program("setpriv");
	char *program = find_program("redis-server");

	if (!program)
		program = find_program("valkey-server");
	if (!program || !setpriv) {
		fault_set(fault, ERR_BAD_CONFIG,
			"redis.url is managed:, but no %s is installed; install one, or set "
			"redis.url to a running Redis",
			program ? "setpriv (util-linux)" : "redis-server or valkey-server");
		mem_free(program);
		program = NULL;
	}
	mem_free(setpriv);
	return program;
}
