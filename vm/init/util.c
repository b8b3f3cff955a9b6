// SPDX-License-Identifier: GPL-2.0
/* Small helpers around files. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init.h"

/* Makes @path and every missing directory above it. */
void make_dir(const char *path)
{
	char partial[PATH_MAX];
	char *slash = partial;

	snprintf(partial, sizeof(partial), "%s", path);
	while ((slash = strchr(slash + 1, '/'))) {
		*slash = '\0';
		mkdir(partial, 0755);
		*slash = '/';
	}
	if (mkdir(path, 0755) && errno != EEXIST)
		die("mkdir %s: %s", path, strerror(errno));
}

/* Used for knobs that a kernel may lack, so a failure is not an error. */
void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	/* The kernel may know the file but not the word; both is no error. */
	if (write(fd, text, strlen(text)) < 0)
		errno = 0;
	close(fd);
}

/* Returns the whole file, with a NUL behind it that @length does not count. */
char *read_file(const char *path, size_t *length)
{
	size_t size = 0, used = 0;
	char *data = NULL;
	ssize_t n;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		die("open %s: %s", path, strerror(errno));
	do {
		if (used + 1 >= size) {
			size = size ? 2 * size : 4096;
			data = realloc(data, size);
			if (!data)
				die("no memory for %s", path);
		}
		n = read(fd, data + used, size - used - 1);
		if (n < 0)
			die("read %s: %s", path, strerror(errno));
		used += n;
	} while (n);
	close(fd);
	data[used] = '\0';
	*length = used;
	return data;
}

static void copy_data(const char *from, const char *to, mode_t mode)
{
	char buffer[65536];
	int in, out;
	ssize_t n;

	in = open(from, O_RDONLY | O_CLOEXEC);
	if (in < 0)
		die("open %s: %s", from, strerror(errno));
	unlink(to);
	out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (out < 0)
		die("create %s: %s", to, strerror(errno));
	while ((n = read(in, buffer, sizeof(buffer))) > 0) {
		if (write(out, buffer, n) != n)
			die("write %s: %s", to, strerror(errno));
	}
	if (n < 0 || fchmod(out, mode & 07777))
		die("copy %s to %s: %s", from, to, strerror(errno));
	close(in);
	close(out);
}

static void copy_link(const char *from, const char *to)
{
	char target[PATH_MAX];
	ssize_t n = readlink(from, target, sizeof(target) - 1);

	if (n < 0)
		die("readlink %s: %s", from, strerror(errno));
	target[n] = '\0';
	unlink(to);
	if (symlink(target, to))
		die("symlink %s: %s", to, strerror(errno));
}

/* Copies what is in the directory @from into the directory @to. */
void copy_tree(const char *from, const char *to)
{
	char source[PATH_MAX], dest[PATH_MAX];
	struct dirent *entry;
	struct stat st;
	DIR *dir;

	dir = opendir(from);
	if (!dir)
		return;
	make_dir(to);
	while ((entry = readdir(dir))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		snprintf(source, sizeof(source), "%s/%s", from, entry->d_name);
		snprintf(dest, sizeof(dest), "%s/%s", to, entry->d_name);
		if (lstat(source, &st))
			die("stat %s: %s", source, strerror(errno));
		if (S_ISDIR(st.st_mode))
			copy_tree(source, dest);
		else if (S_ISLNK(st.st_mode))
			copy_link(source, dest);
		else
			copy_data(source, dest, st.st_mode);
	}
	closedir(dir);
}
