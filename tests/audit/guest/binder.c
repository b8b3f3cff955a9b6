// SPDX-License-Identifier: GPL-2.0
/* A transaction of Binder, which the process that it goes to has not received. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <linux/android/binder.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "module.h"
#include "plant.h"

#define BINDER		"/dev/binder"
#define BUFFERS		(16 * PAGE)
#define DATA_SIZE	512UL
/* Binder says nothing to who has no room for much. */
#define ANSWER_WORDS	64

/* To the context's manager, who is handle 0; it does not have to answer. */
static void send_transaction(int fd)
{
	static char data[DATA_SIZE];
	struct {
		uint32_t command;
		struct binder_transaction_data transaction;
	} __attribute__((packed)) write = {
		.command = BC_TRANSACTION,
		.transaction = {
			.flags = TF_ONE_WAY, .data_size = sizeof(data),
			.data.ptr.buffer = (uintptr_t)data,
		},
	};
	uint32_t answer[ANSWER_WORDS] = { 0 };
	struct binder_write_read io = {
		.write_size = sizeof(write), .write_buffer = (uintptr_t)&write,
		.read_size = sizeof(answer), .read_buffer = (uintptr_t)answer,
	};
	int ret;

	secret_write(data + DATA_SIZE / 2);
	ret = ioctl(fd, BINDER_WRITE_READ, &io);
	wipe(data, sizeof(data));
	need(ret, "BINDER_WRITE_READ");
	if (answer[1] != BR_TRANSACTION_COMPLETE)
		failed("binder answers 0x%x", answer[1]);
}

static void __noreturn be_client(void)
{
	send_transaction((int)need(open(BINDER, O_RDWR | O_CLOEXEC), BINDER));
	_exit(0);
}

static void plant_binder(void)
{
	int fd, status = 0;
	void *buffers;
	pid_t pid;

	load_module("drivers/android/binder_linux.ko", "");
	fd = open_when_there(BINDER);
	buffers = mmap(NULL, BUFFERS, PROT_READ, MAP_PRIVATE, fd, 0);
	need(buffers == MAP_FAILED ? -1 : 0, "mmap of " BINDER);
	need(ioctl(fd, BINDER_SET_CONTEXT_MGR, 0), "BINDER_SET_CONTEXT_MGR");
	pid = (pid_t)need(fork(), "fork");
	if (!pid)
		be_client();
	need(waitpid(pid, &status, 0), "waitpid");
	/* It has said why. */
	if (status)
		_exit(1);
}

const struct kind binder_kinds[] = {
	{ "binder", plant_binder },
	{ }
};
