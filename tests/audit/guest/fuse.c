// SPDX-License-Identifier: GPL-2.0
/*
 * A file system that a process serves by FUSE: one with a single node, which is what
 * the kind wants. What has the secret is not answered, or what asked is caught.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <linux/fuse.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#include "catch.h"
#include "holder.h"
#include "serve.h"

/* The node's number, where that of the directory is 1. */
#define NODE		2UL
/* How long attributes and names are valid, in seconds. */
#define LONG_TIME	1000
/* Where the secret is in an answer: not where a copy ends. */
#define SECRET_AT	256UL
#define TEXT_SIZE	512UL

/* A request; a page is the most that is ever written. */
struct fuse_request {
	struct fuse_in_header head;
	char body[2 * PAGE];
};

/* The node, and where the file system is. */
static struct {
	unsigned int mode;
	uint64_t size;
	unsigned int open_flags;
	char dir[64];
	char path[80];
} node;

static void reply(int fd, uint64_t id, int error, const void *body, size_t len)
{
	static char whole[sizeof(struct fuse_out_header) + PAGE];
	const struct fuse_out_header head = {
		.len = (unsigned int)(sizeof(head) + len), .error = error,
		.unique = id,
	};
	ssize_t n;

	memcpy(whole, &head, sizeof(head));
	memcpy(whole + sizeof(head), body, len);
	n = write(fd, whole, sizeof(head) + len);
	wipe(whole, sizeof(whole));
	if (n < 0)
		_exit(1);
}

/* @len bytes with the secret in them, and a zero after each @step bytes, if any. */
static void reply_secret(int fd, uint64_t id, size_t len, size_t step)
{
	static char body[PAGE];

	memset(body, 'x', len);
	secret_write(body + SECRET_AT);
	for (size_t at = step; step && at <= len; at += step)
		body[at - 1] = '\0';
	reply(fd, id, 0, body, len);
	wipe(body, sizeof(body));
}

static struct fuse_attr attributes(uint64_t nr)
{
	return (struct fuse_attr) {
		.ino = nr, .nlink = 1,
		.mode = nr == NODE ? node.mode | 0600 : S_IFDIR | 0700,
		.size = nr == NODE ? node.size : 0,
	};
}

static void reply_init(int fd, uint64_t id)
{
	const struct fuse_init_out out = {
		.major = FUSE_KERNEL_VERSION, .minor = 31, .max_write = PAGE,
		.flags = FUSE_WRITEBACK_CACHE | FUSE_BIG_WRITES,
	};

	reply(fd, id, 0, &out, sizeof(out));
}

static void reply_lookup(int fd, uint64_t id)
{
	const struct fuse_entry_out out = {
		.nodeid = NODE, .entry_valid = LONG_TIME,
		.attr_valid = LONG_TIME, .attr = attributes(NODE),
	};

	reply(fd, id, 0, &out, sizeof(out));
}

static void reply_getattr(int fd, uint64_t id, uint64_t nr)
{
	const struct fuse_attr_out out = {
		.attr_valid = LONG_TIME, .attr = attributes(nr),
	};

	reply(fd, id, 0, &out, sizeof(out));
}

static void reply_open(int fd, uint64_t id)
{
	const struct fuse_open_out out = {
		.fh = 1, .open_flags = node.open_flags,
	};

	reply(fd, id, 0, &out, sizeof(out));
}

/* The first page of the file; there is no answer to who wants the second. */
static bool reply_read(int fd, const struct fuse_request *request)
{
	struct fuse_read_in in;

	memcpy(&in, request->body, sizeof(in));
	if (in.offset)
		return false;
	reply_secret(fd, request->head.unique, PAGE, 0);
	return true;
}

static bool answer(int fd)
{
	static struct fuse_request request;
	uint64_t id;

	if (read(fd, &request, sizeof(request)) < (ssize_t)sizeof(request.head))
		_exit(1);
	id = request.head.unique;
	switch (request.head.opcode) {
	case FUSE_INIT:
		reply_init(fd, id);
		break;
	case FUSE_LOOKUP:
		reply_lookup(fd, id);
		break;
	case FUSE_GETATTR:
		reply_getattr(fd, id, request.head.nodeid);
		break;
	case FUSE_OPEN:
		reply_open(fd, id);
		break;
	case FUSE_READLINK:
		reply_secret(fd, id, TEXT_SIZE, 0);
		break;
	case FUSE_LISTXATTR:
		reply_secret(fd, id, TEXT_SIZE, TEXT_SIZE / 4);
		break;
	case FUSE_READ:
		return reply_read(fd, &request);
	case FUSE_WRITE:
	case FUSE_IOCTL:
		wipe(&request, sizeof(request));
		return false;
	case FUSE_FORGET:
		break;
	default:
		reply(fd, id, -ENOSYS, NULL, 0);
	}
	return true;
}

/* Mount it, with a node as described by @node. */
static void serve(struct server *server, unsigned int mode)
{
	char options[64];

	node.mode = mode;
	snprintf(node.dir, sizeof(node.dir), "/dev/shm/audit-%s",
		 holder.kind->name);
	snprintf(node.path, sizeof(node.path), "%s/node", node.dir);
	server->answer = answer;
	server->fd = open("/dev/fuse", O_RDWR);
	if (server->fd < 0 && errno == ENOENT)
		missing("no FUSE in this kernel");
	need(server->fd, "/dev/fuse");
	need(mkdir(node.dir, 0700), node.dir);
	snprintf(options, sizeof(options),
		 "fd=%d,rootmode=40000,user_id=0,group_id=0,max_read=%lu",
		 server->fd, PAGE);
	need(mount("audit", node.dir, "fuse", 0, options), "mount of fuse");
	start_server(server);
}

/*
 * What is written goes to the page cache first; writing it back copies it to a page
 * of the request, so that nobody waits for a server.
 */
static void plant_write(void)
{
	struct server server;
	int fd;

	serve(&server, S_IFREG);
	fd = (int)need(open(node.path, O_WRONLY), "a file of fuse");
	send_secret(fd, "write to fuse");
	need(sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE), "sync_file_range");
	await_request(&server);
}

/* What @call asks for is answered, and caught on its way. */
static void catch_answer(unsigned int mode, long (*call)(void))
{
	struct server server;

	serve(&server, mode);
	catch_writing(call);
}

static long read_link(void)
{
	return readlink(node.path, caught.at, PAGE);
}

static void plant_link(void)
{
	catch_answer(S_IFLNK, read_link);
}

static long list_attributes(void)
{
	return listxattr(node.path, caught.at, PAGE);
}

static void plant_names(void)
{
	catch_answer(S_IFREG, list_attributes);
}

#define REQUEST	_IOW('a', 1, char[CAUGHT_SIZE])

static long request(void)
{
	return ioctl(caught.fd, REQUEST, caught.at);
}

static void plant_ioctl(void)
{
	struct server server;

	serve(&server, S_IFREG);
	caught.fd = (int)need(open(node.path, O_RDWR), "a file of fuse");
	caught.at = map_anon(PAGE);
	secret_write(caught.at + SECRET_AT);
	start_call(request);
	await_request(&server);
	wipe(caught.at, PAGE);
}

static long load(void)
{
	return syscall(SYS_finit_module, caught.fd, "", 0);
}

/* A file that the kernel reads for itself, past the page cache. */
static void plant_kernel_read(void)
{
	struct server server;

	node.size = 2 * PAGE;
	node.open_flags = FOPEN_DIRECT_IO;
	serve(&server, S_IFREG);
	caught.fd = (int)need(open(node.path, O_RDONLY), "a file of fuse");
	start_call(load);
	await_request(&server);
}

const struct kind fuse_kinds[] = {
	{ "fuse", plant_write },
	{ "fuse-link", plant_link },
	{ "fuse-names", plant_names },
	{ "fuse-ioctl", plant_ioctl },
	{ "kernel-read", plant_kernel_read },
	{ }
};
