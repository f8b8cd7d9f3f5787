/* SPDX-License-Identifier: MIT */
/* Finds programs, and makes them end with the daemon. */
#ifndef CW_BASE_PROGRAM_H
#define CW_BASE_PROGRAM_H

/*
 * Whether `name` can be run, searched along PATH of `env` if it has no slash, so that the error is
 * not setpriv's. 0 or a negative errno.
 */
int program_find(const char *name, char **env);
/*
 * `argv` preceded by setpriv(1), by which the kernel kills the program when the daemon ends, even
 * by SIGKILL. The array is the caller's to free, its texts are not. NULL if setpriv is not
 * installed.
 */
char **program_that_dies_with_us(char **argv);
/* The environment that programs get: PATH, LANG, HOME and TZ. It ends with NULL. */
char **program_environment(void);
/* Frees an array that ends with NULL, and its texts. */
void program_free_texts(char **texts);

#endif
