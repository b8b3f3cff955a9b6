// SPDX-License-Identifier: GPL-2.0
/*
 * Signals: faults that handlers repair, alternate stacks, nesting. Each one
 * is a fault from user mode, a return to user mode at another place, and a
 * sigreturn.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>

#include "asi_test.h"

#define PAGE	4096

static char *page;
static volatile sig_atomic_t hits, wrong, depth, deepest;
static char alt_stack[64 * 1024];
static sigjmp_buf back;

typedef void (*handler_t)(int sig, siginfo_t *info, void *context);

static void handle(int sig, handler_t fn, int flags)
{
	struct sigaction sa = {
		.sa_sigaction = fn,
		.sa_flags = SA_SIGINFO | flags,
	};

	sigemptyset(&sa.sa_mask);
	if (sigaction(sig, &sa, NULL))
		ktap_bail("sigaction %d: %s", sig, strerror(errno));
}

static void repair(int sig, siginfo_t *info, void *context)
{
	(void)context;
	hits++;
	if (sig != SIGSEGV || (char *)info->si_addr != page + 8)
		wrong++;
	mprotect(page, PAGE, PROT_READ | PROT_WRITE);
}

/* The faulting access is repeated after sigreturn and has to work then. */
static void segv_repaired(void)
{
	unsigned long n = scaled(3000);

	hits = wrong = 0;
	handle(SIGSEGV, repair, 0);
	for (unsigned long i = 0; i < n; i++) {
		mprotect(page, PAGE, i & 1 ? PROT_NONE : PROT_READ);
		*(volatile unsigned long *)(page + 8) = i;
		CHECK(*(volatile unsigned long *)(page + 8) == i);
	}
	ktap_ok(!test_errors_take() && !wrong && (unsigned long)hits == n,
		"SIGSEGV repaired by the handler, access repeated");
}

static void on_alt_stack(int sig, siginfo_t *info, void *context)
{
	char here;

	repair(sig, info, context);
	if (&here < alt_stack || &here >= alt_stack + sizeof(alt_stack))
		wrong++;
}

static void alternate_stack(void)
{
	stack_t ss = { .ss_sp = alt_stack, .ss_size = sizeof(alt_stack) };
	unsigned long n = scaled(3000);

	hits = wrong = 0;
	if (sigaltstack(&ss, NULL))
		ktap_bail("sigaltstack: %s", strerror(errno));
	handle(SIGSEGV, on_alt_stack, SA_ONSTACK);
	for (unsigned long i = 0; i < n; i++) {
		mprotect(page, PAGE, PROT_NONE);
		*(volatile unsigned long *)(page + 8) = i;
	}
	ktap_ok(!wrong && (unsigned long)hits == n,
		"SIGSEGV handled on the alternate stack");
}

static void nest(int sig, siginfo_t *info, void *context)
{
	volatile uint64_t guard = 0xfeedfacecafebeefULL ^ (uint64_t)depth;

	(void)info;
	(void)context;
	hits++;
	if (++depth > deepest)
		deepest = depth;
	if (depth < 20)
		raise(sig == SIGUSR1 ? SIGUSR2 : SIGUSR1);
	depth--;
	if (guard != (0xfeedfacecafebeefULL ^ (uint64_t)depth))
		wrong++;
}

static void nested(void)
{
	hits = wrong = depth = deepest = 0;
	handle(SIGUSR1, nest, SA_NODEFER);
	handle(SIGUSR2, nest, SA_NODEFER);
	for (unsigned long i = 0; i < scaled(500); i++)
		raise(SIGUSR1);
	ktap_ok(!wrong && deepest == 20 &&
		(unsigned long)hits == 20 * scaled(500),
		"handlers nested 20 deep");
}

static void leave(int sig, siginfo_t *info, void *context)
{
	(void)info;
	(void)context;
	siglongjmp(back, sig);
}

static void divide(void)
{
	int zero = 0, result = 1;

	asm volatile("cltd\n\tidivl %1" : "+a" (result) : "rm" (zero) : "edx");
}

static void undefined(void)
{
	asm volatile("ud2");
}

static void general_protection(void)
{
	asm volatile("hlt");
}

static void breakpoint(void)
{
	asm volatile("int3");
}

static void no_memory(void)
{
	*(volatile char *)bad_pointer() = 1;
}

/* Beyond the end of a file: mapped, and yet there is nothing. */
static void beyond_file(void)
{
	int fd = temp_fd(PAGE);
	volatile char *p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
				MAP_SHARED, fd, 0);

	close(fd);
	p[0] = 1;
	p[PAGE] = 1;
}

static void exceptions(void)
{
	static const struct {
		const char *name;
		void (*fn)(void);
		int sig;
	} table[] = {
		{ "divide error", divide, SIGFPE },
		{ "undefined opcode", undefined, SIGILL },
		{ "general protection", general_protection, SIGSEGV },
		{ "breakpoint", breakpoint, SIGTRAP },
		{ "no memory there", no_memory, SIGSEGV },
		{ "beyond the file", beyond_file, SIGBUS },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		volatile unsigned long got = 0, j;
		unsigned long n = scaled(300);

		handle(table[i].sig, leave, SA_NODEFER);
		for (j = 0; j < n; j++) {
			int sig = sigsetjmp(back, 1);

			if (!sig)
				table[i].fn();
			got = got + (sig == table[i].sig);
		}
		ktap_ok(got == n, "exception to signal: %s", table[i].name);
		signal(table[i].sig, SIG_DFL);
	}
}

/* Without a handler the signal, and nothing else, has to end the process. */
static void fatal(void)
{
	pid_t pid = xfork();

	if (!pid) {
		signal(SIGSEGV, SIG_DFL);
		no_memory();
		_exit(0);
	}
	ktap_ok(wait_exit(pid) == 256 + SIGSEGV, "SIGSEGV without a handler");
}

static void bad_frame(void)
{
	pid_t pid = xfork();

	if (!pid) {
		stack_t ss = { .ss_sp = page, .ss_size = PAGE };

		mprotect(page, PAGE, PROT_NONE);
		sigaltstack(&ss, NULL);
		handle(SIGUSR1, leave, SA_ONSTACK);
		raise(SIGUSR1);
		_exit(0);
	}
	ktap_ok(wait_exit(pid) == 256 + SIGSEGV,
		"no room for the signal frame: the kernel's fault is survived");
}

int main(void)
{
	ktap_start(11);
	page = xmmap(PAGE);
	segv_repaired();
	alternate_stack();
	nested();
	exceptions();
	fatal();
	bad_frame();
	return ktap_finish();
}
