/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Address space isolation: reading and writing CR3.
 *
 * Whoever handles CR3 for a purpose of its own wants the CR3 of the unrestricted
 * address space, and wants it to stay: in a restricted address space any NMI
 * may load the unrestricted one, and writing back what was read before would
 * undo that behind ASI's back.  So the accessors leave the restricted address
 * space first.
 *
 * Those who only look, and those who switch address spaces themselves, use
 * __read_cr3_raw() and write_cr3_raw().
 */
#ifndef _ASM_X86_ASI_CR3_H
#define _ASM_X86_ASI_CR3_H

#ifdef CONFIG_MITIGATION_ADDRESS_SPACE_ISOLATION
void asi_stabilise_cr3(void);
#else
static __always_inline void asi_stabilise_cr3(void) { }
#endif

/*
 * Careful!  CR3 contains more than just an address.  You probably want
 * read_cr3_pa() instead.
 */
static inline unsigned long __read_cr3(void)
{
	asi_stabilise_cr3();
	return __read_cr3_raw();
}

static inline void write_cr3(unsigned long x)
{
	asi_stabilise_cr3();
	write_cr3_raw(x);
}

#endif /* _ASM_X86_ASI_CR3_H */
