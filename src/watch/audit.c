/* SPDX-License-Identifier: MIT */
/* The audit log's queue and its writer; see audit.h. */
#include "watch/audit.h"

#include <stdlib.h>
#include <string.h>

#include "base/loop.h"
#include "base/mem.h"
#include "watch/audit_file.h"

enum { retry_ms = 1000 };

/* What the thread pool does; it touches nothing else. */
struct audit_job {
	uv_work_t work;
	struct audit *audit;
	int fd; /* -1 = to be opened */
	char *path;
	struct buf bytes; /* whole lines */
	size_t at;	  /* how many of them are in the file */
	const char *why;  /* the end of a sentence; NULL = all went well */
	bool done;
};

/* A file that is open already, or why it is not. */
struct target {
	bool set;
	char *path; /* NULL = there is to be none */
	int fd;
	const char *why;
};

struct audit {
	struct loop *loop;
	struct log *log;
	struct metrics *metrics;
	struct fiber_group group;
	struct fiber *fiber;
	char *path;		      /* NULL = off */
	int fd;			      /* the fiber's; -1 = it is to be opened */
	struct target prepared, next; /* a reload's; the fiber takes `next` over between writes */
	struct buf queue;
	size_t torn;		 /* bytes of the queue's first line that are in the file already */
	uint64_t added, written; /* bytes of whole lines */
	const char *why;	 /* it cannot be written */
	bool slow;		 /* a caller has waited for it in vain since it last went on */
	bool stopping;
	int64_t retry_at_ms;
	struct fiber_cond went_on;
};

static void job_run(uv_work_t *work)
{
	struct audit_job *job = work->data;

	if (job->fd < 0)
		job->fd = audit_file_open(job->path, &job->why);
	if (job->fd >= 0)
		job->at = audit_file_write(job->fd, buf_slice(&job->bytes), job->at, &job->why);
}

static void job_done(uv_work_t *work, int status)
{
	struct audit_job *job = work->data;

	(void)status;
	job->done = true;
	fiber_wake(job->audit->fiber);
}

/* The bytes of the lines that are in the file as a whole. */
static size_t whole_lines(const struct audit_job *job)
{
	size_t n = job->at;

	while (n > 0 && job->bytes.p[n - 1] != '\n')
		n--;
	return n;
}

static void set_trouble(struct audit *audit, const char *why)
{
	if (why && !audit->why)
		log_error(audit->log, "audit: %s %s%s",
			strcmp(audit->path, AUDIT_STDOUT) == 0 ? "standard output" : audit->path,
			why, ": lines wait, and what audit.required names is refused");
	if (!why && audit->why)
		log_info(audit->log, "audit: %s is written again", audit->path);
	audit->why = why;
	metric_set(audit->metrics, METRIC_AUDIT_FAILING, NULL, NULL, why != NULL);
	if (why)
		audit->retry_at_ms = clock_deadline(retry_ms);
}

/* What was not written goes back before what has come meanwhile. */
static void take_back(struct audit *audit, struct audit_job *job)
{
	size_t whole = whole_lines(job);

	audit->written += whole;
	if (job->at > 0)
		audit->slow = false;
	audit->torn = job->at - whole;
	buf_consume(&job->bytes, whole);
	if (job->bytes.n) {
		buf_add(&job->bytes, buf_slice(&audit->queue));
		buf_release(&audit->queue);
		audit->queue = job->bytes;
		job->bytes = (struct buf){0};
	}
}

/* One piece of work in the thread pool. Parks. */
static void write_queue(struct audit *audit)
{
	struct audit_job *job = mem_new(struct audit_job);

	job->work.data = job;
	job->audit = audit;
	job->fd = audit->fd;
	job->path = mem_strdup(audit->path);
	job->bytes = audit->queue;
	/* A torn line is whole again in another file. */
	job->at = audit->fd < 0 ? 0 : audit->torn;
	audit->queue = (struct buf){0};
	uv_queue_work(loop_uv(audit->loop), &job->work, job_run, job_done);
	while (!job->done)
		fiber_park("a write to the audit log", DEADLINE_NONE);
	audit->fd = job->fd;
	take_back(audit, job);
	set_trouble(audit, job->why);
	fiber_cond_broadcast(&audit->went_on);
	buf_release(&job->bytes);
	mem_free(job->path);
	mem_free(job);
}

static void target_release(struct target *target)
{
	if (!target->set)
		return;
	audit_file_close(target->fd);
	mem_free(target->path);
	*target = (struct target){0};
}

/* Goes on with the file of the last reload. */
static void take_next(struct audit *audit)
{
	struct target next = audit->next;

	audit->next = (struct target){0};
	audit_file_close(audit->fd);
	mem_free(audit->path);
	audit->fd = next.fd;
	audit->path = next.path;
	audit->torn = 0;
	audit->why = NULL;
	audit->retry_at_ms = 0;
	if (!audit->path) {
		audit->written += audit->queue.n;
		buf_release(&audit->queue);
	}
	set_trouble(audit, audit->path ? next.why : NULL);
	fiber_cond_broadcast(&audit->went_on);
}

static void audit_fiber(void *argument)
{
	struct audit *audit = argument;

	while (!audit->stopping || (audit->path && audit->queue.n && !audit->why)) {
		bool waits = audit->why && clock_mono_ms() < audit->retry_at_ms;

		/* What was added before goes to the file of before, if that can be written. */
		if (audit->next.set && (!audit->queue.n || !audit->path || audit->why))
			take_next(audit);
		else if (audit->path && !waits && (audit->queue.n || audit->why))
			write_queue(audit);
		else
			fiber_park("a line", waits ? audit->retry_at_ms : DEADLINE_NONE);
	}
}

struct audit *audit_new(struct loop *loop, struct log *log, struct metrics *metrics)
{
	struct audit *audit = mem_new(struct audit);

	audit->loop = loop;
	audit->log = log;
	audit->metrics = metrics;
	audit->fd = -1;
	fiber_group_init(&audit->group, "audit", loop);
	audit->fiber = fiber_spawn(&audit->group, "audit", audit_fiber, audit);
	return audit;
}

void audit_free(struct audit *audit)
{
	if (!audit)
		return;
	audit->stopping = true;
	fiber_wake(audit->fiber);
	/* A write in the thread pool cannot be taken back. */
	fiber_cleanup_begin(AUDIT_WAIT_MS);
	while (audit->group.count)
		fiber_group_join(&audit->group, DEADLINE_NONE);
	fiber_cleanup_end();
	audit_file_close(audit->fd);
	target_release(&audit->prepared);
	target_release(&audit->next);
	mem_free(audit->path);
	buf_release(&audit->queue);
	mem_free(audit);
}

static bool same_path(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* The service manager's folder for logs, unless the configuration names a file. */
static char *path_of(const struct conf *conf)
{
	const char *folders = getenv("LOGS_DIRECTORY");
	size_t n = folders ? strcspn(folders, ":") : 0;

	if (conf->audit.path)
		return *conf->audit.path ? mem_strdup(conf->audit.path) : NULL;
	return n ? mem_printf("%.*s/audit.jsonl", (int)n, folders) : NULL;
}

enum error audit_prepare(struct audit *audit, const struct conf *next, struct fault *fault)
{
	struct target target = {.set = true, .path = path_of(next), .fd = -1};
	const char *before = audit->next.set ? audit->next.path : audit->path;

	if (target.path)
		target.fd = audit_file_open(target.path, &target.why);
	if (target.why && before && !same_path(before, target.path)) {
		fault_set(fault, ERR_BAD_CONFIG, "audit.path: %s %s", target.path, target.why);
		target_release(&target);
		return ERR_BAD_CONFIG;
	}
	target_release(&audit->prepared);
	audit->prepared = target;
	return OK;
}

void audit_commit(struct audit *audit)
{
	target_release(&audit->next);
	audit->next = audit->prepared;
	audit->prepared = (struct target){0};
	/* Before the first request. */
	if (!audit->path)
		take_next(audit);
	fiber_wake(audit->fiber);
}

void audit_abandon(struct audit *audit)
{
	target_release(&audit->prepared);
}

bool audit_is_on(const struct audit *audit)
{
	return audit && audit->path;
}

const char *audit_path(const struct audit *audit)
{
	return audit_is_on(audit) && strcmp(audit->path, AUDIT_STDOUT) != 0 ? audit->path : NULL;
}

const char *audit_trouble(const struct audit *audit)
{
	return audit_is_on(audit) && audit->why ? audit->why : "";
}

uint64_t audit_add(struct audit *audit, struct slice line)
{
	if (!audit_is_on(audit))
		return 0;
	if (audit->queue.n + line.n + 1 > AUDIT_QUEUE_BYTES) {
		metric_add(audit->metrics, METRIC_AUDIT_DROPPED, NULL, NULL, 1);
		return 0;
	}
	buf_add(&audit->queue, line);
	buf_char(&audit->queue, '\n');
	audit->added += line.n + 1;
	fiber_wake(audit->fiber);
	return audit->added;
}

static enum error unavailable(const struct audit *audit, const char *why, struct fault *fault)
{
	return fault_set(fault, ERR_AUDIT_UNAVAILABLE,
		"the audit log %s %s, and audit.required names this request: nothing was done",
		audit->path ? audit->path : "", why);
}

enum error audit_wait(struct audit *audit, uint64_t line, bool required, struct fault *fault)
{
	int64_t deadline = clock_deadline(AUDIT_WAIT_MS);
	enum error error = OK;

	if (!audit_is_on(audit))
		return OK;
	if (line == 0)
		return unavailable(audit, "takes no more lines", fault);
	while (audit->written < line) {
		if (audit->why)
			return unavailable(audit, audit->why, fault);
		if (error || (audit->slow && !required))
			return unavailable(audit, "does not answer", fault);
		error = fiber_cond_wait(&audit->went_on, "the audit log", deadline);
		audit->slow = audit->slow || error == ERR_TIMEOUT;
	}
	return OK;
}
