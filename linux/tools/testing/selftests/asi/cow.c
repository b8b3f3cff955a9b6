// SPDX-License-Identifier: GPL-2.0
/* Copy on write: nobody sees what another wrote, whoever does the writing. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "asi_test.h"

#define PAGES	64
#define PAGE	4096UL
#define LEN	(PAGES * PAGE)

static char *mem;

static bool child_ok(pid_t pid)
{
	return wait_exit(pid) == 0;
}

static void by_user_writes(void)
{
	for (unsigned long i = 0; i < scaled(200); i++) {
		pid_t pid;

		fill(mem, LEN, i);
		pid = xfork();
		if (!pid) {
			/* Against the parent, which writes now as well. */
			bool good = verify(mem, LEN, i);

			fill(mem, LEN, i + 1000);
			_exit(!(good && verify(mem, LEN, i + 1000)));
		}
		fill(mem, LEN, i + 2000);
		CHECK(child_ok(pid));
		verify(mem, LEN, i + 2000);
	}
	ktap_ok(!test_errors_take(), "both sides write");
}

/* The kernel breaks the sharing: read() into memory that is shared. */
static void by_kernel_writes(void)
{
	char *source = xmmap(LEN);
	int fd = temp_fd(LEN);

	for (unsigned long i = 0; i < scaled(200); i++) {
		pid_t pid;

		fill(mem, LEN, i);
		fill(source, LEN, i + 3000);
		CHECK(pwrite(fd, source, LEN, 0) == (ssize_t)LEN);
		pid = xfork();
		if (!pid) {
			CHECK(pread(fd, mem, LEN, 0) == (ssize_t)LEN);
			verify(mem, LEN, i + 3000);
			_exit(test_errors_take() != 0);
		}
		CHECK(child_ok(pid));
		verify(mem, LEN, i);
	}
	close(fd);
	munmap(source, LEN);
	ktap_ok(!test_errors_take(), "the kernel writes");
}

static void generations(void)
{
	for (unsigned long i = 0; i < scaled(20); i++) {
		pid_t pid;
		int depth;

		fill(mem, LEN, 0);
		/* Each generation changes one page and forks the next. */
		for (depth = 0; depth < 12; depth++) {
			pid = xfork();
			if (pid)
				break;
			fill(mem + (size_t)depth * PAGE, PAGE,
			     (uint64_t)depth + 1);
		}
		if (depth < 12)
			CHECK(child_ok(pid));
		for (int j = 0; j < depth; j++)
			verify(mem + (size_t)j * PAGE, PAGE, (uint64_t)j + 1);
		for (int j = depth; j < PAGES; j++) {
			uint64_t got = *(uint64_t *)(mem + (size_t)j * PAGE);
			uint64_t want = (uint64_t)j * (PAGE / 8) *
					0x9e3779b97f4a7c15ULL;

			CHECK(got == want);
		}
		if (depth)
			_exit(test_errors_take() != 0);
	}
	ktap_ok(!test_errors_take(), "a chain of 12 generations");
}

/* Private mapping of a file: the file keeps what it has. */
static void private_file(void)
{
	char *source = xmmap(LEN), *p;
	int fd = temp_fd(LEN);

	fill(source, LEN, 9);
	CHECK(pwrite(fd, source, LEN, 0) == (ssize_t)LEN);
	for (unsigned long i = 0; i < scaled(100); i++) {
		p = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
		if (p == MAP_FAILED)
			ktap_bail("mmap: %s", strerror(errno));
		verify(p, LEN, 9);
		fill(p, LEN / 2, i);
		verify(p, LEN / 2, i);
		memset(source, 0, LEN);
		CHECK(pread(fd, source, LEN, 0) == (ssize_t)LEN);
		verify(source, LEN, 9);
		munmap(p, LEN);
	}
	close(fd);
	munmap(source, LEN);
	ktap_ok(!test_errors_take(), "private mapping of a file");
}

/* Zero page: readers share it, writers get their own. */
static void zero_page(void)
{
	for (unsigned long i = 0; i < scaled(200); i++) {
		char *p = xmmap(LEN);
		unsigned long sum = 0;

		for (size_t j = 0; j < LEN; j += PAGE)
			sum += (unsigned char)p[j];
		CHECK(!sum);
		for (size_t j = 0; j < LEN; j += 2 * PAGE)
			p[j] = 1;
		for (size_t j = 0; j < LEN; j += PAGE)
			CHECK(p[j] == !(j & PAGE));
		munmap(p, LEN);
	}
	ktap_ok(!test_errors_take(), "the zero page stays zero");
}

int main(void)
{
	ktap_start(5);
	mem = xmmap(LEN);
	by_user_writes();
	by_kernel_writes();
	generations();
	private_file();
	zero_page();
	return ktap_finish();
}
