// SPDX-License-Identifier: GPL-2.0
/*
 * Disks that are memory, of which nobody else may make use: written past the page
 * cache, and with pages that were swapped out.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench.h"
#include "clock.h"
#include "raw.h"

#define OPS 16
#define PAGE 4096
#define RAM_DISK "/dev/ram0"
#define ZRAM "/dev/zram0"
#define ZRAM_SIZE "/sys/block/zram0/disksize"
#define ZRAM_MIB 4
/* Older than some headers of the system. */
#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

static char page[PAGE] __attribute__((aligned(PAGE)));
static int disk = -1;

/* Half of it can be compressed, as pages are. */
static void fill_page(char *at)
{
	memset(at, 0, PAGE);
	memset(at, 'z', PAGE / 2);
	at[7] = 'x';
}

static const char *disk_setup(const char *path)
{
	disk = open(path, O_RDWR | O_DIRECT | O_EXCL | O_CLOEXEC);
	if (disk < 0 && errno == EBUSY)
		return "somebody else uses the disk";
	if (disk < 0)
		return "there is no such disk";
	fill_page(page);
	return NULL;
}

/* The size is set once; a disk that has one is used again. */
static const char *zram_setup(void)
{
	int fd = open(ZRAM_SIZE, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return "no zram";
	if (write(fd, "4M", 2) < 0 && errno != EBUSY)
		die(ZRAM_SIZE);
	close(fd);
	return disk_setup(ZRAM);
}

static const char *brd_setup(void)
{
	return disk_setup(RAM_DISK);
}

static uint64_t disk_run(unsigned int ops)
{
	uint64_t start = clock_now();

	while (ops--)
		if (raw_syscall4(SYS_pwrite64, disk, (long)page, PAGE, 0) != PAGE)
			die("write to a disk");
	return clock_now() - start;
}

static void disk_teardown(void)
{
	close(disk);
}

/* The first page of a disk for swapping. */
static union {
	char bytes[PAGE];
	struct {
		char boot[1024];
		uint32_t version, last_page, nr_bad;
	} about;
} swap_header __attribute__((aligned(PAGE)));

static char *swapped;

static const char *swap_setup(void)
{
	static const char magic[] = "SWAPSPACE2";
	const char *reason = zram_setup();
	unsigned int i;

	if (reason)
		return reason;
	swap_header.about.version = 1;
	swap_header.about.last_page = (ZRAM_MIB << 20) / PAGE - 1;
	memcpy(swap_header.bytes + PAGE - strlen(magic), magic, strlen(magic));
	if (pwrite(disk, &swap_header, PAGE, 0) != PAGE)
		die(ZRAM);
	close(disk);
	if (swapon(ZRAM, 0))
		return "no swapping to zram";
	swapped = mmap(NULL, OPS * PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (swapped == MAP_FAILED)
		die("mmap");
	for (i = 0; i < OPS; i++)
		fill_page(swapped + i * PAGE);
	return NULL;
}

/* Out and in again, which a write does, so that nothing is left on the disk. */
static uint64_t swap_run(unsigned int ops)
{
	uint64_t start = clock_now();

	while (ops--) {
		char *at = swapped + ops * PAGE;

		if (raw_syscall3(SYS_madvise, (long)at, PAGE, MADV_PAGEOUT))
			die("MADV_PAGEOUT");
		*(volatile char *)at = 'z';
	}
	return clock_now() - start;
}

static void swap_teardown(void)
{
	munmap(swapped, OPS * PAGE);
	if (swapoff(ZRAM))
		die("swapoff");
}

const struct bench bench_zram = {
	.name = "zram",
	.what = "write of 4 KiB to zram, past the page cache",
	.ops = OPS,
	.syscalls = 1,
	.setup = zram_setup,
	.run = disk_run,
	.teardown = disk_teardown,
};

const struct bench bench_brd = {
	.name = "brd",
	.what = "write of 4 KiB to a RAM disk, past the page cache",
	.ops = OPS,
	.syscalls = 1,
	.setup = brd_setup,
	.run = disk_run,
	.teardown = disk_teardown,
};

const struct bench bench_swap = {
	.name = "swap",
	.what = "a page swapped out to zram by MADV_PAGEOUT, and in by a fault",
	.ops = OPS,
	.syscalls = 1,
	.setup = swap_setup,
	.run = swap_run,
	.teardown = swap_teardown,
};
