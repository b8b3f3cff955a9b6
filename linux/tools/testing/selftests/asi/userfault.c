// SPDX-License-Identifier: GPL-2.0
/*
 * userfaultfd: faults of one thread, by user mode and by the kernel, answered
 * by another.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "asi_test.h"

#define PAGE	4096UL
#define PAGES	256UL
#define LEN	(PAGES * PAGE)

static int uffd;
static char *mem;
static atomic_bool stop;
static atomic_ulong answered;

static void *answer(void *arg)
{
	char *page = xmmap(PAGE);

	(void)arg;
	cpu_pin(1);
	while (!atomic_load(&stop)) {
		struct pollfd p = { .fd = uffd, .events = POLLIN };
		struct uffdio_copy copy = { .len = PAGE };
		struct uffd_msg msg;

		if (poll(&p, 1, 20) != 1 ||
		    read(uffd, &msg, sizeof(msg)) != sizeof(msg) ||
		    msg.event != UFFD_EVENT_PAGEFAULT)
			continue;
		copy.dst = msg.arg.pagefault.address & ~(PAGE - 1);
		copy.src = (uintptr_t)page;
		fill(page, PAGE, copy.dst);
		atomic_fetch_add(&answered, 1);
		if (ioctl(uffd, UFFDIO_COPY, &copy))
			test_error("UFFDIO_COPY: %s", strerror(errno));
	}
	munmap(page, PAGE);
	return NULL;
}

static bool prepare(void)
{
	struct uffdio_api api = { .api = UFFD_API };

	uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	return uffd >= 0 && !ioctl(uffd, UFFDIO_API, &api);
}

static void register_memory(void)
{
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	mem = xmmap(LEN);
	reg.range.start = (uintptr_t)mem;
	reg.range.len = LEN;
	if (ioctl(uffd, UFFDIO_REGISTER, &reg))
		ktap_bail("UFFDIO_REGISTER: %s", strerror(errno));
}

static void by_user(void)
{
	for (size_t i = 0; i < LEN; i += PAGE)
		verify(mem + i, PAGE, (uintptr_t)mem + i);
	ktap_ok(!test_errors_take() && atomic_load(&answered) >= PAGES,
		"faults of user mode");
}

static void by_kernel(void)
{
	unsigned long before = atomic_load(&answered);
	static char copy[4096];
	int fd[2];

	if (pipe(fd) || madvise(mem, LEN, MADV_DONTNEED))
		ktap_bail("%s", strerror(errno));
	for (size_t i = 0; i < LEN; i += PAGE) {
		CHECK(write(fd[1], mem + i, PAGE) == PAGE);
		CHECK(read(fd[0], copy, PAGE) == PAGE);
		verify(copy, PAGE, (uintptr_t)mem + i);
	}
	ktap_ok(!test_errors_take() &&
		atomic_load(&answered) >= before + PAGES,
		"faults of the kernel inside a system call");
}

int main(void)
{
	struct thread t;

	if (!prepare())
		ktap_skip_all("userfaultfd: %s", strerror(errno));
	ktap_start(2);
	register_memory();
	cpu_pin(0);
	thread_start(&t, answer, NULL);
	by_user();
	by_kernel();
	atomic_store(&stop, true);
	thread_join(&t);
	return ktap_finish();
}
