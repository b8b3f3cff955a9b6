/* SPDX-License-Identifier: GPL-2.0 */
/* Reading files below a root directory and nowhere else. */
#ifndef ASICTL_IO_H
#define ASICTL_IO_H

#include <stddef.h>

#include "text.h"

/* A sysfs attribute is at most a page; anything longer is not one. */
#define IO_MAX_ATTR	((size_t)64 << 10)
#define IO_MAX_TABLE	((size_t)4 << 20)
#define IO_MAX_MAP	((size_t)64 << 20)
#define IO_MAX_CPUINFO	((size_t)64 << 20)

/**
 * io_open() - open a file or directory
 * @root: directory to start from
 * @path: relative, without ".."
 * @flags: further open(2) flags
 *
 * Follows no symbolic link, so that a dump of another machine never shows
 * this machine's state, and never waits, whatever kind of file it finds.
 *
 * Return: a file descriptor or a negative error number.
 */
int io_open(int root, const char *path, int flags);

/**
 * io_read() - read a whole file
 * @root: directory to start from
 * @path: as for io_open()
 * @max: bytes to accept; a longer file is an error, -EFBIG
 * @buf: set to the contents on success; the caller frees it
 * @len: set to their length on success
 *
 * Return: 0 or a negative error number.
 */
int io_read(int root, const char *path, size_t max, char **buf, size_t *len);

/**
 * io_write() - write to a file that is there
 * @root: directory to start from
 * @path: as for io_open()
 * @text: what to write, in one piece
 *
 * Return: 0 or a negative error number.
 */
int io_write(int root, const char *path, const char *text);

/**
 * io_ask() - write to a file and read it from its beginning
 * @root: directory to start from
 * @path: as for io_open()
 * @question: what to write, in one piece; the answer is for who has the file
 *	open
 * @max: as for io_read(), like the next two
 * @buf: set to the answer
 * @len: set to its length
 *
 * Return: 0 or a negative error number.
 */
int io_ask(int root, const char *path, const char *question, size_t max,
	   char **buf, size_t *len);

/**
 * io_list() - what is in a directory
 * @fd: the directory, open for reading; stays open
 * @names: gets the names in their order, without "." and ".."
 *
 * Return: 0 or a negative error number.
 */
int io_list(int fd, struct strings *names);

#endif
