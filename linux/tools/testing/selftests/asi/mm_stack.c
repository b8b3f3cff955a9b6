// SPDX-License-Identifier: GPL-2.0
/* The stack that grows by faults, and the heap that brk() moves. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <sys/resource.h>

#include "asi_test.h"

#define FRAME	2048

static noinline unsigned long deep(unsigned long n)
{
	volatile char frame[FRAME];
	unsigned long below;

	frame[0] = (char)n;
	frame[FRAME - 1] = (char)(n >> 8);
	below = n ? deep(n - 1) : 0;
	if (frame[0] != (char)n || frame[FRAME - 1] != (char)(n >> 8))
		test_error("frame %lu was overwritten", n);
	return below + 1;
}

/* A system call is the first to touch the new page. */
static noinline unsigned long deep_by_kernel(int fd, int n)
{
	char frame[4096 * 2];

	if (pread(fd, frame, sizeof(frame), 0) != sizeof(frame))
		test_error("pread to the stack: %s", strerror(errno));
	if (n)
		deep_by_kernel(fd, n - 1);
	verify(frame, sizeof(frame), 3);
	return 0;
}

static void grows(void)
{
	char page[8192];
	int fd = temp_fd(8192);

	fill(page, sizeof(page), 3);
	if (pwrite(fd, page, sizeof(page), 0) != sizeof(page))
		ktap_bail("pwrite: %s", strerror(errno));
	for (unsigned long i = 0; i < scaled(30); i++) {
		pid_t pid = xfork();

		if (!pid) {
			CHECK(deep(1500) == 1501);
			deep_by_kernel(fd, 100);
			_exit(test_errors_take() != 0);
		}
		CHECK(wait_exit(pid) == 0);
	}
	close(fd);
	ktap_ok(!test_errors_take(), "stack grows, by user and by kernel access");
}

static void overflow(void)
{
	struct rlimit small = { .rlim_cur = 1 << 20, .rlim_max = 1 << 20 };
	pid_t pid = xfork();

	if (!pid) {
		setrlimit(RLIMIT_STACK, &small);
		deep(1UL << 30);
		_exit(0);
	}
	ktap_ok(wait_exit(pid) == 256 + SIGSEGV, "stack overflow is SIGSEGV");
}

static void heap(void)
{
	char *start = sbrk(0);

	for (unsigned long i = 0; i < scaled(300); i++) {
		long len = (long)(i % 64 + 1) * 4096;
		char *p = sbrk(len);

		if (p == (void *)-1)
			ktap_bail("sbrk: %s", strerror(errno));
		for (long j = 0; j < len; j += 4096)
			CHECK(!p[j]);
		fill(p, (size_t)len, i);
		verify(p, (size_t)len, i);
		if (brk(p))
			ktap_bail("brk: %s", strerror(errno));
	}
	CHECK(sbrk(0) == start);
	ktap_ok(!test_errors_take(), "brk: new memory is zero, and holds");
}

int main(void)
{
	ktap_start(3);
	heap();
	grows();
	overflow();
	return ktap_finish();
}
