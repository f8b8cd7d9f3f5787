/* SPDX-License-Identifier: MIT */
/* Lists that the daemon gives by pages; see pages.h. */
#include "cli/pages.h"

#include <stdio.h>

#include "cli/client.h"
#include "cli/say.h"
#include "cli/view.h"
#include "text/percent.h"

enum { page_items = 1000 };

struct page_listing {
	const struct cli_pages *what;
	int64_t limit, taken;
	struct buf cursor; /* of the next page; empty at the beginning and at the end */
	bool ended;	   /* by the caller */
	bool begun;	   /* there was a page: with --json the list is open */
};

static const char *page_path(struct cli *cli, const struct page_listing *listing)
{
	int64_t left = listing->limit - listing->taken;
	struct buf path = {0};

	buf_printf(&path, "%s?limit=%d%s", listing->what->path,
		(int)(left < page_items ? left : page_items),
		listing->what->query ? listing->what->query : "");
	if (listing->cursor.n) {
		buf_str(&path, "&cursor=");
		percent_encode(buf_slice(&listing->cursor), PERCENT_UNRESERVED, &path);
	}
	return arena_take(&cli->arena, &path).p;
}

static void take_page(struct cli *cli, struct json_value page, struct page_listing *listing)
{
	const struct cli_pages *what = listing->what;
	struct json_iter items = cli_view_each(page, "items");

	if (what->page && !cli->json)
		what->page(what->context, page);
	while (listing->taken < listing->limit && !listing->ended && json_next(&items)) {
		if (cli->json)
			printf("%s%.*s", listing->taken ? "," : "", (int)items.value.text.n,
				items.value.text.p);
		else
			listing->ended = !what->item(what->context, items.value);
		listing->taken++;
	}
}

/* Each page in memory of its own: there may be millions of names. */
static int read_page(struct cli *cli, struct page_listing *listing)
{
	struct cli page = *cli;
	struct cli_answer answer;

	page.arena = (struct arena){0};
	page.json = false;
	/* Within a list there is no place for what the daemon refuses. */
	page.json_errors = cli->json && !listing->begun;
	int exit = cli_client_get(&page, page_path(&page, listing), &answer);

	/* Items may ask over the same connection. */
	cli->curl = page.curl;
	if (!exit) {
		struct slice next = cli_view_text(&page, answer.json, "next");
		bool again = next.n && slice_equal(next, buf_slice(&listing->cursor));

		if (cli->json && !listing->begun)
			fputs("{\"items\":[", stdout);
		listing->begun = true;
		buf_clear(&listing->cursor);
		take_page(cli, answer.json, listing);
		if (!again)
			buf_add(&listing->cursor, next);
		/* A reader that has gone needs no more pages. */
		exit = cli_say_flush(exit);
		if (again)
			exit = cli_say(CLI_FAILED,
				"%s gives the same page again and again: the list is not complete",
				cli_client_address(cli));
	}
	arena_release(&page.arena);
	return exit;
}

int cli_pages(struct cli *cli, const struct cli_args *args, const struct cli_pages *what)
{
	struct page_listing listing = {.what = what, .limit = what->usual};
	int exit;

	if (!cli_args_int(args, "limit", 0, INT64_MAX, &listing.limit))
		return CLI_USAGE;
	if (!listing.limit)
		listing.limit = INT64_MAX;
	do
		exit = read_page(cli, &listing);
	while (!exit && listing.cursor.n && listing.taken < listing.limit && !listing.ended);
	bool complete = !exit && !listing.cursor.n;

	if (cli->json && listing.begun)
		printf("],\"complete\":%s}\n", complete ? "true" : "false");
	else if (what->grid)
		cli_grid_print(what->grid);
	if (!cli->json && !exit && !complete)
		cli_say_done(0, "There may be more: --limit 0 lists all.");
	if (what->none && !cli->json && complete && !listing.taken)
		cli_say_done(0, "%s", what->none);
	buf_release(&listing.cursor);
	return exit;
}
