// SPDX-License-Identifier: GPL-2.0
/* What one process has sent to another that has not received it. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <mqueue.h>
#include <pty.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "plant.h"

static void plant_pipe(void)
{
	int fd[2];

	need(pipe(fd), "pipe");
	send_secret(fd[1], "write to a pipe");
}

/* The page of a process that has unmapped it since. */
static void plant_vmsplice(void)
{
	char *p = map_anon(PAGE);
	struct iovec iov = { .iov_base = p, .iov_len = PAGE };
	int fd[2];

	need(pipe(fd), "pipe");
	secret_write(p + 512);
	need(vmsplice(fd[1], &iov, 1, SPLICE_F_GIFT), "vmsplice");
	need(munmap(p, PAGE), "munmap");
}

static void plant_unix(int type)
{
	int fd[2];

	available(socketpair(AF_UNIX, type, 0, fd), "a unix socket");
	send_secret(fd[0], "write to a unix socket");
}

static void plant_unix_stream(void)
{
	plant_unix(SOCK_STREAM);
}

static void plant_unix_dgram(void)
{
	plant_unix(SOCK_DGRAM);
}

static void plant_sysv_msg(void)
{
	struct {
		long type;
		uint64_t secret[SECRET_WORDS];
	} msg = { .type = 1 };
	int id = (int)available(msgget(IPC_PRIVATE, IPC_CREAT | 0600), "msgget");
	int ret;

	secret_write(msg.secret);
	ret = msgsnd(id, &msg, SECRET_SIZE, 0);
	wipe(&msg, sizeof(msg));
	need(ret, "msgsnd");
}

static void plant_posix_mq(void)
{
	struct mq_attr attr = { .mq_maxmsg = 1, .mq_msgsize = 256 };
	uint64_t secret[SECRET_WORDS];
	mqd_t mq = mq_open("/audit", O_CREAT | O_RDWR, 0600, &attr);
	int ret;

	available(mq, "mq_open");
	secret_write(secret);
	ret = mq_send(mq, (char *)secret, SECRET_SIZE, 0);
	wipe(secret, SECRET_SIZE);
	need(ret, "mq_send");
}

static void raw_pty(int *master, int *slave)
{
	struct termios t;

	available(openpty(master, slave, NULL, NULL, NULL), "openpty");
	need(tcgetattr(*slave, &t), "tcgetattr");
	cfmakeraw(&t);
	need(tcsetattr(*slave, TCSANOW, &t), "tcsetattr");
}

/* What was typed and not read: the line discipline has it. */
static void plant_tty_input(void)
{
	int master, slave;

	raw_pty(&master, &slave);
	send_secret(master, "write to a pty");
}

/* What a program prints and no terminal takes. */
static void plant_tty_output(void)
{
	int master, slave;

	raw_pty(&master, &slave);
	send_secret(slave, "write to a tty");
}

const struct kind ipc_kinds[] = {
	{ "pipe", plant_pipe },
	{ "vmsplice", plant_vmsplice },
	{ "unix-stream", plant_unix_stream },
	{ "unix-dgram", plant_unix_dgram },
	{ "sysv-msg", plant_sysv_msg },
	{ "posix-mq", plant_posix_mq },
	{ "tty-input", plant_tty_input },
	{ "tty-output", plant_tty_output },
	{ }
};
