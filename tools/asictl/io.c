// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io.h"

static int open_beneath(int dir, const char *name, int flags)
{
	int fd = openat(dir, name, flags | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int io_open(int root, const char *path, int flags)
{
	const char *slash;
	int dir = root;
	int fd;

	while ((slash = strchr(path, '/'))) {
		char *name = xasprintf("%.*s", (int)(slash - path), path);

		fd = open_beneath(dir, name, O_PATH | O_DIRECTORY);
		free(name);
		if (dir != root)
			close(dir);
		if (fd < 0)
			return fd;
		dir = fd;
		path = slash + 1;
	}
	fd = open_beneath(dir, path, flags | O_RDONLY | O_NONBLOCK | O_NOCTTY);
	if (dir != root)
		close(dir);
	return fd;
}

static int read_all(int fd, size_t max, char **buf, size_t *len)
{
	size_t size = 4096;
	char *p = xrealloc(NULL, size, 1);
	size_t n = 0;
	ssize_t got;

	for (;;) {
		got = read(fd, p + n, size - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		n += got;
		if (n > max) {
			free(p);
			return -EFBIG;
		}
		if (n == size) {
			size *= 2;
			p = xrealloc(p, size, 1);
		}
	}
	if (got < 0) {
		int err = -errno;

		free(p);
		return err;
	}
	*buf = p;
	*len = n;
	return 0;
}

int io_read(int root, const char *path, size_t max, char **buf, size_t *len)
{
	int fd = io_open(root, path, 0);
	int ret;

	if (fd < 0)
		return fd;
	ret = read_all(fd, max, buf, len);
	close(fd);
	return ret;
}

/* What the kernel takes in part it does not understand. */
static int write_text(int fd, const char *text)
{
	size_t len = strlen(text);
	ssize_t n;

	do {
		n = write(fd, text, len);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EIO;
}

int io_write(int root, const char *path, const char *text)
{
	int fd = io_open(root, path, O_WRONLY);
	int ret;

	if (fd < 0)
		return fd;
	ret = write_text(fd, text);
	close(fd);
	return ret;
}

int io_ask(int root, const char *path, const char *question, size_t max,
	   char **buf, size_t *len)
{
	int fd = io_open(root, path, O_RDWR);
	int ret;

	if (fd < 0)
		return fd;
	ret = write_text(fd, question);
	if (!ret && lseek(fd, 0, SEEK_SET) < 0)
		ret = -errno;
	if (!ret)
		ret = read_all(fd, max, buf, len);
	close(fd);
	return ret;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int io_list(int fd, struct strings *names)
{
	int again = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	struct dirent *entry;
	DIR *dir;
	int err;

	dir = again < 0 ? NULL : fdopendir(again);
	if (!dir) {
		err = -errno;
		if (again >= 0)
			close(again);
		return err;
	}
	errno = 0;
	while ((entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			strings_add(names, xstrdup(entry->d_name));
	err = -errno;
	closedir(dir);
	if (names->n)
		qsort(names->v, names->n, sizeof(*names->v), by_name);
	return err;
}
