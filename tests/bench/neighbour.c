/* SPDX-License-Identifier: MIT */
/*
 * A neighbour of bulk work: GETs random keys of one Redis at a steady rate and says what it felt.
 *
 *	neighbour SOCKET KEYS_FILE PERIOD_US	-> "ready", then at SIGTERM one line of JSON
 *
 * Special: it does not wait for one reply before the next GET, as independent clients would not, so
 * that a server which stands still for a second is felt by each GET of that second.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
	max_samples = 4000000,
	max_keys = 100000,
	max_key = 256,
	max_reply = 65536,
	max_flight = 65536
};

struct samples {
	uint32_t ns[max_samples];
	size_t count;
};

static volatile sig_atomic_t ended;

static void on_term(int number)
{
	(void)number;
	ended = 1;
}

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "neighbour: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static int connect_to(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof address.sun_path) {
		errno = ENAMETOOLONG;
		die(path);
	}
	memcpy(address.sun_path, path, strlen(path));
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
		die(path);
	return fd;
}

static size_t read_keys(const char *path, char (*keys)[max_key])
{
	FILE *file = fopen(path, "r");
	size_t count = 0;

	if (!file)
		die(path);
	while (count < max_keys && fgets(keys[count], max_key, file)) {
		keys[count][strcspn(keys[count], "\n")] = '\0';
		count++;
	}
	fclose(file);
	if (!count) {
		errno = ENODATA;
		die(path);
	}
	return count;
}

/* The GETs that are under way, oldest first, and what has come back of the first one's reply. */
struct flight {
	int fd;
	int64_t sent_ns[max_flight];
	size_t first, count;
	char reply[max_reply];
	size_t n;
};

static void send_get(struct flight *flight, const char *key)
{
	char command[max_key + 64];
	int length = snprintf(
		command, sizeof command, "*2\r\n$3\r\nGET\r\n$%zu\r\n%s\r\n", strlen(key), key);

	if (flight->count == max_flight) {
		errno = ETIMEDOUT;
		die("no replies");
	}
	flight->sent_ns[(flight->first + flight->count++) % max_flight] = now_ns();
	if (write(flight->fd, command, (size_t)length) != length)
		die("write");
}

/* The length of the whole bulk string or error at `reply`, else 0. */
static size_t whole(const char *reply, size_t n)
{
	const char *end = memchr(reply, '\n', n);

	if (!end)
		return 0;
	size_t head = (size_t)(end + 1 - reply);
	long length = reply[0] == '$' ? strtol(reply + 1, NULL, 10) : -1;

	if (length < 0)
		return head;
	return n >= head + (size_t)length + 2 ? head + (size_t)length + 2 : 0;
}

static void take_replies(struct flight *flight, struct samples *samples)
{
	ssize_t got = read(flight->fd, flight->reply + flight->n, sizeof flight->reply - flight->n);
	int64_t now = now_ns();
	size_t at = 0;

	if (got <= 0)
		die("read");
	flight->n += (size_t)got;
	for (size_t length; (length = whole(flight->reply + at, flight->n - at)); at += length) {
		int64_t took = now - flight->sent_ns[flight->first];

		flight->first = (flight->first + 1) % max_flight;
		flight->count--;
		if (samples->count < max_samples)
			samples->ns[samples->count++] =
				took < UINT32_MAX ? (uint32_t)took : UINT32_MAX;
	}
	flight->n -= at;
	memmove(flight->reply, flight->reply + at, flight->n);
}

/* Until `until_ns`, or until a signal; true when there is something to read. */
static bool wait_for_reply(int fd, int64_t until_ns)
{
	struct pollfd poll = {.fd = fd, .events = POLLIN};
	int64_t left = until_ns - now_ns();
	struct timespec t = {0, left > 0 ? left % 1000000000 : 0};

	if (left > 0)
		t.tv_sec = left / 1000000000;
	return ppoll(&poll, 1, &t, NULL) == 1;
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void print_summary(struct samples *samples)
{
	uint32_t *ns = samples->ns;
	size_t n = samples->count;

	qsort(ns, n, sizeof *ns, by_value);
	printf("{\"count\": %zu, \"p50_ms\": %.4f, \"p99_ms\": %.4f, \"max_ms\": %.4f}\n", n,
		ns[n / 2] / 1e6, ns[n * 99 / 100] / 1e6, ns[n - 1] / 1e6);
}

int main(int argc, char **argv)
{
	static char keys[max_keys][max_key];
	static struct samples samples;
	static struct flight flight;
	struct sigaction on_end = {.sa_handler = on_term, .sa_flags = SA_RESTART};

	if (argc != 4)
		return 2;
	sigaction(SIGTERM, &on_end, NULL);
	prctl(PR_SET_TIMERSLACK, 1UL);
	size_t count = read_keys(argv[2], keys);
	int64_t period_ns = atol(argv[3]) * 1000;

	flight.fd = connect_to(argv[1]);
	puts("ready");
	fflush(stdout);
	int64_t due = now_ns();

	/* What is under way at the end is waited for: it may be the slowest. */
	while (!ended || flight.count > 0) {
		if (!ended && now_ns() >= due) {
			send_get(&flight, keys[(size_t)random() % count]);
			due += period_ns;
		}
		if (wait_for_reply(flight.fd, ended ? now_ns() + period_ns : due))
			take_replies(&flight, &samples);
	}
	if (samples.count)
		print_summary(&samples);
	close(flight.fd);
	return samples.count ? EXIT_SUCCESS : EXIT_FAILURE;
}
