// SPDX-License-Identifier: GPL-2.0
/*
 * Page faults of all kinds, by user mode and by the kernel on behalf of user
 * mode: the right content, and as many faults as there are pages.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "asi_test.h"

#define PAGE	4096UL
#define PAGES	512UL
#define LEN	(PAGES * PAGE)

static unsigned long minor_faults(void)
{
	struct rusage r;

	getrusage(RUSAGE_SELF, &r);
	return (unsigned long)r.ru_minflt;
}

static char *map(int flags, int fd)
{
	char *p = mmap(NULL, LEN, PROT_READ | PROT_WRITE, flags, fd, 0);

	if (p == MAP_FAILED)
		ktap_bail("mmap: %s", strerror(errno));
	/* One fault a page is counted below. */
	madvise(p, LEN, MADV_NOHUGEPAGE);
	madvise(p, LEN, MADV_RANDOM);
	return p;
}

/* In an order that no read-ahead expects. */
static size_t nth_page(size_t i)
{
	return i * 197 % PAGES;
}

static void anonymous(void)
{
	unsigned long before, faults = 0;

	for (unsigned long n = 0; n < scaled(20); n++) {
		char *p = map(MAP_PRIVATE | MAP_ANONYMOUS, -1);

		before = minor_faults();
		for (size_t i = 0; i < PAGES; i++) {
			volatile uint64_t *w =
				(uint64_t *)(p + nth_page(i) * PAGE);

			CHECK(!w[0] && !w[511]);
			w[0] = i + n;
		}
		faults += minor_faults() - before;
		for (size_t i = 0; i < PAGES; i++)
			CHECK(*(uint64_t *)(p + nth_page(i) * PAGE) == i + n);
		munmap(p, LEN);
	}
	ktap_note("%lu faults for %lu pages", faults, PAGES * scaled(20));
	/* A read and a write fault, or one that did both. */
	ktap_ok(!test_errors_take() && faults >= PAGES * scaled(20) &&
		faults <= 3 * PAGES * scaled(20),
		"anonymous memory: zero, and as many faults as expected");
}

static void by_kernel(void)
{
	int fd = temp_fd(LEN);
	char *source = xmmap(LEN);

	fill(source, LEN, 1);
	CHECK(pwrite(fd, source, LEN, 0) == (ssize_t)LEN);
	for (unsigned long n = 0; n < scaled(20); n++) {
		char *p = map(MAP_PRIVATE | MAP_ANONYMOUS, -1);

		for (size_t i = 0; i < PAGES; i++) {
			size_t at = nth_page(i) * PAGE;

			CHECK(pread(fd, p + at, PAGE, (off_t)at) == PAGE);
		}
		verify(p, LEN, 1);
		munmap(p, LEN);
	}
	close(fd);
	munmap(source, LEN);
	ktap_ok(!test_errors_take(), "anonymous memory, the kernel writes first");
}

static void file_mapping(const char *name, int flags)
{
	char *source = xmmap(LEN), *p;
	int fd = temp_fd(LEN);

	for (unsigned long n = 0; n < scaled(20); n++) {
		fill(source, LEN, n);
		CHECK(pwrite(fd, source, LEN, 0) == (ssize_t)LEN);
		p = map(flags, fd);
		for (size_t i = 0; i < PAGES; i++) {
			size_t at = nth_page(i) * PAGE;

			verify(p + at, PAGE, n + at / 8);
			if (i & 1)
				fill(p + at, PAGE, ~n);
		}
		CHECK(pread(fd, source, LEN, 0) == (ssize_t)LEN);
		for (size_t i = 0; i < PAGES; i++) {
			size_t at = nth_page(i) * PAGE;
			bool changed = (i & 1) && flags == MAP_SHARED;

			verify(source + at, PAGE, changed ? ~n : n + at / 8);
			verify(p + at, PAGE, i & 1 ? ~n : n + at / 8);
		}
		munmap(p, LEN);
	}
	close(fd);
	munmap(source, LEN);
	ktap_ok(!test_errors_take(), "%s", name);
}

/* Many threads fault on the same pages at once; each sees one result. */
static char *common;
static atomic_uint arrived;

#define RACERS	4

static void *racer(void *arg)
{
	uintptr_t me = (uintptr_t)arg;

	cpu_pin((int)me);
	atomic_fetch_add(&arrived, 1);
	while (atomic_load(&arrived) < RACERS)
		sleep_ms(0);
	for (size_t i = 0; i < PAGES; i++) {
		atomic_ulong *w = (atomic_ulong *)(common + i * PAGE);

		atomic_fetch_add(w, 1UL << (8 * me));
	}
	return NULL;
}

static void races(void)
{
	for (unsigned long n = 0; n < scaled(40); n++) {
		struct thread t[RACERS];
		unsigned long want = 0;

		common = map(n & 1 ? MAP_SHARED | MAP_ANONYMOUS :
				     MAP_PRIVATE | MAP_ANONYMOUS, -1);
		atomic_store(&arrived, 0);
		for (uintptr_t i = 0; i < RACERS; i++) {
			thread_start(&t[i], racer, (void *)i);
			want += 1UL << (8 * i);
		}
		for (int i = 0; i < RACERS; i++)
			thread_join(&t[i]);
		for (size_t i = 0; i < PAGES; i++)
			CHECK(*(unsigned long *)(common + i * PAGE) == want);
		munmap(common, LEN);
	}
	ktap_ok(!test_errors_take(), "threads fault on the same page at once");
}

static void populated(void)
{
	unsigned long before, faults;
	char *p;

	p = mmap(NULL, LEN, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (p == MAP_FAILED)
		ktap_bail("mmap: %s", strerror(errno));
	before = minor_faults();
	fill(p, LEN, 6);
	verify(p, LEN, 6);
	faults = minor_faults() - before;
	munmap(p, LEN);
	ktap_note("%lu faults", faults);
	ktap_ok(!test_errors_take() && faults < PAGES / 8,
		"populated memory does not fault");
}

int main(void)
{
	ktap_start(6);
	anonymous();
	by_kernel();
	file_mapping("private mapping of a file", MAP_PRIVATE);
	file_mapping("shared mapping of a file", MAP_SHARED);
	races();
	populated();
	return ktap_finish();
}
