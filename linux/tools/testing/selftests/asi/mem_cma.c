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
#define BLOCK_PAGES	512UL
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

static void use_gigantic(void)
{
	char *page = mmap(NULL, GIGA, PROT_READ | PROT_WRITE, MAP_PRIVATE |
			  MAP_ANONYMOUS | MAP_HUGETLB | MAP_1G, -1, 0);

	if (page == MAP_FAILED) {
		test_error("mmap: %s", strerror(errno));
		return;
	}
	for (unsigned long i = 0; i < GIGA; i += 16 * MEGA)
		fill(page + i, 4096, i);
	for (unsigned long i = 0; i < GIGA; i += 16 * MEGA)
		CHECK(verify(page + i, 4096, i));
	munmap(page, GIGA);
}

static void gigantic(unsigned int round)
{
	size_t size;
	char *mem = use_memory(&size, round);

	CHECK(pool("1") == 1);
	use_gigantic();
	mem_state_check();
	CHECK(!pool("0"));
	CHECK(verify(mem, size, round));
	munmap(mem, size);
	ktap_ok(!test_errors_take(), "a page of 1 GiB, round %u", round);
}

static unsigned long area(const char *file)
{
	char path[80], text[24];

	snprintf(path, sizeof(path), AREA "/%s", file);
	if (read_file(path, text, sizeof(text)) <= 0) {
		test_error("%s: nothing to read", path);
		return 0;
	}
	return strtoul(text, NULL, 10);
}

static int take(unsigned long pages)
{
	char text[24];

	snprintf(text, sizeof(text), "%lu", pages);
	return write_file(AREA "/alloc", text);
}

/*
 * What was taken last is given back first. A number that ends within what was taken
 * at once is no error, but that stays: look at what is used.
 */
static void give_back(unsigned long pages)
{
	char text[24];

	snprintf(text, sizeof(text), "%lu", pages);
	CHECK(!write_file(AREA "/free", text));
}

/* Many blocks and a part of one, while the rest of the area is in use. */
static void parts_of_blocks(void)
{
	unsigned long used = area("used");
	size_t size;
	char *mem = use_memory(&size, 8);

	for (int i = 0; i < 2; i++) {
		CHECK(!take(12345));
		CHECK(!take(700));
		CHECK(area("used") >= used + 12345 + 700);
		CHECK(verify(mem, size, 8));
		give_back(700);
		give_back(12345);
		CHECK(area("used") == used);
	}
	munmap(mem, size);
	ktap_ok(!test_errors_take(), "parts of blocks");
}

/*
 * What is left of each block stays with whoever has it. A few may have a page that
 * somebody holds.
 */
static void every_block(void)
{
	unsigned long used = area("used"), n = 0;
	unsigned long blocks = area("count") / BLOCK_PAGES;

	while (n < blocks && !take(BLOCK_PAGES - 1))
		n++;
	ktap_measure("blocks of CMA taken in part", n, AT_LEAST, 8);
	CHECK(blocks && n + 8 >= blocks);
	mem_state_check();
	give_back(n * (BLOCK_PAGES - 1));
	CHECK(area("used") == used);
	ktap_ok(!test_errors_take(), "a part of every block");
}

/* What the machine was booted for must be there: a skip would leave that unnoticed. */
static void find_area(void)
{
	asi_debugfs();
	if (!booted_with("hugetlb_cma="))
		ktap_skip_all("no hugetlb_cma= on the command line");
	if (!meminfo_kb("CmaTotal"))
		ktap_bail("hugetlb_cma= got no memory, or there is no CONFIG_CMA");
	if (access(AREA "/alloc", W_OK))
		ktap_bail("no " AREA "/alloc: CONFIG_CMA_DEBUGFS");
}

int main(void)
{
	find_area();
	ktap_start(2 * ROUNDS + 3 + 1);
	ktap_note("CmaTotal %lu KiB, CmaFree %lu KiB", meminfo_kb("CmaTotal"),
		  meminfo_kb("CmaFree"));
	for (unsigned int i = 0; i < ROUNDS; i++)
		gigantic(i);
	parts_of_blocks();
	every_block();
	ktap_measure("KiB of CMA free in the end", meminfo_kb("CmaFree"),
		     AT_LEAST, meminfo_kb("CmaTotal") / 50);
	mem_state_note();
	mem_state_check();
	return ktap_finish();
}
