// SPDX-License-Identifier: GPL-2.0
/*
 * A tracer on another process: single step, system call stops, breakpoints
 * written into its text, registers and memory read and written.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>

#include "asi_test.h"

/* 1000 decrements of RBX, then a trap: known steps for the tracer. */
extern char steps_begin[], steps_end[];
extern unsigned long run_steps(void);
asm(".pushsection .text\n"
	".global run_steps, steps_begin, steps_end\n"
	"run_steps:\n\tpush %rbx\n\tmov $1000, %ebx\n"
	"steps_begin:\n\tint3\n"
	"1:\tdec %rbx\n\tjnz 1b\n\tint3\n"
	"steps_end:\n\tmov %rbx, %rax\n\tpop %rbx\n\tret\n"
	".popsection");

static volatile long shared_word = 0x1122334455667788;

static pid_t traced(void (*fn)(void))
{
	pid_t pid = xfork();

	if (!pid) {
		if (ptrace(PTRACE_TRACEME, 0, 0, 0))
			_exit(99);
		raise(SIGSTOP);
		fn();
		_exit(7);
	}
	return pid;
}

/* Waits for a stop; the signal, or -1 when the child is gone. */
static int next_stop(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, __WALL) != pid || !WIFSTOPPED(status))
		return -1;
	return WSTOPSIG(status);
}

static int resume(int how, pid_t pid)
{
	if (ptrace(how, pid, 0, 0))
		return -1;
	return next_stop(pid);
}

static unsigned long rip(pid_t pid)
{
	return (unsigned long)ptrace(PTRACE_PEEKUSER, pid,
				     offsetof(struct user_regs_struct, rip), 0);
}

static void child_steps(void)
{
	if (run_steps())
		_exit(1);
}

static void single_step(void)
{
	pid_t pid = traced(child_steps);
	unsigned long steps = 0;
	int sig = next_stop(pid);

	CHECK(sig == SIGSTOP);
	CHECK(resume(PTRACE_CONT, pid) == SIGTRAP);
	while ((sig = resume(PTRACE_SINGLESTEP, pid)) == SIGTRAP) {
		unsigned long ip = rip(pid);

		CHECK(ip > (unsigned long)steps_begin &&
		      ip <= (unsigned long)steps_end);
		steps++;
		if (ip == (unsigned long)steps_end)
			break;
	}
	/* A pair of instructions a round, then the trap itself. */
	CHECK(steps == 2001);
	CHECK(!ptrace(PTRACE_CONT, pid, 0, 0));
	CHECK(wait_exit(pid) == 7);
	ktap_ok(!test_errors_take(), "single step: every instruction, once");
}

static void child_syscalls(void)
{
	for (int i = 0; i < 100; i++)
		if (syscall(SYS_getppid) != 4711 + i)
			_exit(1);
}

/* The tracer sees each entry and exit, and lies about the result. */
static void syscall_stops(void)
{
	pid_t pid = traced(child_syscalls);
	struct user_regs_struct regs;
	long seen = 0;

	CHECK(next_stop(pid) == SIGSTOP);
	ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD);
	while (resume(PTRACE_SYSCALL, pid) == (SIGTRAP | 0x80)) {
		ptrace(PTRACE_GETREGS, pid, 0, &regs);
		if (regs.orig_rax == SYS_exit_group)
			break;
		CHECK((long)regs.rax == -ENOSYS);
		CHECK(resume(PTRACE_SYSCALL, pid) == (SIGTRAP | 0x80));
		ptrace(PTRACE_GETREGS, pid, 0, &regs);
		if (regs.orig_rax == SYS_getppid) {
			CHECK((long)regs.rax == getpid());
			regs.rax = (unsigned long)(4711 + seen++);
			ptrace(PTRACE_SETREGS, pid, 0, &regs);
		}
	}
	CHECK(seen == 100);
	ptrace(PTRACE_CONT, pid, 0, 0);
	CHECK(wait_exit(pid) == 7);
	ktap_ok(!test_errors_take(), "system call stops, results replaced");
}

static void child_reads_word(void)
{
	raise(SIGUSR2);
	if (shared_word != 0x1badb002cafe)
		_exit(1);
	shared_word = 0x77;
	raise(SIGUSR2);
}

static void peek_and_poke(void)
{
	pid_t pid = traced(child_reads_word);
	void *addr = (void *)&shared_word;

	signal(SIGUSR2, SIG_IGN);
	CHECK(next_stop(pid) == SIGSTOP);
	CHECK(resume(PTRACE_CONT, pid) == SIGUSR2);
	CHECK(ptrace(PTRACE_PEEKDATA, pid, addr, 0) == 0x1122334455667788);
	CHECK(!ptrace(PTRACE_POKEDATA, pid, addr, 0x1badb002cafe));
	CHECK(resume(PTRACE_CONT, pid) == SIGUSR2);
	CHECK(ptrace(PTRACE_PEEKDATA, pid, addr, 0) == 0x77);
	errno = 0;
	CHECK(ptrace(PTRACE_PEEKDATA, pid, (void *)8, 0) == -1 && errno == EIO);
	/* Copy on write kept the tracer's own word. */
	CHECK(shared_word == 0x1122334455667788);
	ptrace(PTRACE_CONT, pid, 0, 0);
	CHECK(wait_exit(pid) == 7);
	ktap_ok(!test_errors_take(), "peek and poke");
}

static noinline void break_here(void)
{
	asm volatile("nop");
}

static void child_calls(void)
{
	for (int i = 0; i < 50; i++)
		break_here();
}

/* As a debugger does it: int3 in the text, step over the real instruction. */
static void text_breakpoint(void)
{
	pid_t pid = traced(child_calls);
	void *addr = (void *)break_here;
	long orig, trap;
	int hits = 0;

	CHECK(next_stop(pid) == SIGSTOP);
	orig = ptrace(PTRACE_PEEKTEXT, pid, addr, 0);
	trap = (orig & ~0xffL) | 0xcc;
	CHECK(!ptrace(PTRACE_POKETEXT, pid, addr, trap));
	while (hits < 50 && resume(PTRACE_CONT, pid) == SIGTRAP) {
		CHECK(rip(pid) == (unsigned long)addr + 1);
		hits++;
		ptrace(PTRACE_POKEUSER, pid,
		       offsetof(struct user_regs_struct, rip), addr);
		ptrace(PTRACE_POKETEXT, pid, addr, orig);
		CHECK(resume(PTRACE_SINGLESTEP, pid) == SIGTRAP);
		ptrace(PTRACE_POKETEXT, pid, addr, trap);
	}
	CHECK(hits == 50);
	ptrace(PTRACE_CONT, pid, 0, 0);
	CHECK(wait_exit(pid) == 7);
	ktap_ok(!test_errors_take(), "breakpoints written into the text");
}

/* DR0 on a data word: the write of user mode and that of the kernel trap. */
static volatile long watched;

static void child_writes(void)
{
	int fd[2];

	if (pipe(fd) || write(fd[1], "12345678", 8) != 8)
		_exit(1);
	raise(SIGUSR2);
	watched = 1;
	if (read(fd[0], (void *)&watched, 8) != 8)
		_exit(2);
}

static void hardware_watchpoint(void)
{
	pid_t pid = traced(child_writes);
	size_t dr0 = offsetof(struct user, u_debugreg[0]);
	size_t dr7 = offsetof(struct user, u_debugreg[7]);
	bool armed;
	int hits = 0;

	CHECK(next_stop(pid) == SIGSTOP);
	CHECK(resume(PTRACE_CONT, pid) == SIGUSR2);
	armed = !ptrace(PTRACE_POKEUSER, pid, dr0, &watched) &&
		/* Enabled, write, 8 bytes. */
		!ptrace(PTRACE_POKEUSER, pid, dr7, 0x90001);
	if (!armed) {
		ktap_skip("hardware watchpoint", "debug registers: %s",
			  strerror(errno));
		kill(pid, SIGKILL);
		wait_exit(pid);
		return;
	}
	while (resume(PTRACE_CONT, pid) == SIGTRAP)
		hits++;
	/* ptrace's breakpoints are for user mode: the read() does not stop. */
	CHECK(hits == 1);
	ktap_ok(!test_errors_take(), "hardware watchpoint");
}

static void child_loops(void)
{
	for (;;)
		getppid();
}

static void seize_and_interrupt(void)
{
	pid_t pid = xfork();
	struct user_regs_struct regs;

	if (!pid)
		child_loops();
	CHECK(!ptrace(PTRACE_SEIZE, pid, 0, 0));
	for (unsigned long i = 0; i < scaled(300); i++) {
		CHECK(!ptrace(PTRACE_INTERRUPT, pid, 0, 0));
		CHECK(next_stop(pid) == SIGTRAP);
		CHECK(!ptrace(PTRACE_GETREGS, pid, 0, &regs));
		CHECK(!ptrace(PTRACE_SETREGS, pid, 0, &regs));
		CHECK(!ptrace(PTRACE_CONT, pid, 0, 0));
	}
	kill(pid, SIGKILL);
	CHECK(wait_exit(pid) == 256 + SIGKILL);
	ktap_ok(!test_errors_take(), "seize and interrupt a busy process");
}

int main(void)
{
	ktap_start(6);
	single_step();
	syscall_stops();
	peek_and_poke();
	text_breakpoint();
	hardware_watchpoint();
	seize_and_interrupt();
	return ktap_finish();
}
