// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "holder.h"
#include "io.h"

#define NOTES		"run/asictl"
#define PREFIX		"grant."
#define MAX_NOTE	((size_t)4096)

/* How long one who was told to end may take, in steps of 10 ms. */
#define END_STEPS	500

static char *note_path(pid_t holder)
{
	return xasprintf(NOTES "/" PREFIX "%d", (int)holder);
}

/* Whoever holds something has its note locked. */
static bool is_held(int fd)
{
	if (!flock(fd, LOCK_SH | LOCK_NB)) {
		flock(fd, LOCK_UN);
		return false;
	}
	return errno == EWOULDBLOCK;
}

static bool parse_note(struct note *note, const char *buf, size_t len)
{
	struct strings lines = {};
	struct strings words = {};
	bool whole;

	text_lines(buf, len, &lines);
	if (lines.n)
		text_fields(lines.v[0], &words);
	whole = words.n >= 3;
	if (whole) {
		note->pid = xstrdup(words.v[0]);
		note->class = xstrdup(words.v[1]);
		note->object = xstrdup(words.v[2]);
	}
	strings_free(&words);
	strings_free(&lines);
	return whole;
}

static bool load_note(struct note *note, const struct context *ctx,
		      const char *name)
{
	char *path = xasprintf(NOTES "/%s", name);
	bool good = false;
	uint64_t holder;
	size_t len;
	char *buf;
	int fd;

	fd = io_open(ctx->root, path, 0);
	*note = (struct note){};
	if (fd >= 0 && is_held(fd) && !strncmp(name, PREFIX, strlen(PREFIX)) &&
	    text_u64(name + strlen(PREFIX), &holder) && holder <= INT32_MAX &&
	    !io_read(ctx->root, path, MAX_NOTE, &buf, &len)) {
		note->holder = holder;
		good = parse_note(note, buf, len);
		free(buf);
	}
	if (fd >= 0)
		close(fd);
	free(path);
	return good;
}

int notes_load(struct notes *notes, const struct context *ctx)
{
	int dir = io_open(ctx->root, NOTES, O_DIRECTORY);
	struct strings names = {};
	int err;
	size_t i;

	*notes = (struct notes){};
	if (dir == -ENOENT)
		return 0;
	if (dir < 0)
		return dir;
	err = io_list(dir, &names);
	close(dir);
	notes->v = xrealloc(NULL, names.n + 1, sizeof(*notes->v));
	for (i = 0; i < names.n; i++)
		if (load_note(&notes->v[notes->n], ctx, names.v[i]))
			notes->n++;
	strings_free(&names);
	if (err)
		notes_free(notes);
	return err;
}

void notes_free(struct notes *notes)
{
	size_t i;

	for (i = 0; i < notes->n; i++) {
		free(notes->v[i].pid);
		free(notes->v[i].class);
		free(notes->v[i].object);
	}
	free(notes->v);
	*notes = (struct notes){};
}

int holder_note(const struct context *ctx, const struct note *note)
{
	char *path = note_path(getpid());
	int fd;

	mkdirat(ctx->root, NOTES, 0700);
	fd = openat(ctx->root, path,
		    O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	free(path);
	if (fd < 0)
		return -errno;
	/* One of the same number may have been killed and left it. */
	if (flock(fd, LOCK_EX | LOCK_NB) || ftruncate(fd, 0) ||
	    dprintf(fd, "%s %s %s\n", note->pid, note->class,
		    note->object) < 0) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

void holder_forget(const struct context *ctx, int fd)
{
	char *path = note_path(getpid());

	unlinkat(ctx->root, path, 0);
	free(path);
	close(fd);
}

/* The number may be another's by now: that one holds no lock. */
static int signal_holder(int note, pid_t holder)
{
	int process = syscall(SYS_pidfd_open, holder, 0);
	int err = 0;

	if (process < 0)
		return -errno;
	if (is_held(note) &&
	    syscall(SYS_pidfd_send_signal, process, SIGTERM, NULL, 0))
		err = -errno;
	close(process);
	return err;
}

int holder_end(const struct context *ctx, const struct note *note)
{
	const struct timespec step = { .tv_nsec = 10000000 };
	char *path = note_path(note->holder);
	int fd = io_open(ctx->root, path, 0);
	int err;
	int i;

	free(path);
	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return fd;
	err = signal_holder(fd, note->holder);
	for (i = 0; !err && is_held(fd); i++) {
		if (i == END_STEPS)
			err = -ETIMEDOUT;
		else
			nanosleep(&step, NULL);
	}
	close(fd);
	return err == -ESRCH ? 0 : err;
}
