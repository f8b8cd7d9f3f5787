/* SPDX-License-Identifier: MIT */
/*
 * cachewarden top: looks every second, draws, and waits for a key.
 *
 * Special: the terminal is given back as it was whatever ends the view; signals only set a flag.
 */
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/client.h"
#include "cli/command_table.h"
#include "cli/duration.h"
#include "cli/say.h"
#include "cli/top_view.h"
#include "cli/view.h"

enum { answer_seconds = 5, history_points = 200 };

struct top {
	struct cli *cli;
	struct top_screen screen;
	struct arena arena; /* of the answers that are shown */
	struct top_answers answers;
	int64_t interval_ms;
	struct termios before;
	int exit;
};

static const struct json_value nothing = {JSON_NULL, {"null", 4}};
static volatile sig_atomic_t ended;

static void end(int number)
{
	(void)number;
	ended = 1;
}

/* Wakes poll(2); the size is read before each drawing. */
static void resized(int number)
{
	(void)number;
}

static void write_all(const char *p, size_t n)
{
	while (n) {
		ssize_t written = write(STDOUT_FILENO, p, n);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0) {
			ended = 1;
			return;
		}
		size_t done = (size_t)written;

		p += done;
		n -= done;
	}
}

static void begin_screen(struct top *top)
{
	static const char begin[] = "\033[?1049h\033[?25l\033[2J";
	struct termios raw;

	tcgetattr(STDIN_FILENO, &top->before);
	raw = top->before;
	raw.c_lflag &= ~(tcflag_t)(ECHO | ICANON | ISIG | IEXTEN);
	raw.c_iflag &= ~(tcflag_t)(IXON | ICRNL);
	raw.c_cc[VMIN] = 0;
	raw.c_cc[VTIME] = 0;
	tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	write_all(begin, sizeof begin - 1);
}

static void end_screen(const struct top *top)
{
	static const char end_text[] = "\033[?25h\033[?1049l";

	write_all(end_text, sizeof end_text - 1);
	tcsetattr(STDIN_FILENO, TCSANOW, &top->before);
}

static int get(struct cli *cli, const char *path, struct cli_answer *ret)
{
	return cli_client_json(cli,
		&(struct cli_request){.path = path, .seconds = answer_seconds, .quiet = true}, ret);
}

static void look_history(struct top *top, struct cli *cli)
{
	struct buf path = {0};
	struct cli_answer answer;
	long long step = top->interval_ms / 1000, span = step * history_points;

	buf_printf(&path, CLI_ADMIN "/stats?history=%llds&step=%llds", span, step);
	if (get(cli, arena_take(&cli->arena, &path).p, &answer) == CLI_DONE)
		top_series_take(&top->screen, answer.json, true);
}

/* An answer that may be missing: JSON null then. */
static struct json_value more(struct cli *cli, const char *path)
{
	struct cli_answer answer;

	if (get(cli, path, &answer) == CLI_DONE && answer.json.text.n)
		return answer.json;
	return nothing;
}

/* What is shown is replaced only by an answer: while there is none, the last one stays. */
static void look(struct top *top, bool first)
{
	struct cli cli = *top->cli;
	struct top_answers answers = {nothing, nothing, nothing};
	struct cli_answer stats;

	cli.arena = (struct arena){0};
	if (first)
		look_history(top, &cli);
	int exit = get(&cli, CLI_ADMIN "/stats", &stats);

	answers.stats = stats.json;
	if (!exit && top->screen.list == TOP_OPERATIONS)
		answers.operations = more(&cli, CLI_ADMIN "/operations?limit=100");
	if (!exit && cli_view_true(stats.json, "warming/paused"))
		answers.pauses = more(&cli, CLI_ADMIN "/pause");
	top->cli->curl = cli.curl;
	if (exit) {
		top->screen.trouble = exit == CLI_UNREACHABLE ? "no answer from the daemon"
							      : "the daemon refuses the request";
		arena_release(&cli.arena);
		return;
	}
	arena_release(&top->arena);
	top->arena = cli.arena;
	top->screen.trouble = NULL;
	top->answers = answers;
	top_series_take(&top->screen, top->answers.stats, false);
}

static void draw(struct top *top)
{
	struct winsize size = {0};
	struct cli frame = *top->cli;
	struct buf out = {0};

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || !size.ws_col || !size.ws_row)
		size = (struct winsize){.ws_row = 24, .ws_col = 80};
	top->screen.columns = size.ws_col;
	top->screen.lines = size.ws_row;
	frame.arena = (struct arena){0};
	top_view_draw(&frame, &top->screen, &top->answers, &out);
	write_all(out.p, out.n);
	buf_release(&out);
	arena_release(&frame.arena);
}

/* Whether another list is shown, which may need an answer of its own. */
static bool press(struct top *top, struct slice keys)
{
	enum top_list before = top->screen.list;
	int count = TOP_LIST_COUNT, list = (int)before;

	while (keys.n) {
		bool arrow = keys.n >= 3 && keys.p[0] == '\033' &&
			     (keys.p[1] == '[' || keys.p[1] == 'O');
		char key = arrow ? keys.p[2] : keys.p[0];

		keys = slice_skip(keys, arrow ? 3 : 1);
		if (!arrow && (key == 'q' || key == 'Q' || key == 3))
			ended = 1;
		else if (!arrow && (key == 'p' || key == 'P'))
			top->screen.paused = !top->screen.paused;
		else if (arrow && key == 'A')
			top->screen.scroll--;
		else if (arrow && key == 'B')
			top->screen.scroll++;
		else if (arrow && key == 'C')
			list = (list + 1) % count;
		else if (arrow && key == 'D')
			list = (list + count - 1) % count;
	}
	top->screen.list = (enum top_list)list;
	if (top->screen.list != before)
		top->screen.scroll = 0;
	return top->screen.list != before;
}

/* Waits for keys until it is time to look again. */
static void wait_for_keys(struct top *top, int64_t next_ms)
{
	for (;;) {
		struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
		int64_t left = next_ms - clock_mono_ms();
		char keys[64];

		if (ended || left <= 0)
			return;
		int ready = poll(&input, 1, (int)left);

		if (ready > 0) {
			ssize_t n = read(STDIN_FILENO, keys, sizeof keys);

			if (n <= 0)
				ended = 1;
			else if (press(top, slice_of(keys, (size_t)n)))
				return;
		}
		if (ready != 0 && !ended)
			draw(top);
	}
}

static void handle_signals(void)
{
	struct sigaction action = {.sa_handler = end};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	action.sa_handler = resized;
	sigaction(SIGWINCH, &action, NULL);
}

/* The terminal's own encoding decides about the bars; names are UTF-8 in any case. */
static bool terminal_is_utf8(void)
{
	bool utf8 = setlocale(LC_CTYPE, "") && strcmp(nl_langinfo(CODESET), "UTF-8") == 0;

	setlocale(LC_CTYPE, "C.UTF-8");
	return utf8;
}

static void run(struct top *top)
{
	bool first = true;

	begin_screen(top);
	while (!ended) {
		int64_t next = clock_mono_ms() + top->interval_ms;

		if (!top->screen.paused || first)
			look(top, first);
		first = false;
		draw(top);
		wait_for_keys(top, next);
	}
	end_screen(top);
}

int cli_top(struct cli *cli, const struct cli_args *args)
{
	struct top top = {.cli = cli, .answers = {nothing, nothing, nothing}};
	static const struct cli_duration_limits limits = {.min = 1, .max = 3600};
	int64_t seconds = 1;
	struct cli_answer answer;

	if (!cli_duration(args, "interval", &limits, &seconds))
		return CLI_USAGE;
	if (cli->json)
		return cli_say(CLI_USAGE, "top has no form in JSON: cachewarden stats --json");
	if (!cli->width || !isatty(STDIN_FILENO))
		return cli_say(CLI_USAGE,
			"top needs a terminal: cachewarden stats prints the same figures");
	/* What is wrong from the start is said where it stays. */
	int exit = cli_client_get(cli, CLI_ADMIN "/stats", &answer);

	if (exit)
		return exit;
	top.interval_ms = seconds * 1000;
	top.screen.utf8 = terminal_is_utf8();
	handle_signals();
	run(&top);
	arena_release(&top.arena);
	return CLI_DONE;
}
