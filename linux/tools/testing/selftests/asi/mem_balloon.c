// SPDX-License-Identifier: GPL-2.0
/*
 * A balloon that takes memory away and gives it back, and free pages that are
 * reported to the host: those are taken off the free lists, and put back, by others
 * than who allocates.
 *
 * tests/robust/run --qmp moves the balloon; the machine has the device
 * virtio-balloon-pci,free-page-reporting=on.
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

#define PATIENCE_MS	60000
#define ROUNDS		3
#define HUGE		(2UL << 20)
#define REPORTING_MS	2500

/* Does the balloon hold about so many KiB? */
static bool wait_for_balloon(unsigned long kb)
{
	uint64_t end = now_ms() + PATIENCE_MS;
	unsigned long held;

	do {
		held = (vmstat("balloon_inflate") - vmstat("balloon_deflate")) * 4;
		if (held + 4096 > kb && held < kb + 4096)
			return true;
		sleep_ms(50);
	} while (now_ms() < end);
	ktap_note("the balloon holds %lu KiB, not %lu", held, kb);
	return false;
}

/* Memory is used while it gets less. */
static void squeeze(unsigned int round, unsigned long machine_mb)
{
	unsigned long less = machine_mb / 4;
	size_t size = (meminfo_kb("MemAvailable") / 3 << 10) & ~(HUGE - 1);
	char *mem = xmmap(size);

	if (round % 2)
		madvise(mem, size, MADV_NOHUGEPAGE);
	fill(mem, size, round + 1);
	host_ask("balloon %lu", machine_mb - less);
	CHECK(wait_for_balloon(less << 10));
	CHECK(verify(mem, size, round + 1));
	munmap(mem, size);
	mem = xmmap(size);
	fill(mem, size, round + 2);
	host_ask("balloon %lu", machine_mb);
	CHECK(wait_for_balloon(0));
	CHECK(verify(mem, size, round + 2));
	munmap(mem, size);
	ktap_ok(!test_errors_take(), "balloon, round %u", round + 1);
}

/* Pages that were reported are zero to who gets them, and its own. */
static void reported(void)
{
	size_t size = (meminfo_kb("MemAvailable") / 2 << 10) & ~(HUGE - 1);

	for (int i = 0; i < 2; i++) {
		char *mem = xmmap(size);

		for (size_t at = 0; at < size; at += 4096) {
			if (*(volatile unsigned long *)(mem + at)) {
				test_error("a page is not zero");
				break;
			}
		}
		fill(mem, size, 7);
		CHECK(verify(mem, size, 7));
		munmap(mem, size);
		sleep_ms(REPORTING_MS);
	}
	ktap_ok(!test_errors_take(), "reported pages");
}

int main(int argc, char **argv)
{
	unsigned long machine_mb = argc > 1 ? strtoul(argv[1], NULL, 10) : 512;

	ktap_start(ROUNDS + 2);
	for (unsigned int i = 0; i < ROUNDS; i++)
		squeeze(i, machine_mb);
	reported();
	ktap_measure("KiB free after the balloon", meminfo_kb("MemFree"),
		     AT_LEAST, total_kb() / 50);
	mem_state_note();
	mem_state_check();
	return ktap_finish();
}
