// SPDX-License-Identifier: GPL-2.0
/*
 * The 32-bit side of bench_compat: reads a number from stdin, makes as many
 * getppid calls the way a 32-bit C library would, through the vDSO's entry
 * point, writes one byte to stdout, and so on until the end of input.
 *
 * It is built without a C library, because a 64-bit system has no 32-bit one.
 */
#include <elf.h>

#define NR_EXIT 1
#define NR_READ 3
#define NR_WRITE 4
#define NR_GETPPID 64

/* Exit status: this kernel gives 32-bit programs no vDSO. */
#define STATUS_NO_VDSO 3

static unsigned long vdso_entry;

static long call3(long nr, long a, long b, long c)
{
	long ret;

	__asm__ volatile("int $0x80"
			 : "=a"(ret)
			 : "0"(nr), "b"(a), "c"(b), "d"(c)
			 : "memory");
	return ret;
}

static inline long vdso_getppid(void)
{
	long ret;

	__asm__ volatile("call *%1"
			 : "=a"(ret)
			 : "m"(vdso_entry), "0"((long)NR_GETPPID)
			 : "memory");
	return ret;
}

/* The auxiliary vector lies behind the environment, which lies behind argv. */
static unsigned long find_vdso_entry(const unsigned long *stack)
{
	const Elf32_auxv_t *aux;

	stack += stack[0] + 2;
	while (*stack)
		stack++;
	for (aux = (const void *)(stack + 1); aux->a_type != AT_NULL; aux++)
		if (aux->a_type == AT_SYSINFO)
			return aux->a_un.a_val;
	return 0;
}

__attribute__((noreturn, used)) void start_c(const unsigned long *stack)
{
	unsigned long ops;
	char done = 1;

	vdso_entry = find_vdso_entry(stack);
	if (!vdso_entry)
		call3(NR_EXIT, STATUS_NO_VDSO, 0, 0);
	while (call3(NR_READ, 0, (long)&ops, sizeof(ops)) == sizeof(ops)) {
		while (ops--)
			vdso_getppid();
		call3(NR_WRITE, 1, (long)&done, 1);
	}
	for (;;)
		call3(NR_EXIT, 0, 0, 0);
}

__asm__(".globl _start\n"
	"_start:\n"
	"	movl %esp, %eax\n"
	"	andl $-16, %esp\n"
	"	subl $12, %esp\n"
	"	pushl %eax\n"
	"	call start_c\n"
	"	hlt\n");
