// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel says of how memory is divided: /proc/pagetypeinfo, the report that
 * sysrq m asks for, and page_owner, which wants page_owner=on.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/io_uring.h>
#include <linux/perf_event.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "asi_test.h"
#include "mem_state.h"

#define PAGE		4096UL
#define OWNER		"/sys/kernel/debug/page_owner"
#define ZONE		", zone "
#define TYPE		", type "
/* Others allocate and free between two looks; they must come to rest once. */
#define TRIES		50
#define PAUSE_MS	200

/* Free pages of each side: what is sensitive has the index 1. */
struct sides {
	unsigned long free[2], lines[2];
};

static bool near(unsigned long a, unsigned long b)
{
	unsigned long few = total_kb() / 4 / 50;

	return a <= b + few && b <= a + few;
}

/* ---- /proc/pagetypeinfo ---- */

/* One number for each order; there may be more of a kind than the kernel counts. */
static unsigned long count_pages(const char *counts)
{
	unsigned long pages = 0, n;
	char *end;

	for (unsigned int order = 0;; order++, counts = end) {
		counts += strspn(counts, " >");
		n = strtoul(counts, &end, 10);
		if (end == counts)
			return pages;
		pages += n << order;
	}
}

static const char *after_word(const char *text)
{
	text += strspn(text, " ");
	return text + strcspn(text, " ");
}

/* A plus before the name of the type says that its pages are sensitive. */
static void add_type(struct sides *sides, const char *line)
{
	const char *type = strstr(line, TYPE);
	bool sensitive;

	if (!type || strncmp(line, "Node ", 5))
		return;
	type += strlen(TYPE);
	sensitive = *type++ == '+';
	sides->free[sensitive] += count_pages(after_word(type));
	sides->lines[sensitive]++;
}

static struct sides free_by_type(void)
{
	FILE *f = fopen("/proc/pagetypeinfo", "re");
	struct sides sides = { };
	char line[300];

	while (f && fgets(line, sizeof(line), f))
		add_type(&sides, line);
	if (f)
		fclose(f);
	return sides;
}

static unsigned long free_by_order(void)
{
	FILE *f = fopen("/proc/buddyinfo", "re");
	unsigned long pages = 0;
	char line[300];

	while (f && fgets(line, sizeof(line), f)) {
		const char *zone = strstr(line, ZONE);

		if (zone)
			pages += count_pages(after_word(zone + strlen(ZONE)));
	}
	if (f)
		fclose(f);
	return pages;
}

static void pagetypeinfo(void)
{
	unsigned long by_order;
	struct sides by_type;
	int tries = 0;

	do {
		sleep_ms(tries ? PAUSE_MS : 0);
		by_type = free_by_type();
		by_order = free_by_order();
	} while (!near(by_type.free[0] + by_type.free[1], by_order) &&
		 ++tries < TRIES);
	ktap_note("free pages: %lu, by type %lu and %lu sensitive, asked %d times",
		  by_order, by_type.free[0], by_type.free[1], tries + 1);
	CHECK(by_type.lines[0] && by_type.free[0] && by_order);
	CHECK(tries < TRIES);
	CHECK(!!by_type.lines[1] == mem_sensitive());
	CHECK(!!by_type.free[1] == mem_sensitive());
	ktap_ok(!test_errors_take(), "/proc/pagetypeinfo");
}

/* ---- sysrq m ---- */

/* One message of the kernel. */
static void add_message(struct sides *sides, const char *text)
{
	static const char * const side[] = { "others: free:", "sensitive: free:" };

	for (size_t i = 0; i < ARRAY_SIZE(side); i++) {
		const char *at = strstr(text, side[i]);

		if (!at)
			continue;
		sides->free[i] += strtoul(at + strlen(side[i]), NULL, 10) / 4;
		sides->lines[i]++;
	}
}

static void show_mem(void)
{
	struct sides by_type, said = { };
	bool answered = false;
	char text[1024];
	ssize_t n;
	int fd;

	fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	CHECK(fd >= 0 && lseek(fd, 0, SEEK_END) >= 0);
	CHECK(!write_file("/proc/sysrq-trigger", "m"));
	by_type = free_by_type();
	while ((n = read(fd, text, sizeof(text) - 1)) > 0) {
		text[n] = '\0';
		answered |= !!strstr(text, "Mem-Info:");
		add_message(&said, text);
	}
	close(fd);
	CHECK(answered);
	ktap_note("sysrq m: %lu pages and %lu sensitive, in %lu lines",
		  said.free[0], said.free[1], said.lines[1]);
	for (int i = 0; i < 2; i++) {
		CHECK(!!said.lines[i] == mem_sensitive());
		CHECK(!!said.free[i] == mem_sensitive());
		CHECK(!mem_sensitive() || near(said.free[i], by_type.free[i]));
	}
	ktap_ok(!test_errors_take(), "sysrq m");
}

/* ---- page_owner ---- */

static unsigned long frame_of(const void *mem)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t entry = 0;

	CHECK(pread(fd, &entry, 8, (off_t)((uintptr_t)mem / PAGE * 8)) == 8);
	close(fd);
	CHECK(entry >> 63);
	return entry & ((1ULL << 55) - 1);
}

/* What the page at @mem was asked for with, as a number; @text has words as well. */
static unsigned long mask_of(const char *mem, char *text, size_t size)
{
	unsigned long frame, found = 0, mask = 0;
	const char *at;
	ssize_t n;
	int fd;

	(void)*(const volatile char *)mem;
	frame = frame_of(mem);
	fd = open(OWNER, O_RDONLY | O_CLOEXEC);
	n = pread(fd, text, size - 1, (off_t)frame);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	at = strstr(text, "mask 0x");
	if (at)
		mask = strtoul(at + strlen("mask "), NULL, 16);
	at = strstr(text, "PFN 0x");
	if (at)
		found = strtoul(at + strlen("PFN "), NULL, 16);
	text[strcspn(text, "\n")] = '\0';
	ktap_note("%s", text);
	CHECK(found == frame);
	return mask;
}

/* A ring of perf: its first page is the kernel's, the second is for users. */
static char *map_perf_ring(void)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr), .type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_DUMMY,
	};
	int fd = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
	char *ring = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
			  fd, 0);

	if (ring == MAP_FAILED)
		ktap_bail("a ring of perf: %s", strerror(errno));
	return ring;
}

static char *map_io_uring(void)
{
	struct io_uring_params params = { };
	int fd = (int)syscall(SYS_io_uring_setup, 4, &params);
	char *ring = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			  IORING_OFF_SQ_RING);

	if (ring == MAP_FAILED)
		ktap_bail("a ring of io_uring: %s", strerror(errno));
	return ring;
}

/*
 * GFP_USER is GFP_KERNEL and two bits, one of which says that the page is sensitive;
 * anonymous memory has both. The bit has a name where it comes alone.
 */
static void page_owner(void)
{
	unsigned long kernels, users, more, anon;
	char *perf = map_perf_ring(), *mine = xmmap(PAGE), text[PAGE];

	madvise(mine, PAGE, MADV_NOHUGEPAGE);
	fill(mine, PAGE, 1);
	kernels = mask_of(perf, text, sizeof(text));
	users = mask_of(perf + PAGE, text, sizeof(text));
	more = users & ~kernels;
	anon = mask_of(mine, text, sizeof(text));
	CHECK(!(kernels & ~users));
	CHECK(__builtin_popcountl(more) == 2);
	CHECK((anon & more) == more);
	mask_of(map_io_uring(), text, sizeof(text));
	CHECK(strstr(text, "__GFP_SENSITIVE"));
	ktap_ok(!test_errors_take(), "page_owner");
}

int main(void)
{
	asi_debugfs();
	ktap_start(4);
	pagetypeinfo();
	show_mem();
	if (booted_with("page_owner=on"))
		page_owner();
	else
		ktap_skip("page_owner", "the kernel was booted without page_owner=on");
	mem_state_check();
	return ktap_finish();
}
