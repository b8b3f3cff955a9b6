// SPDX-License-Identifier: GPL-2.0
/*
 * mmap, munmap, mprotect, mremap and madvise by several threads of one
 * process, each checking what it finds in its own areas: a translation that
 * outlived its mapping shows as wrong content.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>

#include "asi_test.h"

#define PAGE		4096UL
#define AREAS		16
#define MAX_PAGES	24
#define THREADS		4
#define MIN_STEPS	100

struct area {
	char *mem;
	size_t pages;
	uint64_t seed;
};

struct worker {
	struct thread thread;
	struct area area[AREAS];
	uint64_t random;
	unsigned long steps;
	int fd[2];
};

static uint64_t until;

static void check(const struct area *a)
{
	for (size_t i = 0; i < a->pages; i++) {
		const volatile uint64_t *w = (void *)(a->mem + i * PAGE);

		if (w[0] == a->seed + i && w[511] == ~(a->seed + i))
			continue;
		test_error("page %zu of %p holds %#llx", i, (void *)a->mem,
			   (unsigned long long)w[0]);
	}
}

static void stamp(struct area *a, size_t from, uint64_t seed)
{
	a->seed = seed;
	for (size_t i = from; i < a->pages; i++) {
		volatile uint64_t *w = (void *)(a->mem + i * PAGE);

		w[0] = seed + i;
		w[511] = ~(seed + i);
	}
}

static void do_map(struct worker *w, struct area *a)
{
	a->pages = next_random(&w->random) % MAX_PAGES + 1;
	a->mem = mmap(NULL, a->pages * PAGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (a->mem == MAP_FAILED) {
		test_error("mmap: %s", strerror(errno));
		a->mem = NULL;
		return;
	}
	for (size_t i = 0; i < a->pages; i++)
		if (*(volatile uint64_t *)(a->mem + i * PAGE))
			test_error("new memory is not zero");
	stamp(a, 0, next_random(&w->random));
}

static void do_unmap(struct area *a)
{
	check(a);
	if (munmap(a->mem, a->pages * PAGE))
		test_error("munmap: %s", strerror(errno));
	a->mem = NULL;
}

static void do_remap(struct worker *w, struct area *a)
{
	size_t pages = next_random(&w->random) % MAX_PAGES + 1;
	void *mem = mremap(a->mem, a->pages * PAGE, pages * PAGE,
			   MREMAP_MAYMOVE);
	size_t old = a->pages;

	if (mem == MAP_FAILED) {
		test_error("mremap: %s", strerror(errno));
		return;
	}
	a->mem = mem;
	a->pages = pages;
	if (pages > old)
		stamp(a, old, a->seed);
	check(a);
}

/* System calls that fault on protected pages tell what the kernel sees. */
static void do_protect(struct worker *w, struct area *a)
{
	char byte = 1;

	mprotect(a->mem, a->pages * PAGE, PROT_READ);
	if (write(w->fd[1], &byte, 1) != 1 ||
	    read(w->fd[0], a->mem, 1) != -1 || errno != EFAULT)
		test_error("the kernel wrote to a read-only page");
	check(a);
	mprotect(a->mem, a->pages * PAGE, PROT_NONE);
	if (write(w->fd[1], a->mem, 1) != -1 || errno != EFAULT)
		test_error("the kernel read a page without access");
	mprotect(a->mem, a->pages * PAGE, PROT_READ | PROT_WRITE);
	if (read(w->fd[0], &byte, 1) != 1)
		test_error("read: %s", strerror(errno));
	stamp(a, 0, next_random(&w->random));
}

static void do_advise(struct worker *w, struct area *a)
{
	size_t page = next_random(&w->random) % a->pages;

	if (madvise(a->mem + page * PAGE, PAGE, MADV_DONTNEED))
		test_error("madvise: %s", strerror(errno));
	if (*(volatile uint64_t *)(a->mem + page * PAGE))
		test_error("discarded page is not zero");
	stamp(a, page, a->seed);
	check(a);
}

static void *storm(void *arg)
{
	struct worker *w = arg;

	if (pipe(w->fd))
		ktap_bail("pipe: %s", strerror(errno));
	do {
		uint64_t r = next_random(&w->random);
		struct area *a = &w->area[r % AREAS];

		if (!a->mem) {
			do_map(w, a);
			continue;
		}
		switch ((r >> 8) % 6) {
		case 0:
			do_unmap(a);
			break;
		case 1:
			do_remap(w, a);
			break;
		case 2:
			do_protect(w, a);
			break;
		case 3:
			do_advise(w, a);
			break;
		default:
			check(a);
		}
		w->steps++;
	} while (w->steps < MIN_STEPS || (w->steps & 15) || now_ms() < until);
	return NULL;
}

static unsigned long run(int threads, int pin)
{
	static struct worker worker[THREADS];
	unsigned long steps = 0;

	until = deadline_ms(4000);
	memset(worker, 0, sizeof(worker));
	for (int i = 0; i < threads; i++) {
		worker[i].random = 0x1234567 + (uint64_t)i * 77;
		if (pin)
			cpu_pin(i);
		thread_start(&worker[i].thread, storm, &worker[i]);
	}
	cpu_unpin();
	for (int i = 0; i < threads; i++) {
		thread_join(&worker[i].thread);
		steps += worker[i].steps;
		for (int j = 0; j < AREAS; j++)
			if (worker[i].area[j].mem)
				do_unmap(&worker[i].area[j]);
		close(worker[i].fd[0]);
		close(worker[i].fd[1]);
	}
	ktap_note("%lu steps", steps);
	return steps;
}

int main(void)
{
	unsigned long steps;

	ktap_start(3);
	steps = run(1, 0);
	ktap_ok(steps && !test_errors_take(), "one thread");
	steps = run(THREADS, 0);
	ktap_ok(steps && !test_errors_take(), "threads anywhere");
	steps = run(THREADS, 1);
	ktap_ok(steps && !test_errors_take(), "threads pinned to CPUs");
	return ktap_finish();
}
