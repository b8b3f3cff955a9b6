// SPDX-License-Identifier: GPL-2.0
/*
 * Pages of processes: first touch, of a huge page too, a copy, a page of a file, and
 * giving them back.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench.h"
#include "clock.h"
#include "raw.h"

#define PAGE 4096UL
#define HUGE (2UL << 20)
#define PAGES 64
#define HUGE_PAGES 4
#define SPAN ((HUGE_PAGES + 2) * HUGE)

static char *map, *base;
static int file;

static void die_if(int failed, const char *what)
{
	if (failed)
		die("%s", what);
}

static char *new_map(size_t size, int flags, int fd)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | flags,
			fd, 0);

	die_if(at == MAP_FAILED, "mmap");
	return at;
}

static void touch_pages(char *at, unsigned int nr, size_t size)
{
	while (nr--) {
		*(volatile char *)at = 1;
		at += size;
	}
}

/*
 * A range that one page table serves, whose first page stays: so the faults
 * measured allocate a page each and never a page table.
 */
static const char *map_setup(int advice)
{
	map = new_map(SPAN, MAP_ANONYMOUS, -1);
	/* Fails when the kernel has no huge pages, which is as good. */
	madvise(map, SPAN, MADV_NOHUGEPAGE);
	base = (char *)(((uintptr_t)map + HUGE - 1) & ~(HUGE - 1));
	touch_pages(base, 1, PAGE);
	if (advice == MADV_HUGEPAGE) {
		base += HUGE;
		if (madvise(base, HUGE_PAGES * HUGE, advice))
			return "this kernel has no huge pages";
	} else {
		base += PAGE;
	}
	return NULL;
}

static const char *touch_setup(void)
{
	return map_setup(MADV_NOHUGEPAGE);
}

static const char *huge_setup(void)
{
	return map_setup(MADV_HUGEPAGE);
}

static void map_teardown(void)
{
	munmap(map, SPAN);
}

static uint64_t touch(unsigned int ops, size_t size)
{
	uint64_t start = clock_now(), elapsed;

	touch_pages(base, ops, size);
	elapsed = clock_now() - start;
	die_if(ops && madvise(base, ops * size, MADV_DONTNEED), "madvise");
	return elapsed;
}

static uint64_t touch_run(unsigned int ops)
{
	return touch(ops, PAGE);
}

static uint64_t huge_run(unsigned int ops)
{
	return touch(ops, HUGE);
}

const struct bench bench_touch = {
	.name = "touch",
	.what = "first touch of an anonymous page",
	.ops = PAGES,
	.setup = touch_setup,
	.run = touch_run,
	.teardown = map_teardown,
};

const struct bench bench_touch_huge = {
	.name = "touch_huge",
	.what = "first touch of an anonymous huge page (2 MiB)",
	.ops = HUGE_PAGES,
	.setup = huge_setup,
	.run = huge_run,
	.teardown = map_teardown,
};

/* A tmpfs file of PAGES + 1 pages, whose first page stays. */
static const char *file_setup(void)
{
	file = memfd_create("asibench", MFD_CLOEXEC);
	die_if(file < 0, "memfd_create");
	die_if(pwrite(file, "a", 1, 0) != 1, "pwrite");
	return NULL;
}

static void file_teardown(void)
{
	close(file);
}

static uint64_t fill_run(unsigned int ops)
{
	static char buffer[PAGE];
	uint64_t start = clock_now(), elapsed;
	unsigned int i;

	for (i = 1; i <= ops; i++) {
		if (raw_syscall4(SYS_pwrite64, file, (long)buffer, PAGE,
				 (long)(i * PAGE)) != (long)PAGE)
			die("pwrite");
	}
	elapsed = clock_now() - start;
	die_if(ftruncate(file, PAGE), "ftruncate");
	return elapsed;
}

const struct bench bench_fill = {
	.name = "fill",
	.what = "pwrite of 4 KiB that the page cache has no page for (tmpfs)",
	.ops = PAGES,
	.syscalls = 1,
	.setup = file_setup,
	.run = fill_run,
	.teardown = file_teardown,
};

static const char *copy_setup(void)
{
	file_setup();
	die_if(ftruncate(file, (PAGES + 1) * PAGE), "ftruncate");
	map = new_map((PAGES + 1) * PAGE, 0, file);
	touch_pages(map, 1, PAGE);
	base = map + PAGE;
	return NULL;
}

static uint64_t copy_run(unsigned int ops)
{
	uint64_t start, elapsed;
	unsigned int i;

	for (i = 0; i < ops; i++)
		(void)*(volatile char *)(base + i * PAGE);
	start = clock_now();
	touch_pages(base, ops, PAGE);
	elapsed = clock_now() - start;
	die_if(ops && madvise(base, ops * PAGE, MADV_DONTNEED), "madvise");
	return elapsed;
}

static void copy_teardown(void)
{
	munmap(map, (PAGES + 1) * PAGE);
	file_teardown();
}

const struct bench bench_copy = {
	.name = "copy",
	.what = "write to a page that is shared until then (copy on write)",
	.ops = PAGES,
	.setup = copy_setup,
	.run = copy_run,
	.teardown = copy_teardown,
};

static const char *unmap_setup(void)
{
	return NULL;
}

/* The empty window unmaps as much, of which nothing was touched. */
static uint64_t unmap_run(unsigned int ops)
{
	char *at = new_map((PAGES + 1) * PAGE, MAP_ANONYMOUS, -1);
	uint64_t start;

	madvise(at, (PAGES + 1) * PAGE, MADV_NOHUGEPAGE);
	touch_pages(at, ops + 1, PAGE);
	start = clock_now();
	if (raw_syscall3(SYS_munmap, (long)at, (PAGES + 1) * PAGE, 0))
		die("munmap");
	return clock_now() - start;
}

const struct bench bench_unmap = {
	.name = "unmap",
	.what = "munmap, for each page that was touched",
	.ops = PAGES,
	.setup = unmap_setup,
	.run = unmap_run,
};
