// SPDX-License-Identifier: GPL-2.0
/*
 * What is left behind: memory that was freed and not yet used again, and pages
 * on their way to the swap device. Planted last, in many copies, as whoever
 * allocates next overwrites some of them.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/swap.h>

#include "module.h"
#include "plant.h"

#define PAGES		1024UL
#define MESSAGES	64
/* What SLUB writes into a free object is at its start and in its middle. */
#define MESSAGE_SIZE	200UL
#define SWAP_PAGES	12288U
#define ZSWAP		"/sys/module/zswap/parameters/"
#define ZSWAP_PAGES	"/sys/kernel/debug/zswap/stored_pages"
#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT	21
#endif

static char *many_pages(void)
{
	char *p = map_anon(PAGES * PAGE);

	madvise(p, PAGES * PAGE, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < PAGES; i++)
		secret_write(p + i * PAGE + 512);
	return p;
}

static void plant_freed_page(void)
{
	need(munmap(many_pages(), PAGES * PAGE), "munmap");
}

static void plant_freed_slab(void)
{
	struct {
		long type;
		char text[MESSAGE_SIZE];
	} msg;
	int id = (int)available(msgget(IPC_PRIVATE, IPC_CREAT | 0600), "msgget");
	int ret = 0;

	memset(&msg, 0, sizeof(msg));
	msg.type = 1;
	secret_write(msg.text + MESSAGE_SIZE - SECRET_SIZE);
	for (int i = 0; i < MESSAGES && !ret; i++)
		ret = msgsnd(id, &msg, MESSAGE_SIZE, IPC_NOWAIT);
	wipe(&msg, sizeof(msg));
	need(ret, "msgsnd");
	need(msgctl(id, IPC_RMID, NULL), "IPC_RMID");
}

/* The parts of the header that the kernel looks at. */
struct swap_header {
	char boot[1024];
	uint32_t version, last_page, nr_badpages;
	char pad[PAGE - 1024 - 12 - 10];
	char magic[10];
} __attribute__((packed));

/* Another kind may have done it. */
static bool swap_is_on(void)
{
	char text[PAGE];

	return read_text("/proc/swaps", text, sizeof(text)) > 0 &&
	       strstr(text, settings.disk);
}

static void swap_on(void)
{
	static struct swap_header header;
	int fd;

	if (swap_is_on())
		return;
	fd = (int)need(open(settings.disk, O_RDWR), settings.disk);
	_Static_assert(sizeof(header) == PAGE, "a header is a page");
	header.version = 1;
	header.last_page = SWAP_PAGES - 1;
	memcpy(header.magic, "SWAPSPACE2", sizeof(header.magic));
	need(pwrite(fd, &header, PAGE, 0) == (ssize_t)PAGE ? 0 : -1,
	     "write of the swap header");
	need(fsync(fd), "fsync");
	close(fd);
	available(swapon(settings.disk, 0), "swapon");
}

/* Out, and some of them in again, which leaves them in the swap cache. */
static void swap_pages(void)
{
	char *p = many_pages();

	available(madvise(p, PAGES * PAGE, MADV_PAGEOUT), "MADV_PAGEOUT");
	for (size_t i = 0; i < PAGES; i += 64)
		*(volatile char *)(p + i * PAGE);
}

static void plant_swap(void)
{
	if (!settings.disk)
		missing("no disk to swap to");
	swap_on();
	swap_pages();
}

static void set_zswap(const char *name, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), ZSWAP "%s", name);
	errno = -write_text(path, value);
	need(errno ? -1 : 0, path);
}

static long compressed_pages(void)
{
	char text[32];

	need(read_text(ZSWAP_PAGES, text, sizeof(text)), ZSWAP_PAGES);
	return atol(text);
}

/*
 * To the same disk: zswap takes what would go there, and keeps it in @pool. The usual
 * compressor does not keep what it has seen.
 */
static void plant_in_zswap(const char *pool, const char *compressor)
{
	long before;

	if (!settings.disk || access(ZSWAP "enabled", F_OK))
		missing("no zswap in this kernel, or no disk to swap to");
	swap_on();
	set_zswap("enabled", "Y");
	set_zswap("zpool", pool);
	set_zswap("compressor", compressor);
	before = compressed_pages();
	swap_pages();
	set_zswap("enabled", "N");
	errno = 0;
	need(compressed_pages() > before ? 0 : -1, "zswap took nothing");
}

static void plant_zswap(void)
{
	plant_in_zswap("zsmalloc", "lzo");
}

static void plant_zswap_zstd(void)
{
	plant_in_zswap("zsmalloc", "zstd");
}

static void plant_zswap_deflate(void)
{
	plant_in_zswap("zsmalloc", "deflate");
}

static void plant_zbud(void)
{
	load_module("mm/zbud.ko", "");
	plant_in_zswap("zbud", "lzo");
}

static void plant_z3fold(void)
{
	load_module("mm/z3fold.ko", "");
	plant_in_zswap("z3fold", "lzo");
}

/* The host has put it into memory, as a kernel that ran before may have done. */
static void plant_before_boot(void)
{
}

const struct kind left_kinds[] = {
	{ "before-boot", plant_before_boot },
	{ "swap", plant_swap },
	{ "zswap", plant_zswap },
	{ "zswap-zstd", plant_zswap_zstd },
	{ "zswap-deflate", plant_zswap_deflate },
	{ "zbud", plant_zbud },
	{ "z3fold", plant_z3fold },
	{ "freed-slab", plant_freed_slab },
	{ "freed-page", plant_freed_page },
	{ }
};
