/* SPDX-License-Identifier: MIT */
/* Inside of source/: which program is run, and that it does not outlive us. */
#ifndef CW_SOURCE_PROGRAM_H
#define CW_SOURCE_PROGRAM_H

/*
 * Whether `name` can be run at all, along PATH of `env` where it has no slash, so that it is not
 * setpriv that has to say so. 0 or a negative errno.
 */
int program_find(const char *name, char **env);
/*
 * `argv` behind setpriv(1), which asks the kernel to kill the program with us, after a kill -9,
 * too. The array is the caller's to free, its texts are not. NULL where setpriv is absent.
 */
char **program_that_dies_with_us(char **argv);

#endif
