/* SPDX-License-Identifier: MIT */
/* Watches a file until it no longer changes; see tokens_watch.h. */
#include "tokens_watch.h"

#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

enum {
	idle_ms = 250,
	settle_ms = 50,		/* of a file with events */
	settle_new_ms = 250,	/* of a different file than before */
	settle_alone_ms = 1000, /* without events, or if the file is absent */
	writer_ms = 10000, /* a file that is only kept open counts as written after this time */
};

struct tokens_watch {
	struct loop *loop;
	void (*changed)(void *context);
	void *context;
	char *path; /* NULL = none */
	uv_timer_t timer;
	uv_poll_t events;
	int inotify;	   /* -1 = none */
	int file;	   /* inotify's descriptor of the file, -1 = none */
	struct look *look; /* under way */
	struct file_stamp read, seen;
	int64_t seen_mono_ms;
	bool written; /* since it was read last, even if the stamp is the same */
	bool writing;
	int64_t wrote_mono_ms;
	unsigned handles;
};

/* A stat(2) in the thread pool, which may end after the watch. */
struct look {
	uv_fs_t request;
	struct tokens_watch *watch; /* NULL if its result is not needed */
};

static void timer_due(uv_timer_t *timer);

static void look_in(struct tokens_watch *w, uint64_t ms)
{
	uv_timer_start(&w->timer, timer_due, ms, 0);
}

/* Subscribes to events of the file that is at the path now. */
static void listen_to_file(struct tokens_watch *w)
{
	int file;

	if (w->inotify < 0)
		return;
	file = inotify_add_watch(w->inotify, w->path, IN_MODIFY | IN_CLOSE_WRITE);
	if (file == w->file)
		return;
	if (w->file >= 0)
		inotify_rm_watch(w->inotify, w->file);
	w->file = file;
	w->writing = false;
}

static int64_t settle_time(const struct tokens_watch *w)
{
	if (w->file < 0 || !w->seen.there)
		return settle_alone_ms;
	return w->seen.inode == w->read.inode ? settle_ms : settle_new_ms;
}

static bool holds_still(const struct tokens_watch *w, int64_t now_ms)
{
	if (w->writing && now_ms - w->wrote_mono_ms < writer_ms)
		return false;
	return now_ms - w->seen_mono_ms >= settle_time(w);
}

static void judge(struct tokens_watch *w, const struct file_stamp *stamp)
{
	int64_t now_ms = clock_mono_ms();

	if (!file_stamp_equal(stamp, &w->seen)) {
		w->seen = *stamp;
		w->seen_mono_ms = now_ms;
		listen_to_file(w);
	}
	if (!w->written && file_stamp_equal(stamp, &w->read)) {
		look_in(w, idle_ms);
	} else if (!holds_still(w, now_ms)) {
		look_in(w, settle_ms);
	} else {
		w->read = w->seen;
		w->written = false;
		look_in(w, idle_ms);
		w->changed(w->context);
	}
}

static void looked(uv_fs_t *request)
{
	struct look *look = request->data;
	struct tokens_watch *w = look->watch;
	struct file_stamp stamp = {0};

	if (w) {
		w->look = NULL;
		if (request->result == 0)
			stamp = file_stamp_of_uv(&request->statbuf);
		judge(w, &stamp);
	}
	uv_fs_req_cleanup(request);
	mem_free(look);
}

static void timer_due(uv_timer_t *timer)
{
	struct tokens_watch *w = timer->data;

	if (w->look)
		return; /* when it ends, it starts the timer again */
	w->look = mem_new(struct look);
	w->look->watch = w;
	w->look->request.data = w->look;
	uv_fs_stat(loop_uv(w->loop), &w->look->request, w->path, looked);
}

static void forget_look(struct tokens_watch *w)
{
	if (w->look)
		w->look->watch = NULL;
	w->look = NULL;
}

static void note_event(struct tokens_watch *w, const struct inotify_event *event)
{
	if (event->wd != w->file || !w->path)
		return;
	if (event->mask & IN_IGNORED) {
		/* The file was removed; the file at the path now is watched. */
		w->file = -1;
		w->writing = false;
		listen_to_file(w);
	} else {
		w->written = true;
		w->writing = !(event->mask & IN_CLOSE_WRITE);
		w->wrote_mono_ms = w->seen_mono_ms = clock_mono_ms();
	}
	look_in(w, settle_ms);
}

static void events_ready(uv_poll_t *poll, int status, int events)
{
	struct tokens_watch *w = poll->data;
	_Alignas(struct inotify_event) char bytes[4096];
	ssize_t n;

	(void)status, (void)events;
	while ((n = read(w->inotify, bytes, sizeof bytes)) > 0) {
		for (ssize_t at = 0; at < n;) {
			const struct inotify_event *event = (const void *)(bytes + at);

			note_event(w, event);
			at += (ssize_t)(sizeof *event + event->len);
		}
	}
}

struct tokens_watch *tokens_watch_new(
	struct loop *loop, void (*changed)(void *context), void *context)
{
	struct tokens_watch *w = mem_new(struct tokens_watch);

	w->loop = loop;
	w->changed = changed;
	w->context = context;
	w->file = -1;
	w->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	uv_timer_init(loop_uv(loop), &w->timer);
	w->timer.data = w;
	w->handles = 1;
	if (w->inotify >= 0 && uv_poll_init(loop_uv(loop), &w->events, w->inotify) == 0) {
		w->events.data = w;
		w->handles++;
		uv_poll_start(&w->events, UV_READABLE, events_ready);
	}
	return w;
}

void tokens_watch_follow(struct tokens_watch *w, const char *path, const struct file_stamp *read)
{
	bool other = !path || !w->path || strcmp(path, w->path) != 0;

	if (other) {
		forget_look(w);
		mem_free(w->path);
		w->path = path ? mem_strdup(path) : NULL;
		w->seen = (struct file_stamp){0};
		w->written = false;
	}
	if (!path) {
		uv_timer_stop(&w->timer);
		return;
	}
	w->read = *read;
	/*
	 * A file that was written just before it was read may have been written again in that
	 * moment.
	 */
	w->written = w->written || read->fresh;
	if (other)
		listen_to_file(w);
	look_in(w, settle_ms);
}

static void handle_closed(uv_handle_t *handle)
{
	struct tokens_watch *w = handle->data;

	if (--w->handles)
		return;
	if (w->inotify >= 0)
		close(w->inotify);
	mem_free(w->path);
	mem_free(w);
}

void tokens_watch_free(struct tokens_watch *w)
{
	if (!w)
		return;
	forget_look(w);
	if (w->handles > 1)
		uv_close((uv_handle_t *)&w->events, handle_closed);
	uv_close((uv_handle_t *)&w->timer, handle_closed);
}
