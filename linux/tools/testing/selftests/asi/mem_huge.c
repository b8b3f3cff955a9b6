// SPDX-License-Identifier: GPL-2.0
/*
 * Huge pages where memory was in small pieces.
 *
 * Processes and the kernel take memory by turns until it is full: sensitive memory,
 * and page tables, which are not. Then the processes give theirs back, and of the page
 * tables a part stays. How many huge pages can be had of the rest, with asi=on and
 * without?
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>

#include "asi_test.h"
#include "mem_state.h"

#define HUGE		(2UL << 20)
#define HUGE_KB		(HUGE >> 10)
#define CHUNK		(256UL << 10)
#define PAGE		4096UL
#define LEFT_KB		(40UL << 10)
/* So many page tables for each chunk, of which one in so many stays. */
#define TABLES		16
#define STAYS		8
#define POOL		"/proc/sys/vm/nr_hugepages"

/* ---- small pieces ---- */

static char *map(unsigned long size, int prot)
{
	char *mem = mmap(NULL, size, prot, MAP_PRIVATE | MAP_ANONYMOUS |
			 MAP_NORESERVE, -1, 0);

	if (mem == MAP_FAILED)
		ktap_bail("mmap: %s", strerror(errno));
	madvise(mem, size, MADV_NOHUGEPAGE);
	return mem;
}

/* Reading maps the page of zeros, and takes a page table for that. */
static void take_tables(const char *at)
{
	for (int i = 0; i < TABLES; i++)
		(void)*(const volatile char *)(at + i * HUGE);
}

/* A page table goes with all that it could map. */
static void give_tables_back(char *tables, unsigned long n)
{
	for (unsigned long i = 0; i < n; i += STAYS)
		munmap(tables + i * HUGE, (STAYS - 1) * HUGE);
}

/* By turns; half of the pages are given back first. */
static void make_pieces(void)
{
	unsigned long size = total_kb() << 10, at, n = 0;
	char *mem = map(size, PROT_READ | PROT_WRITE);
	char *tables = map((size / CHUNK + 1) * TABLES * HUGE, PROT_READ);

	/* The kernel aligns what is this large. */
	CHECK(!((unsigned long)tables & (HUGE - 1)));
	for (at = 0; at < size && meminfo_kb("MemAvailable") > LEFT_KB;
	     at += CHUNK) {
		for (unsigned long i = 0; i < CHUNK; i += PAGE)
			*(volatile char *)(mem + at + i) = 1;
		take_tables(tables + n * HUGE);
		n += TABLES;
	}
	ktap_note("%lu KiB taken by turns, %lu page tables, %lu KiB of them",
		  at >> 10, n, meminfo_kb("PageTables"));
	for (unsigned long i = 0; i < at; i += 2 * PAGE)
		madvise(mem + i, PAGE, MADV_DONTNEED);
	give_tables_back(tables, n);
	munmap(mem, size);
	ktap_note("%lu KiB of page tables stay", meminfo_kb("PageTables"));
}

/* ---- huge pages ---- */

/* How many of a hundred faults get one, of so many as three quarters of what is free. */
static void thp(const char *name)
{
	unsigned long size = meminfo_kb("MemFree") / 4 * 3 / HUGE_KB * HUGE;
	unsigned long got = vmstat("thp_fault_alloc");
	unsigned long not = vmstat("thp_fault_fallback");
	char *mem = mmap(NULL, size + HUGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *at = (char *)(((unsigned long)mem + HUGE - 1) & ~(HUGE - 1));

	if (mem == MAP_FAILED)
		ktap_bail("mmap: %s", strerror(errno));
	madvise(mem, size + HUGE, MADV_HUGEPAGE);
	for (unsigned long i = 0; i < size; i += HUGE)
		*(volatile char *)(at + i) = 1;
	got = vmstat("thp_fault_alloc") - got;
	not = vmstat("thp_fault_fallback") - not;
	ktap_note("%s: %lu huge pages, %lu times none", name, got, not);
	ktap_measure(name, got * 100 / (got + not + 1), AT_LEAST, 5);
	munmap(mem, size + HUGE);
}

/*
 * The pool takes what it can of all memory. A block that a page of the kernel is left
 * in is lost to it with asi=off too; with asi=on more of them are, up to 6 %.
 */
static void pool(const char *name)
{
	char text[24];

	snprintf(text, sizeof(text), "%lu", total_kb() / HUGE_KB);
	CHECK(!write_file(POOL, text));
	CHECK(read_file(POOL, text, sizeof(text)) > 0);
	ktap_measure(name, strtoul(text, NULL, 10), AT_LEAST,
		     total_kb() / HUGE_KB / 16);
	CHECK(!write_file(POOL, "0"));
}

/* Of a pool that a process uses, and then gives back. */
static void use_pool(void)
{
	size_t size = 8 * HUGE;
	char *mem;

	CHECK(!write_file(POOL, "8"));
	mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE |
		   MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	if (mem == MAP_FAILED) {
		test_error("mmap: %s", strerror(errno));
	} else {
		fill(mem, size, 1);
		CHECK(verify(mem, size, 1));
		munmap(mem, size);
	}
	CHECK(!write_file(POOL, "0"));
	ktap_ok(!test_errors_take(), "pages of the pool are used");
}

static void fill_cache(void)
{
	static char data[1 << 20];
	int fd = open("/dev/vda", O_RDONLY | O_CLOEXEC);
	unsigned long want = total_kb() >> 10;

	CHECK(fd >= 0);
	while (fd >= 0 && want-- && read(fd, data, sizeof(data)) > 0)
		;
	close(fd);
}

int main(void)
{
	ktap_start(4);
	/* Off by default where there is little memory. */
	if (write_file("/sys/kernel/mm/transparent_hugepage/enabled", "always") ||
	    write_file("/proc/sys/vm/overcommit_memory", "1"))
		ktap_bail("the machine is not as it should be");
	thp("huge page faults in 100, at first");
	make_pieces();
	thp("huge page faults in 100, of pieces");
	ktap_ok(!test_errors_take(), "faults");
	pool("pool of huge pages, of pieces");
	fill_cache();
	pool("pool of huge pages, of the page cache");
	CHECK(!write_file("/proc/sys/vm/compact_memory", "1"));
	pool("pool of huge pages, compacted");
	thp("huge page faults in 100, compacted");
	ktap_ok(!test_errors_take(), "the pool grows");
	use_pool();
	mem_state_note();
	mem_state_check();
	return ktap_finish();
}
