/* SPDX-License-Identifier: MIT */
/*
 * Inside of source/: reads a source. One vtable over file, command, HTTP and PostgreSQL.
 *
 *	bytes: open -> read, read, ... (0 bytes: the end) -> next_document -> read ... -> close
 *	rows:  open -> next_row, next_row, ... -> close
 *
 * A transport reads at most one chunk ahead.
 */
#ifndef CW_SOURCE_TRANSPORT_H
#define CW_SOURCE_TRANSPORT_H

#include "base/fnv.h"
#include "source/sources.h"

struct transport {
	const struct transport_ops *ops;
	/*
	 * The error was an answer about this request, such as HTTP's 404: the source works, and
	 * other requests may succeed.
	 */
	bool answered;
	int64_t retry_after_ms; /* the error said when to retry; 0 = it did not */
	int64_t size, taken;	/* bytes: all of them (0 = not known), and those that were read */
	uint64_t total_rows;	/* 0 = not known */
	char etag[SOURCE_ETAG_BYTES]; /* of the document; "" = none */
	bool unchanged;		      /* it is still the one with the call's ETag */
};

struct transport_document {
	uint64_t rows;
	struct slice next; /* where it says that the next one is; empty = it does not */
};

struct transport_ops {
	/* `call` outlives the transport. On failure *ret is untouched. Parks. */
	enum error (*open)(struct sources *sources, const struct source_call *call,
		struct transport **ret, struct fault *fault);
	/*
	 * The next bytes, a view until the next read() or close(); none: the document has ended
	 * and is complete. Parks.
	 */
	enum error (*read)(struct transport *transport, struct slice *ret, struct fault *fault);
	/*
	 * In place of read() and a parser: the next row without its number, a view until the next
	 * call; *ret_end: there is none. ERR_SOURCE_ROW as source_next(). Parks.
	 */
	enum error (*next_row)(struct transport *transport, struct source_row *ret, bool *ret_end,
		struct fault *fault);
	/*
	 * After the end of a document: whether another one begins. NULL if there is only one.
	 * Parks.
	 */
	enum error (*next_document)(struct transport *transport,
		const struct transport_document *ended, bool *ret_more, struct fault *fault);
	/* Waits for 5 s at most; the rest ends in the background. Parks. */
	void (*close)(struct transport *transport);
};

extern const struct transport_ops file_transport;
extern const struct transport_ops command_transport;
extern const struct transport_ops http_transport;
extern const struct transport_ops postgres_transport;

/* Adds a text to a hash that begins with FNV_BEGIN64 (base/fnv.h), and resists no attacker. */
void transport_hash(uint64_t *at, struct slice text);
/* 1 GiB unless the call says otherwise. */
int64_t transport_max_total(const struct source_call *call);
/* The value of a call's parameter; false if it has none of that name. */
bool transport_param(const struct source_call *call, struct slice name, struct slice *ret);
/* After a park: ERR_TIMEOUT with a sentence that `what` was not done in time; others as they are.
 */
enum error transport_waited(enum error error, const char *what, struct fault *fault);

#endif
