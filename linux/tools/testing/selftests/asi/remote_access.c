// SPDX-License-Identifier: GPL-2.0
/* Memory of another process: process_vm_readv/writev, /proc/PID/mem, vmsplice. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "asi_test.h"

#define LEN	(512 * 1024UL)

static char *mem, *copy;
static pid_t other;
static int ask[2], reply[2];

/* The other process: verifies and refills its memory when asked. */
static void serve(void)
{
	uint64_t seeds[2];

	fill(mem, LEN, 1);
	while (read(ask[0], seeds, sizeof(seeds)) == sizeof(seeds)) {
		char good = verify(mem, LEN, seeds[0]);

		fill(mem, LEN, seeds[1]);
		if (write(reply[1], &good, 1) != 1)
			break;
	}
	_exit(0);
}

static bool other_has(uint64_t seed, uint64_t then)
{
	uint64_t seeds[2] = { seed, then };
	char good = 0;

	return write(ask[1], seeds, sizeof(seeds)) == sizeof(seeds) &&
	       read(reply[0], &good, 1) == 1 && good;
}

/* Odd pieces, so that pages are crossed everywhere. */
static ssize_t transfer(bool write_it)
{
	struct iovec l[64], r[64];
	size_t at = 0;
	int n;

	for (n = 0; n < 64 && at < LEN; n++) {
		size_t len = n == 63 ? LEN - at : (size_t)n * 131 + 4095;

		if (len > LEN - at)
			len = LEN - at;
		l[n].iov_base = copy + at;
		r[n].iov_base = mem + at;
		l[n].iov_len = len;
		r[n].iov_len = len;
		at += len;
	}
	if (write_it)
		return process_vm_writev(other, l, (unsigned long)n, r,
					 (unsigned long)n, 0);
	return process_vm_readv(other, l, (unsigned long)n, r,
				(unsigned long)n, 0);
}

static void vm_readv(uint64_t *seed)
{
	for (unsigned long i = 0; i < scaled(50); i++) {
		memset(copy, 0, LEN);
		CHECK(transfer(false) == (ssize_t)LEN);
		verify(copy, LEN, *seed);
		CHECK(other_has(*seed, *seed + 1));
		++*seed;
	}
	ktap_ok(!test_errors_take(), "process_vm_readv");
}

static void vm_writev(uint64_t *seed)
{
	for (unsigned long i = 0; i < scaled(50); i++) {
		fill(copy, LEN, *seed + 1000);
		CHECK(transfer(true) == (ssize_t)LEN);
		CHECK(other_has(*seed + 1000, *seed + 1));
		++*seed;
	}
	ktap_ok(!test_errors_take(), "process_vm_writev");
}

static void proc_mem(uint64_t *seed)
{
	char path[40];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", (int)other);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		ktap_skip("/proc/PID/mem", "%s: %s", path, strerror(errno));
		return;
	}
	for (unsigned long i = 0; i < scaled(50); i++) {
		memset(copy, 0, LEN);
		CHECK(pread(fd, copy, LEN, (off_t)(uintptr_t)mem) ==
		      (ssize_t)LEN);
		verify(copy, LEN, *seed);
		fill(copy, LEN, *seed + 2000);
		CHECK(pwrite(fd, copy, LEN, (off_t)(uintptr_t)mem) ==
		      (ssize_t)LEN);
		CHECK(other_has(*seed + 2000, *seed + 1));
		++*seed;
	}
	close(fd);
	ktap_ok(!test_errors_take(), "/proc/PID/mem");
}

static void nothing_there(void)
{
	struct iovec l = { .iov_base = copy, .iov_len = 8 };
	struct iovec r = { .iov_base = (void *)8, .iov_len = 8 };

	for (unsigned long i = 0; i < scaled(1000); i++) {
		CHECK(process_vm_readv(other, &l, 1, &r, 1, 0) == -1 &&
		      errno == EFAULT);
		CHECK(process_vm_writev(other, &l, 1, &r, 1, 0) == -1 &&
		      errno == EFAULT);
	}
	ktap_ok(!test_errors_take(), "addresses without memory are refused");
}

int main(void)
{
	uint64_t seed = 1;

	ktap_start(4);
	mem = xmmap(LEN);
	copy = xmmap(LEN);
	if (pipe(ask) || pipe(reply))
		ktap_bail("pipe: %s", strerror(errno));
	other = xfork();
	if (!other)
		serve();
	CHECK(other_has(1, 1));
	vm_readv(&seed);
	vm_writev(&seed);
	proc_mem(&seed);
	nothing_there();
	kill(other, SIGKILL);
	wait_exit(other);
	return ktap_finish();
}
