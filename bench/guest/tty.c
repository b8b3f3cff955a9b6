// SPDX-License-Identifier: GPL-2.0
/*
 * Data on its way through a terminal: what is typed, and what is shown. A pseudo
 * terminal is one without a device. A worker of the kernel carries the data from one
 * end to the other, so that each operation has switches to it and back.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "bench.h"
#include "clock.h"

#define SIZE 64
#define OPS 16

static char data[SIZE];
static int terminal, user;

static const char *tty_setup(void)
{
	struct termios settings;

	terminal = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (terminal < 0)
		return "no pseudo terminals";
	if (unlockpt(terminal))
		die("unlockpt");
	user = open(ptsname(terminal), O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (user < 0 || tcgetattr(user, &settings))
		die("a terminal");
	/* As a terminal is, but that what is typed is not shown. */
	settings.c_lflag &= ~(tcflag_t)ECHO;
	if (tcsetattr(user, TCSANOW, &settings))
		die("tcsetattr");
	memset(data, 'x', SIZE);
	return NULL;
}

static uint64_t tty_run(int from, int to, unsigned int ops)
{
	uint64_t start = clock_now();
	unsigned int i;

	for (i = 0; i < ops; i++) {
		size_t got = 0;
		ssize_t n;

		if (write(from, data, SIZE) != SIZE)
			die("write to a terminal");
		for (; got < SIZE; got += (size_t)n) {
			n = read(to, data + got, SIZE - got);
			if (n <= 0)
				die("read from a terminal");
		}
	}
	return clock_now() - start;
}

/* A whole line: until then nobody has it. */
static uint64_t tty_input_run(unsigned int ops)
{
	data[SIZE - 1] = '\n';
	return tty_run(terminal, user, ops);
}

static uint64_t tty_output_run(unsigned int ops)
{
	return tty_run(user, terminal, ops);
}

static void tty_teardown(void)
{
	close(user);
	close(terminal);
}

const struct bench bench_tty_input = {
	.name = "tty_input",
	.what = "a line of 64 bytes, typed at a terminal and read",
	.ops = OPS,
	.syscalls = 2,
	.setup = tty_setup,
	.run = tty_input_run,
	.teardown = tty_teardown,
};

const struct bench bench_tty_output = {
	.name = "tty_output",
	.what = "64 bytes written to a terminal and shown",
	.ops = OPS,
	.syscalls = 2,
	.setup = tty_setup,
	.run = tty_output_run,
	.teardown = tty_teardown,
};
