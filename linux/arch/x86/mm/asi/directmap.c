// SPDX-License-Identifier: GPL-2.0
/*
 * Address space isolation: the restricted direct map.
 *
 * All domains share one restricted copy of the direct map's page tables.  It
 * has tables of its own down to the level of 2 MiB, made at boot, so that
 * nothing is allocated when a block of 2 MiB changes sides; where the kernel
 * maps a block by 4 KiB pages, both use the same last-level table.
 *
 * A block is either present, with the kernel's entry, or hidden, with a marker
 * in an entry that is not present.  Whoever changes the kernel's entries has
 * them mirrored here; a hidden block stays hidden whatever becomes of them.
 *
 * asi_directmap_lock makes one step of reading the kernel's entry and writing the
 * restricted one, and its copies in domains with grants, see grant.c.  The kernel's
 * entries change under pgd_lock, outside of it, and are mirrored after that, so the
 * last to write here has read the last of them.  The page allocator takes only
 * asi_directmap_lock, from any context.
 */
#include <linux/cleanup.h>
#include <linux/memblock.h>
#include <linux/mm.h>
#include <linux/spinlock.h>
#include <linux/vmstat.h>

#include <asm/pgalloc.h>
#include <asm/pgtable.h>
#include <asm/set_memory.h>
#include <asm/tlbflush.h>

#include "internal.h"

/*
 * An entry of a hidden block.  Not present, and without an address, so that it
 * names frame 0, which holds nothing: where L1TF applies, an absent entry is an
 * invitation to read its frame.
 */
#define HIDDEN_BLOCK	__pmd(_PAGE_SOFTW1)
/* The same of one that was hidden by hand, so that the fault log can tell. */
#define HOLE_BLOCK	__pmd(_PAGE_SOFTW1 | _PAGE_SOFTW2)

/* Nested inside of pgd_lock.  Interrupts off. */
DEFINE_RAW_SPINLOCK(asi_directmap_lock);

/* A top level of which only the slots of the direct map are used. */
static pgd_t directmap_pgd[PTRS_PER_PGD] __page_aligned_bss;

/* First slot of the direct map and the one after its last; equal when unused. */
static unsigned int first_slot __ro_after_init;
static unsigned int end_slot __ro_after_init;

/* Is this the entry of a block that asi_directmap_hide() hid? */
bool asi_block_hole(pmd_t pmd)
{
	return pmd_val(pmd) == pmd_val(HOLE_BLOCK);
}

/* Is this the entry of a hidden block? */
bool asi_block_hidden(pmd_t pmd)
{
	return pmd_val(pmd) == pmd_val(HIDDEN_BLOCK) || asi_block_hole(pmd);
}

/* The topmost table; only the slots of the direct map have something in them. */
pgd_t *asi_directmap_pgd(void)
{
	return directmap_pgd;
}

static bool in_directmap(unsigned long addr)
{
	unsigned int slot = pgd_index(addr);

	return addr >= PAGE_OFFSET && slot >= first_slot && slot < end_slot;
}

/* Is this a slot of the top level that the direct map has? */
bool asi_directmap_slot(unsigned int index)
{
	return index >= first_slot && index < end_slot;
}

/* Makes the direct map that @pgd, a topmost table, leads to the restricted one. */
void asi_directmap_replace(pgd_t *pgd)
{
	memcpy(&pgd[first_slot], &directmap_pgd[first_slot],
	       (end_slot - first_slot) * sizeof(*pgd));
}

/*
 * KASLR and the slots of the direct map.  They must have nothing else in them,
 * as what is in them is not shared with the kernel.  The direct map comes first
 * of the regions that are placed at random, and the second, vmalloc, may begin
 * in the slot where the first ends; so it is moved up to the next slot.
 */

/* Address space for KASLR to hold back, for asi_kaslr_align(). */
unsigned long __init asi_kaslr_slack(void)
{
	return cpu_feature_enabled(X86_FEATURE_ASI) ? PGDIR_SIZE : 0;
}

/**
 * asi_kaslr_align - where a region starts
 * @region: Its number; 0 is the direct map.
 * @vaddr:  Where it would start without ASI.
 *
 * Return: where it starts with it.
 */
unsigned long __init asi_kaslr_align(int region, unsigned long vaddr)
{
	if (region == 1 && cpu_feature_enabled(X86_FEATURE_ASI))
		return round_up(vaddr, PGDIR_SIZE);
	return vaddr;
}

static void *table_alloc(void)
{
	return asi_table_pages(GFP_KERNEL, 0);
}

/* The restricted entry for the block at @addr, or NULL without a table. */
static pmd_t *block_entry(unsigned long addr)
{
	pgd_t *pgd = &directmap_pgd[pgd_index(addr)];
	p4d_t *p4d;
	pud_t *pud;

	if (pgtable_l5_enabled() && pgd_none(*pgd))
		return NULL;
	p4d = p4d_offset(pgd, addr);
	if (p4d_none(*p4d))
		return NULL;
	pud = pud_offset(p4d, addr);
	if (pud_none(*pud))
		return NULL;
	return pmd_offset(pud, addr);
}

/* Make the tables for the block at @addr.  Callers exclude each other. */
static int block_alloc(unsigned long addr)
{
	p4d_t *p4d = p4d_offset(&directmap_pgd[pgd_index(addr)], addr);
	pud_t *pud;
	void *new;

	if (p4d_none(*p4d)) {
		new = table_alloc();
		if (!new)
			return -ENOMEM;
		set_p4d(p4d, __p4d(_KERNPG_TABLE | __pa(new)));
	}
	pud = pud_offset(p4d, addr);
	if (pud_none(*pud)) {
		new = table_alloc();
		if (!new)
			return -ENOMEM;
		set_pud(pud, __pud(_KERNPG_TABLE | __pa(new)));
	}
	return 0;
}

/* The table of the next level for a slot; p4d_t has the slots of 4 levels. */
static int __init slot_alloc(unsigned int slot)
{
	pgd_t *pgd = &directmap_pgd[slot];
	void *new = table_alloc();

	if (!new)
		return -ENOMEM;
	if (pgtable_l5_enabled())
		set_pgd(pgd, __pgd(_KERNPG_TABLE | __pa(new)));
	else
		set_p4d((p4d_t *)pgd, __p4d(_KERNPG_TABLE | __pa(new)));
	return 0;
}

/* The kernel's table entry above the block at @addr, or NULL if there is none. */
static pud_t *kernel_pud(unsigned long addr)
{
	pgd_t *pgd = pgd_offset_k(addr);
	p4d_t *p4d;

	if (pgd_none(*pgd))
		return NULL;
	p4d = p4d_offset(pgd, addr);
	if (p4d_none(*p4d))
		return NULL;
	return pud_offset(p4d, addr);
}

/*
 * What the kernel maps the block at @addr with: a leaf, a table of 4 KiB
 * entries, or nothing.  Nothing, too, for an entry that is not present but still
 * names a frame.
 */
static pmd_t kernel_block(unsigned long addr)
{
	pud_t *where = kernel_pud(addr);
	pud_t pud = where ? READ_ONCE(*where) : __pud(0);
	unsigned long val;

	if (!(pud_val(pud) & _PAGE_PRESENT))
		return __pmd(0);

	/* A leaf of 1 GiB has the format of one of 2 MiB. */
	if (pud_leaf(pud))
		val = pud_val(pud) + pmd_index(addr) * PMD_SIZE;
	else
		val = pmd_val(READ_ONCE(*pmd_offset(&pud, addr)));

	return val & _PAGE_PRESENT ? __pmd(val) : __pmd(0);
}

/**
 * asi_directmap_block - the restricted entry of a block
 * @addr: Of the direct map.
 *
 * Context: asi_directmap_lock held.
 * Return: what all domains have there that have no grant in it.
 */
pmd_t asi_directmap_block(unsigned long addr)
{
	pmd_t *pmd = block_entry(addr);

	return pmd ? *pmd : __pmd(0);
}

/**
 * asi_directmap_page - what the kernel maps one page with
 * @addr: Any address.
 *
 * Context: asi_directmap_lock held.
 * Return: the entry, or the same as an entry of 4 KiB where it is a larger one;
 * empty if @addr has no place in the restricted direct map.
 */
pte_t asi_directmap_page(unsigned long addr)
{
	if (!asi_ready || !in_directmap(addr) || !block_entry(addr))
		return __pte(0);
	return asi_kernel_page(addr);
}

/* Set the entry for the block at @addr, and its copies.  asi_directmap_lock is held. */
static void set_block(unsigned long addr, pmd_t *pmd, pmd_t val)
{
	WRITE_ONCE(*pmd, val);
	asi_grants_sync_block(addr);
}

static void sync_block(unsigned long addr)
{
	pmd_t *pmd = block_entry(addr);
	unsigned long flags;

	raw_spin_lock_irqsave(&asi_directmap_lock, flags);
	if (pmd && !asi_block_hidden(*pmd))
		set_block(addr, pmd, kernel_block(addr));
	raw_spin_unlock_irqrestore(&asi_directmap_lock, flags);
}

static void sync_range(unsigned long start, unsigned long end)
{
	unsigned long addr;

	for (addr = start & PMD_MASK; addr < end; addr += PMD_SIZE)
		sync_block(addr);
}

/* Give all blocks in a range the same entry, where there are tables. */
static void set_blocks(unsigned long start, unsigned long end, pmd_t val)
{
	unsigned long addr, flags;
	pmd_t *pmd;

	for (addr = start & PMD_MASK; addr < end; addr += PMD_SIZE) {
		pmd = block_entry(addr);
		if (!pmd)
			continue;
		raw_spin_lock_irqsave(&asi_directmap_lock, flags);
		set_block(addr, pmd, val);
		raw_spin_unlock_irqrestore(&asi_directmap_lock, flags);
	}
}

/**
 * asi_directmap_sync - mirror a change of an entry above the last level
 * @addr: An address that the entry translates; need not be in the direct map.
 *
 * Called by the code that changes page attributes for each entry of 2 MiB or
 * 1 GiB that it replaced, before it flushes the TLBs.
 *
 * Context: pgd_lock held.
 */
void asi_directmap_sync(unsigned long addr)
{
	pud_t *pud;

	if (!cpu_feature_enabled(X86_FEATURE_ASI))
		return;

	/* set_mce_nospec() hides its address from speculation: bit 63 is flipped. */
	addr = (long)(addr << 1) >> 1;
	if (!in_directmap(addr))
		return;

	/* A table says nothing of the other blocks.  Absent, it is for all. */
	pud = kernel_pud(addr);
	if (pud && (pud_leaf(*pud) || !(pud_val(*pud) & _PAGE_PRESENT)))
		sync_range(addr & PUD_MASK, (addr & PUD_MASK) + PUD_SIZE);
	else
		sync_block(addr);
}

/**
 * asi_directmap_prepare - memory is about to be added to the direct map
 * @start: First address.
 * @end:   The address after the last.
 *
 * Makes the tables for it, and hides it.  Memory of devices stays so: a file system
 * or a user has it.  Other memory becomes sensitive when it is onlined.
 *
 * Context: may sleep; memory hotplug lock held for writing.
 * Return: 0; -ENOMEM; -EINVAL for parts of blocks, and for memory beyond what the
 * machine can have.
 */
int asi_directmap_prepare(unsigned long start, unsigned long end)
{
	unsigned long addr, flags;
	int err;

	if (!asi_ready)
		return 0;
	if ((start | end) & ~PMD_MASK)
		return -EINVAL;

	for (addr = start & PUD_MASK; addr < end; addr += PUD_SIZE) {
		if (!in_directmap(addr) || pgd_val(directmap_pgd[pgd_index(addr)]) == 0)
			return -EINVAL;
		err = block_alloc(addr);
		if (err)
			return err;
	}

	raw_spin_lock_irqsave(&asi_directmap_lock, flags);
	for (addr = start & PUD_MASK; addr < end; addr += PUD_SIZE)
		asi_grants_sync_tables(addr);
	raw_spin_unlock_irqrestore(&asi_directmap_lock, flags);
	set_blocks(start, end, HIDDEN_BLOCK);
	return 0;
}

/**
 * asi_directmap_add - memory was added to the direct map
 * @start: First address.
 * @end:   The address after the last.
 *
 * For asi_sensitive=off: all memory is present then.  What can hold a task or an mm
 * must not be absent, as the page fault handler needs both to leave.
 *
 * Context: may sleep; memory hotplug lock held for writing, and the range was
 * prepared.
 */
void asi_directmap_add(unsigned long start, unsigned long end)
{
	if (!asi_ready)
		return;

	set_blocks(start, end, __pmd(0));
	spin_lock(&pgd_lock);
	sync_range(start, end);
	spin_unlock(&pgd_lock);
}

/**
 * asi_directmap_remove - memory is about to leave the direct map
 * @start: First address.
 * @end:   The address after the last.
 *
 * Last-level tables are shared with the kernel, which frees them next.  From then on
 * it is hidden, whatever the kernel's own entries become, until memory is added there.
 *
 * Context: may sleep; memory hotplug lock held for writing.
 */
void asi_directmap_remove(unsigned long start, unsigned long end)
{
	if (!asi_ready)
		return;

	asi_debug_may_wait();
	set_blocks(start, end, HIDDEN_BLOCK);
	flush_tlb_kernel_range(start, end);
}

/**
 * asi_directmap_hide - take a block out of all restricted address spaces
 * @addr: Of the direct map, aligned to 2 MiB.
 *
 * No CPU can reach it from a restricted address space when this returns.
 *
 * Context: may sleep, interrupts on.
 * Return: 0; -EINVAL for what is not a block of the direct map, -EBUSY if it is
 * hidden already.
 */
int asi_directmap_hide(unsigned long addr)
{
	pmd_t *pmd;

	asi_debug_may_wait();
	if (!asi_ready || !in_directmap(addr) || addr & ~PMD_MASK)
		return -EINVAL;
	pmd = block_entry(addr);
	if (!pmd)
		return -EINVAL;

	scoped_guard(raw_spinlock_irqsave, &asi_directmap_lock) {
		if (asi_block_hidden(*pmd))
			return -EBUSY;
		if (pmd_none(*pmd))
			return -EINVAL;
		set_block(addr, pmd, HOLE_BLOCK);
	}

	flush_tlb_kernel_range(addr, addr + PMD_SIZE);
	return 0;
}

/**
 * asi_directmap_show - put a hidden block back
 * @addr: As for asi_directmap_hide().
 *
 * Nothing to flush: the CPU does not keep translations that are not present, and
 * those of grants stay right.
 *
 * Context: any.
 */
void asi_directmap_show(unsigned long addr)
{
	pmd_t *pmd = asi_ready && in_directmap(addr) ? block_entry(addr) : NULL;
	unsigned long flags;

	if (WARN_ON_ONCE(!pmd || !asi_block_hidden(*pmd)))
		return;

	raw_spin_lock_irqsave(&asi_directmap_lock, flags);
	set_block(addr, pmd, kernel_block(addr));
	raw_spin_unlock_irqrestore(&asi_directmap_lock, flags);
}

/**
 * asi_block_hide - a block of memory becomes sensitive
 * @block: It, in the direct map, aligned to 2 MiB; ordinary memory.
 *
 * Absent from now on, for who looks it up.  Before the block is given to whom it
 * is hidden for, the caller calls asi_blocks_flush().
 *
 * Context: any.
 */
void asi_block_hide(const void *block)
{
	unsigned long addr = (unsigned long)block;
	pmd_t *pmd = block_entry(addr);
	unsigned long flags;

	if (WARN_ON_ONCE(!pmd))
		return;

	raw_spin_lock_irqsave(&asi_directmap_lock, flags);
	set_block(addr, pmd, HIDDEN_BLOCK);
	raw_spin_unlock_irqrestore(&asi_directmap_lock, flags);
}

/**
 * asi_block_show - a block of memory becomes nonsensitive
 * @block: As for asi_block_hide(), which was called for it.  Nothing of the past is
 *	   in it.
 *
 * Context: any.
 */
void asi_block_show(const void *block)
{
	asi_directmap_show((unsigned long)block);
}

/**
 * asi_blocks_flush - no CPU reaches what was hidden any more when this returns
 *
 * Context: interrupts on, and no lock held that others take with interrupts off.
 */
void asi_blocks_flush(void)
{
	asi_debug_may_wait();
	count_vm_event(SENSITIVE_SHOOTDOWN);
	flush_tlb_all();
}

/**
 * asi_block_absent - is a page hidden?
 * @page: Its address in the direct map.
 *
 * Context: any.
 */
bool asi_block_absent(const void *page)
{
	pmd_t *pmd = block_entry((unsigned long)page);

	return pmd && asi_block_hidden(READ_ONCE(*pmd));
}

/**
 * asi_directmap_present - does the restricted direct map have a block?
 * @addr: Of the direct map.
 *
 * Return: true if it has.
 */
bool asi_directmap_present(unsigned long addr)
{
	int level;

	return in_directmap(addr) &&
	       (asi_walk(directmap_pgd, addr, &level) & _PAGE_PRESENT);
}

/**
 * asi_directmap_init - make the restricted direct map
 *
 * Context: early initcall, before there are other CPUs or user processes.
 * Return: 0 or -ENOMEM.
 */
int __init asi_directmap_init(void)
{
	unsigned long end = PAGE_OFFSET + PFN_PHYS(max_possible_pfn);
	unsigned long addr;
	unsigned int slot;
	int err;

	/*
	 * The slots must be the direct map's alone, as what is in them is not
	 * shared with the kernel.  KASLR sees to that, see asi_kaslr_align().
	 */
	if (WARN_ON_ONCE(VMALLOC_START & ~PGDIR_MASK ||
			 end > VMALLOC_START))
		return -EINVAL;

	first_slot = pgd_index(PAGE_OFFSET);
	end_slot = pgd_index(VMALLOC_START);

	/* All that memory can ever be in: domains have copies of these slots. */
	for (slot = first_slot; slot <= pgd_index(PAGE_OFFSET + PHYSMEM_END); slot++) {
		err = slot_alloc(slot);
		if (err)
			return err;
	}

	for (addr = PAGE_OFFSET; addr < end; addr += PUD_SIZE) {
		pud_t *pud = kernel_pud(addr);

		if (!pud || pud_none(*pud))
			continue;
		err = block_alloc(addr);
		if (err)
			return err;
	}

	spin_lock(&pgd_lock);
	sync_range(PAGE_OFFSET, end);
	spin_unlock(&pgd_lock);
	return 0;
}
