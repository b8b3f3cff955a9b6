// SPDX-License-Identifier: GPL-2.0
/* The checks that every way into the kernel by system call has to pass. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>

#include "asi_test.h"
#include "entry.h"

/*
 * Below 4 GiB, so that a 32-bit system call of a 64-bit program reaches it.
 * The second half is unmapped: what a bad pointer points at.
 */
static char *low_pages(size_t half)
{
	char *p = mmap(NULL, 2 * half, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

	if (p == MAP_FAILED)
		ktap_bail("mmap below 4 GiB: %s", strerror(errno));
	munmap(p + half, half);
	return p;
}

static bool results_right(const struct entry_kind *k)
{
	unsigned long n = scaled(20000);
	pid_t parent = getpid();
	pid_t pid = xfork();

	if (pid)
		return wait_exit(pid) == 0;
	while (n--) {
		if (k->call(k->nr_getppid, 0, 0, 0) != parent)
			_exit(1);
		if (k->call(k->nr_getpid, 0, 0, 0) != getpid())
			_exit(2);
	}
	_exit(0);
}

static bool unknown_numbers_refused(const struct entry_kind *k)
{
	static const long bad[] = { 0x3fff, 0x7fffffff, -1, 1000000 };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (k->call(bad[i], 0, 0, 0) != -ENOSYS)
			return false;
	return true;
}

/* Data goes in and out of the kernel, which touches user memory for it. */
static bool data_right(const struct entry_kind *k, char *low, size_t size)
{
	size_t part = size / 2;
	int fd[2];

	if (pipe(fd))
		ktap_bail("pipe: %s", strerror(errno));
	for (unsigned long i = 0; i < scaled(500); i++) {
		fill(low, part, i);
		memset(low + part, 0, part);
		CHECK(k->call(k->nr_write, fd[1], (long)low, (long)part) ==
		      (long)part);
		CHECK(k->call(k->nr_read, fd[0], (long)(low + part),
			      (long)part) == (long)part);
		verify(low + part, part, i);
	}
	close(fd[0]);
	close(fd[1]);
	return !test_errors_take();
}

/* The kernel faults on the caller's pointer, at both kinds of access. */
static bool bad_pointers_refused(const struct entry_kind *k, char *low,
				 size_t size)
{
	long bad = (long)(low + size);
	int fd[2];

	if (pipe(fd))
		ktap_bail("pipe: %s", strerror(errno));
	for (unsigned long i = 0; i < scaled(2000); i++) {
		CHECK(k->call(k->nr_write, fd[1], bad, 16) == -EFAULT);
		CHECK(k->call(k->nr_write, fd[1], (long)low, 1) == 1);
		CHECK(k->call(k->nr_read, fd[0], bad, 1) == -EFAULT);
		CHECK(k->call(k->nr_read, fd[0], (long)low, 1) == 1);
	}
	close(fd[0]);
	close(fd[1]);
	return !test_errors_take();
}

static void getppid_loop(unsigned long n, void *arg)
{
	const struct entry_kind *k = arg;

	while (n--)
		k->call(k->nr_getppid, 0, 0, 0);
}

static void steady(const struct entry_kind *k)
{
	const char *off = asi_class_off("user");
	unsigned long n = scaled(20000) + 2000;
	struct asi_stats best;
	char name[80];

	cpu_pin(0);
	snprintf(name, sizeof(name),
		 "%s: 0 exits per operation in steady state", k->name);
	if (off) {
		getppid_loop(n, (void *)k);
		ktap_skip(name, "%s", off);
	} else {
		steady_measure("user", getppid_loop, (void *)k, n, &best);
		asi_stats_note(k->name, &best);
		ktap_ok(steady_check(&best, n), "%s", name);
	}
	snprintf(name, sizeof(name), "%s: the caller runs restricted", k->name);
	if (off)
		ktap_skip(name, "%s", off);
	else
		ktap_ok(asi_runs_restricted(), "%s", name);
	cpu_unpin();
}

void entry_checks(const struct entry_kind *k)
{
	const size_t size = 4096;
	char *low = low_pages(size);

	ktap_ok(results_right(k), "%s: right results", k->name);
	ktap_ok(k->regs_survive(k->nr_getppid), "%s: registers survive", k->name);
	ktap_ok(unknown_numbers_refused(k), "%s: unknown numbers", k->name);
	ktap_ok(data_right(k, low, size), "%s: data in and out", k->name);
	ktap_ok(bad_pointers_refused(k, low, size), "%s: bad pointers", k->name);
	steady(k);
	munmap(low, size);
}
