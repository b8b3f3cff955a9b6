// SPDX-License-Identifier: GPL-2.0
/*
 * Data of users that the kernel keeps in objects of its own: sockets, messages,
 * attributes, maps and keys.  One process plays both ends, so that no operation
 * has a switch of tasks in it.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <net/if.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "bench.h"
#include "clock.h"

#define SIZE 64
#define OPS 16
#define KEYCTL_READ 11
#define KEY_SPEC_PROCESS_KEYRING (-2)

static char data[SIZE] __attribute__((aligned(SIZE)));
static int ends[2];
static long object;

static void close_ends(void)
{
	close(ends[0]);
	close(ends[1]);
}

/* There and back. */
static uint64_t stream_run(unsigned int ops)
{
	uint64_t start = clock_now();
	unsigned int i, from;

	for (i = 0; i < ops; i++)
		for (from = 0; from < 2; from++)
			if (write(ends[from], data, SIZE) != SIZE ||
			    read(ends[!from], data, SIZE) != SIZE)
				die("a socket");
	return clock_now() - start;
}

static const char *unix_setup(void)
{
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
		die("socketpair");
	return NULL;
}

const struct bench bench_unix = {
	.name = "unix",
	.what = "64 bytes through a unix socket and back",
	.ops = OPS,
	.syscalls = 4,
	.setup = unix_setup,
	.run = stream_run,
	.teardown = close_ends,
};

static void loopback_up(void)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &ifr))
		die("lo");
	close(fd);
}

static const char *tcp_setup(void)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(addr);
	int i, fd, on = 1;

	fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd < 0)
		return "no TCP";
	loopback_up();
	ends[0] = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(fd, (struct sockaddr *)&addr, len) || listen(fd, 1) ||
	    getsockname(fd, (struct sockaddr *)&addr, &len) ||
	    connect(ends[0], (struct sockaddr *)&addr, len))
		die("connect");
	ends[1] = accept(fd, NULL, NULL);
	if (ends[1] < 0)
		die("accept");
	close(fd);
	for (i = 0; i < 2; i++)
		setsockopt(ends[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return NULL;
}

const struct bench bench_tcp = {
	.name = "tcp",
	.what = "64 bytes through a TCP connection (loopback) and back",
	.ops = OPS,
	.syscalls = 4,
	.setup = tcp_setup,
	.run = stream_run,
	.teardown = close_ends,
};

static struct {
	long type;
	char text[SIZE];
} message = { .type = 1 };

static const char *msg_setup(void)
{
	object = msgget(IPC_PRIVATE, 0600);
	return object < 0 ? "no System V messages" : NULL;
}

static uint64_t msg_run(unsigned int ops)
{
	uint64_t start = clock_now();
	unsigned int i;

	for (i = 0; i < ops; i++)
		if (msgsnd((int)object, &message, SIZE, 0) ||
		    msgrcv((int)object, &message, SIZE, 0, 0) != SIZE)
			die("a message");
	return clock_now() - start;
}

static void msg_teardown(void)
{
	msgctl((int)object, IPC_RMID, NULL);
}

const struct bench bench_msg = {
	.name = "msg",
	.what = "a System V message of 64 bytes, sent and received",
	.ops = OPS,
	.syscalls = 2,
	.setup = msg_setup,
	.run = msg_run,
	.teardown = msg_teardown,
};

static const char *mq_setup(void)
{
	struct mq_attr attr = { .mq_maxmsg = 1, .mq_msgsize = SIZE };

	mq_unlink("/asibench");
	object = mq_open("/asibench", O_RDWR | O_CREAT | O_EXCL, 0600, &attr);
	if (object < 0)
		return "no POSIX messages";
	if (mq_unlink("/asibench"))
		die("mq_unlink");
	return NULL;
}

static uint64_t mq_run(unsigned int ops)
{
	uint64_t start = clock_now();
	unsigned int i;

	for (i = 0; i < ops; i++)
		if (mq_send((mqd_t)object, data, SIZE, 0) ||
		    mq_receive((mqd_t)object, data, SIZE, NULL) != SIZE)
			die("a message");
	return clock_now() - start;
}

static void mq_teardown(void)
{
	mq_close((mqd_t)object);
}

const struct bench bench_mq = {
	.name = "mq",
	.what = "a POSIX message of 64 bytes, sent and received",
	.ops = OPS,
	.syscalls = 2,
	.setup = mq_setup,
	.run = mq_run,
	.teardown = mq_teardown,
};

static const char *xattr_setup(void)
{
	object = memfd_create("asibench", MFD_CLOEXEC);
	if (object < 0)
		die("memfd_create");
	if (fsetxattr((int)object, "trusted.asibench", data, SIZE, 0)) {
		close((int)object);
		return "no extended attributes on tmpfs";
	}
	return NULL;
}

static uint64_t xattr_run(unsigned int ops)
{
	uint64_t start = clock_now();
	unsigned int i;

	for (i = 0; i < ops; i++)
		if (fgetxattr((int)object, "trusted.asibench", data, SIZE) != SIZE)
			die("fgetxattr");
	return clock_now() - start;
}

static void close_object(void)
{
	close((int)object);
}

const struct bench bench_getxattr = {
	.name = "getxattr",
	.what = "fgetxattr of 64 bytes (tmpfs)",
	.ops = OPS,
	.syscalls = 1,
	.setup = xattr_setup,
	.run = xattr_run,
	.teardown = close_object,
};

static uint32_t map_key;

static long map_call(int cmd)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (uint32_t)object;
	attr.key = (uint64_t)(unsigned long)&map_key;
	attr.value = (uint64_t)(unsigned long)data;
	return syscall(SYS_bpf, cmd, &attr, sizeof(attr));
}

static const char *map_setup(unsigned int type)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = type;
	attr.key_size = sizeof(map_key);
	attr.value_size = SIZE;
	attr.max_entries = OPS;
	object = syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr));
	if (object < 0)
		return "no BPF maps";
	if (map_call(BPF_MAP_UPDATE_ELEM))
		die("a BPF map");
	return NULL;
}

static const char *hash_setup(void)
{
	return map_setup(BPF_MAP_TYPE_HASH);
}

static const char *array_setup(void)
{
	return map_setup(BPF_MAP_TYPE_ARRAY);
}

static uint64_t map_run(unsigned int ops)
{
	uint64_t start = clock_now();
	unsigned int i;

	for (i = 0; i < ops; i++)
		if (map_call(BPF_MAP_LOOKUP_ELEM))
			die("a BPF map");
	return clock_now() - start;
}

const struct bench bench_bpf_lookup = {
	.name = "bpf_lookup",
	.what = "lookup of 64 bytes in a BPF hash, by bpf()",
	.ops = OPS,
	.syscalls = 1,
	.setup = hash_setup,
	.run = map_run,
	.teardown = close_object,
};

const struct bench bench_bpf_array = {
	.name = "bpf_array",
	.what = "lookup of 64 bytes in a BPF array, by bpf()",
	.ops = OPS,
	.syscalls = 1,
	.setup = array_setup,
	.run = map_run,
	.teardown = close_object,
};

static const char *key_setup(void)
{
	object = syscall(SYS_add_key, "user", "asibench", data, SIZE,
			 KEY_SPEC_PROCESS_KEYRING);
	return object < 0 ? "no keys" : NULL;
}

static uint64_t key_run(unsigned int ops)
{
	uint64_t start = clock_now();
	unsigned int i;

	for (i = 0; i < ops; i++)
		if (syscall(SYS_keyctl, KEYCTL_READ, object, data, SIZE) != SIZE)
			die("keyctl");
	return clock_now() - start;
}

const struct bench bench_key_read = {
	.name = "key_read",
	.what = "keyctl(KEYCTL_READ) of 64 bytes of a user key",
	.ops = OPS,
	.syscalls = 1,
	.setup = key_setup,
	.run = key_run,
};
