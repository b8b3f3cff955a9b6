// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that is kept for large allocations, CMA: taken for a page of 1 GiB and by
 * debugfs, while processes use what they can of it, and given back.
 *
 * The machine was booted with hugetlb_cma=.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>

#include "asi_test.h"
#include "mem_state.h"

#define POOL		"/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages"
#define AREA		"/sys/kernel/debug/cma/hugetlb0"
#define GIGA		(1UL << 30)
#define MEGA		(1UL << 20)
#define HUGE		(2UL << 20)
#define ROUNDS		2
#define TAKEN_PAGES	"12345"
#define MAP_1G		(30 << 26)

/* Half of what is free, of which a part is CMA's. */
static char *use_memory(size_t *size, uint64_t seed)
{
	char *mem;

	*size = (meminfo_kb("MemAvailable") / 2 << 10) & ~(HUGE - 1);
	if (*size > GIGA)
		*size = GIGA;
	mem = xmmap(*size);
	madvise(mem, *size, seed % 2 ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	fill(mem, *size, seed);
	return mem;
}

static unsigned long pool(const char *nr)
{
	char text[24];

	CHECK(!write_file(POOL, nr));
	return read_file(POOL, text, sizeof(text)) > 0 ?
	       strtoul(text, NULL, 10) : 0;
}

static void gigantic(unsigned int round)
{
	size_t size;
	char *mem = use_memory(&size, round);
	char *page;

	CHECK(pool("1") == 1);
	page = mmap(NULL, GIGA, PROT_READ | PROT_WRITE, MAP_PRIVATE |
		    MAP_ANONYMOUS | MAP_HUGETLB | MAP_1G, -1, 0);
	if (page == MAP_FAILED) {
		test_error("mmap: %s", strerror(errno));
	} else {
		for (unsigned long i = 0; i < GIGA; i += 16 * MEGA)
			fill(page + i, 4096, i);
		for (unsigned long i = 0; i < GIGA; i += 16 * MEGA)
			CHECK(verify(page + i, 4096, i));
		munmap(page, GIGA);
	}
	CHECK(verify(mem, size, round));
	CHECK(!pool("0"));
	munmap(mem, size);
	ktap_ok(!test_errors_take(), "a page of 1 GiB, round %u", round);
}

/* In parts of blocks, twice. */
static void by_debugfs(void)
{
	size_t size;
	char *mem;

	if (access(AREA "/alloc", W_OK)) {
		ktap_skip("parts of blocks", "no " AREA);
		return;
	}
	mem = use_memory(&size, 8);
	for (int i = 0; i < 2; i++) {
		CHECK(!write_file(AREA "/alloc", TAKEN_PAGES));
		CHECK(!write_file(AREA "/alloc", "700"));
		CHECK(verify(mem, size, 8));
		mem_state_check();
		CHECK(!write_file(AREA "/free", TAKEN_PAGES));
		CHECK(!write_file(AREA "/free", "700"));
	}
	munmap(mem, size);
	ktap_ok(!test_errors_take(), "parts of blocks");
}

int main(void)
{
	asi_debugfs();
	if (!meminfo_kb("CmaTotal"))
		ktap_skip_all("no CMA: hugetlb_cma= and CONFIG_CMA");
	ktap_start(access(AREA "/alloc", W_OK) ? ROUNDS + 2 : ROUNDS + 4);
	ktap_note("CmaTotal %lu KiB, CmaFree %lu KiB", meminfo_kb("CmaTotal"),
		  meminfo_kb("CmaFree"));
	for (unsigned int i = 0; i < ROUNDS; i++)
		gigantic(i);
	by_debugfs();
	ktap_measure("KiB of CMA free in the end", meminfo_kb("CmaFree"),
		     AT_LEAST, meminfo_kb("CmaTotal") / 50);
	mem_state_note();
	mem_state_check();
	return ktap_finish();
}
