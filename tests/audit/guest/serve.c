// SPDX-License-Identifier: GPL-2.0
/*
 * Requests to file systems that a process serves. The one that has the secret is
 * never answered, so that the kernel keeps what it has of it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <linux/fuse.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "plant.h"
#include "serve.h"

/* How long until the server has to have seen the secret. */
#define PATIENCE_MS	10000
/* The file's number, where that of the directory is 1. */
#define FILE_NR		2UL

void start_server(struct server *server)
{
	int told[2];
	pid_t pid;

	need(pipe2(told, O_CLOEXEC), "pipe");
	pid = (pid_t)need(fork(), "fork");
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* Only the kernel is to keep its end open. */
		for (int fd = 3; fd < 64; fd++)
			if (fd != server->fd && fd != told[1])
				close(fd);
		while (server->answer(server->fd))
			;
		if (write(told[1], "", 1) != 1)
			_exit(1);
		hold();
	}
	close(told[1]);
	close(server->fd);
	server->told = told[0];
}

void await_request(const struct server *server)
{
	struct pollfd told = { .fd = server->told, .events = POLLIN };
	char byte;

	if (poll(&told, 1, PATIENCE_MS) != 1 || read(told.fd, &byte, 1) != 1)
		failed("the server was not asked to write");
}

/*
 * FUSE. What is written goes to the page cache first; writing it back copies it to
 * a page of the request, so that nobody waits for a server.
 */
#define FUSE_MOUNT	"/dev/shm/audit-fuse"

/* A request; a page is the most that is ever written. */
struct fuse_request {
	struct fuse_in_header head;
	char body[2 * PAGE];
};

static void fuse_reply(int fd, uint64_t id, int error, const void *body,
		       size_t len)
{
	char reply[sizeof(struct fuse_out_header) + 256];
	const struct fuse_out_header head = {
		.len = (unsigned int)(sizeof(head) + len), .error = error,
		.unique = id,
	};

	memcpy(reply, &head, sizeof(head));
	memcpy(reply + sizeof(head), body, len);
	if (write(fd, reply, sizeof(head) + len) < 0)
		_exit(1);
}

static struct fuse_attr fuse_attributes(uint64_t node)
{
	return (struct fuse_attr) {
		.ino = node, .nlink = 1,
		.mode = node == FILE_NR ? S_IFREG | 0600 : S_IFDIR | 0700,
	};
}

static void fuse_init(int fd, uint64_t id)
{
	const struct fuse_init_out out = {
		.major = FUSE_KERNEL_VERSION, .minor = 31, .max_write = PAGE,
		.flags = FUSE_WRITEBACK_CACHE | FUSE_BIG_WRITES,
	};

	fuse_reply(fd, id, 0, &out, sizeof(out));
}

static void fuse_lookup(int fd, uint64_t id)
{
	const struct fuse_entry_out out = {
		.nodeid = FILE_NR, .entry_valid = 1000, .attr_valid = 1000,
		.attr = fuse_attributes(FILE_NR),
	};

	fuse_reply(fd, id, 0, &out, sizeof(out));
}

static void fuse_getattr(int fd, uint64_t id, uint64_t node)
{
	const struct fuse_attr_out out = {
		.attr_valid = 1000, .attr = fuse_attributes(node),
	};

	fuse_reply(fd, id, 0, &out, sizeof(out));
}

static bool fuse_answer(int fd)
{
	static const struct fuse_open_out opened = { .fh = 1 };
	static struct fuse_request request;

	if (read(fd, &request, sizeof(request)) < (ssize_t)sizeof(request.head))
		_exit(1);
	switch (request.head.opcode) {
	case FUSE_INIT:
		fuse_init(fd, request.head.unique);
		break;
	case FUSE_LOOKUP:
		fuse_lookup(fd, request.head.unique);
		break;
	case FUSE_GETATTR:
		fuse_getattr(fd, request.head.unique, request.head.nodeid);
		break;
	case FUSE_OPEN:
		fuse_reply(fd, request.head.unique, 0, &opened, sizeof(opened));
		break;
	case FUSE_WRITE:
		wipe(&request, sizeof(request));
		return false;
	case FUSE_FORGET:
		break;
	default:
		fuse_reply(fd, request.head.unique, -ENOSYS, NULL, 0);
	}
	return true;
}

static void plant_fuse(void)
{
	struct server server = { .answer = fuse_answer };
	char options[64];
	int fd;

	server.fd = open("/dev/fuse", O_RDWR);
	if (server.fd < 0 && errno == ENOENT)
		missing("no FUSE in this kernel");
	need(server.fd, "/dev/fuse");
	need(mkdir(FUSE_MOUNT, 0700), FUSE_MOUNT);
	snprintf(options, sizeof(options),
		 "fd=%d,rootmode=40000,user_id=0,group_id=0", server.fd);
	need(mount("audit", FUSE_MOUNT, "fuse", 0, options), "mount of fuse");
	start_server(&server);
	fd = (int)need(open(FUSE_MOUNT "/file", O_WRONLY), "a file of fuse");
	send_secret(fd, "write to fuse");
	need(sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE), "sync_file_range");
	await_request(&server);
}

/*
 * 9p. A write that is small is copied into the request, which is kept until the
 * answer; so is who wrote it.
 */
#define P9_MOUNT	"/dev/shm/audit-9p"
#define P9_MAX		8192U

enum {
	P9_RLERROR = 7, P9_TLOPEN = 12, P9_TGETATTR = 24, P9_TVERSION = 100,
	P9_TATTACH = 104, P9_TWALK = 110, P9_TWRITE = 118, P9_TCLUNK = 120,
};

struct p9_head {
	uint32_t size;
	uint8_t type;
	uint16_t tag;
} __attribute__((packed));

struct p9_qid {
	uint8_t type;
	uint32_t version;
	uint64_t path;
} __attribute__((packed));

struct p9_walk {
	uint32_t fid;
	uint32_t new_fid;
	uint16_t names;
} __attribute__((packed));

struct p9_attributes {
	uint64_t valid;
	struct p9_qid qid;
	uint32_t mode, uid, gid;
	uint64_t links, rdev, size, block_size, blocks;
	uint64_t times[8];
	uint64_t generation, version;
} __attribute__((packed));

struct p9_message {
	struct p9_head head;
	char body[P9_MAX];
} __attribute__((packed));

/* A bit for each fid that stands for the file, not for the directory. */
static uint64_t p9_files;

static bool p9_is_file(uint32_t fid)
{
	return p9_files >> (fid & 63) & 1;
}

static struct p9_qid p9_qid(bool file)
{
	return (struct p9_qid) {
		.type = file ? 0 : 0x80, .path = file ? FILE_NR : 1,
	};
}

static void p9_reply(int fd, struct p9_message *m, uint8_t type, size_t len)
{
	m->head.type = type;
	m->head.size = (uint32_t)(sizeof(m->head) + len);
	if (write(fd, m, m->head.size) != (ssize_t)m->head.size)
		_exit(1);
}

static size_t p9_walk(struct p9_message *m)
{
	struct p9_walk walk;
	struct p9_qid qid;

	memcpy(&walk, m->body, sizeof(walk));
	p9_files &= ~(1ULL << (walk.new_fid & 63));
	if (walk.names || p9_is_file(walk.fid))
		p9_files |= 1ULL << (walk.new_fid & 63);
	qid = p9_qid(true);
	memcpy(m->body, &walk.names, 2);
	memcpy(m->body + 2, &qid, sizeof(qid));
	return 2 + walk.names * sizeof(qid);
}

static size_t p9_getattr(struct p9_message *m, uint32_t fid)
{
	const struct p9_attributes attributes = {
		.valid = 0x7ff, .qid = p9_qid(p9_is_file(fid)), .links = 1,
		.mode = p9_is_file(fid) ? S_IFREG | 0600 : S_IFDIR | 0700,
		.block_size = PAGE,
	};

	memcpy(m->body, &attributes, sizeof(attributes));
	return sizeof(attributes);
}

/* A qid and, for an open file, the size of a transfer: 0 leaves that to the client. */
static size_t p9_qid_reply(struct p9_message *m, bool file)
{
	const struct p9_qid qid = p9_qid(file);

	memset(m->body, 0, sizeof(qid) + 4);
	memcpy(m->body, &qid, sizeof(qid));
	return sizeof(qid);
}

static void p9_read(int fd, struct p9_message *m)
{
	if (recv(fd, &m->head, sizeof(m->head), MSG_WAITALL) !=
	    (ssize_t)sizeof(m->head) || m->head.size > P9_MAX)
		_exit(1);
	if (m->head.size > sizeof(m->head) &&
	    recv(fd, m->body, m->head.size - sizeof(m->head), MSG_WAITALL) < 0)
		_exit(1);
}

static bool p9_answer(int fd)
{
	static struct p9_message m;
	static const uint32_t error = EOPNOTSUPP;
	uint8_t type;
	uint32_t fid;

	p9_read(fd, &m);
	type = m.head.type;
	memcpy(&fid, m.body, sizeof(fid));
	switch (type) {
	case P9_TVERSION:
		p9_reply(fd, &m, type + 1, m.head.size - sizeof(m.head));
		break;
	case P9_TATTACH:
		p9_reply(fd, &m, type + 1, p9_qid_reply(&m, false));
		break;
	case P9_TWALK:
		p9_reply(fd, &m, type + 1, p9_walk(&m));
		break;
	case P9_TGETATTR:
		p9_reply(fd, &m, type + 1, p9_getattr(&m, fid));
		break;
	case P9_TLOPEN:
		p9_reply(fd, &m, type + 1, p9_qid_reply(&m, p9_is_file(fid)) + 4);
		break;
	case P9_TCLUNK:
		p9_reply(fd, &m, type + 1, 0);
		break;
	case P9_TWRITE:
		wipe(&m, sizeof(m));
		return false;
	default:
		memcpy(m.body, &error, sizeof(error));
		p9_reply(fd, &m, P9_RLERROR, sizeof(error));
	}
	return true;
}

/* What the writer writes, and to where. */
static struct {
	int fd;
	char *page;
} p9_writer;

static void *p9_write(void *arg)
{
	ssize_t n;

	(void)arg;
	n = write(p9_writer.fd, p9_writer.page, SECRET_SIZE);
	failed("the writer came back with %zd", n);
}

static void plant_9p_request(void)
{
	struct server server = { .answer = p9_answer };
	char options[128];
	pthread_t thread;
	int fd[2];

	need(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), "socketpair");
	server.fd = fd[1];
	start_server(&server);
	need(mkdir(P9_MOUNT, 0700), P9_MOUNT);
	snprintf(options, sizeof(options),
		 "trans=fd,rfdno=%d,wfdno=%d,version=9p2000.L,msize=4096,cache=none",
		 fd[0], fd[0]);
	if (mount("audit", P9_MOUNT, "9p", 0, options)) {
		if (errno == EINVAL || errno == ENODEV)
			missing("no 9p by a socket in this kernel");
		failed("mount of 9p");
	}
	p9_writer.fd = (int)need(open(P9_MOUNT "/file", O_WRONLY), "a file of 9p");
	p9_writer.page = map_anon(PAGE);
	secret_write(p9_writer.page);
	errno = pthread_create(&thread, NULL, p9_write, NULL);
	need(errno ? -1 : 0, "pthread_create");
	await_request(&server);
	wipe(p9_writer.page, PAGE);
}

const struct kind serve_kinds[] = {
	{ "fuse", plant_fuse },
	{ "9p-request", plant_9p_request },
	{ }
};
