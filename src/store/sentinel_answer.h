/* SPDX-License-Identifier: MIT */
/*
 * What a sentinel says of a primary's address: its replies to questions, and the messages on its
 * channel. Nothing of it is trusted: an address is only where to look for the primary.
 */
#ifndef CW_STORE_SENTINEL_ANSWER_H
#define CW_STORE_SENTINEL_ANSWER_H

#include "redis/value.h"

enum { SENTINEL_HOST_BYTES = 253 };

struct sentinel_answer {
	char host[SENTINEL_HOST_BYTES + 1]; /* a name or a numeric address; "" = none */
	uint16_t port;
	int64_t epoch; /* of the configuration: it grows with each failover; 0 = not told */
};

bool sentinel_answer_equal(const struct sentinel_answer *a, const struct sentinel_answer *b);

/*
 * The reply to SENTINEL GET-MASTER-ADDR-BY-NAME. ERR_REDIS_UNAVAILABLE: there is no primary of that
 * name, or the reply is no address; an error reply: as redis_value_error(). The fault goes on after
 * "the sentinel at ADDRESS ".
 */
enum error sentinel_answer_parse(const struct redis_value *reply, const char *master,
	struct sentinel_answer *ret, struct fault *fault);
/* The epoch in the reply to SENTINEL MASTER; 0 if it is not there. */
int64_t sentinel_answer_epoch(const struct redis_value *reply);
/*
 * The message of the channel +switch-master: "NAME OLD-HOST OLD-PORT NEW-HOST NEW-PORT". False if
 * it is another message or of another name.
 */
bool sentinel_answer_switch(const struct redis_value *message, const char *master,
	struct sentinel_answer *ret_before, struct sentinel_answer *ret_now);

#endif
