// SPDX-License-Identifier: GPL-2.0
/* Block devices that are memory: written directly, past the page cache. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "plant.h"

#define RAM_DISK	"/dev/ram0"
#define ZRAM		"/dev/zram0"
#define ZRAM_SIZE	"/sys/block/zram0/disksize"

/* The rest of the page is zero, so that whoever compresses it can do so. */
static void write_directly(const char *device)
{
	char *page = map_anon(PAGE);
	int fd = (int)need(open(device, O_RDWR | O_DIRECT), device);
	ssize_t n;

	secret_write(page + 512);
	n = pwrite(fd, page, PAGE, 0);
	wipe(page, PAGE);
	need(n == (ssize_t)PAGE ? 0 : -1, device);
}

static void plant_brd(void)
{
	if (access(RAM_DISK, F_OK))
		missing("there is no " RAM_DISK);
	write_directly(RAM_DISK);
}

static void plant_zram(void)
{
	if (access(ZRAM, F_OK))
		missing("there is no " ZRAM);
	errno = -write_text(ZRAM_SIZE, "4M");
	need(errno ? -1 : 0, ZRAM_SIZE);
	write_directly(ZRAM);
}

const struct kind block_kinds[] = {
	{ "brd", plant_brd },
	{ "zram", plant_zram },
	{ }
};
