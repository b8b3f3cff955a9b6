// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "debugfs.h"
#include "io.h"
#include "output.h"

#define DEBUGFS		"sys/kernel/debug"

static bool is_empty_dir(const struct context *ctx, const char *path)
{
	int fd = io_open(ctx->root, path, O_DIRECTORY);
	struct strings names = {};
	bool empty;

	if (fd < 0)
		return false;
	empty = !io_list(fd, &names) && !names.n;
	strings_free(&names);
	close(fd);
	return empty;
}

static bool exists(const struct context *ctx, const char *path)
{
	int fd = io_open(ctx->root, path, O_PATH);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static int fail_missing(const struct context *ctx, const char *path)
{
	if (!exists(ctx, DEBUGFS))
		return fail(ctx, EXIT_ERROR,
			    "boot a kernel built with CONFIG_DEBUG_FS=y",
			    "this kernel has no debugfs");
	if (is_empty_dir(ctx, DEBUGFS))
		return fail(ctx, EXIT_ERROR,
			    "mount it: mount -t debugfs debugfs /sys/kernel/debug",
			    "debugfs is not mounted on /sys/kernel/debug");
	return fail(ctx, EXIT_ERROR,
		    "see whether this asictl fits the kernel: asictl version",
		    "there is no /%s", path);
}

static int fail_open(const struct context *ctx, const char *path, int err,
		     const char *verb)
{
	bool denied = err == -EACCES || err == -EPERM;

	if (err == -ENOENT)
		return fail_missing(ctx, path);
	if (denied && geteuid())
		return fail(ctx, EXIT_ERROR, "run it as root",
			    "only root may %s /%s", verb, path);
	if (denied)
		return fail(ctx, EXIT_ERROR,
			    "see whether the kernel is locked down: cat /sys/kernel/security/lockdown",
			    "even root may not %s /%s: %s", verb, path,
			    strerror(-err));
	return fail(ctx, EXIT_ERROR,
		    "see whether debugfs is in order: ls -l /sys/kernel/debug/asi",
		    "cannot %s /%s: %s", verb, path, strerror(-err));
}

int debugfs_optional(const struct context *ctx, const char *name,
		     size_t max, const char *hint, struct strings *lines)
{
	char *path = xasprintf(DEBUGFS "/asi/%s", name);
	int ret = EXIT_OK;
	size_t len;
	char *buf;
	int err;

	err = io_read(ctx->root, path, max, &buf, &len);
	if (err == -ENOENT && hint && exists(ctx, DEBUGFS "/asi")) {
		ret = fail(ctx, EXIT_ERROR, hint, "there is no /%s", path);
	} else if (err) {
		ret = fail_open(ctx, path, err, "read");
	} else {
		text_lines(buf, len, lines);
		free(buf);
	}
	free(path);
	return ret;
}

int debugfs_lines(const struct context *ctx, const char *name,
		  struct strings *lines)
{
	return debugfs_optional(ctx, name, IO_MAX_TABLE, NULL, lines);
}

static int fail_ask(const struct context *ctx, const char *path,
		    const char *question, int err)
{
	int len = strcspn(question, "\n");

	if (err == -ESRCH)
		return fail(ctx, EXIT_ERROR,
			    "see which have a restricted address space: asictl domains",
			    "there is no process %.*s", len, question);
	if (err == -ENXIO)
		return fail(ctx, EXIT_ERROR,
			    "see which there are: asictl domains",
			    "there is no restricted address space of %.*s",
			    len, question);
	return fail_open(ctx, path, err, "read");
}

int debugfs_ask(const struct context *ctx, const char *name,
		const char *question, struct strings *lines)
{
	char *path = xasprintf(DEBUGFS "/asi/%s", name);
	int ret = EXIT_OK;
	size_t len;
	char *buf;
	int err;

	if (is_dump(ctx))
		err = io_read(ctx->root, path, IO_MAX_MAP, &buf, &len);
	else
		err = io_ask(ctx->root, path, question, IO_MAX_MAP, &buf,
			     &len);
	if (err) {
		ret = fail_ask(ctx, path, question, err);
	} else {
		text_lines(buf, len, lines);
		free(buf);
	}
	free(path);
	return ret;
}

int debugfs_clear(const struct context *ctx, const char *name)
{
	int ret = EXIT_OK;
	char *path;
	int err;

	if (is_dump(ctx))
		return fail(ctx, EXIT_ERROR,
			    "leave out --sysroot, on the machine itself",
			    "a dump is not to be changed");
	path = xasprintf(DEBUGFS "/asi/%s", name);
	err = io_write(ctx->root, path, "0\n");
	if (err)
		ret = fail_open(ctx, path, err, "clear");
	free(path);
	return ret;
}

bool is_dump(const struct context *ctx)
{
	struct stat dump, live;

	return ctx->sysroot && !fstat(ctx->root, &dump) &&
	       !stat("/", &live) &&
	       (dump.st_dev != live.st_dev || dump.st_ino != live.st_ino);
}

bool may_show_addresses(const struct context *ctx)
{
	return !geteuid() || is_dump(ctx);
}
