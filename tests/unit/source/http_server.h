/* SPDX-License-Identifier: MIT */
/*
 * For the HTTP source's tests: a server on loopback, a thread for each connection, that misbehaves
 * in the way that the path names.
 *
 *	/items /pages/N /echo /many /204       as they should be
 *	/500 /302 /garbage /reset /rst /short      wrong answers
 *	/hang /drip /endless /huge             answers that do not end
 */
#ifndef CW_TESTS_SOURCE_HTTP_SERVER_H
#define CW_TESTS_SOURCE_HTTP_SERVER_H

#include <stddef.h>
#include <stdint.h>

uint16_t http_server_start(void);
void http_server_stop(void);
/* Since the start. */
unsigned http_server_accepted(void);
size_t http_server_sent(void);

#endif
