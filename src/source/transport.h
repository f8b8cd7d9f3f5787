/* SPDX-License-Identifier: MIT */
/*
 * Inside of source/: where a source's bytes come from. One vtable over file, command and HTTP.
 *
 *	open -> read, read, ... (0 bytes: the end) -> next_document -> read ... -> close
 *
 * A transport reads ahead by one chunk at most and then only when asked again.
 */
#ifndef CW_SOURCE_TRANSPORT_H
#define CW_SOURCE_TRANSPORT_H

#include "source/sources.h"

struct transport {
	const struct transport_ops *ops;
	/*
	 * The error was an answer about what was asked for, such as HTTP's 404: the source works,
	 * and other calls of it may well succeed.
	 */
	bool answered;
	int64_t retry_after_ms; /* the error said when to try again; 0 = it did not */
};

struct transport_ops {
	/* `call` outlives the transport. On failure *ret is untouched. Parks. */
	enum error (*open)(struct sources *sources, const struct source_call *call,
		struct transport **ret, struct fault *fault);
	/*
	 * The next bytes, a view that the next read() or close() ends; none: the document is over,
	 * and whole. Parks.
	 */
	enum error (*read)(struct transport *transport, struct slice *ret, struct fault *fault);
	/*
	 * After the end of a document that held `rows` rows: whether another one begins now. NULL
	 * where there is only ever one. Parks.
	 */
	enum error (*next_document)(
		struct transport *transport, uint64_t rows, bool *ret_more, struct fault *fault);
	/* Never waits for more than 5 s; what is not over by then ends on its own. Parks. */
	void (*close)(struct transport *transport);
};

extern const struct transport_ops file_transport;
extern const struct transport_ops command_transport;
extern const struct transport_ops http_transport;

/* Adds a text to a hash by FNV-1a, which resists no attacker. */
#define TRANSPORT_HASH_BEGIN UINT64_C(0xcbf29ce484222325)
void transport_hash(uint64_t *at, struct slice text);
/* 1 GiB unless the call says otherwise. */
int64_t transport_max_total(const struct source_call *call);
/* The value of a call's parameter; false where it has none of that name. */
bool transport_param(const struct source_call *call, struct slice name, struct slice *ret);
/* For parks: ERR_TIMEOUT with a sentence that says `what` was waited for; others as they are. */
enum error transport_waited(enum error error, const char *what, struct fault *fault);

#endif
