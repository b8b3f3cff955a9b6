// SPDX-License-Identifier: GPL-2.0
/*
 * Requests to file systems that a process serves. The one that has the secret is
 * never answered, so that the kernel keeps what it has of it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "catch.h"
#include "serve.h"

/* How long until the server has to have seen the secret. */
#define PATIENCE_MS	10000

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
 * 9p. A write that is small is copied into the request, which is kept until the
 * answer; so is who wrote it.
 */
#define P9_MOUNT	"/dev/shm/audit-9p"
/* The file's number, where that of the directory is 1. */
#define FILE_NR		2UL
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

static long p9_write(void)
{
	return write(caught.fd, caught.at, SECRET_SIZE);
}

static void plant_9p_request(void)
{
	struct server server = { .answer = p9_answer };
	char options[128];
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
	caught.fd = (int)need(open(P9_MOUNT "/file", O_WRONLY), "a file of 9p");
	caught.at = map_anon(PAGE);
	secret_write(caught.at);
	start_call(p9_write);
	await_request(&server);
	wipe(caught.at, PAGE);
}

const struct kind serve_kinds[] = {
	{ "9p-request", plant_9p_request },
	{ }
};
