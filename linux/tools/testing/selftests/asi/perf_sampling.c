// SPDX-License-Identifier: GPL-2.0
/*
 * Samples taken in the middle of system calls: by NMI where there is a
 * hardware counter, by a timer interrupt otherwise. Each looks at registers,
 * kernel and user stack of whatever it interrupted.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "asi_test.h"

#define PAGE		4096UL
#define DATA_PAGES	64UL
#define USER_HALF	0x00007fffffffffffULL

struct found {
	unsigned long samples, lost, odd, user, kernel, chains;
};

static int open_event(struct perf_event_attr *attr)
{
	attr->size = sizeof(*attr);
	attr->disabled = 1;
	return (int)syscall(SYS_perf_event_open, attr, 0, -1, -1, 0);
}

static void copy_out(char *to, const char *data, uint64_t at, size_t len)
{
	for (size_t i = 0; i < len; i++)
		to[i] = data[(at + i) % (DATA_PAGES * PAGE)];
}

/* IP, PID and TID, time, call chain: in this order after the header. */
static void look_at_sample(struct found *f, const uint64_t *s, size_t words)
{
	uint64_t ip = s[0], count = words > 3 ? s[3] : 0;

	f->samples++;
	if ((uint32_t)s[1] != (uint32_t)getpid())
		f->odd++;
	if (ip > USER_HALF)
		f->kernel++;
	else
		f->user++;
	if (count > 200 || count + 4 > words)
		f->odd++;
	else if (count > 2)
		f->chains++;
}

static void read_ring(struct found *f, struct perf_event_mmap_page *meta)
{
	uint64_t head = __atomic_load_n(&meta->data_head, __ATOMIC_ACQUIRE);
	const char *data = (char *)meta + PAGE;
	uint64_t at = meta->data_tail;
	static char record[65536];

	while (at < head) {
		struct perf_event_header h;

		copy_out((char *)&h, data, at, sizeof(h));
		if (h.size < sizeof(h)) {
			f->odd++;
			break;
		}
		copy_out(record, data, at + sizeof(h), h.size - sizeof(h));
		if (h.type == PERF_RECORD_SAMPLE)
			look_at_sample(f, (uint64_t *)record,
				       (h.size - sizeof(h)) / 8);
		else if (h.type == PERF_RECORD_LOST)
			f->lost++;
		at += h.size;
	}
	__atomic_store_n(&meta->data_tail, at, __ATOMIC_RELEASE);
}

/* Something in user mode, something in the kernel, faults now and then. */
static void work(uint64_t seed)
{
	static char block[8192];
	char *p = xmmap(65536);

	for (int i = 0; i < 200; i++)
		getppid();
	fill(block, sizeof(block), seed);
	fill(p, 65536, seed);
	verify(block, sizeof(block), seed);
	verify(p, 65536, seed);
	munmap(p, 65536);
}

static void sample(const char *name, struct perf_event_attr *attr)
{
	uint64_t until = deadline_ms(2500), seed = 1;
	struct perf_event_mmap_page *meta;
	struct found f = { };
	bool enough;
	int fd;

	attr->sample_type = PERF_SAMPLE_IP | PERF_SAMPLE_TID |
			    PERF_SAMPLE_TIME | PERF_SAMPLE_CALLCHAIN;
	fd = open_event(attr);
	if (fd < 0) {
		ktap_skip(name, "perf_event_open: %s", strerror(errno));
		return;
	}
	meta = mmap(NULL, (1 + DATA_PAGES) * PAGE, PROT_READ | PROT_WRITE,
		    MAP_SHARED, fd, 0);
	if (meta == MAP_FAILED)
		ktap_bail("mmap of the ring: %s", strerror(errno));
	ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
	do {
		work(++seed);
		read_ring(&f, meta);
		enough = f.user && f.kernel && f.chains;
	} while (now_ms() < until || (seed < 2000 && !enough));
	ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
	read_ring(&f, meta);
	munmap(meta, (1 + DATA_PAGES) * PAGE);
	close(fd);
	ktap_note("%s: %lu samples (%lu user, %lu kernel, %lu chains), %lu lost",
		  name, f.samples, f.user, f.kernel, f.chains, f.lost);
	ktap_ok(!test_errors_take() && !f.odd && f.user && f.kernel &&
		f.chains, "%s", name);
}

/* The sampler copies user memory itself: a fault, in NMI, is not allowed. */
static void sample_user_stack(void)
{
	static const char name[] = "samples with a copy of the user stack";
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = 200000,
		.sample_type = PERF_SAMPLE_STACK_USER | PERF_SAMPLE_REGS_USER,
		.sample_regs_user = 0xff,
		.sample_stack_user = 4096,
	};
	uint64_t until = deadline_ms(1500), seed = 1;
	int fd = open_event(&attr);
	unsigned long long count = 0;
	void *ring;

	if (fd < 0) {
		ktap_skip(name, "perf_event_open: %s", strerror(errno));
		return;
	}
	ring = mmap(NULL, (1 + DATA_PAGES) * PAGE, PROT_READ | PROT_WRITE,
		    MAP_SHARED, fd, 0);
	if (ring == MAP_FAILED)
		ktap_bail("mmap of the ring: %s", strerror(errno));
	ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
	do {
		struct perf_event_mmap_page *meta = ring;

		work(++seed);
		__atomic_store_n(&meta->data_tail, meta->data_head,
				 __ATOMIC_RELEASE);
	} while (now_ms() < until);
	CHECK(read(fd, &count, 8) == 8 && count);
	munmap(ring, (1 + DATA_PAGES) * PAGE);
	close(fd);
	ktap_ok(!test_errors_take(), "%s", name);
}

int main(void)
{
	struct perf_event_attr cycles = {
		.type = PERF_TYPE_HARDWARE,
		.config = PERF_COUNT_HW_CPU_CYCLES,
		.sample_period = 200003,
	}, clock = {
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = 100000,
	}, task = {
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_TASK_CLOCK,
		.sample_period = 150000,
	};

	ktap_start(4);
	sample("samples by NMI (cycles)", &cycles);
	sample("samples by timer (cpu-clock)", &clock);
	sample("samples by timer (task-clock)", &task);
	sample_user_stack();
	return ktap_finish();
}
