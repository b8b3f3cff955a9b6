// SPDX-License-Identifier: GPL-2.0
/*
 * Huge pages of the command line, and huge pages whose struct pages share a frame.
 *
 * A page of 1 GiB of the command line is taken at boot, when there is no sensitive
 * memory yet. A process has it all the same, so it has to be absent, all of it. With
 * hugetlb_free_vmemmap=on the struct pages of each huge page are given back but for one
 * frame.
 *
 * The machine was booted with hugepagesz=1G hugepages=1, or with
 * hugetlb_free_vmemmap=on. In the second no huge page is given back: Linux 6.12.117
 * makes its struct pages copies of the head, and complains of bad pages.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "asi_test.h"
#include "mem_state.h"

#define POOL(kb)	"/sys/kernel/mm/hugepages/hugepages-" kb "kB/nr_hugepages"
#define POOL_1G		POOL("1048576")
#define POOL_2M		POOL("2048")
#define OPTIMIZE	"/proc/sys/vm/hugetlb_optimize_vmemmap"
#define MEGA		(1UL << 20)
#define HUGE		(2 * MEGA)
#define GIGA		(1UL << 30)
#define MAP_1G		(30 << 26)
#define MAP_2M		(21 << 26)
#define POOL_PAGES	60UL
#define ROUNDS		3
#define TRIES		5
/* Frames with the struct pages of a huge page, and those that it keeps. */
#define FRAMES		8UL
#define KEPT		1UL

static unsigned long pool_size(const char *path)
{
	char text[24];

	return read_file(path, text, sizeof(text)) > 0 ?
	       strtoul(text, NULL, 10) : 0;
}

static void set_pool(const char *path, unsigned long nr)
{
	char text[24];

	snprintf(text, sizeof(text), "%lu", nr);
	CHECK(!write_file(path, text));
	CHECK(pool_size(path) == nr);
}

static unsigned long frames_of_struct_pages(void)
{
	return vmstat("nr_memmap_pages") + vmstat("nr_memmap_boot_pages");
}

/* ---- is memory absent? ---- */

/*
 * Whoever reads memory of a process in this way goes by the direct map. If it is
 * absent, each of these system calls leaves the restricted address space once.
 */
static uint64_t exits_by_reading(const char *mem, size_t step, unsigned long n)
{
	struct asi_stats before, after;
	char word[8];

	asi_stats_read("user", &before);
	for (unsigned long i = 0; i < n; i++) {
		struct iovec to = { word, sizeof(word) };
		struct iovec from = { (char *)mem + i * step, sizeof(word) };

		CHECK(process_vm_readv(getpid(), &to, 1, &from, 1, 0) ==
		      sizeof(word));
	}
	asi_stats_read("user", &after);
	asi_stats_delta(&after, &before);
	return after.v[ASI_EXITS_FAULT];
}

/* Each block of @mem, and for comparison a page that is absent nowhere: that of zeros. */
static void check_absent(const char *what, const char *mem, size_t size)
{
	unsigned long n = size / HUGE, exits = 0, other;
	char *zeros;

	if (asi_class_off("user") || !mem_sensitive()) {
		ktap_skip(what, "there is no sensitive memory");
		return;
	}
	zeros = mmap(NULL, n * 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS,
		     -1, 0);
	if (zeros == MAP_FAILED)
		ktap_bail("mmap: %s", strerror(errno));
	madvise(zeros, n * 4096, MADV_NOHUGEPAGE);
	for (unsigned long i = 0; i < n; i++)
		CHECK(!*(volatile char *)(zeros + i * 4096));
	/* One that a tick has left before is missing; then once more. */
	cpu_pin(0);
	for (int i = 0; i < TRIES && exits < n; i++)
		exits = exits_by_reading(mem, HUGE, n);
	other = exits_by_reading(zeros, 4096, n);
	cpu_unpin();
	munmap(zeros, n * 4096);
	ktap_note("%s: %lu reads, %lu exits; %lu of zeros", what, n, exits,
		  other);
	CHECK(exits >= n);
	CHECK(other < n / 4);
	ktap_ok(!test_errors_take(), "%s", what);
}

/* ---- pages ---- */

static char *map_huge(size_t size, int flags)
{
	char *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE |
			 MAP_ANONYMOUS | MAP_HUGETLB | flags, -1, 0);

	if (mem == MAP_FAILED)
		ktap_bail("mmap: %s", strerror(errno));
	for (size_t i = 0; i < size; i += HUGE)
		fill(mem + i, 4096, i);
	return mem;
}

static void unmap_huge(char *mem, size_t size)
{
	for (size_t i = 0; i < size; i += HUGE)
		CHECK(verify(mem + i, 4096, i));
	munmap(mem, size);
}

/* Used, given back, and used by others. */
static void gigantic(void)
{
	unsigned long before = meminfo_kb("MemFree");
	char *mem = map_huge(GIGA, MAP_1G);

	check_absent("a page of 1 GiB of the command line is absent", mem, GIGA);
	unmap_huge(mem, GIGA);
	set_pool(POOL_1G, 0);
	ktap_measure("KiB free when a page of 1 GiB is", meminfo_kb("MemFree") -
		     before, AT_LEAST, 20 << 10);
	mem = xmmap(GIGA);
	fill(mem, GIGA, 3);
	CHECK(verify(mem, GIGA, 3));
	munmap(mem, GIGA);
	ktap_ok(!test_errors_take(), "a page of 1 GiB of the command line");
}

/* What was a huge page is memory in small pieces again. */
static void use_pieces(size_t size, unsigned int seed)
{
	char *mem = xmmap(size);

	madvise(mem, size, MADV_NOHUGEPAGE);
	fill(mem, size, seed);
	CHECK(verify(mem, size, seed));
	munmap(mem, size);
}

static void pool_comes_and_goes(unsigned int round)
{
	size_t size = POOL_PAGES * HUGE;
	char *mem;

	set_pool(POOL_2M, POOL_PAGES);
	mem = map_huge(size, MAP_2M);
	check_absent("a pool of pages of 2 MiB is absent", mem, size);
	mem_state_check();
	unmap_huge(mem, size);
	set_pool(POOL_2M, 0);
	use_pieces(size, round);
	ktap_ok(!test_errors_take(), "a pool of pages of 2 MiB, round %u", round);
}

static void pool_grows(unsigned int round)
{
	unsigned long frames = frames_of_struct_pages();
	unsigned long pages = POOL_PAGES / ROUNDS * (round + 1);
	unsigned long more = pages - pool_size(POOL_2M);
	size_t size = pages * HUGE;
	char *mem;

	set_pool(POOL_2M, pages);
	CHECK(frames - frames_of_struct_pages() == more * (FRAMES - KEPT));
	mem = map_huge(size, MAP_2M);
	check_absent("a pool without struct pages is absent", mem, size);
	mem_state_check();
	unmap_huge(mem, size);
	use_pieces(size / 2, round);
	ktap_ok(!test_errors_take(), "a pool without struct pages, round %u",
		round);
}

int main(void)
{
	bool optimized, large = pool_size(POOL_1G);
	char value[8];

	optimized = read_file(OPTIMIZE, value, sizeof(value)) > 0 && value[0] == '1';
	/* Asked for and not there is a failure, to which a skip would be blind. */
	if ((booted_with("hugepages=") && !large) ||
	    (booted_with("hugetlb_free_vmemmap=on") && !optimized))
		ktap_bail("the kernel was asked for huge pages that are not there");
	if (!large && !optimized)
		ktap_skip_all("neither hugepages=1 of 1 GiB nor hugetlb_free_vmemmap=on");
	ktap_start((large ? 2 : 0) + 3 * ROUNDS + 1);
	if (large)
		gigantic();
	for (unsigned int i = 0; i < ROUNDS; i++)
		(optimized ? pool_grows : pool_comes_and_goes)(i);
	mem_state_note();
	mem_state_check();
	return ktap_finish();
}
