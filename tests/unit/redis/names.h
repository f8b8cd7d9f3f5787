/* SPDX-License-Identifier: MIT */
/* Host names as a test wants them, in place of libuv's uv_getaddrinfo(): no name server is asked.
 */
#ifndef CW_TESTS_REDIS_NAMES_H
#define CW_TESTS_REDIS_NAMES_H

#include <uv.h>

extern int names_asked;	 /* how many questions there were */
extern int names_refuse; /* an error of libuv: questions are refused at once; 0 = they are taken */

/* From here on questions wait for names_answer(). */
void names_begin(void);
/* Answers the open questions: with an error of libuv, or 0 and so many times 127.0.0.1 and the
 * port. */
void names_answer(int status, unsigned count, const char *port);

#endif
