// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/asi attached to processes: the faults of each, and nobody else's.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "asi_dev.h"

/* How often a process reads, and at least leaves its domain, when it is told to. */
#define READS	100

/* A process that reads this program's file from the page cache when told to. */
static pid_t fork_reader(int *tell)
{
	int to[2], back[2];
	char byte, page[4096];
	pid_t pid;
	int file;

	if (pipe(to) || pipe(back))
		ktap_bail("pipe: %s", strerror(errno));
	pid = xfork();
	if (pid) {
		close(to[0]);
		close(back[1]);
		tell[0] = back[0];
		tell[1] = to[1];
		return pid;
	}
	close(to[1]);
	file = open("/proc/self/exe", O_RDONLY);
	while (read(to[0], &byte, 1) == 1) {
		for (int i = 0; i < READS; i++)
			if (pread(file, page, sizeof(page), 0) != sizeof(page))
				_exit(KSFT_FAIL);
		if (write(back[1], "", 1) != 1)
			break;
	}
	_exit(KSFT_PASS);
}

static void let_read(const int *tell)
{
	char byte;

	CHECK(write(tell[1], "", 1) == 1 && read(tell[0], &byte, 1) == 1);
}

static void end_reader(pid_t pid, const int *tell)
{
	close(tell[0]);
	close(tell[1]);
	kill(pid, SIGKILL);
	wait_exit(pid);
}

/* How often the attached domain was left. */
static unsigned long attached_faults(int fd)
{
	static struct asi_ioc_fault entry[ASI_MAX_ENTRIES];
	struct asi_ioc_faults f = {
		.faults = (uintptr_t)entry,
		.max = ASI_MAX_ENTRIES,
	};
	unsigned long sum = 0;

	CHECK(!dev_ioctl(fd, ASI_IOC_FAULTS, &f));
	for (unsigned int i = 0; i < f.nr; i++)
		sum += entry[i].count;
	return sum;
}

/* In the log, which may be full of what other tests have left. */
static void make_room(void)
{
	CHECK(!write_file(ASI_DEBUGFS "/faults", "forget"));
}

/* A file sees what the process did that it is attached to, while it was. */
static void test_faults(void)
{
	struct asi_ioc_clear clear = { .domain = ASI_DOMAIN_ATTACHED };
	int fd[3], tell[2][2];
	unsigned long before;
	pid_t pid[2];

	make_room();
	for (int i = 0; i < 2; i++)
		pid[i] = fork_reader(tell[i]);
	let_read(tell[0]);
	for (int i = 0; i < 3; i++) {
		fd[i] = dev_open();
		CHECK(fd[i] >= 0 && !dev_attach(fd[i], pid[i / 2], "user"));
	}
	CHECK(attached_faults(fd[0]) < READS);
	let_read(tell[0]);
	CHECK(attached_faults(fd[0]) >= READS && attached_faults(fd[1]) >= READS);
	CHECK(attached_faults(fd[2]) < READS);
	CHECK(!dev_ioctl(fd[1], ASI_IOC_DETACH, NULL));
	CHECK(attached_faults(fd[0]) >= READS);
	before = attached_faults(fd[0]);
	let_read(tell[1]);
	CHECK(attached_faults(fd[2]) >= READS);
	CHECK(attached_faults(fd[0]) < before + READS);
	CHECK(!dev_ioctl(fd[2], ASI_IOC_CLEAR_FAULTS, &clear));
	CHECK(attached_faults(fd[2]) < READS && attached_faults(fd[0]) >= READS);

	for (int i = 0; i < 3; i++)
		close(fd[i]);
	for (int i = 0; i < 2; i++)
		end_reader(pid[i], tell[i]);
	ktap_ok(!test_errors_take(), "faults of the process alone, since it is attached to");
}

/* More domains than there are watches. */
static void test_too_many(void)
{
	const unsigned int most = 64;
	int fd[most + 1], tell[most + 1][2];
	pid_t pid[most + 1];

	make_room();
	for (unsigned int i = 0; i <= most; i++) {
		pid[i] = fork_reader(tell[i]);
		fd[i] = dev_open();
		CHECK(dev_attach(fd[i], pid[i], "user") == (i < most ? 0 : -EUSERS));
	}
	CHECK(dev_ioctl(fd[most], ASI_IOC_DETACH, NULL) == -ENOTCONN);
	CHECK(!dev_ioctl(fd[0], ASI_IOC_DETACH, NULL));
	CHECK(!dev_attach(fd[most], pid[most], "user"));
	for (unsigned int i = 0; i <= most; i += 8) {
		let_read(tell[i]);
		CHECK(!i || attached_faults(fd[i]) >= READS);
	}
	for (unsigned int i = 0; i <= most; i++) {
		close(fd[i]);
		end_reader(pid[i], tell[i]);
	}
	ktap_ok(!test_errors_take(), "no more than 64 domains");
}

int main(void)
{
	close(dev_start());
	if (asi_class_off("user"))
		ktap_skip_all("%s", asi_class_off("user"));

	ktap_start(2);
	test_faults();
	test_too_many();
	if (dev_is_module())
		dev_unload();
	return ktap_finish();
}
