// SPDX-License-Identifier: GPL-2.0
/* Data of users that the kernel keeps in objects: messages, attributes and keys. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <mqueue.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "bench.h"
#include "clock.h"

#define SIZE 64
#define OPS 16
/* A key that is kept encrypted, in a file of tmpfs; deciphering it takes long. */
#define BIG_SIZE 4096
#define BIG_OPS 8
#define KEYCTL_READ 11
#define KEYCTL_INVALIDATE 21
#define KEY_SPEC_PROCESS_KEYRING (-2)

static char data[BIG_SIZE] __attribute__((aligned(SIZE)));
static long object;

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

static uint64_t getxattr_run(unsigned int ops)
{
	uint64_t start = clock_now();
	unsigned int i;

	for (i = 0; i < ops; i++)
		if (fgetxattr((int)object, "trusted.asibench", data, SIZE) != SIZE)
			die("fgetxattr");
	return clock_now() - start;
}

static uint64_t setxattr_run(unsigned int ops)
{
	uint64_t start = clock_now();
	unsigned int i;

	for (i = 0; i < ops; i++)
		if (fsetxattr((int)object, "trusted.asibench", data, SIZE, 0))
			die("fsetxattr");
	return clock_now() - start;
}

static void xattr_teardown(void)
{
	close((int)object);
}

const struct bench bench_getxattr = {
	.name = "getxattr",
	.what = "fgetxattr of 64 bytes (tmpfs)",
	.ops = OPS,
	.syscalls = 1,
	.setup = xattr_setup,
	.run = getxattr_run,
	.teardown = xattr_teardown,
};

const struct bench bench_setxattr = {
	.name = "setxattr",
	.what = "fsetxattr of 64 bytes, in the place of others (tmpfs)",
	.ops = OPS,
	.syscalls = 1,
	.setup = xattr_setup,
	.run = setxattr_run,
	.teardown = xattr_teardown,
};

static const char *add_key(const char *type, size_t size)
{
	object = syscall(SYS_add_key, type, "asibench", data, size,
			 KEY_SPEC_PROCESS_KEYRING);
	return object < 0 ? "no keys of this type" : NULL;
}

static uint64_t key_read(unsigned int ops, long size)
{
	uint64_t start = clock_now();
	unsigned int i;

	for (i = 0; i < ops; i++)
		if (syscall(SYS_keyctl, KEYCTL_READ, object, data, size) != size)
			die("keyctl");
	return clock_now() - start;
}

static const char *user_key_setup(void)
{
	return add_key("user", SIZE);
}

static uint64_t user_key_run(unsigned int ops)
{
	return key_read(ops, SIZE);
}

static const char *big_key_setup(void)
{
	return add_key("big_key", BIG_SIZE);
}

static uint64_t big_key_run(unsigned int ops)
{
	return key_read(ops, BIG_SIZE);
}

static void key_teardown(void)
{
	syscall(SYS_keyctl, KEYCTL_INVALIDATE, object);
}

const struct bench bench_key_read = {
	.name = "key_read",
	.what = "keyctl(KEYCTL_READ) of 64 bytes of a user key",
	.ops = OPS,
	.syscalls = 1,
	.setup = user_key_setup,
	.run = user_key_run,
	.teardown = key_teardown,
};

const struct bench bench_big_key = {
	.name = "big_key",
	.what = "keyctl(KEYCTL_READ) of 4 KiB of a big key, deciphered",
	.ops = BIG_OPS,
	.syscalls = 1,
	.setup = big_key_setup,
	.run = big_key_run,
	.teardown = key_teardown,
};
