// SPDX-License-Identifier: GPL-2.0
/* Changed rights are the rights, at once and on every CPU. */
#define _GNU_SOURCE
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "asi_test.h"

#define PAGE	4096UL

static __thread sigjmp_buf back;
static __thread int code;

static void on_segv(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	code = info->si_code;
	siglongjmp(back, 1);
}

/* The si_code of the fault, 0 without one. */
static int try_write(volatile char *p)
{
	code = 0;
	if (!sigsetjmp(back, 0))
		*p = *p + 1;
	return code;
}

static int try_read(volatile char *p)
{
	code = 0;
	if (!sigsetjmp(back, 0))
		(void)*p;
	return code;
}

static int try_call(char *p)
{
	code = 0;
	if (!sigsetjmp(back, 0))
		((void (*)(void))(uintptr_t)p)();
	return code;
}

static void one_thread(void)
{
	char *p = xmmap(PAGE);

	for (unsigned long i = 0; i < scaled(2000); i++) {
		mprotect(p, PAGE, PROT_READ | PROT_WRITE);
		CHECK(try_write(p) == 0);
		mprotect(p, PAGE, PROT_READ);
		CHECK(try_write(p) == SEGV_ACCERR);
		CHECK(try_read(p) == 0);
		mprotect(p, PAGE, PROT_NONE);
		CHECK(try_read(p) == SEGV_ACCERR);
	}
	munmap(p, PAGE);
	CHECK(try_read(p) == SEGV_MAPERR);
	ktap_ok(!test_errors_take(), "read-only, none, unmapped");
}

static void execution(void)
{
	char *p = xmmap(PAGE);

	p[0] = (char)0xc3;
	for (unsigned long i = 0; i < scaled(2000); i++) {
		mprotect(p, PAGE, PROT_READ | PROT_WRITE);
		CHECK(try_call(p) == SEGV_ACCERR);
		mprotect(p, PAGE, PROT_READ | PROT_EXEC);
		CHECK(try_call(p) == 0);
		CHECK(try_write(p) == SEGV_ACCERR);
	}
	munmap(p, PAGE);
	ktap_ok(!test_errors_take(), "no execution without the right");
}

/*
 * One thread writes as fast as it can; another takes the right away, notes
 * the value, and must find it unchanged: a stale translation would not.
 */
static char *contested;
static atomic_bool stop;
static atomic_ulong writes, faults;

static void *writer(void *arg)
{
	volatile unsigned long *word = (unsigned long *)contested;

	(void)arg;
	while (!atomic_load(&stop)) {
		code = 0;
		if (!sigsetjmp(back, 0))
			*word = *word + 1;
		if (code)
			atomic_fetch_add(&faults, 1);
		else
			atomic_fetch_add(&writes, 1);
	}
	return NULL;
}

/* On other CPUs they do so anyway. */
static void let_others_run(void)
{
	if (cpu_count() == 1)
		sleep_ms(1);
	for (volatile int i = 0; i < 2000; i++)
		;
}

static void other_cpus(void)
{
	uint64_t until = deadline_ms(3000);
	volatile unsigned long *word;
	unsigned long n = 0;
	struct thread t[2];

	contested = xmmap(PAGE);
	word = (unsigned long *)contested;
	for (int i = 0; i < 2; i++) {
		cpu_pin(i + 1);
		thread_start(&t[i], writer, NULL);
	}
	cpu_pin(0);
	do {
		unsigned long before;

		mprotect(contested, PAGE, PROT_READ);
		before = *word;
		let_others_run();
		CHECK(*word == before);
		mprotect(contested, PAGE, PROT_READ | PROT_WRITE);
		let_others_run();
	} while (now_ms() < until ||
		 (++n < 1000 && !(atomic_load(&writes) && atomic_load(&faults))));
	atomic_store(&stop, true);
	for (int i = 0; i < 2; i++)
		thread_join(&t[i]);
	cpu_unpin();
	ktap_note("%lu writes, %lu faults", atomic_load(&writes),
		  atomic_load(&faults));
	ktap_ok(!test_errors_take() && atomic_load(&writes) &&
		atomic_load(&faults), "the right is gone on other CPUs as well");
	munmap(contested, PAGE);
}

static void write_pkru(uint32_t pkru)
{
	asm volatile(".byte 0x0f, 0x01, 0xef" : : "a" (pkru), "c" (0), "d" (0)
		     : "memory");
}

static uint32_t read_pkru(void)
{
	uint32_t pkru, edx;

	asm volatile(".byte 0x0f, 0x01, 0xee" : "=a" (pkru), "=d" (edx)
		     : "c" (0));
	return pkru;
}

static void protection_keys(void)
{
	static const char name[] = "protection keys, for user and kernel access";
	long key = syscall(SYS_pkey_alloc, 0, 0);
	uint32_t open_pkru, shut;
	char *p = xmmap(PAGE);
	int fd[2];

	if (key < 0) {
		ktap_skip(name, "no protection keys here: %s", strerror(errno));
		return;
	}
	if (pipe(fd))
		ktap_bail("pipe: %s", strerror(errno));
	syscall(SYS_pkey_mprotect, p, PAGE, PROT_READ | PROT_WRITE, key);
	open_pkru = read_pkru() & ~(3U << (2 * key));
	shut = open_pkru | 1U << (2 * key);
	for (unsigned long i = 0; i < scaled(1000); i++) {
		ssize_t by_kernel;
		int err, seen;

		write_pkru(open_pkru);
		CHECK(try_write(p) == 0);
		write_pkru(shut);
		/* The handler starts with keys of its own: shut again. */
		seen = try_read(p);
		write_pkru(shut);
		by_kernel = write(fd[1], p, 1);
		err = errno;
		write_pkru(open_pkru);
		CHECK(seen == SEGV_PKUERR);
		CHECK(by_kernel == -1 && err == EFAULT);
	}
	ktap_ok(!test_errors_take(), "%s", name);
	syscall(SYS_pkey_free, key);
	munmap(p, PAGE);
}

int main(void)
{
	struct sigaction sa = {
		.sa_sigaction = on_segv,
		.sa_flags = SA_SIGINFO | SA_NODEFER,
	};

	ktap_start(4);
	if (sigaction(SIGSEGV, &sa, NULL))
		ktap_bail("sigaction: %s", strerror(errno));
	one_thread();
	execution();
	other_cpus();
	protection_keys();
	return ktap_finish();
}
