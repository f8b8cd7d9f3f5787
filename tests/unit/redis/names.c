/* SPDX-License-Identifier: MIT */
#include "names.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <string.h>

#include "../unit.h"

enum { max_questions = 16 };

int names_asked, names_refuse;

static bool pretending;
static struct {
	uv_getaddrinfo_t *request;
	uv_getaddrinfo_cb answer;
} questions[max_questions];
static int question_count;

typedef int getaddrinfo_function(uv_loop_t *, uv_getaddrinfo_t *, uv_getaddrinfo_cb, const char *,
	const char *, const struct addrinfo *);

int uv_getaddrinfo(uv_loop_t *loop, uv_getaddrinfo_t *request, uv_getaddrinfo_cb callback,
	const char *node, const char *service, const struct addrinfo *hints)
{
	if (!pretending) {
		void *real = dlsym(RTLD_NEXT, "uv_getaddrinfo");
		getaddrinfo_function *function;

		memcpy(&function, &real, sizeof function);
		return function(loop, request, callback, node, service, hints);
	}
	if (names_refuse)
		return names_refuse;
	ck_assert_int_lt(question_count, max_questions);
	names_asked++;
	questions[question_count].request = request;
	questions[question_count++].answer = callback;
	return 0;
}

void names_begin(void)
{
	pretending = true;
}

static struct addrinfo *addresses(unsigned count, const char *port)
{
	const struct addrinfo hints = {
		.ai_family = AF_INET, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};
	struct addrinfo *first = NULL;

	for (; count > 0; count--) {
		struct addrinfo *info;

		ck_assert_int_eq(getaddrinfo("127.0.0.1", port, &hints, &info), 0);
		if (!port)
			info->ai_addr->sa_family = AF_UNSPEC;
		info->ai_next = first;
		first = info;
	}
	return first;
}

void names_answer(int status, unsigned count, const char *port)
{
	int open = question_count;

	question_count = 0;
	for (int i = 0; i < open; i++)
		questions[i].answer(questions[i].request, status, addresses(count, port));
}
