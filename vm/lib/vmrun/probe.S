/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A boot sector that finds out whether KVM runs what Linux does. It enters 64-bit mode
 * and exchanges 16 bytes, which a KVM that emulates its guests does not get over: then
 * the guest stands still there. At the end it writes to the debug-exit port.
 */
#define PML4	0x1000
#define PDPT	0x2000
#define PD	0x3000
#define DATA	0x4000
#define EFER	0xc0000080

	.code16
	.globl _start
_start:	cli
	xorl	%eax, %eax
	movw	%ax, %ds
	movw	%ax, %es
	movl	$PML4, %edi
	movl	%edi, %cr3
	movl	$(DATA + 16 - PML4) / 4, %ecx
	cld
	rep stosl
	movl	$PDPT + 3, PML4
	movl	$PD + 3, PDPT
	movl	$0x83, PD		/* present, writable, 2 MiB */

	movl	%cr4, %eax
	orl	$0x20, %eax		/* PAE */
	movl	%eax, %cr4
	movl	$EFER, %ecx
	rdmsr
	orl	$0x100, %eax		/* LME */
	wrmsr
	movl	%cr0, %eax
	orl	$0x80000001, %eax	/* PG, PE */
	movl	%eax, %cr0
	lgdtl	gdtr
	ljmp	$8, $long

	.code64
long:	movl	$DATA, %edi
	xorl	%eax, %eax
	xorl	%edx, %edx
	lock cmpxchg16b (%rdi)
	movb	$0x10, %al
	outb	%al, $0xf4
1:	hlt
	jmp	1b

	.balign	8
gdt:	.quad	0
	.quad	0x00209a0000000000	/* 64-bit code */
gdtr:	.word	gdtr - gdt - 1
	.long	gdt

	.org	510
	.word	0xaa55
