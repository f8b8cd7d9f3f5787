/* SPDX-License-Identifier: MIT */
/* Where a managed server lives: its folder, the names in it, and the program that is started. */
#ifndef CW_REDIS_MANAGED_FOLDER_H
#define CW_REDIS_MANAGED_FOLDER_H

#include <stdbool.h>

#include "base/fault.h"

struct managed_folder {
	char *path, *socket, *log, *lock;
	int lock_fd; /* held while we live: nobody else uses the folder */
	bool made;
};

/*
 * `configured` (made where it is missing), or a fresh one where that is NULL; folders that a killed
 * predecessor left behind are removed then. ERR_BAD_CONFIG says what is wrong with it. Blocks on a
 * few calls to the file system: for the start.
 */
enum error managed_folder_open(
	const char *configured, struct managed_folder *ret, struct fault *fault);
/* Removes what the server and we put there, and the folder where we made it. */
void managed_folder_close(struct managed_folder *folder);

/* The path of redis-server or valkey-server, the caller's; NULL with the fault where it is none. */
char *managed_program(struct fault *fault);

#endif
