/* SPDX-License-Identifier: MIT */
/* THE table of commands; command_table.h explains the members of a row. */
#include "cli/command_table.h"

#include <string.h>

/* clang-format off */
/* Options that several commands have. */
#define SELECTORS \
	{"key", 0, CLI_MANY, "KEY", "a key by its exact name", NULL}, \
	{"tag", 0, CLI_MANY, "TAG", "all keys with this tag", ":tags"}, \
	{"entity", 0, CLI_MANY, "NAME=ID", "the keys of an entity of the configuration, such as user=42", NULL}, \
	{"dependents-of", 0, CLI_MANY, "KEY", "what depends on this key, but not the key itself", NULL}

#define BULK \
	{"dry-run", 0, CLI_FLAG, NULL, "count and show a sample; change nothing", NULL}, \
	{"yes", 'y', CLI_FLAG, NULL, "do not ask", NULL}, \
	{"max-keys", 0, CLI_ONCE, "N", "stop after so many keys", NULL}, \
	{"max-latency", 0, CLI_ONCE, "MS", "keep Redis's latency for others below this; 0 = full speed", NULL}, \
	{"wait", 0, CLI_ONCE, "S", "how long to wait for the end, by default until then; 0 = not at all", NULL}

#define NOTE {"note", 0, CLI_ONCE, "TEXT", "why: shown with the operation, up to 200 bytes", NULL}

#define END {0}

const struct cli_option cli_common_options[] = {
	{"url", 0, CLI_ONCE, "URL", "address of the daemon, such as https://cache1:8480 (CACHEWARDEN_URL)", NULL},
	{"socket", 0, CLI_ONCE, "PATH", "its Unix socket (CACHEWARDEN_SOCKET); by default /run/cachewarden/admin.sock where it exists, else http://127.0.0.1:8480", ":files"},
	{"token-file", 0, CLI_ONCE, "FILE", "file that holds the token and that others cannot read (CACHEWARDEN_TOKEN_FILE; CACHEWARDEN_TOKEN is the token itself)", ":files"},
	{"ca-file", 0, CLI_ONCE, "FILE", "authorities that are trusted instead of the system's (CACHEWARDEN_CA_FILE)", ":files"},
	{"cert-file", 0, CLI_ONCE, "FILE", "certificate of this client in PEM, for a daemon that wants one (CACHEWARDEN_CERT_FILE)", ":files"},
	{"key-file", 0, CLI_ONCE, "FILE", "its private key, in a file that others cannot read; by default in the file of the certificate (CACHEWARDEN_KEY_FILE)", ":files"},
	{"json", 0, CLI_FLAG, NULL, "print the daemon's answers as they are", NULL},
	{"no-color", 0, CLI_FLAG, NULL, "no colors on a terminal (NO_COLOR)", NULL},
	{"help", 'h', CLI_FLAG, NULL, "describe the command", NULL},
	{"version", 0, CLI_FLAG, NULL, "print the version of this program", NULL},
	END,
};

static const struct cli_option invalidate_options[] = {
	SELECTORS,
	{"soft", 0, CLI_FLAG, NULL, "make values stale instead of removing them, in namespaces with stale_for", NULL},
	{"no-cascade", 0, CLI_FLAG, NULL, "leave what depends on the keys", NULL},
	{"spread", 0, CLI_ONCE, "S", "let the keys expire at random within this time instead of at once: seconds or a duration, at most 7d", NULL},
	BULK,
	NOTE,
	END,
};

static const struct cli_option expire_options[] = {
	SELECTORS,
	{"ttl", 0, CLI_ONCE, "S", "the new TTL: seconds or a duration such as 1h, -1 = no expiry (required)", NULL},
	{"only", 0, CLI_ONCE, "WHICH", "persistent (default): keys without expiry; longer: these and keys with a longer TTL; all", "persistent longer all"},
	{"jitter", 0, CLI_ONCE, "SHARE", "vary the TTLs at random by up to this share, such as 0.1", NULL},
	BULK,
	NOTE,
	END,
};

static const struct cli_option warm_options[] = {
	{"no-wait", 0, CLI_FLAG, NULL, "return as soon as the runs have begun", NULL},
	NOTE,
	END,
};

static const struct cli_option ops_options[] = {
	{"state", 0, CLI_ONCE, "STATE", "only operations in this state: queued, running, completed, partial, failed, cancelled, interrupted", "queued running completed partial failed cancelled interrupted"},
	{"kind", 0, CLI_ONCE, "KIND", "only operations of this kind: invalidate, expire, warm", "invalidate expire warm"},
	{"by", 0, CLI_ONCE, "NAME", "only operations that this token began", NULL},
	{"since", 0, CLI_ONCE, "TIME", "only those that began since then: 8h (ago), 22:00 (the last), yesterday, 2026-01-31, '2026-01-31 06:00' or 2026-01-31T06:00:00Z", NULL},
	{"until", 0, CLI_ONCE, "TIME", "only those that began until then, in the same forms", NULL},
	{"no-dry-runs", 0, CLI_FLAG, NULL, "without the dry runs of invalidations", NULL},
	{"limit", 0, CLI_ONCE, "N", "at most so many (default 20, at most 1000)", NULL},
	END,
};

static const struct cli_option events_options[] = {
	{"follow", 'f', CLI_FLAG, NULL, "show what happens from now on, until interrupted", NULL},
	{"event", 0, CLI_ONCE, "EVENT", "only events of this kind: invalidation, warm, alert, breaker, config, pause, gap", "invalidation warm alert breaker config pause gap"},
	{"by", 0, CLI_ONCE, "NAME", "only what this token did", NULL},
	{"since", 0, CLI_ONCE, "TIME", "only events since then: 8h (ago), 22:00 (the last), yesterday, 2026-01-31, '2026-01-31 06:00' or 2026-01-31T06:00:00Z", NULL},
	{"until", 0, CLI_ONCE, "TIME", "only events until then, in the same forms", NULL},
	{"limit", 0, CLI_ONCE, "N", "the last so many (default 20, at most 1000)", NULL},
	{"detail", 0, CLI_FLAG, NULL, "with the keys, patterns and tags of invalidations", NULL},
	END,
};

static const struct cli_option audit_options[] = {
	{"since", 0, CLI_ONCE, "TIME", "only changes since then: 8h (ago), 22:00 (the last), yesterday, 2026-01-31, '2026-01-31 06:00' or 2026-01-31T06:00:00Z", NULL},
	{"until", 0, CLI_ONCE, "TIME", "only changes until then, in the same forms", NULL},
	{"by", 0, CLI_ONCE, "NAME", "only what this token did", NULL},
	{"state", 0, CLI_ONCE, "STATE", "only changes with this outcome: intent, completed, accepted, refused, failed, partial, cancelled, interrupted", "intent completed accepted refused failed partial cancelled interrupted"},
	{"kind", 0, CLI_ONCE, "KIND", "only of this kind: invalidate, expire, warm, pause, resume, reload, dependencies, tags, operations, keys, mset, mdelete, sessions, login", "invalidate expire warm pause resume reload dependencies tags operations keys mset mdelete sessions login"},
	{"lines", 0, CLI_FLAG, NULL, "the lines of the log instead: intent and outcome of each change", NULL},
	{"no-dry-runs", 0, CLI_FLAG, NULL, "without dry runs", NULL},
	{"limit", 0, CLI_ONCE, "N", "at most so many (default 20; 0 = all)", NULL},
	END,
};

static const struct cli_option note_option[] = {NOTE, END};

static const struct cli_option set_options[] = {
	{"ttl", 0, CLI_ONCE, "S", "seconds or a duration such as 1h, -1 = no expiry; by default that of its namespace", NULL},
	{"tag", 0, CLI_MANY, "TAG", "give the key this tag", ":tags"},
	END,
};

static const struct cli_option del_options[] = {
	{"cascade", 0, CLI_FLAG, NULL, "remove what depends on the keys, too", NULL},
	END,
};

static const struct cli_option keys_list_options[] = {
	{"no-ttl", 0, CLI_FLAG, NULL, "only keys without expiry", NULL},
	{"left", 0, CLI_FLAG, NULL, "how long each has left before its name, or that it is stale: a request for each key", NULL},
	{"limit", 0, CLI_ONCE, "N", "stop after so many names (default 1000; 0 = all)", NULL},
	END,
};

static const struct cli_option tags_options[] = {
	{"left", 0, CLI_FLAG, NULL, "of one tag: how long each key has left, or that it is stale; a request for each key", NULL},
	{"limit", 0, CLI_ONCE, "N", "stop after so many names (default 1000; 0 = all)", NULL},
	END,
};

#define SHORT_LIMIT {"limit", 0, CLI_ONCE, "N", "at most so many (default 20, at most 1000)", NULL}

static const struct cli_option short_list_options[] = {SHORT_LIMIT, END};

static const struct cli_option namespaces_options[] = {
	{"sort", 0, CLI_ONCE, "BY", "keys (default) or bytes", "keys bytes"},
	{"keys", 0, CLI_ONCE, "WHICH", "keys instead of namespaces: biggest = with the most memory, hot = looked up most, unmatched = of no namespace", "biggest hot unmatched"},
	SHORT_LIMIT,
	END,
};

static const struct cli_option deps_options[] = {
	{"add", 0, CLI_MANY, "KEY", "store a dependent: KEY is invalidated together with the key", NULL},
	{"remove", 0, CLI_MANY, "KEY", "remove a stored dependent", NULL},
	{"transitive", 0, CLI_FLAG, NULL, "show all that would be invalidated, over all steps", NULL},
	NOTE,
	END,
};

static const struct cli_option sessions_options[] = {
	{"end", 0, CLI_FLAG, NULL, "end the session REF, or all of them", NULL},
	END,
};

static const struct cli_option pause_options[] = {
	{"for", 0, CLI_ONCE, "TIME", "how long: seconds or a duration such as 2h (default 1h, at most 7d)", NULL},
	NOTE,
	END,
};

static const struct cli_option token_options[] = {
	{"name", 0, CLI_ONCE, "NAME", "its name in logs, operations and metrics (required)", NULL},
	{"scopes", 0, CLI_ONCE, "LIST", "what it may do, such as read,warm (required): read, metrics, keys, write, invalidate, flush, warm, sessions, operate, audit, admin", "read metrics keys write invalidate flush warm sessions operate audit admin"},
	{"prefix", 0, CLI_MANY, "PREFIX", "it may use only keys that begin with this", NULL},
	{"expires", 0, CLI_ONCE, "TIME", "until when it is valid: 90d (from now), 2027-01-31, or 2027-01-31T06:00:00Z", NULL},
	{"save", 0, CLI_ONCE, "FILE", "write the token to this new file, which only you can read, and print the row instead", ":files"},
	END,
};

static const struct cli_option top_options[] = {
	{"interval", 0, CLI_ONCE, "S", "seconds between two updates, or a duration (default 1, at most 1h)", NULL},
	END,
};

static const struct cli_option help_options[] = {
	{"markdown", 0, CLI_FLAG, NULL, "all commands as Markdown", NULL},
	{"roff", 0, CLI_ONCE, "PAGE", "a manual page: cachewarden.1, cachewardend.8, cachewarden.yaml.5", "cachewarden.1 cachewardend.8 cachewarden.yaml.5"},
	END,
};

const struct cli_command cli_commands[] = {
	{.name = "stats", .arguments = "", .help = "Figures of Redis, the cache, warming and the daemon.", .run = cli_stats,
		.examples = "cachewarden stats\n"
			"cachewarden stats --json | jq .redis.hit_rate"},
	{.name = "health", .arguments = "", .help = "UP, DEGRADED or DOWN, with the reasons; exit status 1 unless it is UP.", .run = cli_health,
		.examples = "cachewarden health\n"
			"# In a script:\n"
			"cachewarden health --json | jq -r .status"},
	{.name = "doctor", .arguments = "", .help = "What is wrong between daemon, configuration and Redis, and how to fix it; exit status 1 if something does not work.", .run = cli_doctor,
		.examples = "cachewarden doctor --token-file /etc/cachewarden/admin-token"},
	{.name = "alerts", .arguments = "", .help = "The rules of alerts and their states.", .run = cli_alerts,
		.examples = "cachewarden alerts\n"
			"cachewarden alerts --json | jq '.items[] | select(.state == \"firing\")'"},
	{.name = "top", .arguments = "", .help = "A live view of figures, jobs and operations.", .run = cli_top, .options = top_options,
		.more = "Keys: q ends, p pauses the view, the arrows up and down scroll its lists, left and right change what they show.",
		.examples = "cachewarden top\n"
			"cachewarden top --interval 5 --url http://cache1:8480"},
	{.name = "invalidate", .arguments = "[PATTERN...]", .help = "Remove keys by pattern, name, tag, entity or dependency.", .run = cli_invalidate,
		.most = CLI_ANY_NUMBER, .options = invalidate_options,
		.more = "A dry run counts first. On a terminal its count and a sample are shown, and a question follows; elsewhere "
			"nothing is done without --yes. Patterns are Redis's globs: quote them, so that the shell leaves them alone.\n"
			"The exit status is 0 only if the invalidation is complete: every key that matched throughout is gone.",
		.examples = "cachewarden invalidate 'product:*' --note 'deploy 812'\n"
			"cachewarden invalidate --entity user=42 --tag products --yes"},
	{.name = "expire", .arguments = "[PATTERN...]", .help = "Give many keys another TTL.", .run = cli_invalidate_expire,
		.most = CLI_ANY_NUMBER, .options = expire_options, .more = "Counts and asks first, as invalidate does.",
		.examples = "# Give all keys without expiry one of about a day:\n"
			"cachewarden expire '*' --ttl 1d --jitter 0.1 --dry-run"},
	{.name = "warm", .arguments = "[JOB...]", .help = "Run warm jobs, by default all that are not suspended.", .run = cli_warm,
		.most = CLI_ANY_NUMBER, .options = warm_options, .completes = ":jobs",
		.more = "Waits for the end, with progress bars on a terminal. The exit status is 0 only if all runs have completed. A run "
			"goes on if this program ends before.",
		.examples = "cachewarden warm products\n"
			"cachewarden warm --no-wait --note 'after the import'"},
	{.name = "jobs", .arguments = "[JOB]", .help = "The warm jobs, their last and their next runs; of one, its last runs and their errors.", .run = cli_jobs,
		.most = 1, .completes = ":jobs",
		.examples = "cachewarden jobs\n"
			"cachewarden jobs products\n"
			"cachewarden jobs --json | jq -r '.jobs[] | select(.last_run.state == \"failed\") | .name'"},
	{.name = "ops", .arguments = "[ID]", .help = "Operations of all daemons on this Redis, newest first, or one of them.", .run = cli_ops,
		.most = 1, .options = ops_options, .completes = ":operations",
		.examples = "cachewarden ops --state failed --since 8h\n"
			"cachewarden ops --kind warm --limit 5\n"
			"# What happened last night:\n"
			"cachewarden ops --since 'yesterday 22:00' --until 'today 7:00' --no-dry-runs"},
	{.name = "ops cancel", .arguments = "ID", .help = "Cancel an operation.", .run = cli_ops_cancel, .least = 1, .most = 1,
		.options = note_option, .completes = ":operations",
		.examples = "cachewarden ops cancel 01a231b3fb8e643a0ada --note 'wrong pattern'"},
	{.name = "events", .arguments = "", .help = "The last events of all daemons of this Redis, the newest at the bottom; with --follow, what happens from now on.", .run = cli_events,
		.options = events_options,
		.more = "With --follow the command connects again after a lost connection and shows what was missed; the event gap says where something "
			"may be missing. With --json each line of --follow is one event; without --follow the daemon's page is printed as it is, the "
			"newest first.",
		.examples = "cachewarden events -f\n"
			"cachewarden events --event invalidation --since 1h --detail"},
	{.name = "audit", .arguments = "", .help = "Changes by all callers and refused logins, as the audit log has them, newest first.", .run = cli_audit,
		.options = audit_options,
		.examples = "cachewarden audit --since 1h --no-dry-runs\n"
			"cachewarden audit --by deploy --state refused"},
	{.name = "keys get", .arguments = "KEY", .help = "Print a value, byte for byte.", .run = cli_keys_get, .least = 1, .most = 1,
		.more = "On a terminal control bytes are shown as \\xNN.",
		.examples = "cachewarden keys get product:1\n"
			"cachewarden keys get picture:1 >picture.png"},
	{.name = "keys set", .arguments = "KEY [VALUE|-]", .help = "Store a value; - or nothing reads it from standard input.", .run = cli_keys_set,
		.least = 1, .most = 2, .options = set_options,
		.examples = "cachewarden keys set banner 'Closed until noon' --ttl 2h\n"
			"cachewarden keys set picture:1 --tag pictures <picture.png"},
	{.name = "keys ttl", .arguments = "KEY", .help = "Print the seconds that a value has left: -1 no expiry, 0 stale, -2 no such key.", .run = cli_keys_ttl,
		.least = 1, .most = 1,
		.examples = "cachewarden keys ttl product:1"},
	{.name = "keys expire", .arguments = "KEY S", .help = "Set the TTL of a value: seconds or a duration, -1 = no expiry.", .run = cli_keys_expire,
		.least = 2, .most = 2,
		.examples = "cachewarden keys expire product:1 10m"},
	{.name = "keys del", .arguments = "KEY...", .help = "Delete keys by their exact names.", .run = cli_keys_del, .least = 1,
		.most = 1000, .options = del_options,
		.examples = "cachewarden keys del product:1 product:2\n"
			"cachewarden keys del user:profile:42 --cascade"},
	{.name = "keys list", .arguments = "[PATTERN]", .help = "Print names of keys, by bounded steps of SCAN.", .run = cli_keys_list,
		.most = 1, .options = keys_list_options,
		.more = "A step looks at up to 1,000 keys: where few of many match, it takes a while until the first is shown. Protected keys, and those outside of the token's key_prefixes, are not listed.",
		.examples = "cachewarden keys list 'user:*:42'\n"
			"# Keys that never expire:\n"
			"cachewarden keys list --no-ttl --limit 0\n"
			"# Which are stale:\n"
			"cachewarden keys list 'user:*' --left | grep ^stale"},
	{.name = "explain", .arguments = "KEY", .help = "What is stored under a key, and what can invalidate it.", .run = cli_explain, .least = 1, .most = 1,
		.examples = "cachewarden explain product:1"},
	{.name = "tags", .arguments = "[TAG]", .help = "The tags in use, or the keys of one.", .run = cli_tags, .most = 1, .options = tags_options,
		.completes = ":tags",
		.more = "Of all tags, KEYS counts those that are stored, and GONE those that carry the tag and are not stored any more: "
			"they have expired, or were evicted or deleted. They cost a little memory until the daemon removes them from "
			"the tag. Both are figures of its last look, every cache.prune_every.\n"
			"Of one tag, STORED tells whether the key is there now, and EXPIRY AS TAGGED when it was to expire when the tag "
			"was given: none = never. If its TTL was changed since then, or a soft purge made it stale, --left tells.",
		.examples = "cachewarden tags\n"
			"cachewarden tags products --limit 20"},
	{.name = "deps", .arguments = "[KEY]", .help = "What depends on a key; without one, the keys with stored dependents.", .run = cli_deps,
		.most = 1, .options = deps_options,
		.examples = "cachewarden deps user:profile:42 --transitive\n"
			"cachewarden deps menu --add page:home --note 'home shows the menu'"},
	{.name = "sessions", .arguments = "USER [REF]", .help = "The sessions of a user; with --end it ends them.", .run = cli_sessions,
		.least = 1, .most = 2, .options = sessions_options,
		.examples = "cachewarden sessions 42\n"
			"cachewarden sessions 42 --end"},
	{.name = "namespaces", .arguments = "", .help = "Keys, memory and lifetimes by namespace, from a sample of the keys.", .run = cli_namespaces,
		.options = namespaces_options,
		.more = "OF KEYS and OF MEMORY are shares of all; NO TTL is the share of a namespace's keys that never expire (keys list "
			"--no-ttl names those that are not protected), IDLE of those that were not read for an hour. The daemon takes a sample every "
			"stats.namespaces.every, 10 minutes by default: its age is shown below.",
		.examples = "cachewarden namespaces --sort bytes\n"
			"# The keys with the most memory:\n"
			"cachewarden namespaces --keys biggest"},
	{.name = "clients", .arguments = "", .help = "Connections to Redis, grouped by name and address.", .run = cli_inspect_clients, .options = short_list_options,
		.examples = "cachewarden clients --limit 5"},
	{.name = "slowlog", .arguments = "", .help = "The slow commands of Redis, newest first.", .run = cli_inspect_slowlog, .options = short_list_options,
		.examples = "cachewarden slowlog --limit 5"},
	{.name = "latency", .arguments = "", .help = "How long commands take in Redis itself.", .run = cli_inspect_latency,
		.examples = "cachewarden latency"},
	{.name = "loaders", .arguments = "", .help = "The loaders of read-through, their errors and breakers.", .run = cli_loaders,
		.examples = "cachewarden loaders"},
	{.name = "pause", .arguments = "[warming|invalidation]...", .help = "Hold work back on all daemons of this Redis; without arguments, show what is paused.", .run = cli_pause,
		.most = 2, .options = pause_options, .completes = "warming invalidation",
		.examples = "cachewarden pause warming --for 30m --note 'database is moved'\n"
			"cachewarden pause"},
	{.name = "resume", .arguments = "[warming|invalidation]...", .help = "End pauses, by default all.", .run = cli_pause_end, .most = 2,
		.options = note_option, .completes = "warming invalidation",
		.examples = "cachewarden resume warming"},
	{.name = "reload", .arguments = "", .help = "Reload the daemon's configuration, as a whole or not at all.", .run = cli_reload, .options = note_option,
		.examples = "cachewarden reload --note 'longer TTLs'"},
	{.name = "token new", .arguments = "", .help = "Make a token, and its row for the configuration.", .run = cli_token_new, .options = token_options, .offline = true,
		.more = "The token goes to standard output, and the row for auth.tokens, which holds only its digest, to standard error. "
			"With --save the token goes to a file and the row to standard output, as an element of the list in the file of "
			"auth.tokens_file. With --json both go to standard output.",
		.examples = "# A read-only token; the row goes where the daemon reads its tokens:\n"
			"cachewarden token new --name dashboard --scopes read,metrics --save dashboard-token >>tokens.yaml\n"
			"cachewarden token new --name shop --scopes keys,write --prefix shop: --expires 2027-01-31"},
	{.name = "config check", .arguments = "[FILE]", .help = "Check a configuration file, as cachewardend --check-config does.", .run = cli_config_check,
		.most = 1, .offline = true, .completes = ":files",
		.examples = "cachewarden config check\n"
			"cachewarden config check new.yaml"},
	{.name = "completion", .arguments = "bash|zsh|fish", .help = "Print the completion script of a shell.", .run = cli_completion, .least = 1, .most = 1,
		.offline = true, .completes = "bash zsh fish",
		.more = "It is read by the shell at its start: source <(cachewarden completion bash), in zsh source <(cachewarden completion zsh).",
		.examples = "source <(cachewarden completion bash)\n"
			"cachewarden completion fish | source"},
	{.name = "help", .arguments = "[COMMAND]", .help = "Describe all commands, or one.", .run = cli_help, .most = 2, .options = help_options, .offline = true,
		.completes = ":commands",
		.examples = "cachewarden help invalidate\n"
			"cachewarden keys list --help"},
	{.name = "__complete", .arguments = "[WORD...]", .help = "Candidates for the last of these words, for completion scripts.", .run = cli_complete,
		.most = CLI_ANY_NUMBER, .offline = true, .hidden = true},
	{0},
};
/* clang-format on */

/* Whether the words begin with those of `name`; how many these are. */
static size_t matches(const char *name, const struct slice *words, size_t count)
{
	const char *blank = strchr(name, ' ');
	struct slice first = slice_of(name, blank ? (size_t)(blank - name) : strlen(name));

	if (!count || !slice_equal(words[0], first))
		return 0;
	if (!blank)
		return 1;
	return count > 1 && slice_is(words[1], blank + 1) ? 2 : 0;
}

const struct cli_command *cli_command_find(
	const struct slice *words, size_t count, size_t *ret_words)
{
	const struct cli_command *best = NULL;

	*ret_words = 0;
	for (const struct cli_command *c = cli_commands; c->name; c++) {
		size_t used = matches(c->name, words, count);

		if (used > *ret_words) {
			*ret_words = used;
			best = c;
		}
	}
	return best;
}

bool cli_command_begins(struct slice word)
{
	for (const struct cli_command *c = cli_commands; c->name; c++) {
		const char *blank = strchr(c->name, ' ');

		if (blank && slice_equal(word, slice_of(c->name, (size_t)(blank - c->name))))
			return true;
	}
	return false;
}

static const struct cli_option *option_in(const struct cli_option *options, struct slice name)
{
	for (const struct cli_option *o = options; o && o->name; o++)
		if (slice_is(name, o->name))
			return o;
	return NULL;
}

const struct cli_option *cli_command_option(const struct cli_command *command, struct slice name)
{
	const struct cli_option *found = option_in(cli_common_options, name);

	if (!found && command)
		found = option_in(command->options, name);
	for (const struct cli_command *c = cli_commands; !found && !command && c->name; c++)
		found = option_in(c->options, name);
	return found;
}
