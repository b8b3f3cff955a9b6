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
/* Between one look of the kernel for pages to report and the next. */
#define REPORTING_MS	2500
#define TRACING		"/sys/kernel/tracing"
#define PROBE		"mem_balloon"
#define COUNT		"count="

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

/* The kernel does not count what it reports: a probe notes each call of the driver. */
static void watch_reports(void)
{
	CHECK(!write_file(TRACING "/kprobe_events", "p:" PROBE
			  " virtballoon_free_page_report " COUNT "%dx:u32\n"));
	CHECK(!write_file(TRACING "/events/kprobes/" PROBE "/enable", "1"));
}

/* Free blocks, of 2 MiB or more, that were reported since then. */
static unsigned long blocks_reported(void)
{
	FILE *f = fopen(TRACING "/trace", "re");
	unsigned long blocks = 0;
	char line[300], *at;

	while (f && fgets(line, sizeof(line), f)) {
		at = strstr(line, COUNT);
		if (at)
			blocks += strtoul(at + strlen(COUNT), NULL, 10);
	}
	if (f)
		fclose(f);
	return blocks;
}

/* All that was free before is reported: two looks of the kernel find nothing. */
static void wait_for_quiet(void)
{
	uint64_t end = now_ms() + PATIENCE_MS;
	unsigned long before, now = blocks_reported();

	do {
		before = now;
		sleep_ms(2 * REPORTING_MS);
		now = blocks_reported();
	} while (now != before && now_ms() < end);
	CHECK(now && now == before);
}

static bool wait_for_reports(unsigned long blocks)
{
	uint64_t end = now_ms() + PATIENCE_MS;

	while (blocks_reported() < blocks) {
		if (now_ms() > end)
			return false;
		sleep_ms(REPORTING_MS / 10);
	}
	return true;
}

/* New memory is zero, and its user's own. */
static void use_and_free(size_t size)
{
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
}

/*
 * What a process frees is reported: of the blocks, which may be twice as large, at least
 * half. The second time it gets pages that were reported.
 */
static void reported(void)
{
	size_t size = (meminfo_kb("MemAvailable") / 2 << 10) & ~(HUGE - 1);
	unsigned long before;

	watch_reports();
	wait_for_quiet();
	for (int i = 0; i < 2; i++) {
		before = blocks_reported();
		use_and_free(size);
		CHECK(wait_for_reports(before + size / (2 * HUGE) / 2));
		ktap_note("%lu MiB freed, %lu blocks reported", size >> 20,
			  blocks_reported() - before);
	}
	CHECK(!write_file(TRACING "/events/kprobes/" PROBE "/enable", "0"));
	CHECK(!write_file(TRACING "/kprobe_events", "-:" PROBE "\n"));
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
