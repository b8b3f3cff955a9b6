// SPDX-License-Identifier: GPL-2.0
/* Block devices that are memory: written directly, past the page cache. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "plant.h"

#define RAM_DISK	"/dev/ram0"
#define ZRAM		"/dev/zram0"
#define ZRAM_CONTROL	"/sys/class/zram-control/hot_add"

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

static int set_zram(int nr, const char *name, const char *value)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/block/zram%d/%s", nr, name);
	errno = -write_text(path, value);
	return errno ? -1 : 0;
}

static void plant_zram(void)
{
	if (access(ZRAM, F_OK))
		missing("there is no " ZRAM);
	need(set_zram(0, "disksize", "4M"), "the size of zram");
	write_directly(ZRAM);
}

/* A compressor that keeps what it has seen, unlike the usual one. */
static void plant_zram_with(const char *compressor)
{
	char text[16], path[32];
	int nr;

	if (read_text(ZRAM_CONTROL, text, sizeof(text)) <= 0)
		missing("no second zram");
	nr = atoi(text);
	if (set_zram(nr, "comp_algorithm", compressor))
		missing("zram has no %s", compressor);
	need(set_zram(nr, "disksize", "4M"), "the size of zram");
	snprintf(path, sizeof(path), "/dev/zram%d", nr);
	write_directly(path);
}

static void plant_zram_zstd(void)
{
	plant_zram_with("zstd");
}

static void plant_zram_deflate(void)
{
	plant_zram_with("deflate");
}

const struct kind block_kinds[] = {
	{ "brd", plant_brd },
	{ "zram", plant_zram },
	{ "zram-zstd", plant_zram_zstd },
	{ "zram-deflate", plant_zram_deflate },
	{ }
};
