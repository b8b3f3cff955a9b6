// SPDX-License-Identifier: GPL-2.0
/*
 * io_uring: work done for a process by kernel threads that borrow its memory.
 * They run in the kernel only, on the mm that a domain belongs to.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "asi_test.h"

#define ENTRIES	8
#define LEN	16384UL

struct ring {
	int fd;
	unsigned int *sq_head, *sq_tail, *sq_mask, *sq_array, *sq_flags;
	unsigned int *cq_head, *cq_tail, *cq_mask;
	struct io_uring_sqe *sqe;
	struct io_uring_cqe *cqe;
	bool polled;
};

static void *map_ring(int fd, size_t len, long at)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_POPULATE, fd, at);

	if (p == MAP_FAILED)
		ktap_bail("mmap of the ring: %s", strerror(errno));
	return p;
}

/* NULL or why not. */
static const char *setup(struct ring *r, unsigned int flags)
{
	struct io_uring_params p = { .flags = flags, .sq_thread_idle = 50 };
	char *sq, *cq;

	r->fd = (int)syscall(SYS_io_uring_setup, ENTRIES, &p);
	if (r->fd < 0)
		return strerror(errno);
	r->polled = flags & IORING_SETUP_SQPOLL;
	sq = map_ring(r->fd, p.sq_off.array + ENTRIES * sizeof(unsigned int),
		      IORING_OFF_SQ_RING);
	cq = map_ring(r->fd, p.cq_off.cqes +
		      p.cq_entries * sizeof(struct io_uring_cqe),
		      IORING_OFF_CQ_RING);
	r->sqe = map_ring(r->fd, ENTRIES * sizeof(*r->sqe), IORING_OFF_SQES);
	r->sq_head = (void *)(sq + p.sq_off.head);
	r->sq_tail = (void *)(sq + p.sq_off.tail);
	r->sq_mask = (void *)(sq + p.sq_off.ring_mask);
	r->sq_array = (void *)(sq + p.sq_off.array);
	r->sq_flags = (void *)(sq + p.sq_off.flags);
	r->cq_head = (void *)(cq + p.cq_off.head);
	r->cq_tail = (void *)(cq + p.cq_off.tail);
	r->cq_mask = (void *)(cq + p.cq_off.ring_mask);
	r->cqe = (void *)(cq + p.cq_off.cqes);
	return NULL;
}

static int enter(struct ring *r, unsigned int submit, unsigned int wait,
		 unsigned int flags)
{
	return (int)syscall(SYS_io_uring_enter, r->fd, submit, wait,
			    flags | IORING_ENTER_GETEVENTS, NULL, 0);
}

/* One request, to its end: the result as io_uring gives it. */
static int request(struct ring *r, const struct io_uring_sqe *sqe)
{
	unsigned int tail = *r->sq_tail, at = tail & *r->sq_mask;
	unsigned int flags = 0, head;
	int res;

	r->sqe[at] = *sqe;
	r->sq_array[at] = at;
	__atomic_store_n(r->sq_tail, tail + 1, __ATOMIC_SEQ_CST);
	if (r->polled && (__atomic_load_n(r->sq_flags, __ATOMIC_SEQ_CST) &
			  IORING_SQ_NEED_WAKEUP))
		flags = IORING_ENTER_SQ_WAKEUP;
	while (enter(r, r->polled ? 0 : 1, 1, flags) < 0)
		if (errno != EINTR)
			ktap_bail("io_uring_enter: %s", strerror(errno));
	head = *r->cq_head;
	while (__atomic_load_n(r->cq_tail, __ATOMIC_ACQUIRE) == head)
		enter(r, 0, 1, 0);
	res = r->cqe[head & *r->cq_mask].res;
	__atomic_store_n(r->cq_head, head + 1, __ATOMIC_RELEASE);
	return res;
}

static void transfers(const char *name, unsigned int ring_flags,
		      uint8_t sqe_flags)
{
	char *out, *in;
	struct ring r;
	const char *why = setup(&r, ring_flags);
	int fd;

	if (why) {
		ktap_skip(name, "io_uring_setup: %s", why);
		return;
	}
	out = xmmap(LEN);
	in = xmmap(LEN);
	fd = temp_fd(0);
	for (unsigned long i = 0; i < scaled(300); i++) {
		struct io_uring_sqe s = {
			.opcode = IORING_OP_WRITE, .flags = sqe_flags,
			.fd = fd, .addr = (uintptr_t)out, .len = LEN,
		};

		fill(out, LEN, i);
		CHECK(request(&r, &s) == LEN);
		s.opcode = IORING_OP_READ;
		s.addr = (uintptr_t)in;
		CHECK(request(&r, &s) == LEN);
		verify(in, LEN, i);
		/* New pages: the thread's write is their first touch. */
		if (!(i & 7))
			madvise(in, LEN, MADV_DONTNEED);
		s.addr = 8;
		CHECK(request(&r, &s) == -EFAULT);
	}
	close(fd);
	close(r.fd);
	munmap(out, LEN);
	munmap(in, LEN);
	ktap_ok(!test_errors_take(), "%s", name);
}

int main(void)
{
	ktap_start(4);
	transfers("requests done at once", 0, 0);
	transfers("requests done by worker threads", 0, IOSQE_ASYNC);
	transfers("requests found by a polling thread", IORING_SETUP_SQPOLL, 0);
	transfers("polling thread and worker threads", IORING_SETUP_SQPOLL,
		  IOSQE_ASYNC);
	return ktap_finish();
}
