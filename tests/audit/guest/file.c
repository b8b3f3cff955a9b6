// SPDX-License-Identifier: GPL-2.0
/* Files, their names and attributes, and what is written to the kernel's own. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "plant.h"

#define IMAGE	"/dev/shm/audit-image"
#define MOUNT	"/dev/shm/audit-mount"
#define MKFS	"/usr/sbin/mkfs.ext4"
#define FILE_OF_EXT4	MOUNT "/file"
/* Larger than what an inode of 256 bytes has room for, and less than a block. */
#define LONG_VALUE	512UL

/* Put a file on a free loop device; its path into @path. */
static void loop_device(const char *file, char *path, size_t size)
{
	int control = (int)available(open("/dev/loop-control", O_RDWR), "loop");
	int fd = (int)need(open(file, O_RDWR), file);
	int nr = (int)need(ioctl(control, LOOP_CTL_GET_FREE), "a loop device");
	int loop;

	snprintf(path, size, "/dev/loop%d", nr);
	loop = (int)need(open(path, O_RDWR), path);
	need(ioctl(loop, LOOP_SET_FD, fd), "LOOP_SET_FD");
	close(loop);
	close(fd);
	close(control);
}

/* Not written back on purpose: only the page cache has it, at first. */
static void plant_ext4(void)
{
	static const char *const mkfs[] = {
		MKFS, "-q", "-F", "-O", "^has_journal", "-I", "256", IMAGE, "8M", NULL
	};
	char loop[32];
	int fd;

	if (access(MKFS, X_OK))
		missing("there is no " MKFS);
	fd = (int)need(open(IMAGE, O_CREAT | O_RDWR, 0600), IMAGE);
	need(ftruncate(fd, 8 << 20), "ftruncate");
	close(fd);
	errno = 0;
	need(run(mkfs, -1) ? -1 : 0, MKFS);
	loop_device(IMAGE, loop, sizeof(loop));
	need(mkdir(MOUNT, 0700), MOUNT);
	available(mount(loop, MOUNT, "ext4", 0, NULL), "mount of ext4");
	fd = (int)need(open(FILE_OF_EXT4, O_CREAT | O_RDWR, 0600), "a file");
	send_secret(fd, "write to ext4");
}

/* The host has put it there; reading brings it here by 9p. */
static void plant_9p(void)
{
	char page[PAGE];
	ssize_t n;
	int fd;

	if (!settings.file)
		missing("the host gave no file");
	fd = (int)need(open(settings.file, O_RDONLY), settings.file);
	n = read(fd, page, sizeof(page));
	wipe(page, sizeof(page));
	need(n >= (ssize_t)SECRET_SIZE ? 0 : -1, "read by 9p");
}

/* The boot loader has put it into memory, the kernel has unpacked it. */
static void plant_initrd(void)
{
	if (access("/audit-initrd", F_OK))
		missing("the initrd has no secret");
}

static void secret_path(char *path, size_t dir)
{
	secret_write(path + dir);
	path[dir + SECRET_SIZE] = '\0';
}

static void plant_dentry(void)
{
	char path[64] = "/dev/shm/";
	int ret;

	secret_path(path, strlen(path));
	ret = mkdir(path, 0700);
	wipe(path, sizeof(path));
	need(ret, "mkdir");
}

static void plant_symlink(void)
{
	char path[64];
	int ret;

	secret_path(path, 0);
	ret = symlink(path, "/dev/shm/audit-symlink");
	wipe(path, sizeof(path));
	need(ret, "symlink");
}

/* The secret is at the end of a value of @size bytes. */
static void set_attribute(const char *path, const char *name, size_t size)
{
	char value[LONG_VALUE] = "";
	int ret;

	secret_write(value + size - SECRET_SIZE);
	ret = setxattr(path, name, value, size, 0);
	wipe(value, sizeof(value));
	available(ret, path);
}

static void plant_xattr(void)
{
	need(mkdir("/dev/shm/audit-xattr", 0700), "mkdir");
	set_attribute("/dev/shm/audit-xattr", "trusted.audit", SECRET_SIZE);
}

/* On the file system of the kind "ext4", in a file of its own. */
static void plant_ext4_xattr(const char *file, size_t size)
{
	if (access(FILE_OF_EXT4, F_OK))
		missing("there is no file system of ext4");
	close((int)need(open(file, O_CREAT | O_RDWR, 0600), file));
	set_attribute(file, "user.audit", size);
}

static void plant_ext4_xattr_inode(void)
{
	plant_ext4_xattr(MOUNT "/xattr-inode", SECRET_SIZE);
}

static void plant_ext4_xattr_block(void)
{
	plant_ext4_xattr(MOUNT "/xattr-block", LONG_VALUE);
}

static void plant_trace(void)
{
	int fd = open("/sys/kernel/tracing/trace_marker", O_WRONLY);

	if (fd < 0 && errno == ENOENT)
		missing("no tracefs in this kernel");
	need(fd, "trace_marker");
	send_secret(fd, "write to trace_marker");
}

static void plant_kmsg(void)
{
	int fd = (int)available(open("/dev/kmsg", O_WRONLY), "/dev/kmsg");
	/* At this level it does not reach the console. */
	char line[64] = "<7>";
	ssize_t n;

	secret_write(line + 3);
	n = write(fd, line, 3 + SECRET_SIZE);
	wipe(line, sizeof(line));
	need(n > 0 ? 0 : -1, "write to /dev/kmsg");
}

const struct kind file_kinds[] = {
	{ "ext4", plant_ext4 },
	{ "9p", plant_9p },
	{ "initrd", plant_initrd },
	{ "dentry", plant_dentry },
	{ "symlink", plant_symlink },
	{ "xattr", plant_xattr },
	{ "ext4-xattr-inode", plant_ext4_xattr_inode },
	{ "ext4-xattr-block", plant_ext4_xattr_block },
	{ "trace", plant_trace },
	{ "kmsg", plant_kmsg },
	{ }
};
