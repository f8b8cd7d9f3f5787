/* SPDX-License-Identifier: MIT */
/*
 * Loads a snapshot from a path, and finds entries in it; see conf.h.
 *
 *	main file -> ${env:} -> included files -> environment -> section_root's rows -> rules
 */
#include "conf/conf.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "conf/environment.h"
#include "conf/include.h"

/* The default of `name`. */
static void add_host_name(struct reader *r, struct node *root)
{
	struct node *node = node_new(r->arena, NODE_SCALAR, root->file, root->line);
	char host[65] = "";

	if (node_member(root, SLICE("name")))
		return;
	if (gethostname(host, sizeof host - 1) != 0 || reader_check_name(slice_str(host)))
		strcpy(host, "cachewarden");
	node->text = node->raw = arena_slice(r->arena, slice_str(host));
	node->is_default = true;
	node_put(r->arena, root, "name", node);
}

/* A program with the library needs neither the daemon's tokens nor its addresses. */
static void drop_the_daemons(struct node *root)
{
	static const char *const names[] = {"listen", "insecure_http", "tls", "auth", "log"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		node_drop(root, slice_str(names[i]));
}

/* Starting programs needs the process's SIGCHLD, which is the program's own. */
static void refuse_commands(struct reader *r, struct node *root)
{
	if (node_given(root, "redis.password_command"))
		reader_fault_at(r, root, "redis.password_command",
			"is not available to a program with the library: use "
			"redis.password_file");
}

static void put_redis_url(struct reader *r, struct node *root, const char *url)
{
	struct node *node = node_new(r->arena, NODE_SCALAR, "the URL that was given", 0);

	node->text = node->raw = arena_slice(r->arena, slice_str(url));
	node_put(r->arena, root, "redis.url", node);
}

static void read_tree(struct reader *r, const struct conf_origin *origin, struct node *root)
{
	environment_fill(r, root);
	if (origin->path)
		include_files(r, root);
	environment_apply(r, root);
	if (origin->embedded) {
		drop_the_daemons(root);
		refuse_commands(r, root);
	}
	if (origin->redis_url)
		put_redis_url(r, root, origin->redis_url);
	add_host_name(r, root);
	section_read(r, &section_root, root, r->conf);
}

static struct conf_full *full_new(void)
{
	struct conf_full *full = mem_new(struct conf_full);

	full->private.references = 1;
	full->conf.private = &full->private;
	return full;
}

/* A file that exists and cannot be read, or cannot be looked for, is a fault, not absent. */
static bool default_file_is_absent(void)
{
	struct stat is;

	return lstat(CONF_DEFAULT_FILE, &is) != 0 && (errno == ENOENT || errno == ENOTDIR);
}

enum error conf_load(const char *path, struct conf **ret, struct buf *faults)
{
	if (!path && !default_file_is_absent())
		path = CONF_DEFAULT_FILE;
	return conf_load_from(&(struct conf_origin){.path = path}, ret, faults);
}

/* NULL if it cannot be read; then there are faults. */
static struct node *read_file(struct reader *r, const char *path)
{
	struct document_file file = {.path = path};
	struct node *root = document_load(r->arena, &file, r->faults);

	if (file.wrong)
		faults_add(r->faults, path, 0, "%s", file.wrong);
	return root;
}

static void keep_warnings(struct conf_full *full, struct faults *warnings)
{
	faults_end(warnings);
	full->private.warnings = arena_dup(&full->private.arena, buf_slice(warnings->out));
	buf_release(warnings->out);
}

enum error conf_load_from(const struct conf_origin *origin, struct conf **ret, struct buf *faults)
{
	struct conf_full *full = full_new();
	struct buf warned = {0};
	struct faults collected = {.out = faults}, warnings = {.out = &warned};
	struct reader reader = {.arena = &full->private.arena,
		.faults = &collected,
		.warnings = &warnings,
		.conf = full};
	struct node *root = origin->path ? read_file(&reader, origin->path)
					 : node_new(reader.arena, NODE_MAP, "the defaults", 0);

	if (root && root->kind != NODE_MAP)
		reader_fault(&reader, root, reader_no_map(root));
	else if (root)
		read_tree(&reader, origin, root);
	full->private.root = root;
	full->conf.file =
		origin->path ? arena_dup(&full->private.arena, slice_str(origin->path)) : NULL;
	full->conf.loaded_wall_ms = clock_wall_ms();
	buf_release(&reader.path);
	buf_release(&reader.why);
	faults_end(&collected);
	keep_warnings(full, &warnings);
	if (collected.count) {
		conf_unref(&full->conf);
		return ERR_BAD_CONFIG;
	}
	*ret = &full->conf;
	return OK;
}

struct conf *conf_ref(struct conf *conf)
{
	conf->private->references++;
	return conf;
}

void conf_unref(struct conf *conf)
{
	if (!conf || --conf->private->references)
		return;
	tls_server_unref(conf->tls.server);
	arena_release(&conf->private->arena);
	/* The snapshot is the first member of what full_new() has allocated. */
	mem_free(conf);
}

const struct conf_job *conf_job(const struct conf *conf, struct slice name)
{
	for (size_t i = 0; i < conf->job_count; i++)
		if (slice_is(name, conf->jobs[i].name))
			return &conf->jobs[i];
	return NULL;
}

const struct conf_loader *conf_loader(const struct conf *conf, struct slice name)
{
	for (size_t i = 0; i < conf->loader_count; i++)
		if (slice_is(name, conf->loaders[i].name))
			return &conf->loaders[i];
	return NULL;
}

const struct conf_entity *conf_entity(const struct conf *conf, struct slice name)
{
	for (size_t i = 0; i < conf->entity_count; i++)
		if (slice_is(name, conf->entities[i].name))
			return &conf->entities[i];
	return NULL;
}

const struct conf_entity *conf_entity_of_field(const struct conf *conf, struct slice field)
{
	for (size_t i = 0; i < conf->entity_count; i++)
		if (conf->entities[i].field && slice_is(field, conf->entities[i].field))
			return &conf->entities[i];
	return NULL;
}

const struct conf_namespace *conf_namespace(const struct conf *conf, struct slice key)
{
	const struct conf_namespace *longest = NULL;

	for (size_t i = 0; i < conf->namespace_count; i++) {
		const struct conf_namespace *namespace = &conf->namespaces[i];

		if ((!longest || namespace->prefix.n > longest->prefix.n) &&
			slice_starts(key, namespace->prefix))
			longest = namespace;
	}
	return longest;
}

int64_t conf_ttl_ms(const struct conf *conf, struct slice key)
{
	const struct conf_namespace *namespace = conf_namespace(conf, key);

	return namespace ? namespace->ttl_ms : conf->default_ttl_ms;
}

const char *conf_tokens_file(const struct conf *conf, struct file_stamp *ret_stamp)
{
	*ret_stamp = conf->private->tokens_stamp;
	return conf->private->tokens_file;
}

bool conf_tokens_same(const struct conf *conf, struct file_stamp *ret_stamp)
{
	const struct conf_private *private = conf->private;
	struct buf text = {0}, why = {0};
	uint8_t digest[SHA256_BYTES];
	bool same = private->tokens_file &&
		    !file_read(private->tokens_file, true, &text, &why, ret_stamp);

	if (same) {
		crypto_sha256(buf_slice(&text), digest);
		same = memcmp(digest, private->tokens_digest, sizeof digest) == 0;
	}
	buf_release(&text);
	buf_release(&why);
	return same;
}

const char *conf_warnings(const struct conf *conf)
{
	return conf->private->warnings;
}
