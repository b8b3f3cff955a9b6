// SPDX-License-Identifier: GPL-2.0
/*
 * What isolation does to memory as a whole: asibench --memory. A line for each
 * figure; those that the kernel does not have are left out:
 *
 *   memory boot_us		from reset to the first process
 *   memory used_kib		memory that is not free when this program starts
 *   memory tables_kib		of it, page tables of restricted address spaces
 *   memory process_kib		what a process that waits takes
 *   memory turn_page		time for each page of a demand that alternates: memory
 *				of users, then page tables, both more than half of
 *				what is free, and again
 *   memory turn_hide		blocks that became sensitive, for each GiB of that
 *   memory turn_show		blocks that became nonsensitive
 *   memory turn_shootdown	flushes of all TLBs for it
 *   memory free_kib		free memory afterwards
 *   memory parts_kib		of it, nonsensitive in parts of blocks, which is of no
 *				use to users
 *   memory parts_sensitive_kib	of it, sensitive in parts of blocks, which is of no
 *				use to the kernel
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "clock.h"

#define PAGE 4096UL
#define PMD_SPAN (2UL << 20)
#define BLOCK_ORDER 9
#define CHILDREN 64
#define ROUNDS 4
#define SETTLE_US 200000
/* Of free memory, in percent: so each demand needs what the other had. */
#define SHARE 60

static void print(const char *key, double value)
{
	printf("memory %s %.2f\n", key, value);
}

/* The number after @key in a file of lines "KEY VALUE ...", or -1. */
static double number_of(const char *path, const char *key)
{
	FILE *file = fopen(path, "re");
	size_t len = strlen(key);
	double value = -1;
	char line[256];

	if (!file)
		die("%s", path);
	while (fgets(line, sizeof(line), file)) {
		if (!strncmp(line, key, len) && strchr(": ", line[len])) {
			value = strtod(line + len + 1, NULL);
			break;
		}
	}
	fclose(file);
	return value;
}

/* What CPUs have on lists of their own, which can be much, is free as well. */
static double free_kib(void)
{
	double free = number_of("/proc/meminfo", "MemFree"), pages;
	FILE *file = fopen("/proc/zoneinfo", "re");
	char line[256];

	if (!file)
		die("/proc/zoneinfo");
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, " count: %lf", &pages) == 1)
			free += pages * PAGE / 1024;
	}
	fclose(file);
	return free;
}

/* Each read() of the kernel's log gives a record "LEVEL,NR,MICROSECONDS,...;TEXT". */
static void boot_time(void)
{
	int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	char record[8192];
	ssize_t n;

	if (log < 0)
		die("/dev/kmsg");
	while ((n = read(log, record, sizeof(record) - 1)) > 0 ||
	       (n < 0 && errno == EPIPE)) {
		double us;

		record[n > 0 ? n : 0] = '\0';
		if (!strstr(record, " as init process\n") ||
		    sscanf(record, "%*u,%*u,%lf", &us) != 1)
			continue;
		print("boot_us", us);
		break;
	}
	close(log);
}

/* In KiB, for all of them. */
static double children_take(void)
{
	double before, after;
	pid_t pid[CHILDREN];
	int i;

	/* What ended before is given back later. */
	usleep(SETTLE_US);
	before = free_kib();
	for (i = 0; i < CHILDREN; i++) {
		pid[i] = fork();
		if (pid[i] < 0)
			die("fork");
		if (!pid[i]) {
			for (;;)
				pause();
		}
	}
	usleep(SETTLE_US);
	after = free_kib();
	for (i = 0; i < CHILDREN; i++) {
		kill(pid[i], SIGKILL);
		if (waitpid(pid[i], NULL, 0) != pid[i])
			die("waitpid");
	}
	return before - after;
}

static char *new_map(size_t size)
{
	char *at = mmap(NULL, size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (at == MAP_FAILED)
		die("mmap");
	/* Fails when the kernel has no huge pages, which is as good. */
	madvise(at, size, MADV_NOHUGEPAGE);
	return at;
}

static void users_want(unsigned long pages)
{
	char *at = new_map(pages * PAGE);
	unsigned long i;

	for (i = 0; i < pages; i++)
		*(volatile char *)(at + i * PAGE) = 1;
	munmap(at, pages * PAGE);
}

/* A read where nothing was written takes no page, but a page table to say so. */
static void kernel_wants(unsigned long pages)
{
	char *at = new_map(pages * PMD_SPAN);
	unsigned long i;

	for (i = 0; i < pages; i++)
		(void)*(volatile char *)(at + i * PMD_SPAN);
	munmap(at, pages * PMD_SPAN);
}

static void turn_over(void)
{
	static const struct {
		const char *key, *counter;
	} counted[] = {
		{ "turn_hide", "sensitive_block_hide" },
		{ "turn_show", "sensitive_block_show" },
		{ "turn_shootdown", "sensitive_shootdown" },
	};
	unsigned long pages = (unsigned long)(free_kib() * SHARE / 100 / 4);
	double turned = 2.0 * ROUNDS * (double)pages;
	double before[3], gib = turned / (1 << 18);
	uint64_t start;
	int i;

	for (i = 0; i < 3; i++)
		before[i] = number_of("/proc/vmstat", counted[i].counter);
	start = clock_now();
	for (i = 0; i < ROUNDS; i++) {
		users_want(pages);
		kernel_wants(pages);
	}
	print("turn_page", (double)(clock_now() - start) / turned);
	for (i = 0; i < 3; i++) {
		if (before[i] >= 0)
			print(counted[i].key,
			      (number_of("/proc/vmstat", counted[i].counter) -
			       before[i]) / gib);
	}
}

/*
 * Adds what a line of /proc/pagetypeinfo has in orders below a block: "Node 0, zone
 * DMA, type      Movable" or "type +    Movable" if it is sensitive, and a number for
 * each order, which may begin with ">".
 */
static void add_parts(char *line, double kib[2])
{
	char *at = strstr(line, ", type ");
	int order, sensitive;

	if (!at)
		return;
	at += strlen(", type ");
	sensitive = *at == '+';
	at += strspn(at, "+ ");
	at += strcspn(at, " ");
	for (order = 0; order < BLOCK_ORDER; order++) {
		at += strspn(at, " >");
		kib[sensitive] += (double)(strtoul(at, &at, 10) << order) * 4;
	}
}

static void free_parts(void)
{
	FILE *file = fopen("/proc/pagetypeinfo", "re");
	double kib[2] = { 0, 0 };
	char line[512];

	if (!file)
		die("/proc/pagetypeinfo");
	while (fgets(line, sizeof(line), file)) {
		/* Then comes the number of blocks of each type. */
		if (!strncmp(line, "Number of blocks", 16))
			break;
		add_parts(line, kib);
	}
	fclose(file);
	print("parts_kib", kib[0]);
	print("parts_sensitive_kib", kib[1]);
}

/*
 * Those of guests are counted there as well, and nobody runs one. A CPU may have some
 * pages that are not in the sum yet, and adds them when somebody reads the other file.
 */
static void page_tables(void)
{
	int fd = open("/proc/sys/vm/stat_refresh", O_RDONLY | O_CLOEXEC);
	double pages;
	char byte;

	if (fd < 0 || read(fd, &byte, 1) < 0)
		die("/proc/sys/vm/stat_refresh");
	close(fd);
	pages = number_of("/proc/vmstat", "nr_sec_page_table_pages");
	if (pages >= 0)
		print("tables_kib", pages * PAGE / 1024);
}

void measure_memory(void)
{
	double taken;

	print("used_kib", number_of("/proc/meminfo", "MemTotal") - free_kib());
	page_tables();
	boot_time();
	/* The first time fills caches. */
	children_take();
	taken = children_take();
	print("process_kib", taken / CHILDREN);
	turn_over();
	print("free_kib", free_kib());
	if (number_of("/proc/vmstat", "sensitive_block_hide") > 0)
		free_parts();
}
