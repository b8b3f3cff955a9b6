// SPDX-License-Identifier: GPL-2.0
/* Memory of the kernel that users map, to pass it data or to get some. */
#define _GNU_SOURCE
#include <string.h>
#include <unistd.h>
#include <linux/bpf.h>
#include <linux/io_uring.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "plant.h"

#define RING_ENTRIES	8U
#define RING_PAGES	4UL
/* How much of the stack goes into a sample. */
#define STACK_SIZE	1024U
/* Younger than some headers of the system. */
#define MAP_TYPE_ARENA	33U

/* In a request that is not submitted. */
static void plant_io_uring(void)
{
	struct io_uring_params params = {};
	int fd = (int)available(syscall(SYS_io_uring_setup, RING_ENTRIES,
					&params), "io_uring_setup");
	char *sqes = map_shared(fd, RING_ENTRIES * sizeof(struct io_uring_sqe),
				IORING_OFF_SQES, "mmap of the ring");

	secret_write(sqes + sizeof(struct io_uring_sqe));
}

static void __attribute__((noinline)) touch_with_secret(volatile char *fresh)
{
	uint64_t secret[SECRET_WORDS];

	secret_write(secret);
	*fresh = 1;
	wipe(secret, SECRET_SIZE);
}

/* Users cannot write there: a sample of a page fault brings the stack along. */
static void plant_perf_ring(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE, .size = sizeof(attr),
		.config = PERF_COUNT_SW_PAGE_FAULTS, .sample_period = 1,
		.sample_type = PERF_SAMPLE_STACK_USER,
		.sample_stack_user = STACK_SIZE, .disabled = 1,
	};
	int fd = (int)available(syscall(SYS_perf_event_open, &attr, 0, -1, -1,
					PERF_FLAG_FD_CLOEXEC),
				"perf_event_open");
	const volatile struct perf_event_mmap_page *state = (void *)
		map_shared(fd, (1 + RING_PAGES) * PAGE, 0,
			   "mmap of the events");
	char *fresh = map_anon(PAGE);

	need(ioctl(fd, PERF_EVENT_IOC_ENABLE, 0), "PERF_EVENT_IOC_ENABLE");
	touch_with_secret(fresh);
	need(ioctl(fd, PERF_EVENT_IOC_DISABLE, 0), "PERF_EVENT_IOC_DISABLE");
	need(state->data_head >= STACK_SIZE ? 0 : -1, "no sample was taken");
}

static int bpf_map(unsigned int type, unsigned int flags, size_t entries)
{
	union bpf_attr create = {
		.map_type = type, .map_flags = flags,
		.max_entries = (unsigned int)entries,
	};

	return (int)available(syscall(SYS_bpf, BPF_MAP_CREATE, &create,
				      sizeof(create)), "BPF_MAP_CREATE");
}

/* The kind that users write to; that of BPF programs has its pages likewise. */
static void plant_bpf_ringbuf(void)
{
	int fd = bpf_map(BPF_MAP_TYPE_USER_RINGBUF, 0, RING_PAGES * PAGE);
	/* The page before has the position of the producer. */
	char *data = map_shared(fd, (1 + RING_PAGES) * PAGE, PAGE,
				"mmap of the ring buffer");

	secret_write(data + PAGE + 512);
}

static void plant_bpf_arena(void)
{
	int fd = bpf_map(MAP_TYPE_ARENA, BPF_F_MMAPABLE, RING_PAGES);

	secret_write(map_shared(fd, RING_PAGES * PAGE, 0, "mmap of the arena"));
}

const struct kind ring_kinds[] = {
	{ "io-uring", plant_io_uring },
	{ "perf-ring", plant_perf_ring },
	{ "bpf-ringbuf", plant_bpf_ringbuf },
	{ "bpf-arena", plant_bpf_arena },
	{ }
};
