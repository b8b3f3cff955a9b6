// SPDX-License-Identifier: GPL-2.0
/*
 * System calls of a 32-bit program: INT $0x80, and the fast entry that the
 * vDSO chooses (SYSENTER on Intel, SYSCALL on AMD).
 *
 * VDSO_ENTRY in the environment, "sysenter" or "syscall", is what it must be.
 */
#define _GNU_SOURCE
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>

#include "asi_test.h"
#include "entry.h"

#ifndef __i386__
#error "a test of 32-bit programs: build with -m32"
#endif

/* Where the vDSO's __kernel_vsyscall is; called through by the fast entry. */
static uintptr_t vsyscall;

struct regs32 {
	uint32_t ax, bx, cx, dx, si, di, bp;
};

/* The registers in *r, loaded, then the entry, then stored. */
extern void regs_by_int80(struct regs32 *r);
extern void regs_by_vdso(struct regs32 *r);

#define REGS32(name, insn)						\
asm(".pushsection .text\n"						\
	".global " #name "\n.type " #name ", @function\n" #name ":\n\t"	\
	"push %ebx\n\tpush %esi\n\tpush %edi\n\tpush %ebp\n\t"		\
	"push vsyscall\n\t"							\
	"mov 24(%esp), %ebp\n\t"						\
	"mov 0(%ebp), %eax\n\tmov 4(%ebp), %ebx\n\tmov 8(%ebp), %ecx\n\t"	\
	"mov 12(%ebp), %edx\n\tmov 16(%ebp), %esi\n\tmov 20(%ebp), %edi\n\t"\
	"mov 24(%ebp), %ebp\n\t"						\
	insn "\n\t"								\
	"mov %ebp, (%esp)\n\t"						\
	"mov 24(%esp), %ebp\n\t"						\
	"mov %eax, 0(%ebp)\n\tmov %ebx, 4(%ebp)\n\tmov %ecx, 8(%ebp)\n\t"	\
	"mov %edx, 12(%ebp)\n\tmov %esi, 16(%ebp)\n\tmov %edi, 20(%ebp)\n\t"\
	"pop 24(%ebp)\n\t"							\
	"pop %ebp\n\tpop %edi\n\tpop %esi\n\tpop %ebx\n\tret\n"		\
	".size " #name ", . - " #name "\n.popsection\n")

REGS32(regs_by_int80, "int $0x80");
REGS32(regs_by_vdso, "call *(%esp)");

static long by_int80(long nr, long a, long b, long c)
{
	long ret;

	asm volatile("int $0x80" : "=a" (ret)
		     : "0" (nr), "b" (a), "c" (b), "d" (c) : "memory");
	return ret;
}

static long by_vdso(long nr, long a, long b, long c)
{
	long ret;

	asm volatile("call *%[entry]" : "=a" (ret)
		     : "0" (nr), "b" (a), "c" (b), "d" (c),
		       [entry] "m" (vsyscall) : "memory");
	return ret;
}

static bool regs_survive(void (*entry)(struct regs32 *), long nr)
{
	for (uint32_t i = 0; i < scaled(20000); i++) {
		struct regs32 in = {
			.ax = (uint32_t)nr,
			.bx = 0xb0b0b0b0 + i, .cx = 0xc1c1c1c1 + i,
			.dx = 0xd2d2d2d2 + i, .si = 0x53535353 + i,
			.di = 0xd4d4d4d4 + i, .bp = 0xb5b5b5b5 + i,
		}, out = in;

		entry(&out);
		out.ax = in.ax;
		if (memcmp(&in, &out, sizeof(in)))
			return false;
	}
	return true;
}

static bool int80_regs_survive(long nr)
{
	return regs_survive(regs_by_int80, nr);
}

static bool vdso_regs_survive(long nr)
{
	return regs_survive(regs_by_vdso, nr);
}

/* Was it the command line that took the vDSO away? */
static bool switched_off(void)
{
	char line[4096];

	return read_file("/proc/cmdline", line, sizeof(line)) > 0 &&
	       strstr(line, "vdso32=0");
}

/* The instruction that the kernel has put in its place in the vDSO. */
static const char *fast_entry(void)
{
	const uint8_t *code = (const uint8_t *)vsyscall;

	for (int i = 0; i < 32; i++)
		if (code[i] == 0x0f && (code[i + 1] == 0x34 || code[i + 1] == 0x05))
			return code[i + 1] == 0x34 ? "sysenter" : "syscall";
	return "int80";
}

static bool as_expected(const char *entry)
{
	const char *expected = getenv("VDSO_ENTRY");

	return !expected || !strcmp(entry, expected);
}

int main(void)
{
	char name[32];
	struct entry_kind kind = {
		.name = "compat int80",
		.call = by_int80,
		.regs_survive = int80_regs_survive,
		.nr_getppid = SYS_getppid,
		.nr_getpid = SYS_getpid,
		.nr_read = SYS_read,
		.nr_write = SYS_write,
	};

	vsyscall = getauxval(AT_SYSINFO);
	ktap_start(ENTRY_RESULTS + 1 + (vsyscall ? ENTRY_RESULTS : 0));
	entry_checks(&kind);
	if (!vsyscall && switched_off())
		ktap_skip("the vDSO offers a fast entry", "vdso32=0");
	else
		ktap_ok(vsyscall && as_expected(fast_entry()),
			"the vDSO offers a fast entry");
	if (!vsyscall)
		return ktap_finish();

	snprintf(name, sizeof(name), "compat %s", fast_entry());
	kind.name = name;
	kind.call = by_vdso;
	kind.regs_survive = vdso_regs_survive;
	entry_checks(&kind);
	return ktap_finish();
}
