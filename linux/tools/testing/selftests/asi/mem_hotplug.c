// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that comes and goes: a module is hot-plugged, its blocks are onlined, used
 * for data of processes and for the kernel's, taken offline, and the module is
 * removed, and comes back.
 *
 * New memory has no mark of its side, and its part of the restricted direct map is
 * new as well. Nobody has cleared it, so it is hidden; the kernel gets what it needs of
 * it cleared. What is in use moves away before its block goes: the data is checked.
 *
 * tests/robust/run --qmp does what is asked of the host.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>

#include "asi_test.h"
#include "mem_state.h"

#define BLOCKS		"/sys/devices/system/memory"
#define MODULE_MB	256
#define MOST		64
#define PATIENCE_MS	30000
#define HUGE		(2UL << 20)
#define TABLES		(256UL << 30)
#define OFFLINE_TRIES	5

struct blocks {
	int nr[MOST];
	unsigned int count;
};

static struct blocks at_boot;

static bool is_of_boot(int nr)
{
	for (unsigned int i = 0; i < at_boot.count; i++) {
		if (at_boot.nr[i] == nr)
			return true;
	}
	return false;
}

/* The blocks there are, but for those of @at_boot. */
static void list_blocks(struct blocks *b)
{
	DIR *dir = opendir(BLOCKS);
	struct dirent *entry;
	int nr;

	b->count = 0;
	while (dir && (entry = readdir(dir))) {
		if (sscanf(entry->d_name, "memory%d", &nr) == 1 &&
		    !is_of_boot(nr) && b->count < MOST)
			b->nr[b->count++] = nr;
	}
	if (dir)
		closedir(dir);
}

static int set_state(int nr, const char *state)
{
	char path[80];

	snprintf(path, sizeof(path), BLOCKS "/memory%d/state", nr);
	return write_file(path, state);
}

static bool wait_for_blocks(struct blocks *b, bool there)
{
	uint64_t end = now_ms() + PATIENCE_MS;

	do {
		list_blocks(b);
		if (there ? b->count * 128 >= MODULE_MB : !b->count)
			return true;
		sleep_ms(50);
	} while (now_ms() < end);
	return false;
}

static void online(struct blocks *b, const char *how)
{
	for (unsigned int i = 0; i < b->count; i++) {
		int err = set_state(b->nr[i], how);

		if (err)
			test_error("block %d, %s: %s", b->nr[i], how,
				   strerror(-err));
	}
}

/* A page may be busy for a moment; of the kernel's there are some that stay. */
static unsigned int offline(struct blocks *b)
{
	unsigned int left = 0;

	for (unsigned int i = 0; i < b->count; i++) {
		int err = -1;

		for (int j = 0; err && j < OFFLINE_TRIES; j++)
			err = set_state(b->nr[i], "offline");
		left += err != 0;
	}
	return left;
}

static unsigned long overlap(unsigned long start, unsigned long end,
			     unsigned long from, unsigned long to)
{
	start = start > from ? start : from;
	end = end < to ? end : to;
	return start < end ? end - start : 0;
}

/* How much of physical memory in [@from, @to) the restricted direct map has. */
static unsigned long mapped(unsigned long from, unsigned long to)
{
	unsigned long start, end, base = 0, sum = 0;
	int fd = open(ASI_DEBUGFS "/map", O_RDWR | O_CLOEXEC);
	int restricted;
	char line[200], region[20];
	FILE *f = fdopen(fd, "r");

	CHECK(f && dprintf(fd, "%d user\n", getpid()) > 0 &&
	      !lseek(fd, 0, SEEK_SET));
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx %lx %*s %*d %d %19s", &start, &end,
			   &restricted, region) != 4 || strcmp(region, "direct"))
			continue;
		base = base ?: start;
		if (restricted)
			sum += overlap(start - base, end - base, from, to);
	}
	CHECK(base);
	if (f)
		fclose(f);
	return sum;
}

/* Of new blocks, at most @percent may be mapped. */
static void check_hidden(struct blocks *b, const char *when, unsigned int percent)
{
	unsigned long size, sum = 0;
	char text[32];

	if (asi_class_off("user"))
		return;
	CHECK(asi_debugfs());
	CHECK(read_file(BLOCKS "/block_size_bytes", text, sizeof(text)) > 0);
	size = strtoul(text, NULL, 16);
	for (unsigned int i = 0; i < b->count; i++)
		sum += mapped(b->nr[i] * size, (b->nr[i] + 1) * size);
	ktap_note("%s: %lu MiB of %lu are in the restricted direct map", when,
		  sum >> 20, b->count * size >> 20);
	CHECK(sum * 100 <= b->count * size * percent);
}

struct data {
	char *mem;
	size_t size;
	char *tables;
};

/* More than there was without the module. */
static void use(struct data *d)
{
	d->size = (meminfo_kb("MemAvailable") / 5 * 3 << 10) & ~(HUGE - 1);
	d->mem = xmmap(d->size);
	fill(d->mem, d->size, 3);
	/* Page tables: a page each. */
	d->tables = mmap(NULL, TABLES, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS |
			 MAP_NORESERVE, -1, 0);
	if (d->tables == MAP_FAILED)
		ktap_bail("mmap: %s", strerror(errno));
	madvise(d->tables, TABLES, MADV_NOHUGEPAGE);
	for (unsigned long i = 0; i < meminfo_kb("MemAvailable") / 8 * HUGE &&
	     i < TABLES; i += 64 * HUGE) {
		for (unsigned long j = i; j < i + 64 * HUGE; j += HUGE)
			(void)*(volatile char *)(d->tables + j);
	}
}

static void give_back(struct data *d, bool half)
{
	size_t keep = half ? d->size / 4 & ~(HUGE - 1) : 0;

	CHECK(verify(d->mem, d->size, 3));
	munmap(d->tables, TABLES);
	munmap(d->mem + keep, d->size - keep);
	d->size = keep;
}

/* A module comes, is used, and goes, or stays if it is the kernel's. */
static void one_module(const char *name, const char *how, bool goes)
{
	unsigned long before = meminfo_kb("MemTotal");
	struct blocks b;
	struct data d;

	host_ask("add %s %d", name, MODULE_MB);
	if (!wait_for_blocks(&b, true)) {
		test_error("no new memory");
		goto out;
	}
	check_hidden(&b, "added", 0);
	online(&b, how);
	/* The reserve of a zone is not, and is cleared. */
	check_hidden(&b, "online", 25);
	CHECK(meminfo_kb("MemTotal") > before);
	use(&d);
	/* What is in the module has to find room elsewhere. */
	give_back(&d, true);
	if (goes) {
		CHECK(!offline(&b));
		check_hidden(&b, "offline", 25);
		CHECK(verify(d.mem, d.size, 3));
		CHECK(meminfo_kb("MemTotal") == before);
		host_ask("remove %s", name);
		CHECK(wait_for_blocks(&b, false));
		host_ask("drop %s", name);
	} else {
		ktap_note("%u blocks of the kernel's stay", offline(&b));
	}
	CHECK(verify(d.mem, d.size, 3));
	munmap(d.mem, d.size);
out:
	ktap_ok(!test_errors_take(), "%s: %s", name, how);
}

/* Memory that was there at boot goes offline and comes back. */
static void boot_block(void)
{
	unsigned int done = 0;
	struct data d;

	use(&d);
	give_back(&d, true);
	for (unsigned int i = at_boot.count; i-- > 1; ) {
		struct blocks one = { { at_boot.nr[i] }, 1 };

		if (offline(&one))
			continue;
		done++;
		CHECK(verify(d.mem, d.size, 3));
		online(&one, done % 2 ? "online_movable" : "online_kernel");
	}
	munmap(d.mem, d.size);
	ktap_note("%u of %u blocks went offline and came back", done,
		  at_boot.count);
	ktap_ok(!test_errors_take(), "blocks of boot");
}

int main(void)
{
	struct blocks b;

	list_blocks(&b);
	if (!b.count)
		ktap_skip_all("no " BLOCKS ": no memory hotplug");
	at_boot = b;
	ktap_start(6);
	CHECK(!write_file("/proc/sys/vm/overcommit_memory", "1"));
	boot_block();
	if (access("/sys/bus/acpi/drivers/memory", F_OK) &&
	    access("/sys/firmware/acpi/hotplug/memory", F_OK)) {
		for (int i = 0; i < 4; i++)
			ktap_skip("a module", "no CONFIG_ACPI_HOTPLUG_MEMORY");
	} else {
		one_module("dimm0", "online_movable", true);
		one_module("dimm0", "online_movable", true);
		one_module("dimm0", "online_kernel", false);
		/* What stays is as what was there. */
		at_boot.count = 0;
		list_blocks(&b);
		at_boot = b;
		one_module("dimm1", "online_movable", true);
	}
	mem_state_note();
	mem_state_check();
	return ktap_finish();
}
