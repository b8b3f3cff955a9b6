// SPDX-License-Identifier: GPL-2.0
/* Huge pages: made, split, shared, given back; content stays. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>

#include "asi_test.h"

#define HUGE_SIZE	(2UL << 20)
#define COUNT		4
#define LEN		(COUNT * HUGE_SIZE)

static char *mem;

static void map_aligned(void)
{
	char *p = mmap(NULL, LEN + HUGE_SIZE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		ktap_bail("mmap: %s", strerror(errno));
	mem = (char *)(((uintptr_t)p + HUGE_SIZE - 1) & ~(HUGE_SIZE - 1));
	if (madvise(mem, LEN, MADV_HUGEPAGE))
		ktap_note("MADV_HUGEPAGE: %s", strerror(errno));
}

/* kB of huge pages at mem, from smaps. */
static unsigned long huge_kb(void)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	unsigned long start, end, kb, sum = 0;
	bool inside = false;
	char line[256];

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			inside = start < (uintptr_t)mem + LEN &&
				 end > (uintptr_t)mem;
		else if (inside && sscanf(line, "AnonHugePages: %lu", &kb) == 1)
			sum += kb;
	}
	if (f)
		fclose(f);
	return sum;
}

static void forks(uint64_t seed)
{
	pid_t pid = xfork();

	if (!pid) {
		verify(mem, LEN, seed);
		mem[HUGE_SIZE + 5] ^= 1;
		mem[HUGE_SIZE + 5] ^= 1;
		verify(mem, LEN, seed);
		_exit(test_errors_take() != 0);
	}
	CHECK(wait_exit(pid) == 0);
	verify(mem, LEN, seed);
}

static void splits(uint64_t seed)
{
	char *hole = mem + HUGE_SIZE + HUGE_SIZE / 2;

	CHECK(!mprotect(mem + 4096, 4096, PROT_READ));
	verify(mem, LEN, seed);
	CHECK(!mprotect(mem + 4096, 4096, PROT_READ | PROT_WRITE));
	CHECK(!madvise(hole, 8192, MADV_DONTNEED));
	CHECK(!hole[0] && !hole[8191]);
	verify(mem, (size_t)(hole - mem), seed);
	verify(hole + 8192, (size_t)(mem + LEN - hole) - 8192,
	       seed + (uint64_t)(hole - mem + 8192) / 8);
	CHECK(!munmap(mem + 2 * HUGE_SIZE + 4096, 4096));
	verify(mem + 3 * HUGE_SIZE, HUGE_SIZE, seed + 3 * HUGE_SIZE / 8);
}

int main(void)
{
	unsigned long kb = 0;

	if (access("/sys/kernel/mm/transparent_hugepage", F_OK))
		ktap_skip_all("this kernel has no transparent huge pages");
	ktap_start(3);
	for (unsigned long i = 0; i < scaled(8); i++) {
		map_aligned();
		fill(mem, LEN, i);
		kb = huge_kb() > kb ? huge_kb() : kb;
		forks(i);
		splits(i);
		munmap(mem, LEN);
	}
	ktap_ok(!test_errors_take(), "content of large areas, split and shared");
	ktap_note("%lu kB of huge pages", kb);
	if (kb)
		ktap_ok(kb >= HUGE_SIZE / 1024, "huge pages were used");
	else
		ktap_skip("huge pages were used",
			  "the kernel gave none: memory is short or they are off");

	/* One half by the kernel: pages of a file into huge memory. */
	map_aligned();
	for (unsigned long i = 0; i < scaled(4); i++) {
		int fd = temp_fd(LEN);

		fill(mem, LEN, i + 50);
		CHECK(pwrite(fd, mem, LEN, 0) == (ssize_t)LEN);
		memset(mem, 0, LEN);
		CHECK(pread(fd, mem, LEN, 0) == (ssize_t)LEN);
		verify(mem, LEN, i + 50);
		close(fd);
	}
	ktap_ok(!test_errors_take(), "the kernel reads and writes huge pages");
	return ktap_finish();
}
