// SPDX-License-Identifier: GPL-2.0
/*
 * A local descriptor table: segments that a process made itself, across
 * context switches, on several CPUs, and on the return path of a process whose
 * stack segment is one of them (espfix).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>
#include <asm/ldt.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "asi_test.h"

#define ENTRIES		8

static char *low;

static int set_entry(unsigned int nr, void *base, unsigned int pages,
		     bool wide)
{
	struct user_desc d = {
		.entry_number = nr,
		.base_addr = (unsigned int)(uintptr_t)base,
		.limit = pages ? pages - 1 : 0,
		.seg_32bit = wide,
		.limit_in_pages = 1,
		.useable = 1,
	};

	/* Errors come as 32-bit numbers: the C library does not see them. */
	return (int)syscall(SYS_modify_ldt, 0x11, &d, sizeof(d));
}

static unsigned int selector(unsigned int nr)
{
	return nr << 3 | 7;
}

/* A word at the start of the segment, through GS or, in 32 bits, FS. */
static unsigned int word_in(unsigned int nr)
{
	unsigned int word, saved;

#ifdef __x86_64__
	asm volatile("mov %%gs, %1\n\tmov %2, %%gs\n\tmovl %%gs:0, %0\n\t"
		     "mov %1, %%gs"
		     : "=&r" (word), "=&r" (saved) : "r" (selector(nr)));
#else
	asm volatile("mov %%fs, %1\n\tmov %2, %%fs\n\tmovl %%fs:0, %0\n\t"
		     "mov %1, %%fs"
		     : "=&r" (word), "=&r" (saved) : "r" (selector(nr)));
#endif
	return word;
}

static void *page_of(unsigned int nr)
{
	return low + nr * 4096;
}

static void make_entries(unsigned int salt)
{
	for (unsigned int i = 0; i < ENTRIES; i++) {
		*(volatile unsigned int *)page_of(i) = salt + i;
		if (set_entry(i, page_of(i), 1, true))
			test_error("modify_ldt failed");
	}
}

static void check_entries(unsigned int salt, unsigned long rounds)
{
	for (unsigned long i = 0; i < rounds; i++) {
		CHECK(word_in((unsigned int)i % ENTRIES) ==
		      salt + (unsigned int)i % ENTRIES);
		if (!(i & 63))
			sched_yield();
	}
}

static void segments(void)
{
	for (unsigned int i = 0; i < scaled(200); i++) {
		make_entries(i << 8);
		check_entries(i << 8, 64);
	}
	ktap_ok(!test_errors_take(), "segments of the own table");
}

/* Two processes with different tables on one CPU. */
static void switched(void)
{
	pid_t pid[2];

	for (unsigned int i = 0; i < 2; i++) {
		pid[i] = xfork();
		if (!pid[i]) {
			cpu_pin(0);
			make_entries(0x10000 * (i + 1));
			check_entries(0x10000 * (i + 1), scaled(20000));
			_exit(test_errors_take() != 0);
		}
	}
	for (int i = 0; i < 2; i++)
		CHECK(wait_exit(pid[i]) == 0);
	ktap_ok(!test_errors_take(), "tables follow their processes");
}

static atomic_bool stop;

static void *keeps_reading(void *arg)
{
	(void)arg;
	while (!atomic_load(&stop))
		check_entries(0x777000, 64);
	return NULL;
}

/* The table is replaced under threads that use it. */
static void threads(void)
{
	uint64_t until = deadline_ms(1500);
	struct thread t[2];

	make_entries(0x777000);
	for (int i = 0; i < 2; i++) {
		cpu_pin(i + 1);
		thread_start(&t[i], keeps_reading, NULL);
	}
	cpu_pin(0);
	do {
		for (unsigned int i = ENTRIES; i < 2000; i += 97)
			CHECK(!set_entry(i, low, 1, true));
	} while (now_ms() < until);
	atomic_store(&stop, true);
	for (int i = 0; i < 2; i++)
		thread_join(&t[i]);
	cpu_unpin();
	ktap_ok(!test_errors_take(), "the table grows under running threads");
}

#ifdef __x86_64__
/* Every return to user mode with this SS goes by way of espfix. */
static void small_stack_segment(void)
{
	int err = set_entry(0, NULL, 16, false);

	if (err) {
		ktap_skip("returns with a 16-bit stack segment",
			  "this kernel refuses 16-bit segments: %s",
			  strerror(-err));
		return;
	}
	for (unsigned long i = 0; i < scaled(2000); i++) {
		unsigned long before, after, pid;
		unsigned int seen, saved;

		asm volatile("mov %%ss, %[saved]\n\t"
			     "mov %%rsp, %[before]\n\t"
			     "mov %[sel], %%ss\n\t"
			     "mov $20, %%eax\n\t"
			     "int $0x80\n\t"
			     "mov %%rsp, %[after]\n\t"
			     "mov %%ss, %[seen]\n\t"
			     "mov %[saved], %%ss"
			     : [before] "=&r" (before), [after] "=&r" (after),
			       [seen] "=&r" (seen), [saved] "=&r" (saved),
			       "=&a" (pid)
			     : [sel] "r" (selector(0))
			     : "memory", "r8", "r9", "r10", "r11");
		CHECK(before == after);
		CHECK((seen & 0xffff) == selector(0));
		CHECK(pid == (unsigned long)getpid());
	}
	ktap_ok(!test_errors_take(), "returns with a 16-bit stack segment");
}
#endif

int main(void)
{
	int err;

	low = mmap(NULL, ENTRIES * 4096, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	if (low == MAP_FAILED)
		ktap_bail("mmap: %s", strerror(errno));
	err = set_entry(0, low, 1, true);
	if (err)
		ktap_skip_all("no local descriptor tables here: %s",
			      strerror(err == -1 ? errno : -err));
#ifdef __x86_64__
	ktap_start(4);
	small_stack_segment();
#else
	ktap_start(3);
#endif
	segments();
	switched();
	threads();
	return ktap_finish();
}
