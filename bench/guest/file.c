// SPDX-License-Identifier: GPL-2.0
/* Reading and writing 4 KiB that are in the page cache of a tmpfs file. */
#define _GNU_SOURCE
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench.h"
#include "clock.h"
#include "raw.h"

#define BLOCK 4096
#define FILE_BLOCKS 64

static char buffer[BLOCK] __attribute__((aligned(BLOCK)));
static int file_fd;

/* A memfd is a tmpfs file that needs no mount point. */
static const char *file_setup(void)
{
	int i;

	file_fd = memfd_create("asibench", MFD_CLOEXEC);
	if (file_fd < 0)
		die("memfd_create");
	memset(buffer, 'a', sizeof(buffer));
	for (i = 0; i < FILE_BLOCKS; i++)
		if (write(file_fd, buffer, BLOCK) != BLOCK)
			die("write");
	return NULL;
}

static void file_teardown(void)
{
	close(file_fd);
}

static uint64_t file_run(long nr, unsigned int ops)
{
	uint64_t start = clock_now();
	unsigned int i;

	for (i = 0; i < ops; i++) {
		long pos = (long)(i % FILE_BLOCKS) * BLOCK;

		if (raw_syscall4(nr, file_fd, (long)buffer, BLOCK, pos) !=
		    BLOCK)
			die("short transfer");
	}
	return clock_now() - start;
}

static uint64_t read_run(unsigned int ops)
{
	return file_run(SYS_pread64, ops);
}

static uint64_t write_run(unsigned int ops)
{
	return file_run(SYS_pwrite64, ops);
}

const struct bench bench_read = {
	.name = "read",
	.what = "pread of 4 KiB from the page cache (tmpfs)",
	.ops = FILE_BLOCKS,
	.syscalls = 1,
	.setup = file_setup,
	.run = read_run,
	.teardown = file_teardown,
};

const struct bench bench_write = {
	.name = "write",
	.what = "pwrite of 4 KiB to the page cache (tmpfs)",
	.ops = FILE_BLOCKS,
	.syscalls = 1,
	.setup = file_setup,
	.run = write_run,
	.teardown = file_teardown,
};
