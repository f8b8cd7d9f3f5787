/* SPDX-License-Identifier: MIT */
/* The folder of a managed server, the names in it, and the program to start. */
#ifndef CW_REDIS_MANAGED_FOLDER_H
#define CW_REDIS_MANAGED_FOLDER_H

#include <stdbool.h>

#include "base/fault.h"

struct managed_folder {
	char *path, *socket, *log, *lock;
	int lock_fd; /* held while the daemon runs: no other uses the folder */
	bool made;
};

/*
 * Opens `configured` (created if it is missing), or creates a new one if that is NULL; folders that
 * killed daemons have left are removed then. ERR_BAD_CONFIG says what is wrong with it. Blocks on a
 * few calls to the file system, so it is for the start only.
 */
enum error managed_folder_open(
	const char *configured, struct managed_folder *ret, struct fault *fault);
/* Removes the files in it, and the folder if it was created here. */
void managed_folder_close(struct managed_folder *folder);

/* The path of redis-server or valkey-server, the caller's; NULL with the fault if there is none. */
char *managed_program(struct fault *fault);

#endif
