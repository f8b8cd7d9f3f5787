/* SPDX-License-Identifier: MIT */
/* Problem answers in the words of the command line; see refusal.h. */
#include "cli/refusal.h"

#include <string.h>

#include "base/utf8.h"
#include "cli/args_parse.h"
#include "cli/command_table.h"
#include "cli/known.h"
#include "cli/say.h"
#include "cli/view.h"

enum { max_shown = 64 };

/*
 * Members of bodies and parameters of queries, with the option that sets each, and what an argument
 * is called where it is set by arguments. NULL = it has none.
 */
static const struct term {
	const char *member, *option, *argument;
} terms[] = {
	{"add", "add", NULL},
	{"by", "by", NULL},
	{"cache_names", NULL, "job"},
	{"cascade", "no-cascade", NULL},
	{"dependents_of", "dependents-of", NULL},
	{"detail", "detail", NULL},
	{"dry_run", "dry-run", NULL},
	{"entities", "entity", NULL},
	{"event", "event", NULL},
	{"for", "for", NULL},
	{"jitter", "jitter", NULL},
	{"keys", "key", "key"},
	{"kind", "kind", NULL},
	{"limit", "limit", NULL},
	{"match", NULL, "pattern"},
	{"max_keys", "max-keys", NULL},
	{"note", "note", NULL},
	{"only", "only", NULL},
	{"pace", "max-latency", NULL},
	{"patterns", NULL, "pattern"},
	{"remove", "remove", NULL},
	{"since", "since", NULL},
	{"soft", "soft", NULL},
	{"sort", "sort", NULL},
	{"spread", "spread", NULL},
	{"state", "state", NULL},
	{"tags", "tag", NULL},
	{"ttl", "ttl", "TTL"},
	{"until", "until", NULL},
	{"wait", "wait", NULL},
	{"what", NULL, "kind of work"},
};

/* Longer ones stand before those that they begin with. */
static const char *const phrases[][2] = {
	{"send Authorization: Bearer TOKEN",
		"give one with --token-file FILE, CACHEWARDEN_TOKEN_FILE or CACHEWARDEN_TOKEN"},
	{"send the same again with this confirmation, or with max_keys",
		"give --max-keys that large"},
	{"max_keys", "--max-keys"},
	{"ttl -1 (no expiry) needs \"only\": \"all\"", "--ttl -1 (no expiry) needs --only all"},
	{"ttl is required", "--ttl is required"},
	{"no such path; docs/api.md lists all", "the daemon does not know this command"},
	{"is not a member of this body", "is not known to the daemon"},
};

static const struct term *term_of(struct slice member)
{
	for (size_t i = 0; i < sizeof terms / sizeof *terms; i++)
		if (slice_is(member, terms[i].member))
			return &terms[i];
	return NULL;
}

/* The value that was given for an element of a list: of the option, or an argument. NULL = none. */
static const char *value_of(const struct cli *cli, const struct term *term, int64_t index)
{
	const char *value = NULL;
	size_t at = 0;

	if (!cli->args || index < 0)
		return NULL;
	if (!term->option || !cli_args_text(cli->args, term->option))
		return (size_t)index < cli->args->word_count ? cli->args->words[index].p : NULL;
	for (int64_t i = 0; i <= index; i++)
		value = cli_args_next(cli->args, term->option, &at);
	return value;
}

/* "--key", "--key a:1", "the pattern a*" of a term and what follows its member in a pointer. */
static void add_term(
	const struct cli *cli, const struct term *term, struct slice rest, struct buf *out)
{
	bool by_option = term->option &&
			 (!term->argument || !cli->args || cli_args_text(cli->args, term->option) ||
				 cli_command_option(cli->args->command, slice_str(term->option)));
	size_t n = rest.n && rest.p[0] == '/' ? 1 : 0;
	int64_t index = -1;

	while (n < rest.n && rest.p[n] != '/')
		n++;
	struct slice first = rest.n ? slice_of(rest.p + 1, n - 1) : rest;
	const char *value = slice_int64(first, &index) ? value_of(cli, term, index) : NULL;

	if (by_option)
		buf_printf(out, "--%s", term->option);
	else
		buf_printf(out, "the %s", term->argument ? term->argument : term->member);
	if (value && *value) {
		size_t cut = utf8_trim(slice_of(value, strnlen(value, max_shown))).n;

		buf_printf(out, " %.*s%s", (int)cut, value, value[cut] ? "..." : "");
	} else if (first.n && slice_is(slice_str(term->member), "entities")) {
		buf_printf(out, " %.*s", (int)first.n, first.p);
	}
}

static size_t word_length(struct slice text)
{
	size_t n = 0;

	while (n < text.n && !strchr(" ,;:", text.p[n]))
		n++;
	return n;
}

/* "/patterns/0": how much of the text that is; 0 = it is no pointer, or to something unknown. */
static size_t translate_pointer(const struct cli *cli, struct slice text, struct buf *out)
{
	size_t n = word_length(text), end = 1;

	if (!n || text.p[0] != '/')
		return 0;
	while (end < n && text.p[end] != '/')
		end++;
	const struct term *term = term_of(slice_of(text.p + 1, end - 1));

	if (!term)
		return 0;
	add_term(cli, term, slice_of(text.p + end, n - end), out);
	return n;
}

/* "the query parameter limit", "the parameter limit" */
static size_t translate_parameter(const struct cli *cli, struct slice text, struct buf *out)
{
	static const struct slice begins[] = {
		SLICE("the query parameter "), SLICE("the parameter ")};

	for (size_t i = 0; i < sizeof begins / sizeof *begins; i++) {
		if (!slice_starts(text, begins[i]))
			continue;
		struct slice rest = slice_skip(text, begins[i].n);
		size_t n = word_length(rest);
		const struct term *term = term_of(slice_of(rest.p, n));

		if (!term)
			return 0;
		add_term(cli, term, slice_of("", 0), out);
		return begins[i].n + n;
	}
	return 0;
}

static size_t translate_phrase(struct slice text, struct buf *out)
{
	for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++) {
		if (!slice_starts(text, slice_str(phrases[i][0])))
			continue;
		buf_str(out, phrases[i][1]);
		return strlen(phrases[i][0]);
	}
	return 0;
}

void cli_refusal_translate(const struct cli *cli, struct slice text, struct buf *out)
{
	/* Only at the beginning of a word: names that the sentence quotes stay as they are. */
	for (bool begins = true; text.n;) {
		size_t used = begins ? translate_phrase(text, out) : 0;

		if (!used && begins)
			used = translate_parameter(cli, text, out);
		if (!used && begins)
			used = translate_pointer(cli, text, out);
		begins = !used && text.p[0] == ' ';
		if (!used)
			buf_char(out, text.p[0]);
		text = slice_skip(text, used ? used : 1);
	}
}

/* Whether the sentence says itself what the place is: it names the option, or the value. */
static bool names(struct slice sentence, struct slice place)
{
	const char *value = place.n ? memchr(place.p, ' ', place.n) : NULL;
	struct slice last = value && place.p[0] == '-'
				    ? slice_skip(place, (size_t)(value + 1 - place.p))
				    : place;

	return !place.n || memmem(sentence.p, sentence.n, last.p, last.n) != NULL;
}

/* "WHERE: what is wrong" */
static void add_sentence(
	const struct cli *cli, struct slice pointer, struct slice detail, struct buf *out)
{
	struct buf place = {0}, sentence = {0};

	cli_refusal_translate(cli, detail, &sentence);
	if (translate_pointer(cli, pointer, &place) == pointer.n &&
		!names(buf_slice(&sentence), buf_slice(&place)))
		buf_printf(out, "%s: ", place.p);
	buf_add(out, buf_slice(&sentence));
	buf_release(&place);
	buf_release(&sentence);
}

/* Which names there are, where one is not known. */
static void say_names(struct cli *cli, struct slice code, struct slice detail)
{
	const char *text;
	size_t at = 0;

	for (size_t i = 0; slice_is(code, "unknown_job") && i < cli->args->word_count; i++)
		if (memmem(detail.p, detail.n, cli->args->words[i].p, cli->args->words[i].n))
			cli_known_say(cli, ":jobs", cli->args->words[i]);
	if (!strstr(detail.p, "is not an entity"))
		return;
	while ((text = cli_args_next(cli->args, "entity", &at)) != NULL) {
		struct slice name = slice_of(text, strcspn(text, "="));

		if (memmem(detail.p, detail.n, name.p, name.n))
			cli_known_say(cli, ":entities", name);
	}
}

/* What helps beside the daemon's own words. */
static void say_hint(
	struct cli *cli, const struct cli_answer *answer, struct slice code, struct slice detail)
{
	if (answer->status == 401 && cli->token.n)
		cli_say_done(0, "It was read from %s.", cli->token_from);
	if (slice_is(code, "forbidden"))
		cli_say_done(0, "Another token is given with --token-file FILE.");
	if (cli->args && cli->args->command)
		say_names(cli, code, detail);
	if (slice_is(code, "unknown_operation"))
		cli_say_done(0, "cachewarden ops lists them.");
	if (slice_is(code, "redis_unavailable") || slice_is(code, "redis_auth"))
		cli_say_done(0, "cachewarden health shows what is wrong, and since when.");
	if (slice_is(code, "redis_noperm"))
		cli_say_done(0, "cachewarden doctor shows how to allow it.");
	if (strstr(detail.p, "no such path") || strstr(detail.p, "is not a member of this body") ||
		(slice_is(code, "bad_parameter") && strstr(detail.p, " is not known")))
		cli_say_done(0, "This cachewarden is " CW_VERSION "; an older daemon may not offer "
				"all of it. cachewarden stats shows its version.");
}

static void say_more(const struct cli *cli, const struct cli_answer *answer, struct slice said)
{
	struct json_iter errors = cli_view_each(answer->json, "errors");
	struct cli memory = *cli;

	memory.arena = (struct arena){0};
	while (json_next(&errors)) {
		struct slice at = cli_view_text(&memory, errors.value, "pointer");
		struct slice what = cli_view_text(&memory, errors.value, "detail");
		struct buf line = {0};

		if (what.p && !slice_equal(what, said)) {
			add_sentence(cli, at, what, &line);
			cli_say_done(0, "  %s", line.p);
		}
		buf_release(&line);
	}
	arena_release(&memory.arena);
}

int cli_refusal_say(struct cli *cli, const struct cli_answer *answer)
{
	struct slice detail = cli_view_text(cli, answer->json, "detail");
	struct slice code = cli_view_text(cli, answer->json, "code");
	struct json_iter errors = cli_view_each(answer->json, "errors");
	struct slice pointer = {NULL, 0};
	struct buf line = {0};

	if (!detail.n)
		detail = cli_view_text(cli, answer->json, "title");
	if (!answer->json.text.n || !detail.n)
		return cli_say(CLI_FAILED,
			"%s answers %d, and not as cachewardend does: is that the right address?",
			cli_client_address(cli), answer->status);
	if (json_next(&errors) && slice_equal(cli_view_text(cli, errors.value, "detail"), detail))
		pointer = cli_view_text(cli, errors.value, "pointer");
	add_sentence(cli, pointer, detail, &line);
	cli_say(CLI_FAILED, "%s%s%s%s", line.p, code.p ? " (" : "", code.p ? code.p : "",
		code.p ? ")" : "");
	buf_release(&line);
	say_more(cli, answer, detail);
	say_hint(cli, answer, code, detail);
	return CLI_FAILED;
}
