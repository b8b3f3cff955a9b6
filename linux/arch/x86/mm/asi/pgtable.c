// SPDX-License-Identifier: GPL-2.0
/*
 * Address space isolation: what a restricted page table is made of.
 *
 * Only the topmost level belongs to a domain, unless it has grants (grant.c) or is
 * of another kind altogether (dpt.c):
 *
 *  - The user half has the entries of the mm, so it shares all of the mm's user
 *    page tables.  It is kept in step by asi_sync_pgd(), called wherever an
 *    entry of the top level of a user address space is populated or cleared.
 *  - The entries of the direct map lead to tables that all domains share, in
 *    which sensitive memory is absent, see directmap.c.
 *  - The entries of the part of the vmalloc area that is for sensitive pages are
 *    empty, see window.c.
 *  - The rest of the kernel half has the kernel's entries.  They are all there
 *    when the first domain is made and never change, but for those that memory
 *    hotplug adds for struct pages.  They are absent in older domains, which an
 *    access leaves each time.
 */
#include <kunit/static_stub.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/vmstat.h>

#include <asm/pgalloc.h>
#include <asm/pgtable.h>

#include "internal.h"

/*
 * With PTI, bit 12 of CR3 tells the entry code that the user half of a pair of
 * page tables is loaded.  So it must be clear for a domain's, which is the
 * lower page of two.
 */
static unsigned int pgd_order(void)
{
	return cpu_feature_enabled(X86_FEATURE_PTI) ? 1 : 0;
}

/* SecPageTables in /proc/meminfo, and the same of the cgroup that pays. */
static void count_pages(const void *table, int nr)
{
	mod_lruvec_page_state(virt_to_page(table), NR_SECONDARY_PAGETABLE, nr);
}

/**
 * asi_table_pages - memory for a page table
 * @gfp:   Who it is accounted to.
 * @order: Of pages.
 *
 * All that a restricted page table is made of comes from here, and goes back by
 * asi_table_free() or asi_pgd_free().
 *
 * Context: may sleep.  Not where blocks of memory change sides, which is between a
 * request for memory and its answer.
 * Return: zeroed memory, or NULL.
 */
void *asi_table_pages(gfp_t gfp, unsigned int order)
{
	void *table;

	asi_debug_may_wait();
	table = (void *)__get_free_pages(gfp | __GFP_ZERO, order);
	if (table)
		count_pages(table, 1 << order);
	return table;
}

static void free_table(void *table, unsigned int order)
{
	if (!table)
		return;
	count_pages(table, -(1 << order));
	free_pages((unsigned long)table, order);
}

/**
 * asi_pgd_pages - allocate a topmost table without entries
 *
 * Context: may sleep.
 * Return: the table, for asi_pgd_free(); NULL without memory.
 */
pgd_t *asi_pgd_pages(void)
{
	KUNIT_STATIC_STUB_REDIRECT(asi_pgd_pages);

	return asi_table_pages(GFP_KERNEL_ACCOUNT, pgd_order());
}

/**
 * asi_table_alloc - allocate a table without entries, of any level but the topmost
 *
 * It belongs to whoever the domain is made for.
 *
 * Context: may sleep.
 * Return: the table, a page; NULL without memory.
 */
void *asi_table_alloc(void)
{
	KUNIT_STATIC_STUB_REDIRECT(asi_table_alloc);

	return asi_table_pages(GFP_KERNEL_ACCOUNT, 0);
}

/**
 * asi_table_free - free what asi_table_alloc() made
 * @table: The table, which no CPU walks any more; or NULL.
 *
 * Context: any but NMI.
 */
void asi_table_free(void *table)
{
	free_table(table, 0);
}

/**
 * asi_pgd_alloc - make the restricted page table of an mm
 * @mm:    The mm.
 * @where: Where to put the topmost table when it is complete: from then on
 *	   asi_sync_pgd() finds it.
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int asi_pgd_alloc(struct mm_struct *mm, pgd_t **where)
{
	pgd_t *pgd = asi_pgd_pages();

	if (!pgd)
		return -ENOMEM;

	/* Entries come and go meanwhile; asi_sync_pgd() has the same lock. */
	spin_lock(&mm->page_table_lock);
	memcpy(pgd, mm->pgd, PTRS_PER_PGD * sizeof(*pgd));
	asi_directmap_replace(pgd);
	asi_window_remove(pgd);
	/* Pairs with whoever looks whether there is a domain. */
	smp_store_release(where, pgd);
	spin_unlock(&mm->page_table_lock);
	return 0;
}

/**
 * asi_pgd_free - free what asi_pgd_alloc() or asi_pgd_pages() made
 * @pgd: The topmost table, loaded on no CPU.
 *
 * Context: any but NMI.
 */
void asi_pgd_free(pgd_t *pgd)
{
	free_table(pgd, pgd_order());
}

/**
 * asi_sync_pgd - bring the domains of an mm in step with its top level
 * @mm:   The mm, whose entry for @addr was populated or cleared just now.
 * @addr: An address that the entry translates.
 *
 * Context: page_table_lock of @mm held.
 */
void asi_sync_pgd(struct mm_struct *mm, unsigned long addr)
{
	unsigned int index = pgd_index(addr);
	int i;

	if (asi_directmap_slot(index))
		return;

	for (i = 0; i < ASI_MAX_NUM; i++) {
		struct asi *asi = &mm->context.asi.domain[i];
		/* Pairs with asi_pgd_alloc(): no domain, or a complete one. */
		pgd_t *pgd = smp_load_acquire(&asi->pgd);

		if (pgd && !asi->dpt)
			WRITE_ONCE(pgd[index], READ_ONCE(mm->pgd[index]));
	}
}

#define RIGHTS	(_PAGE_RW | _PAGE_USER | _PAGE_NX)

/* What an entry lets through, as bits that all entries of a walk must have. */
static unsigned long rights_of(unsigned long entry)
{
	return (entry ^ _PAGE_NX) & RIGHTS;
}

/*
 * asi_walk() down to level @bottom, and in *@rights the rights that all entries
 * together give.
 */
static unsigned long walk(pgd_t *pgd, unsigned long addr, int bottom, int *level,
			  unsigned long *rights)
{
	unsigned long *table = (unsigned long *)pgd;
	unsigned long entry;
	int l;

	*rights = ~0UL;
	for (l = asi_top_level(); ; l--) {
		entry = READ_ONCE(table[asi_level_index(addr, l)]);
		*rights &= rights_of(entry);
		if (!(entry & _PAGE_PRESENT) || l == bottom ||
		    (l < 4 && (entry & _PAGE_PSE)))
			break;
		table = __va(entry & PTE_PFN_MASK);
	}
	*level = l;
	return entry;
}

/**
 * asi_walk - look up an address in a page table, by the bits hardware looks at
 * @pgd:   The topmost table.
 * @addr:  The address.
 * @level: Set to the level of the entry that ended the walk, 1 for 4 KiB.
 *
 * Context: any; the tables do not go away meanwhile.
 * Return: that entry, present or not.
 */
unsigned long asi_walk(pgd_t *pgd, unsigned long addr, int *level)
{
	unsigned long rights;

	return walk(pgd, addr, 1, level, &rights);
}

/* The frame that @addr is translated to by @entry, a leaf of @level. */
static unsigned long leaf_target(unsigned long entry, unsigned long addr,
				 int level)
{
	unsigned long size = asi_level_size(level);

	return (entry & PTE_PFN_MASK & ~(size - 1)) | (addr & (size - 1));
}

/**
 * asi_kernel_page - what the kernel maps one page with
 * @addr: Any address.
 *
 * It may change at any time, unless the caller owns what is mapped.  The tables are
 * there as long as interrupts are off: vmap() frees one, to put a larger entry in
 * its place, only after a flush that interrupts all CPUs.  Those of memory that is
 * removed go at once.
 *
 * Context: any; memory hotplug off, or the caller owns what is mapped.
 * Return: the entry, or the same as an entry of 4 KiB where it is a larger one, with
 * the rights that all entries on the way give; empty if there is none.
 */
pte_t asi_kernel_page(unsigned long addr)
{
	unsigned long entry, val, rights, flags;
	int level;

	local_irq_save(flags);
	entry = walk(init_mm.pgd, addr, 1, &level, &rights);
	local_irq_restore(flags);
	if (!(entry & _PAGE_PRESENT))
		return __pte(0);

	val = entry & ~(PTE_PFN_MASK & ~(asi_level_size(level) - 1));
	if (level > 1)
		val = protval_large_2_4k(val);
	val = (val & ~RIGHTS) | (rights ^ _PAGE_NX);
	return pfn_pte(leaf_target(entry, addr, level) >> PAGE_SHIFT,
		       __pgprot(val));
}

/* How a leaf has its memory cached, and whether encrypted. */
static unsigned long leaf_memory_type(unsigned long entry, int level)
{
	unsigned long pat = level == 1 ? _PAGE_PAT : _PAGE_PAT_LARGE;

	return (entry & (_PAGE_PCD | _PAGE_PWT | sme_me_mask)) |
	       (entry & pat ? _PAGE_PAT : 0);
}

/* Does leaf @r give the frame that @u gives, in the same way and no more of it? */
static bool leaf_is_same(unsigned long r, int r_level, unsigned long u,
			 int u_level, unsigned long addr)
{
	return (u & _PAGE_PRESENT) && u_level >= r_level &&
	       leaf_target(r, addr, r_level) == leaf_target(u, addr, u_level) &&
	       leaf_memory_type(r, r_level) == leaf_memory_type(u, u_level) &&
	       !(rights_of(r) & ~rights_of(u));
}

static void check_broken(struct asi_check *result, unsigned long addr)
{
	if (!result->broken++)
		result->bad = addr;
}

/* Is @a the entry @b, but for what the hardware sets in one and not the other? */
static bool same_entry(unsigned long a, unsigned long b)
{
	return !((a ^ b) & ~ASI_ENTRY_NOISE);
}

/*
 * If @entry leads to a last-level table that both have, count what is in it and
 * say so: there is nothing to compare, and the kernel changes its entries without
 * pgd_lock.
 */
static bool check_shared(unsigned long entry, unsigned long addr,
			 unsigned long rights, pgd_t *unrestricted,
			 struct asi_check *result)
{
	unsigned long *table = __va(entry & PTE_PFN_MASK);
	unsigned long u, u_rights;
	int i, level;

	u = walk(unrestricted, addr, 2, &level, &u_rights);
	if (level != 2 || !same_entry(entry, u))
		return false;
	if (rights & ~u_rights)
		check_broken(result, addr);

	for (i = 0; i < PTRS_PER_PTE; i++) {
		entry = READ_ONCE(table[i]);
		if (entry & _PAGE_PRESENT) {
			result->leaves++;
			result->global += !!(entry & _PAGE_GLOBAL);
		}
	}
	return true;
}

/* @rights: what the entries above @table let through. */
static void check_table(unsigned long *table, int level, unsigned long base,
			unsigned long rights, pgd_t *unrestricted,
			struct asi_check *result)
{
	unsigned long addr, r, u, u_rights;
	int i, u_level;

	for (i = 0; i < PTRS_PER_PTE; i++) {
		addr = base + i * asi_level_size(level);
		r = READ_ONCE(table[i]);
		u = walk(unrestricted, addr, 1, &u_level, &u_rights);

		if (!(r & _PAGE_PRESENT)) {
			result->holes += !!(u & _PAGE_PRESENT);
			continue;
		}
		if (level == 1 || (level < 4 && (r & _PAGE_PSE))) {
			result->leaves++;
			result->global += !!(r & _PAGE_GLOBAL);
			if (!leaf_is_same(r, level, u, u_level, addr) ||
			    (rights & rights_of(r) & ~u_rights))
				check_broken(result, addr);
			continue;
		}

		if (level == 2 && check_shared(r, addr, rights & rights_of(r),
					       unrestricted, result))
			continue;
		check_table(__va(r & PTE_PFN_MASK), level - 1, addr,
			    rights & rights_of(r), unrestricted, result);
	}
}

/*
 * Is the entry for slot @i the same in both, and so all that is below it?  Page
 * faults populate slots without mmap_lock, both of them under page_table_lock.
 */
static bool same_slot(struct mm_struct *mm, pgd_t *a, pgd_t *b, int i)
{
	bool same;

	spin_lock(&mm->page_table_lock);
	same = same_entry(pgd_val(a[i]), pgd_val(b[i]));
	spin_unlock(&mm->page_table_lock);
	return same;
}

/* The first address that slot @i of the top level translates. */
static unsigned long slot_addr(int i)
{
	unsigned long addr = i * asi_level_size(asi_top_level());

	if (i >= PTRS_PER_PGD / 2)
		addr |= ~0UL << (PAGE_SHIFT + asi_top_level() * 9);
	return addr;
}

/**
 * asi_check_pgd - compare a restricted page table with the unrestricted one
 * @mm:		  The mm.
 * @restricted:	  The topmost table of a domain of it.
 * @unrestricted: That of the mm itself.
 * @result:	  Filled in.
 *
 * Every translation of the restricted table must be one of the unrestricted
 * table too, with no more rights.  Subtrees that both share are that by nature;
 * the rest is compared leaf by leaf.  Of the window it must have nothing.
 *
 * Context: may sleep.  The caller holds mmap_lock of the mm for writing, and
 * memory hotplug off, if it wants to rely on the result.
 */
void asi_check_pgd(struct mm_struct *mm, pgd_t *restricted, pgd_t *unrestricted,
		   struct asi_check *result)
{
	int level = asi_top_level();
	int i;

	*result = (struct asi_check) {};

	for (i = 0; i < PTRS_PER_PGD; i++) {
		unsigned long r = pgd_val(restricted[i]);
		unsigned long addr = slot_addr(i);

		if (asi_window_slot(i)) {
			if (r)
				check_broken(result, addr);
			continue;
		}
		if (same_slot(mm, restricted, unrestricted, i))
			continue;
		/* User mode would fault for ever on an entry that is missing. */
		if (i < PTRS_PER_PGD / 2) {
			check_broken(result, addr);
			continue;
		}
		if (!(r & _PAGE_PRESENT)) {
			result->holes++;
			continue;
		}
		/* Only the direct map may lead elsewhere. */
		if (!asi_directmap_slot(i)) {
			check_broken(result, addr);
			continue;
		}

		spin_lock(&pgd_lock);
		check_table(__va(r & PTE_PFN_MASK), level - 1, addr,
			    rights_of(r), unrestricted, result);
		spin_unlock(&pgd_lock);
		cond_resched();
	}
}

/* The same of a decorated one, which has no user half and shares no table. */
static void check_decorated(struct asi *asi, struct asi_check *result)
{
	unsigned long r, flags;
	int i;

	*result = (struct asi_check) {};

	for (i = 0; i < PTRS_PER_PGD; i++) {
		r = pgd_val(asi->pgd[i]);
		if (!r)
			continue;
		if (i < PTRS_PER_PGD / 2) {
			check_broken(result, slot_addr(i));
			continue;
		}
		/* The kernel's tables are there, see asi_kernel_page(). */
		local_irq_save(flags);
		check_table(__va(r & PTE_PFN_MASK), asi_top_level() - 1,
			    slot_addr(i), rights_of(r), asi->mm->pgd, result);
		local_irq_restore(flags);
		cond_resched();
	}
}

/**
 * asi_check_domain - compare the page table of a domain with that of its mm
 * @asi:    The domain.
 * @result: Filled in.
 *
 * Context: as asi_check_pgd().
 */
void asi_check_domain(struct asi *asi, struct asi_check *result)
{
	if (asi->dpt)
		check_decorated(asi, result);
	else
		asi_check_pgd(asi->mm, asi->pgd, asi->mm->pgd, result);
}
