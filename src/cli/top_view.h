/* SPDX-License-Identifier: MIT */
/* What `cachewarden top` shows: one screen, drawn from the answers of the daemon. */
#ifndef CW_CLI_TOP_VIEW_H
#define CW_CLI_TOP_VIEW_H

#include "cli/top_lists.h"

/* The figures that have a sparkline: X(NAME, "label", "series of the history", "path in stats",
 * how). */
#define TOP_FIGURES(X) \
	X(HIT_RATE, "hit rate", "hit_rate", "redis/hit_rate", ratio) \
	X(COMMANDS, "commands/s", "commands_per_second", "redis/commands/per_second", real) \
	X(LATENCY, "latency ms", "latency_ms", "redis/latency_ms/p99", real) \
	X(MEMORY, "memory", "used_bytes", "redis/memory/used_bytes", bytes) \
	X(KEYS, "keys", "keys", "redis/keys/total", count) \
	X(CLIENTS, "clients", "clients", "redis/clients/connected", count) \
	X(EXPIRED, "expired/s", "expired_per_second", "redis/keys/expired_per_second", real) \
	X(EVICTED, "evicted/s", "evicted_per_second", "redis/keys/evicted_per_second", real)

enum top_figure {
#define X(name, label, series, path, how) TOP_##name,
	TOP_FIGURES(X)
#undef X
		TOP_FIGURE_COUNT
};

enum { TOP_POINTS = 512 };

/* The last points of a figure; NAN = not known. */
struct top_series {
	double points[TOP_POINTS];
	int count;
};

struct top_screen {
	int columns, lines;
	bool utf8; /* of the terminal */
	struct top_series series[TOP_FIGURE_COUNT];
	enum top_list list;
	int scroll; /* first row of the list; kept within it */
	bool paused;
	const char *trouble; /* why there is no answer, or NULL */
};

/* What the daemon has answered; JSON null where it has not, or was not asked. */
struct top_answers {
	struct json_value stats, operations;
	struct json_value pauses; /* asked for while warming is paused */
};

/* Fills the series from a history, or adds the figures of `stats`. */
void top_series_take(struct top_screen *screen, struct json_value stats, bool history);
/* Appends the frame. `cli` gives memory and colours. */
void top_view_draw(struct cli *cli, struct top_screen *screen, const struct top_answers *answers,
	struct buf *out);

#endif
