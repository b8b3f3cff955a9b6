// SPDX-License-Identifier: GPL-2.0
/*
 * Address space isolation: domains with a decorated page table.
 *
 * From the start such a domain maps what the CPU reads by itself, and what the
 * kernel touches from the first instruction of a page fault until it has left:
 * with less of that a fault would be a double fault, or one without end.  All
 * else is for the owner of the domain to grant, and costs an exit if it is not.
 *
 *  - the image of the kernel: text, read-only data, data;
 *  - static per-CPU variables: curr_asi, cpu_tlbstate, the current task;
 *  - IDT; GDT, TSS and the stacks for entry and exceptions of all CPUs;
 *  - the mm_struct, with the domain in it.
 *
 * Of the task that enters, asi_dpt_map_task() has to be told.  The stacks for
 * interrupts are not among these: call_on_stack() writes to such a stack before it
 * switches to it, and that fault leaves.  So each interrupt costs an exit.
 *
 * There is no user half.  User mode never runs in such a domain: returning to it
 * enters the user domain, or leaves.
 */
#include <linux/cpumask.h>
#include <linux/export.h>
#include <linux/mm_types.h>

#include <asm/cpu_entry_area.h>
#include <asm/sections.h>

#include "dpt.h"

/* Grant what the kernel maps of a range, which has pages without anything. */
static int map_present(struct asi_dpt *dpt, const void *from, const void *to)
{
	unsigned long start = (unsigned long)from & PAGE_MASK;
	unsigned long addr, end = (unsigned long)to;
	int err;

	while (start < end) {
		addr = start;
		while (addr < end && !pte_none(asi_kernel_page(addr)))
			addr += PAGE_SIZE;
		if (addr > start) {
			err = asi_dpt_map(dpt, (void *)start, addr - start);
			if (err)
				return err;
		}
		start = addr + PAGE_SIZE;
	}
	return 0;
}

/* The gaps between them are what boot has freed. */
static int map_image(struct asi_dpt *dpt)
{
	return map_present(dpt, _text, _etext) ?:
	       map_present(dpt, __start_rodata, __end_rodata) ?:
	       map_present(dpt, _sdata, _edata) ?:
	       map_present(dpt, __bss_start, __bss_stop);
}

static int map_cpu(struct asi_dpt *dpt, int cpu)
{
	struct cpu_entry_area *cea = get_cpu_entry_area(cpu);

	/* Not the buffers at the end, which come and go. */
	return map_present(dpt, cea, &cea->cpu_debug_buffers);
}

static int map_base(struct asi_dpt *dpt, struct mm_struct *mm)
{
	int cpu, err;

	err = map_image(dpt) ?:
	      asi_dpt_map_percpu(dpt, (__force void __percpu *)__per_cpu_start,
				 __per_cpu_end - __per_cpu_start) ?:
	      asi_dpt_map(dpt, (void *)CPU_ENTRY_AREA_RO_IDT_VADDR, PAGE_SIZE) ?:
	      asi_dpt_map(dpt, mm, sizeof(*mm));
	for_each_possible_cpu(cpu)
		err = err ?: map_cpu(dpt, cpu);
	return err;
}

/**
 * asi_dpt_domain_init - make the page table of a domain of decorated pages
 * @asi: The domain, complete but for @dpt and @pgd.
 *
 * Context: may sleep, mmap_lock of the mm held for writing.
 * Return: 0 or -ENOMEM.
 */
int asi_dpt_domain_init(struct asi *asi)
{
	struct asi_dpt *dpt = asi_dpt_create();
	int err;

	if (!dpt)
		return -ENOMEM;
	err = map_base(dpt, asi->mm);
	if (err) {
		asi_dpt_destroy(dpt);
		return err;
	}

	asi->dpt = dpt;
	/* Last: its being there says that the domain is complete. */
	smp_store_release(&asi->pgd, dpt->pgd);
	return 0;
}

/**
 * asi_dpt_of - the decorated page table of a domain
 * @asi: The domain, from asi_init(); NULL is none, as while ASI is off.
 *
 * Return: it, for as long as there is the domain; NULL if the domain has a page
 * table of another kind.
 */
struct asi_dpt *asi_dpt_of(struct asi *asi)
{
	return asi ? asi->dpt : NULL;
}
EXPORT_SYMBOL_GPL(asi_dpt_of);
