// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that the kernel shares with users, or that their data passes through: a ring
 * of io_uring, and pages for what /proc shows of the memory of a process.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/io_uring.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench.h"
#include "clock.h"
#include "raw.h"

#define OPS 16
#define PAGE 4096
#define ENTRIES 4
/* Of the arguments and of the environment; asibench has both. */
#define TEXT 64

static char page[PAGE] __attribute__((aligned(PAGE)));

/* ---- io_uring ---- */

static struct {
	int fd;
	char *ring, *sqes;
	size_t size;
	struct io_uring_params at;
} uring;

static void *map_ring(size_t size, off_t at)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, uring.fd, at);

	if (p == MAP_FAILED)
		die("mmap of a ring");
	return p;
}

static const char *uring_setup(void)
{
	memset(&uring, 0, sizeof(uring));
	uring.fd = (int)syscall(SYS_io_uring_setup, ENTRIES, &uring.at);
	if (uring.fd < 0)
		return "no io_uring";
	uring.size = uring.at.cq_off.cqes +
		     uring.at.cq_entries * sizeof(struct io_uring_cqe);
	uring.ring = map_ring(uring.size, IORING_OFF_SQ_RING);
	uring.sqes = map_ring(ENTRIES * sizeof(struct io_uring_sqe), IORING_OFF_SQES);
	return NULL;
}

static unsigned int *ring_word(unsigned int at)
{
	return (unsigned int *)(uring.ring + at);
}

/* The kernel looks at what was written by then, as the system call is a barrier. */
static uint64_t uring_run(unsigned int ops)
{
	struct io_uring_sqe *sqe = (struct io_uring_sqe *)uring.sqes;
	uint64_t start = clock_now();

	while (ops--) {
		unsigned int tail = *ring_word(uring.at.sq_off.tail);

		sqe->opcode = IORING_OP_NOP;
		ring_word(uring.at.sq_off.array)[tail % ENTRIES] = 0;
		*ring_word(uring.at.sq_off.tail) = tail + 1;
		if (raw_syscall5(SYS_io_uring_enter, uring.fd, 1, 1,
				 IORING_ENTER_GETEVENTS, 0) != 1)
			die("io_uring_enter");
		++*ring_word(uring.at.cq_off.head);
	}
	return clock_now() - start;
}

static void uring_teardown(void)
{
	munmap(uring.ring, uring.size);
	munmap(uring.sqes, ENTRIES * sizeof(struct io_uring_sqe));
	close(uring.fd);
}

/* ---- /proc/<pid> ---- */

static struct {
	int fd;
	long size, at;
} process;

static const char *process_setup(const char *path, long size, const char *at)
{
	process.fd = open(path, O_RDONLY | O_CLOEXEC);
	process.size = size;
	process.at = (long)at;
	if (process.fd < 0)
		return "/proc has no such file";
	if (pread(process.fd, page, (size_t)size, process.at) < 1) {
		close(process.fd);
		return "the file in /proc is empty";
	}
	return NULL;
}

static const char *environ_setup(void)
{
	return process_setup("/proc/self/environ", TEXT, NULL);
}

static const char *cmdline_setup(void)
{
	return process_setup("/proc/self/cmdline", TEXT, NULL);
}

static const char *proc_mem_setup(void)
{
	static const char source[PAGE] __attribute__((aligned(PAGE))) = "asibench";

	return process_setup("/proc/self/mem", PAGE, source);
}

static uint64_t process_run(unsigned int ops)
{
	uint64_t start = clock_now();

	while (ops--)
		if (raw_syscall4(SYS_pread64, process.fd, (long)page, process.size,
				 process.at) < 1)
			die("read of a file in /proc/self");
	return clock_now() - start;
}

static void process_teardown(void)
{
	close(process.fd);
}

const struct bench bench_uring = {
	.name = "uring",
	.what = "an operation of io_uring that does nothing",
	.ops = OPS,
	.syscalls = 1,
	.setup = uring_setup,
	.run = uring_run,
	.teardown = uring_teardown,
};

#define PROCESS_BENCH(id, text)						\
	const struct bench bench_##id = {				\
		.name = #id,						\
		.what = text,						\
		.ops = OPS,						\
		.syscalls = 1,						\
		.setup = id##_setup,					\
		.run = process_run,					\
		.teardown = process_teardown,				\
	}

PROCESS_BENCH(environ, "pread of 64 bytes of /proc/self/environ");
PROCESS_BENCH(cmdline, "pread of 64 bytes of /proc/self/cmdline");
PROCESS_BENCH(proc_mem, "pread of 4 KiB of /proc/self/mem");
