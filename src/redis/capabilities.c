/* SPDX-License-Identifier: MIT */
/* The look at what is allowed, and what follows from a denied command; see capabilities.h. */
#include "redis/capabilities.h"

#include <string.h>

#include "redis/capabilities_table.h"
#include "redis/flight.h"

/* What the second look asks for. */
static bool looked_for(enum command command)
{
	return command != COMMAND_MULTI && command != COMMAND_EXEC && command != COMMAND_DISCARD;
}

size_t capabilities_ask(struct flight *flight, bool all, struct slice key)
{
	size_t first = flight_add(flight, 1, (struct slice[]){SLICE("MULTI")});

	for (unsigned i = 0; i < COMMAND_COUNT && all; i++) {
		struct slice argv[1 + most_arguments] = {slice_str(capabilities_commands[i].name)};
		size_t argc = 1;

		if (!looked_for(i))
			continue;
		for (; argc <= most_arguments && capabilities_commands[i].arguments[argc - 1];
			argc++) {
			struct slice argument =
				slice_str(capabilities_commands[i].arguments[argc - 1]);

			argv[argc] = slice_is(argument, KEY) ? key : argument;
		}
		flight_add(flight, argc, argv);
	}
	flight_add(flight, 1, (struct slice[]){SLICE("DISCARD")});
	/* It ends a MULTI that may not be discarded; else it is refused, but not for want of
	 * rights. */
	if (!all)
		flight_add(flight, 1, (struct slice[]){SLICE("EXEC")});
	return first;
}

/* The command at `at` of a look. */
static unsigned asked_at(bool all, size_t at)
{
	if (at == 0)
		return COMMAND_MULTI;
	if (!all && at == 2)
		return COMMAND_EXEC;
	for (unsigned i = 0; i < COMMAND_COUNT && all; i++)
		if (looked_for(i) && --at == 0)
			return i;
	return COMMAND_DISCARD;
}

enum refusal { ALLOWED, DENIED, KEY_DENIED, NOT_KNOWN, UNSAID };

/* Errors of the moment (loading, busy, full, no primary) say nothing of what is allowed. */
static enum refusal refusal_of(const struct redis_value *reply)
{
	struct fault fault;
	enum error error = redis_value_error(reply, &fault);

	/* Of EXEC it comes as "EXECABORT ... NOPERM ...". */
	if (error && strstr(fault.detail, "to run the '"))
		return DENIED;
	if (error == ERR_REDIS_NOPERM)
		return KEY_DENIED;
	/* "WATCH inside MULTI is not allowed"; Valkey 8: "Command not allowed inside a
	 * transaction" */
	if (!error || strstr(fault.detail, "without MULTI") || strstr(fault.detail, "nested") ||
		strstr(fault.detail, "inside MULTI") ||
		strstr(fault.detail, "inside a transaction"))
		return ALLOWED;
	if (error != ERR_REDIS_ERROR || server_kind_of_refusal(&fault) != SERVER_UNKNOWN)
		return UNSAID;
	return NOT_KNOWN;
}

static void note(struct capabilities *capabilities, unsigned command, enum refusal refusal)
{
	if (refusal == UNSAID) {
		capabilities->unsaid = true;
		return;
	}
	capabilities->denied &= ~capabilities_bit(command);
	capabilities->unknown &= ~capabilities_bit(command);
	if (refusal == DENIED)
		capabilities->denied |= capabilities_bit(command);
	else if (refusal == NOT_KNOWN)
		capabilities->unknown |= capabilities_bit(command);
}

void capabilities_heard(
	struct capabilities *capabilities, bool all, size_t at, const struct redis_value *reply)
{
	unsigned command = asked_at(all, at);
	enum refusal refusal = refusal_of(reply);

	if (command == COMMAND_MULTI) {
		capabilities->unsaid = false;
		capabilities->can_look = refusal == ALLOWED;
		if (all)
			capabilities->own_keys = 0;
	}
	if (refusal == KEY_DENIED)
		capabilities->own_keys |= capabilities_bit(command);
	note(capabilities, command, refusal);
	if (command == COMMAND_DISCARD)
		capabilities->can_look = capabilities->can_look && refusal == ALLOWED;
}

bool capabilities_can_look(const struct capabilities *capabilities)
{
	return capabilities->can_look;
}

/*
 * "NOPERM ... has no permissions to run the 'xadd' command", "ERR unknown command 'XADD', ...",
 * and, of a script's command, "ERR ACL failure in script: ... to run the 'time' command".
 * `client|setname` stands for a subcommand.
 */
bool capabilities_refused(struct capabilities *capabilities, const struct redis_value *reply)
{
	static const char denies[] = "to run the '", knows[] = "unknown command '";
	struct fault fault;
	const char *at;
	enum refusal refusal = DENIED;

	if (!redis_value_error(reply, &fault))
		return false;
	at = strstr(fault.detail, denies);
	if (at) {
		at += sizeof denies - 1;
	} else if ((at = strstr(fault.detail, knows))) {
		at += sizeof knows - 1;
		refusal = NOT_KNOWN;
	} else {
		return false;
	}
	unsigned command = capabilities_find(slice_of(at, strcspn(at, "'|")));

	if (command == COMMAND_COUNT)
		return false;
	note(capabilities, command, refusal);
	return true;
}

uint64_t capabilities_lacks(const struct capabilities *capabilities)
{
	return capabilities->denied | capabilities->unknown |
	       (capabilities->own_keys ? capabilities_bit(OWN_KEYS) : 0);
}

bool capabilities_lack(const struct capabilities *capabilities, const char *command)
{
	return capabilities_lacks(capabilities) &
	       capabilities_bit(capabilities_find(slice_str(command)));
}

static void add_features(uint64_t lacks, unsigned command, struct buf *out)
{
	for (unsigned i = 0; i < REDIS_FEATURES; i++) {
		uint64_t lacked;

		capabilities_needs(i, lacks, &lacked);
		if (!(lacked & capabilities_bit(command)))
			continue;
		buf_str(out, out->n ? ", " : "");
		buf_str(out, capabilities_feature(i));
	}
}

static void lower(const char *name, char *to, size_t size)
{
	size_t n = 0;

	for (; name[n] && n + 1 < size; n++)
		to[n] = (char)(name[n] | 0x20);
	to[n] = '\0';
}

void capabilities_lack_parts(
	const struct capabilities_server *server, unsigned i, struct redis_lack *ret)
{
	const struct capabilities *capabilities = server->capabilities;
	bool has_user = server->user && *server->user;

	*ret = (struct redis_lack){
		.user = has_user ? server->user : "default", .own_key = server->key};
	if (i == OWN_KEYS)
		return;
	ret->command = capabilities_commands[i].name;
	ret->denied = capabilities->denied & capabilities_bit(i);
	lower(ret->command, ret->command_lower, sizeof ret->command_lower);
	add_features(capabilities_lacks(capabilities), i, &ret->features);
}

void capabilities_sentence(const struct capabilities_server *server, unsigned i, struct buf *out)
{
	const char *name = server->name;
	struct redis_lack lack;

	capabilities_lack_parts(server, i, &lack);
	if (!lack.command)
		buf_printf(out,
			"Redis at %s denies keys such as %s to the user %s: cachewarden's own "
			"keys must be allowed to it",
			name, lack.own_key, lack.user);
	else if (lack.denied)
		buf_printf(out,
			"Redis at %s denies %s to the user %s (ACL SETUSER %s +%s allows it)", name,
			lack.command, lack.user, lack.user, lack.command);
	else
		buf_printf(out,
			"the server at %s does not know %s (rename-command, or a proxy without it)",
			name, lack.command);
	if (lack.features.n) {
		buf_str(out, "; without it these do not work: ");
		buf_add(out, buf_slice(&lack.features));
	}
	buf_release(&lack.features);
}

uint64_t capabilities_used(bool warms)
{
	uint64_t used = capabilities_bit(OWN_KEYS), lacked;

	for (unsigned i = 0; i < REDIS_FEATURES; i++)
		if (i != FEATURE_WARM || warms)
			used |= capabilities_needs(i, 0, &lacked);
	return used;
}

void capabilities_acl(const struct capabilities_server *server, bool warms, struct buf *out)
{
	bool has_user = server->user && *server->user;
	uint64_t used = capabilities_used(warms);
	char name[24];

	buf_printf(out, "ACL SETUSER %s on >PASSWORD ~*", has_user ? server->user : "cachewarden");
	for (unsigned i = 0; i < COMMAND_COUNT; i++) {
		if (!(used & capabilities_bit(i)))
			continue;
		lower(capabilities_commands[i].name, name, sizeof name);
		buf_printf(out, " +%s", name);
	}
	/* Nothing depends on these two. */
	buf_str(out, " +memory|usage +client|setname");
}

static enum error deny(
	const struct capabilities_server *server, uint64_t lacked, struct fault *fault)
{
	struct buf text = {0};
	unsigned i = 0;

	while (!(lacked & capabilities_bit(i)))
		i++;
	capabilities_sentence(server, i, &text);
	fault_set(fault, ERR_REDIS_NOPERM, "%.*s", (int)text.n, text.p);
	buf_release(&text);
	return ERR_REDIS_NOPERM;
}

/* A replica may be read; what is not in the table goes to a primary only. */
static enum error judge(const struct capabilities_server *server, uint64_t used, bool others,
	uint64_t lacked, struct fault *fault)
{
	bool reads = true, anywhere = true;

	for (unsigned i = 0; i < COMMAND_COUNT; i++) {
		if (!(used & capabilities_bit(i)))
			continue;
		reads = reads && capabilities_commands[i].kind != WRITES;
		anywhere = anywhere && capabilities_commands[i].kind == ANYWHERE;
	}
	if (others || !(server->kind == SERVER_REPLICA ? reads : anywhere)) {
		enum error error = server_kind_judge(server->kind, server->name, fault);

		if (error)
			return error;
	}
	return lacked ? deny(server, lacked, fault) : OK;
}

enum error capabilities_allow(
	const struct capabilities_server *server, enum redis_feature feature, struct fault *fault)
{
	uint64_t lacks = capabilities_lacks(server->capabilities), lacked;

	if (!lacks && server->kind <= SERVER_PRIMARY)
		return OK;
	uint64_t used = capabilities_needs(feature, lacks, &lacked);

	return judge(server, used, false, lacked, fault);
}

/* All our scripts call commands by literal names. */
static uint64_t called_in(struct slice script)
{
	static const char call[] = "call('";
	const char *end = script.p + script.n, *at = script.p;
	uint64_t set = 0;

	while ((at = memmem(at, (size_t)(end - at), call, sizeof call - 1))) {
		at += sizeof call - 1;
		const char *quote = memchr(at, '\'', (size_t)(end - at));
		unsigned command = quote ? capabilities_find(slice_of(at, (size_t)(quote - at)))
					 : COMMAND_COUNT;

		if (command < COMMAND_COUNT)
			set |= capabilities_bit(command);
	}
	return set;
}

enum error capabilities_judge(const struct capabilities_server *server,
	const struct redis_batch *batch, struct fault *fault)
{
	uint64_t lacks = capabilities_lacks(server->capabilities), used = 0;
	bool others = false;

	if (!lacks && server->kind <= SERVER_PRIMARY)
		return OK;
	for (size_t i = 0; i < redis_batch_count(batch); i++) {
		struct slice words[2];
		size_t count = redis_batch_words(batch, i, words, 2);
		unsigned command = capabilities_find(words[0]);

		others = others || command == COMMAND_COUNT;
		if (command < COMMAND_COUNT)
			used |= capabilities_bit(command);
		if (command == COMMAND_EVAL && count > 1)
			used |= called_in(words[1]);
	}
	return judge(server, used, others && server->kind != SERVER_REPLICA, used & lacks, fault);
}
