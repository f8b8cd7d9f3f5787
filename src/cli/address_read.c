/* SPDX-License-Identifier: MIT */
/*
 * Where the daemon is, and the token: options first, then the environment.
 *
 *	--url, --socket                  CACHEWARDEN_URL, CACHEWARDEN_SOCKET
 *	--token-file                     CACHEWARDEN_TOKEN, CACHEWARDEN_TOKEN_FILE
 *	--ca-file                        CACHEWARDEN_CA_FILE
 *	--cert-file, --key-file          CACHEWARDEN_CERT_FILE, CACHEWARDEN_KEY_FILE
 */
#include "cli/address_read.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/say.h"

enum { token_bytes = 4096 };

static const char default_socket[] = "/run/cachewarden/admin.sock";
static const char default_url[] = "http://127.0.0.1:8480";

/* An empty variable counts as unset. */
static const char *environment(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

/* As curl reads it: with a host, and a port that there is. */
static bool is_url(const char *text)
{
	CURLU *url = curl_url();
	bool ok = url && curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK;

	curl_url_cleanup(url);
	return ok;
}

static int take_url(struct cli *cli, const char *url)
{
	struct slice text = slice_str(url);
	const char *slashes = strstr(url, "://");

	if (!slashes ||
		(!slice_starts(text, SLICE("http://")) && !slice_starts(text, SLICE("https://"))))
		return cli_say(
			CLI_USAGE, "the address must begin with http:// or https://, not %s", url);
	if (!is_url(url) || strpbrk(slashes + 3, "?#@ \t\r\n"))
		return cli_say(CLI_USAGE,
			"%s is not the address of a daemon, such as http://127.0.0.1:8480; a token "
			"is given by --token-file",
			url);
	while (text.n && text.p[text.n - 1] == '/')
		text.n--;
	cli->url = arena_dup(&cli->arena, text);
	return CLI_DONE;
}

static int take_address(struct cli *cli, const struct cli_args *args)
{
	const char *url = cli_args_text(args, "url"), *path = cli_args_text(args, "socket");

	if (url && path)
		return cli_say(CLI_USAGE, "--url and --socket contradict each other");
	if ((url && !*url) || (path && !*path))
		return cli_say(CLI_USAGE, "the address of the daemon must not be empty");
	if (!url && !path) {
		url = environment("CACHEWARDEN_URL");
		path = environment("CACHEWARDEN_SOCKET");
		if (url && path)
			return cli_say(CLI_USAGE, "CACHEWARDEN_URL and CACHEWARDEN_SOCKET are both "
						  "set: unset one, or give --url or --socket");
	}
	if (!url && !path && access(default_socket, F_OK) == 0)
		path = default_socket;
	cli->socket = path;
	return path ? CLI_DONE : take_url(cli, url ? url : default_url);
}

static int take_token(struct cli *cli, struct slice text, const char *from)
{
	while (text.n && strchr("\r\n", text.p[text.n - 1]))
		text.n--;
	if (!text.n)
		return cli_say(CLI_USAGE, "%s holds no token", from);
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] <= ' ' || text.p[i] > '~')
			return cli_say(CLI_USAGE,
				"%s holds what is not a token: blanks, control "
				"bytes or several lines",
				from);
	cli->token = arena_slice(&cli->arena, text);
	cli->token_from = from;
	return CLI_DONE;
}

/* On the descriptor, so that the file that is judged is the one that is read. */
static int read_token(struct cli *cli, const char *path, int fd)
{
	char text[token_bytes + 1];
	struct stat stat;
	size_t n = 0;

	if (fstat(fd, &stat) != 0 || !S_ISREG(stat.st_mode))
		return cli_say(CLI_USAGE, "the token file %s is not a regular file", path);
	if (stat.st_mode & (S_IRWXO | S_IWGRP))
		return cli_say(CLI_USAGE,
			"the token file %s can be read or changed by others: chmod 600 %s, and "
			"replace the token if others may have read it",
			path, path);
	for (ssize_t more = 1; more > 0 && n < sizeof text; n += (size_t)(more > 0 ? more : 0)) {
		more = read(fd, text + n, sizeof text - n);
		if (more < 0)
			return cli_say(CLI_USAGE, "the token file %s cannot be read: %s", path,
				strerror(errno));
	}
	if (n > token_bytes)
		return cli_say(CLI_USAGE, "the token file %s is larger than 4 KiB", path);
	return take_token(cli, slice_of(text, n), path);
}

static int take_token_file(struct cli *cli, const char *path)
{
	if (!*path)
		return cli_say(CLI_USAGE, "the name of the token file must not be empty");
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return cli_say(
			CLI_USAGE, "the token file %s cannot be read: %s", path, strerror(errno));
	int exit = read_token(cli, path, fd);

	close(fd);
	return exit;
}

static const char *option_or_environment(
	const struct cli_args *args, const char *option, const char *variable)
{
	const char *value = cli_args_text(args, option);

	return value ? value : environment(variable);
}

/* A key that others can read is not a secret: it is refused, wherever it is. */
static int check_key(const char *path)
{
	struct stat stat_of;

	if (stat(path, &stat_of) != 0 || access(path, R_OK) != 0)
		return cli_say(
			CLI_USAGE, "the private key %s cannot be read: %s", path, strerror(errno));
	if (stat_of.st_mode & (S_IRWXO | S_IWGRP))
		return cli_say(CLI_USAGE,
			"the private key %s can be read or changed by others: chmod 600 %s, and "
			"replace it if others may have read it",
			path, path);
	return CLI_DONE;
}

static int take_certificates(struct cli *cli, const struct cli_args *args)
{
	cli->ca_file = option_or_environment(args, "ca-file", "CACHEWARDEN_CA_FILE");
	cli->cert_file = option_or_environment(args, "cert-file", "CACHEWARDEN_CERT_FILE");
	cli->key_file = option_or_environment(args, "key-file", "CACHEWARDEN_KEY_FILE");
	if (cli->ca_file && access(cli->ca_file, R_OK) != 0)
		return cli_say(CLI_USAGE, "the file of authorities %s cannot be read: %s",
			cli->ca_file, strerror(errno));
	if (!cli->cert_file)
		return cli->key_file ? cli_say(CLI_USAGE,
					       "the private key %s needs its certificate: "
					       "--cert-file or CACHEWARDEN_CERT_FILE",
					       cli->key_file)
				     : CLI_DONE;
	if (access(cli->cert_file, R_OK) != 0)
		return cli_say(CLI_USAGE, "the certificate %s cannot be read: %s", cli->cert_file,
			strerror(errno));
	if (!cli->key_file)
		cli->key_file = cli->cert_file;
	return check_key(cli->key_file);
}

int cli_address_read(struct cli *cli, const struct cli_args *args)
{
	const char *file = cli_args_text(args, "token-file");
	const char *token = file ? NULL : environment("CACHEWARDEN_TOKEN");
	int exit = take_address(cli, args);

	if (!exit)
		exit = take_certificates(cli, args);
	if (!file && !token)
		file = environment("CACHEWARDEN_TOKEN_FILE");
	if (exit)
		return exit;
	if (token)
		return take_token(cli, slice_str(token), "CACHEWARDEN_TOKEN");
	return file ? take_token_file(cli, file) : CLI_DONE;
}
