/* SPDX-License-Identifier: MIT */
/*
 * A regular file, read in the thread pool.
 *
 *	thread pool: fills one buffer   |   loop: rows are made of the other
 *
 * One request is in progress at a time. It is part of the struct, which outlives a closed source
 * until the request has ended.
 */
#include <fcntl.h>
#include <string.h>

#include "base/mem.h"
#include "source/transport.h"

enum { chunk_bytes = 64 * 1024 };

struct file {
	struct transport transport;
	const struct source_call *call;
	uv_loop_t *uv;
	uv_fs_t fs;
	bool busy;	 /* fs is in progress */
	bool closed;	 /* by the source: the struct is freed when fs has ended */
	uv_file fd;	 /* -1 = not open */
	ssize_t outcome; /* of the request that ended last */
	unsigned filling;
	struct fiber *waiter;
	char chunks[2][chunk_bytes];
};

static void closed(uv_fs_t *fs)
{
	struct file *file = fs->data;

	uv_fs_req_cleanup(fs);
	mem_free(file);
}

/* No request is in progress and no fiber waits. */
static void dispose(struct file *file)
{
	if (file->fd < 0) {
		mem_free(file);
		return;
	}
	file->fs.data = file;
	uv_fs_close(file->uv, &file->fs, file->fd, closed);
}

static void done(uv_fs_t *fs)
{
	struct file *file = fs->data;

	file->outcome = fs->result;
	if (fs->fs_type == UV_FS_OPEN && fs->result >= 0)
		file->fd = (uv_file)fs->result;
	if (fs->fs_type == UV_FS_FSTAT && fs->result == 0 && !S_ISREG(fs->statbuf.st_mode))
		file->outcome = UV_ENOTSUP;
	if (fs->fs_type == UV_FS_FSTAT && file->outcome == 0)
		file->transport.size = (int64_t)fs->statbuf.st_size;
	uv_fs_req_cleanup(fs);
	file->busy = false;
	if (file->closed)
		dispose(file);
	else if (file->waiter)
		fiber_wake(file->waiter);
}

static enum error failed(const struct file *file, const char *what, struct fault *fault)
{
	const char *why = file->outcome == UV_ENOTSUP ? "it is not a regular file"
						      : uv_strerror((int)file->outcome);

	return fault_set(fault, ERR_SOURCE_FAILED, "cannot %s %.200s: %s", what,
		file->call->conf->path, why);
}

/* Parks until the request has ended. */
static enum error await(struct file *file, const char *what, struct fault *fault)
{
	enum error error = OK;

	file->waiter = fiber_current();
	while (file->busy && !error)
		error = fiber_park("a file, in the thread pool", file->call->deadline);
	file->waiter = NULL;
	if (error)
		return transport_waited(error, what, fault);
	return file->outcome < 0 ? failed(file, what, fault) : OK;
}

static void file_close(struct transport *transport)
{
	struct file *file = (struct file *)transport;

	file->closed = true;
	if (!file->busy)
		dispose(file);
}

static void start_read(struct file *file)
{
	uv_buf_t to = uv_buf_init(file->chunks[file->filling], chunk_bytes);

	file->busy = true;
	uv_fs_read(file->uv, &file->fs, file->fd, &to, 1, -1, done);
}

static enum error file_open(struct sources *sources, const struct source_call *call,
	struct transport **ret, struct fault *fault)
{
	struct file *file = mem_new(struct file);
	enum error error;

	file->transport.ops = &file_transport;
	file->call = call;
	file->uv = loop_uv(sources->loop);
	file->fd = -1;
	file->fs.data = file;
	file->busy = true;
	/* Opened otherwise, a FIFO without a writer would block a thread forever. */
	uv_fs_open(file->uv, &file->fs, call->conf->path,
		O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0, done);
	error = await(file, "open", fault);
	if (error)
		goto out;
	file->busy = true;
	uv_fs_fstat(file->uv, &file->fs, file->fd, done);
	error = await(file, "read", fault);
	if (error)
		goto out;
	start_read(file);
	*ret = &file->transport;
	return OK;
out:
	file_close(&file->transport);
	return error;
}

static enum error file_read(struct transport *transport, struct slice *ret, struct fault *fault)
{
	struct file *file = (struct file *)transport;
	enum error error = await(file, "read", fault);

	if (error)
		return error;
	*ret = slice_of(file->chunks[file->filling], (size_t)file->outcome);
	file->transport.taken += file->outcome;
	if (ret->n) {
		file->filling = !file->filling;
		start_read(file);
	}
	return OK;
}

const struct transport_ops file_transport = {
	.open = file_open, .read = file_read, .close = file_close};
