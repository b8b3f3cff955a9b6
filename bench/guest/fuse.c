// SPDX-License-Identifier: GPL-2.0
/*
 * A file system that a process serves (FUSE). Of what it answers the kernel makes a
 * copy: here where a symbolic link leads to.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "clock.h"
#include "raw.h"

#define SIZE 64
#define OPS 16
#define MOUNT "/dev/shm/asibench-fuse"
#define LINK MOUNT "/link"
/* The link's number, where that of the directory is 1. */
#define LINK_NR 2
/* Longer than any run takes: what was looked up once stays valid. */
#define VALID_S 1000000

static pid_t server;

static void answer(int fd, uint64_t id, int error, const void *body, size_t len)
{
	char reply[sizeof(struct fuse_out_header) + 256];
	const struct fuse_out_header head = {
		.len = (uint32_t)(sizeof(head) + len), .error = error, .unique = id,
	};

	memcpy(reply, &head, sizeof(head));
	memcpy(reply + sizeof(head), body, len);
	if (write(fd, reply, sizeof(head) + len) < 0)
		_exit(1);
}

static struct fuse_attr attributes(uint64_t node)
{
	return (struct fuse_attr) {
		.ino = node, .nlink = 1,
		.mode = node == LINK_NR ? S_IFLNK | 0777 : S_IFDIR | 0700,
	};
}

static void answer_init(int fd, uint64_t id)
{
	const struct fuse_init_out out = {
		.major = FUSE_KERNEL_VERSION, .minor = 31, .max_write = 4096,
	};

	answer(fd, id, 0, &out, sizeof(out));
}

static void answer_lookup(int fd, uint64_t id)
{
	const struct fuse_entry_out out = {
		.nodeid = LINK_NR, .entry_valid = VALID_S, .attr_valid = VALID_S,
		.attr = attributes(LINK_NR),
	};

	answer(fd, id, 0, &out, sizeof(out));
}

static void answer_getattr(int fd, uint64_t id, uint64_t node)
{
	const struct fuse_attr_out out = {
		.attr_valid = VALID_S, .attr = attributes(node),
	};

	answer(fd, id, 0, &out, sizeof(out));
}

/* Until the file system is gone. */
static void serve(int fd)
{
	static const char target[SIZE] = "asibench";
	static struct {
		struct fuse_in_header head;
		char body[2 * 4096];
	} request;
	uint64_t id;

	while (read(fd, &request, sizeof(request)) >= (ssize_t)sizeof(request.head)) {
		id = request.head.unique;
		switch (request.head.opcode) {
		case FUSE_READLINK:
			answer(fd, id, 0, target, sizeof(target));
			break;
		case FUSE_INIT:
			answer_init(fd, id);
			break;
		case FUSE_LOOKUP:
			answer_lookup(fd, id);
			break;
		case FUSE_GETATTR:
			answer_getattr(fd, id, request.head.nodeid);
			break;
		case FUSE_FORGET:
			break;
		default:
			answer(fd, id, -ENOSYS, NULL, 0);
		}
	}
	_exit(0);
}

static const char *fuse_setup(void)
{
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	char options[64];

	if (fd < 0)
		return "no FUSE";
	if (mkdir(MOUNT, 0700) && errno != EEXIST)
		die(MOUNT);
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0",
		 fd);
	if (mount("asibench", MOUNT, "fuse", 0, options))
		die("mount of FUSE");
	server = fork();
	if (server < 0)
		die("fork");
	if (!server) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		serve(fd);
	}
	close(fd);
	return NULL;
}

static uint64_t fuse_run(unsigned int ops)
{
	char target[2 * SIZE];
	uint64_t start = clock_now();

	while (ops--)
		if (raw_syscall3(SYS_readlink, (long)LINK, (long)target,
				 sizeof(target)) < 1)
			die("readlink of " LINK);
	return clock_now() - start;
}

static void fuse_teardown(void)
{
	if (umount2(MOUNT, MNT_DETACH) || waitpid(server, NULL, 0) != server ||
	    rmdir(MOUNT))
		die("unmount of FUSE");
}

const struct bench bench_fuse = {
	.name = "fuse",
	.what = "readlink of 64 bytes, from a process that serves FUSE",
	.ops = OPS,
	/* The server's are the answer, and the read of the next question. */
	.syscalls = 3,
	.setup = fuse_setup,
	.run = fuse_run,
	.teardown = fuse_teardown,
};
