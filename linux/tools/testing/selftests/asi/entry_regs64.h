/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Registers across an entry from 64-bit code.
 *
 * ENTRY_REGS64(name, insn) makes name(struct regs64 *r): loads all general
 * registers but RSP and XMM0..15 from *r, executes insn, stores them again.
 */
#ifndef ASI_TEST_ENTRY_REGS64_H
#define ASI_TEST_ENTRY_REGS64_H

#include <stdint.h>
#include <string.h>

enum {
	R_AX, R_BX, R_CX, R_DX, R_SI, R_DI, R_BP, R_8, R_9, R_10, R_11,
	R_12, R_13, R_14, R_15, R_COUNT,
};

struct regs64 {
	uint64_t gpr[R_COUNT];
	uint64_t pad;
	uint64_t xmm[32];
};

#define XMM_ALL(insn)							\
	insn(0) insn(1) insn(2) insn(3) insn(4) insn(5) insn(6) insn(7)	\
	insn(8) insn(9) insn(10) insn(11) insn(12) insn(13) insn(14) insn(15)
#define XMM_LOAD(n)	"movups 128+" #n "*16(%rdi), %xmm" #n "\n\t"
#define XMM_STORE(n)	"movups %xmm" #n ", 128+" #n "*16(%rdi)\n\t"

#define ENTRY_REGS64(name, insn)					\
extern void name(struct regs64 *r);					\
asm(".pushsection .text\n"						\
	".global " #name "\n.type " #name ", @function\n" #name ":\n\t"	\
	"push %rbx\n\tpush %rbp\n\tpush %r12\n\tpush %r13\n\t"		\
	"push %r14\n\tpush %r15\n\tpush %rdi\n\t"				\
	XMM_ALL(XMM_LOAD)							\
	"mov 0(%rdi), %rax\n\tmov 8(%rdi), %rbx\n\t"			\
	"mov 16(%rdi), %rcx\n\tmov 24(%rdi), %rdx\n\t"			\
	"mov 32(%rdi), %rsi\n\tmov 48(%rdi), %rbp\n\t"			\
	"mov 56(%rdi), %r8\n\tmov 64(%rdi), %r9\n\t"			\
	"mov 72(%rdi), %r10\n\tmov 80(%rdi), %r11\n\t"			\
	"mov 88(%rdi), %r12\n\tmov 96(%rdi), %r13\n\t"			\
	"mov 104(%rdi), %r14\n\tmov 112(%rdi), %r15\n\t"			\
	"mov 40(%rdi), %rdi\n\t"						\
	insn "\n\t"								\
	"xchg %rdi, (%rsp)\n\t"						\
	"mov %rax, 0(%rdi)\n\tmov %rbx, 8(%rdi)\n\t"			\
	"mov %rcx, 16(%rdi)\n\tmov %rdx, 24(%rdi)\n\t"			\
	"mov %rsi, 32(%rdi)\n\tmov %rbp, 48(%rdi)\n\t"			\
	"mov %r8, 56(%rdi)\n\tmov %r9, 64(%rdi)\n\t"			\
	"mov %r10, 72(%rdi)\n\tmov %r11, 80(%rdi)\n\t"			\
	"mov %r12, 88(%rdi)\n\tmov %r13, 96(%rdi)\n\t"			\
	"mov %r14, 104(%rdi)\n\tmov %r15, 112(%rdi)\n\t"			\
	XMM_ALL(XMM_STORE)							\
	"pop %rax\n\tmov %rax, 40(%rdi)\n\t"				\
	"pop %r15\n\tpop %r14\n\tpop %r13\n\tpop %r12\n\t"			\
	"pop %rbp\n\tpop %rbx\n\tret\n"					\
	".size " #name ", . - " #name "\n.popsection\n")

/*
 * Recognisable values everywhere, a system call number in RAX. @lost: bit mask
 * of registers that the entry may overwrite; RAX is always one.
 */
static inline bool regs64_survive(void (*entry)(struct regs64 *), long nr,
				  unsigned int lost, unsigned long rounds)
{
	struct regs64 in, out;

	for (unsigned long i = 0; i < rounds; i++) {
		for (size_t j = 0; j < R_COUNT; j++)
			in.gpr[j] = 0x1111111111111111ULL * (j + 1) + i;
		for (size_t j = 0; j < 32; j++)
			in.xmm[j] = 0x0101010101010101ULL * (j + 1) + i;
		in.gpr[R_AX] = (uint64_t)nr;
		in.pad = 0;
		out = in;
		entry(&out);
		for (size_t j = R_AX + 1; j < R_COUNT; j++)
			if (lost & (1U << j))
				out.gpr[j] = in.gpr[j];
		out.gpr[R_AX] = in.gpr[R_AX];
		if (memcmp(&in, &out, sizeof(in)))
			return false;
	}
	return true;
}

#endif /* ASI_TEST_ENTRY_REGS64_H */
