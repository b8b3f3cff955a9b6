// SPDX-License-Identifier: GPL-2.0
/*
 * New and freed entries of the top-level page table.
 *
 * One thread maps memory under one top-level entry after the other, while
 * other threads of the process, on other CPUs and without leaving user mode in
 * between, read it there. The table of a restricted address space has to
 * follow: an entry that is missing is a fault that never ends, one that stayed
 * is memory that was given back.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>

#include "asi_test.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE	0x100000
#endif

#define MAX_READERS	3
#define LEN		(16 * 4096UL)

/* One CPU is for the mapper: none of them waits for a CPU, if possible. */
static unsigned int readers;

/* Published by the mapper: where to look, for what, and that it is new. */
static _Atomic uintptr_t where;
static atomic_ulong seed;
static atomic_uint round_nr;
static unsigned int first_round;
static atomic_uint acks;
static atomic_bool done;

/* Reads what is published, in user mode or by a system call. */
static void *reader(void *arg)
{
	unsigned int me = (unsigned int)(uintptr_t)arg, seen = first_round;
	static __thread char copy[LEN];
	int fd[2];

	if (pipe(fd))
		ktap_bail("pipe: %s", strerror(errno));
	cpu_pin((int)me + 1);
	while (!atomic_load(&done)) {
		unsigned int now = atomic_load(&round_nr);
		char *mem = (char *)atomic_load(&where);

		if (now == seen) {
			if (cpu_count() == 1)
				sched_yield();
			continue;
		}
		if ((now + me) & 1) {
			CHECK(write(fd[1], mem, LEN) == LEN);
			CHECK(read(fd[0], copy, LEN) == LEN);
			mem = copy;
		}
		verify(mem, LEN, atomic_load(&seed));
		seen = now;
		atomic_fetch_add(&acks, 1);
	}
	close(fd[0]);
	close(fd[1]);
	return NULL;
}

static void have_it_read(char *mem, uint64_t value)
{
	atomic_store(&acks, 0);
	atomic_store(&where, (uintptr_t)mem);
	atomic_store(&seed, value);
	atomic_fetch_add(&round_nr, 1);
	while (atomic_load(&acks) < readers)
		if (cpu_count() == 1)
			sched_yield();
}

/* After munmap() neither the kernel nor user mode may find anything there. */
static bool gone(int fd, char *mem)
{
	return write(fd, mem, 1) == -1 && errno == EFAULT;
}

struct range {
	const char *name;
	unsigned int shift;
	unsigned int count;
};

/* 512 GiB is an entry with four levels; 256 TiB is one with five. */
static const struct range low = { "below 47 bits", 39, 256 };
static const struct range high = { "above 47 bits, five levels", 48, 256 };

static unsigned long visit(const struct range *r, int fd, unsigned long pass)
{
	unsigned long mapped = 0;

	for (unsigned int i = 1; i < r->count; i++) {
		char *want = (char *)((uintptr_t)i << r->shift) +
			     ((i * 37 + pass * 4096 * 16) << 12);
		char *mem = mmap(want, LEN, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS |
				 MAP_FIXED_NOREPLACE, -1, 0);
		uint64_t value = (uintptr_t)want ^ (pass << 50);

		if (mem == MAP_FAILED)
			continue;
		if (mem != want) {
			munmap(mem, LEN);
			continue;
		}
		fill(mem, LEN, value);
		have_it_read(mem, value);
		CHECK(!munmap(mem, LEN));
		CHECK(gone(fd, mem));
		mapped++;
	}
	return mapped;
}

static void with_readers(const struct range *r, unsigned long passes)
{
	struct thread t[MAX_READERS];
	unsigned long mapped = 0;
	int fd[2];

	if (pipe(fd))
		ktap_bail("pipe: %s", strerror(errno));
	atomic_store(&done, false);
	first_round = atomic_load(&round_nr);
	cpu_pin(0);
	for (uintptr_t i = 0; i < readers; i++)
		thread_start(&t[i], reader, (void *)i);
	for (unsigned long pass = 0; pass < passes; pass++)
		mapped += visit(r, fd[1], pass);
	atomic_store(&done, true);
	for (unsigned int i = 0; i < readers; i++)
		thread_join(&t[i]);
	cpu_unpin();
	close(fd[0]);
	close(fd[1]);
	ktap_note("%lu mappings", mapped);
	ktap_ok(mapped >= passes * r->count / 2 && !test_errors_take(),
		"other threads follow entries %s", r->name);
}

/* All entries at once, kept over a fork, given back by both. */
static void across_fork(const struct range *r)
{
	static char *mem[256];
	unsigned int mapped = 0;
	pid_t pid;

	for (unsigned int i = 1; i < r->count; i++) {
		mem[i] = mmap((void *)((uintptr_t)i << r->shift), 4096,
			      PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
			      -1, 0);
		if (mem[i] == MAP_FAILED) {
			mem[i] = NULL;
			continue;
		}
		fill(mem[i], 4096, i);
		mapped++;
	}
	for (unsigned long n = 0; n < scaled(20); n++) {
		pid = xfork();
		if (!pid) {
			for (unsigned int i = 1; i < r->count; i++) {
				if (!mem[i])
					continue;
				verify(mem[i], 4096, i);
				fill(mem[i], 4096, ~(uint64_t)i);
				verify(mem[i], 4096, ~(uint64_t)i);
			}
			_exit(test_errors_take() != 0);
		}
		CHECK(wait_exit(pid) == 0);
	}
	for (unsigned int i = 1; i < r->count; i++) {
		if (!mem[i])
			continue;
		verify(mem[i], 4096, i);
		munmap(mem[i], 4096);
	}
	ktap_ok(mapped > r->count / 2 && !test_errors_take(),
		"%u entries across fork, %s", mapped, r->name);
}

/* Does this CPU and kernel give out addresses above 47 bits when asked? */
static bool five_levels(void)
{
	void *want = (void *)(uintptr_t)(1ULL << 52);
	void *mem = mmap(want, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);

	if (mem != MAP_FAILED)
		munmap(mem, 4096);
	return mem == want;
}

int main(void)
{
	readers = (unsigned int)cpu_count() - 1;
	if (readers > MAX_READERS)
		readers = MAX_READERS;
	if (!readers)
		readers = 1;
	ktap_start(4);
	with_readers(&low, scaled(6));
	across_fork(&low);
	if (five_levels()) {
		with_readers(&high, scaled(6));
		across_fork(&high);
	} else {
		ktap_skip("other threads follow entries above 47 bits",
			  "page tables have four levels");
		ktap_skip("entries above 47 bits across fork",
			  "page tables have four levels");
	}
	return ktap_finish();
}
