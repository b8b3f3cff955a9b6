// SPDX-License-Identifier: GPL-2.0
/*
 * Pages from the page allocator and back, by a module: order 0, and order 9, which is
 * a huge page; for the kernel and for users.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../module/asibench_alloc.h"
#include "bench.h"
#include "clock.h"
#include "raw.h"

#define DEVICE "/dev/" ASIBENCH_ALLOC_DEVICE

const char *alloc_module;

static int alloc_fd;

static const char *alloc_setup(void)
{
	int fd = open(alloc_module ? alloc_module : "", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return "the module is not there (--module, make bench-modules)";
	if (syscall(SYS_finit_module, fd, "", 0) && errno != EEXIST)
		die("finit_module");
	close(fd);
	alloc_fd = open(DEVICE, O_RDONLY | O_CLOEXEC);
	if (alloc_fd < 0)
		die(DEVICE);
	return NULL;
}

static void alloc_teardown(void)
{
	close(alloc_fd);
}

static uint64_t alloc_run(unsigned int kind, unsigned int ops)
{
	uint64_t start = clock_now(), elapsed;
	long ret;

	ret = raw_syscall3(SYS_ioctl, alloc_fd, ASIBENCH_ALLOC | kind, ops);
	elapsed = clock_now() - start;
	if (ret) {
		errno = (int)-ret;
		die("ioctl " DEVICE);
	}
	return elapsed;
}

#define ALLOC_BENCH(id, order, who, flags, nr)				\
	static uint64_t id##_run(unsigned int ops)			\
	{								\
		return alloc_run((order) | (flags), ops);		\
	}								\
	const struct bench bench_##id = {				\
		.name = #id,						\
		.what = "a page of order " #order " for " who		\
			", allocated and freed",			\
		.ops = (nr),						\
		.setup = alloc_setup,					\
		.run = id##_run,					\
		.teardown = alloc_teardown,				\
	}

ALLOC_BENCH(alloc0, 0, "the kernel", 0, 512);
ALLOC_BENCH(alloc0_user, 0, "users", ASIBENCH_ALLOC_USER, 512);
ALLOC_BENCH(alloc9, 9, "the kernel", 0, 4);
ALLOC_BENCH(alloc9_user, 9, "users", ASIBENCH_ALLOC_USER, 4);
