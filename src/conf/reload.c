/* SPDX-License-Identifier: MIT */
/* Reloads completely or not at all; see reload.h. */
#include "conf/reload.h"

#include <string.h>

#include "base/mem.h"
#include "conf/table.h"

struct reload {
	char *path; /* NULL: CONF_DEFAULT_FILE, if it exists */
	struct log *log;
	struct conf *current;
	struct reload_member *members;
	size_t count;
	bool succeeded;
	struct buf faults; /* of the last one */
};

struct reload *reload_new(const char *path, struct conf *current, struct log *log)
{
	struct reload *reload = mem_new(struct reload);

	reload->path = path ? mem_strdup(path) : NULL;
	reload->current = current;
	reload->log = log;
	reload->succeeded = true;
	return reload;
}

void reload_free(struct reload *reload)
{
	if (!reload)
		return;
	conf_unref(reload->current);
	buf_release(&reload->faults);
	mem_free(reload->members);
	mem_free(reload->path);
	mem_free(reload);
}

void reload_join(struct reload *reload, struct reload_member member)
{
	reload->members =
		mem_realloc(reload->members, (reload->count + 1) * sizeof *reload->members);
	reload->members[reload->count++] = member;
}

struct conf *reload_current(const struct reload *reload)
{
	return reload->current;
}

/* The name of the file in messages about all of it. */
static const char *name_of(const struct reload *reload)
{
	return reload->path ? reload->path : CONF_DEFAULT_FILE;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_seeds(const struct conf_redis *a, const struct conf_redis *b)
{
	if (a->seed_count != b->seed_count)
		return false;
	for (size_t i = 0; i < a->seed_count; i++)
		if (strcmp(a->seeds[i].host, b->seeds[i].host) != 0 ||
			a->seeds[i].port != b->seeds[i].port)
			return false;
	return true;
}

/* User and password may change, the address may not. */
static bool same_redis(const struct conf_redis *a, const struct conf_redis *b)
{
	return a->kind == b->kind && same_text(a->host, b->host) && a->port == b->port &&
	       same_text(a->path, b->path) && a->database == b->database && a->tls == b->tls &&
	       same_text(a->master, b->master) && same_seeds(a, b);
}

static bool listens_by_systemd(const struct conf *conf)
{
	for (size_t i = 0; i < conf->listen_count; i++)
		if (conf->listens[i].kind == LISTEN_SYSTEMD)
			return true;
	return false;
}

static bool same_key(const struct conf *a, const struct conf *b, const struct key *key)
{
	if (key->type == &type_redis_url)
		return same_redis(&a->redis, &b->redis);
	if (key->type == &type_listens)
		return listens_by_systemd(a) == listens_by_systemd(b);
	return node_equal(
		node_find(a->private->root, key->path), node_find(b->private->root, key->path));
}

static enum error check_restart(struct reload *reload, const struct conf *next)
{
	struct faults faults = {.out = &reload->faults};

	for (size_t i = 0; i < section_root.count; i++) {
		const struct key *key = &section_root.keys[i];
		const struct node *node;

		if (!(key->flags & KEY_RESTART) || same_key(reload->current, next, key))
			continue;
		node = node_find(next->private->root, key->path);
		faults_add(&faults, node ? node->file : name_of(reload), node ? node->line : 0,
			"%s has changed, which requires a restart: revert it, or restart the "
			"daemon",
			key->path);
	}
	return faults.count ? ERR_BAD_CONFIG : OK;
}

/* If a member refuses, those before it undo what they prepared, the last one first. */
static enum error prepare_all(struct reload *reload, struct conf *next, struct fault *fault)
{
	size_t done = 0;

	while (done < reload->count) {
		const struct reload_member *member = &reload->members[done];

		if (member->prepare) {
			enum error error = member->prepare(member->context, next, fault);

			log_debug(reload->log, "reload: %s %s", member->name,
				error ? "refuses" : "is prepared");
			if (error)
				break;
		}
		done++;
	}
	if (done == reload->count)
		return OK;
	while (done--) {
		const struct reload_member *member = &reload->members[done];

		if (!member->abandon)
			continue;
		member->abandon(member->context);
		log_debug(reload->log, "reload: %s is put back", member->name);
	}
	return ERR_BAD_CONFIG;
}

static void commit_all(struct reload *reload, struct conf *next)
{
	for (size_t i = 0; i < reload->count; i++) {
		const struct reload_member *member = &reload->members[i];

		if (!member->commit)
			continue;
		member->commit(member->context, next);
		log_debug(reload->log, "reload: %s is in force", member->name);
	}
}

enum error reload_begin(struct reload *reload, struct fault *fault)
{
	enum error error = prepare_all(reload, reload->current, fault);

	if (!error)
		commit_all(reload, reload->current);
	return error;
}

static enum error prepare(struct reload *reload, struct conf *next)
{
	struct fault fault = {0};
	enum error error = prepare_all(reload, next, &fault);

	if (error)
		buf_printf(&reload->faults, "%s\n", fault.detail);
	return error;
}

static enum error exchange(struct reload *reload)
{
	struct conf *next = NULL, *old = reload->current;
	enum error error = conf_load(reload->path, &next, &reload->faults);

	log_debug(reload->log, "reload: %s: %s", name_of(reload), error ? "refused" : "read");
	if (error == OK)
		error = check_restart(reload, next);
	if (error == OK)
		error = prepare(reload, next);
	if (error != OK) {
		conf_unref(next);
		return error;
	}
	reload->current = next;
	commit_all(reload, next);
	conf_unref(old);
	return OK;
}

enum error reload_now(struct reload *reload, struct buf *faults)
{
	enum error error;

	buf_clear(&reload->faults);
	error = exchange(reload);
	reload->succeeded = error == OK;
	buf_add(faults, buf_slice(&reload->faults));
	return error;
}

bool reload_succeeded(const struct reload *reload)
{
	return reload->succeeded;
}

const char *reload_faults(const struct reload *reload)
{
	return reload->faults.n ? reload->faults.p : "";
}
