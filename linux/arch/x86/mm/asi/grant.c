// SPDX-License-Identifier: GPL-2.0
/*
 * Address space isolation: private grants.
 *
 * A grant maps pages of the direct map in one domain although they are absent in
 * the others: what the domain needs at hand and nobody else may reach.
 *
 * A domain with grants has tables of its own on the way to them, for the GiB
 * around each.  Every entry there is a copy of the shared one (directmap.c),
 * except that of a hidden block in which pages are granted: it leads to a table
 * of exactly those pages.  So a grant in a block that is not hidden changes
 * nothing until it is.
 *
 *	grant_mutex	    the set of grants
 *	asi_directmap_lock  the tables: a shared entry and its copies change together
 *
 * Tables are freed with their domain, not with the last grant in them.
 */
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include <asm/asi_dpt.h>
#include <asm/pgtable.h>
#include <asm/tlbflush.h>

#include "internal.h"

/**
 * struct asi_grants - the private tables of a domain for one GiB
 *
 * @of_domain:	In the list of the domain; under grant_mutex.
 * @all:	In the list of all; under the lock.
 * @asi:	The domain.
 * @base:	The first address.
 * @pmd:	The table of the blocks, NULL at first; under the lock, as its
 *		entries.
 * @pages:	By block: the table of what is granted in it, or NULL.  A page;
 *		its entries, and those of the tables, under the lock.
 */
struct asi_grants {
	struct hlist_node of_domain;
	struct list_head all;
	struct asi *asi;
	unsigned long base;
	pmd_t *pmd;
	pte_t **pages;
};

static DEFINE_MUTEX(grant_mutex);
static LIST_HEAD(all_grants);

/**
 * struct table_path - where the private tables of a domain end on the way to an address
 * @own:	The entry of the domain that ends them.
 * @shared:	What the shared tables have in its place.
 * @level:	Its level; 2 when all tables are the domain's own.
 */
struct table_path {
	unsigned long *own;
	unsigned long shared;
	int level;
};

static struct table_path find_path(struct asi *asi, unsigned long addr)
{
	unsigned long *own = (unsigned long *)asi->pgd;
	unsigned long *shared = (unsigned long *)asi_directmap_pgd();
	struct table_path p;

	for (p.level = asi_top_level(); ; p.level--) {
		int i = asi_level_index(addr, p.level);

		p.own = &own[i];
		p.shared = shared[i];
		if (p.level == 2 || !*p.own || *p.own == p.shared)
			return p;
		own = asi_table_of(*p.own);
		shared = asi_table_of(p.shared);
	}
}

/* Make all tables above the blocks of @g private. */
static int make_private(struct asi_grants *g)
{
	while (!g->pmd) {
		void *table = asi_table_alloc();
		struct table_path p;
		unsigned long flags;

		if (!table)
			return -ENOMEM;

		raw_spin_lock_irqsave(&asi_directmap_lock, flags);
		p = find_path(g->asi, g->base);
		memcpy(table, asi_table_of(p.shared), PAGE_SIZE);
		/* After what it leads to, see set_block(). */
		smp_store_release(p.own, _KERNPG_TABLE | __pa(table));
		if (p.level == 3)
			g->pmd = table;
		raw_spin_unlock_irqrestore(&asi_directmap_lock, flags);
	}
	return 0;
}

/* The entry of @g for the block at @addr.  asi_directmap_lock is held. */
static void set_block(struct asi_grants *g, unsigned long addr)
{
	pmd_t pmd = asi_directmap_block(addr);
	int i = pmd_index(addr);

	if (asi_block_hidden(pmd) && g->pages[i])
		pmd = __pmd(_KERNPG_TABLE | __pa(g->pages[i]));
	/* After what it leads to: the CPU walks without a lock. */
	if (g->pmd)
		smp_store_release(&g->pmd[i], pmd);
}

/**
 * asi_grants_sync_block - the shared entry of a block has changed
 * @addr: An address in the block.
 *
 * Context: asi_directmap_lock held.
 */
void asi_grants_sync_block(unsigned long addr)
{
	struct asi_grants *g;

	list_for_each_entry(g, &all_grants, all) {
		if (g->base == (addr & PUD_MASK))
			set_block(g, addr);
	}
}

/**
 * asi_grants_sync_tables - shared tables for a block were added
 * @addr: An address in the block.
 *
 * Context: asi_directmap_lock held.
 */
void asi_grants_sync_tables(unsigned long addr)
{
	struct asi_grants *g;

	list_for_each_entry(g, &all_grants, all) {
		struct table_path p = find_path(g->asi, addr);

		if (p.level > 2)
			WRITE_ONCE(*p.own, p.shared);
	}
}

static struct asi_grants *find_grants(struct asi *asi, unsigned long addr)
{
	struct asi_grants *g;

	hlist_for_each_entry(g, &asi->grants, of_domain) {
		if (g->base == (addr & PUD_MASK))
			return g;
	}
	return NULL;
}

static struct asi_grants *make_grants(struct asi *asi, unsigned long addr)
{
	struct asi_grants *g = kzalloc(sizeof(*g), GFP_KERNEL_ACCOUNT);
	unsigned long flags;

	if (!g)
		return NULL;
	g->asi = asi;
	g->base = addr & PUD_MASK;
	g->pages = asi_table_alloc();
	if (!g->pages) {
		kfree(g);
		return NULL;
	}

	hlist_add_head(&g->of_domain, &asi->grants);
	raw_spin_lock_irqsave(&asi_directmap_lock, flags);
	list_add(&g->all, &all_grants);
	raw_spin_unlock_irqrestore(&asi_directmap_lock, flags);
	return g;
}

/* Make the tables for grants in the block at @addr. */
static int prepare_block(struct asi *asi, unsigned long addr)
{
	struct asi_grants *g = find_grants(asi, addr) ?: make_grants(asi, addr);
	unsigned long flags;
	void *table;

	if (!g || make_private(g))
		return -ENOMEM;
	if (g->pages[pmd_index(addr)])
		return 0;

	table = asi_table_alloc();
	if (!table)
		return -ENOMEM;
	raw_spin_lock_irqsave(&asi_directmap_lock, flags);
	g->pages[pmd_index(addr)] = table;
	set_block(g, addr);
	raw_spin_unlock_irqrestore(&asi_directmap_lock, flags);
	return 0;
}

/* The entry of a page among the grants of @asi, or NULL without a table. */
static pte_t *grant_entry(struct asi *asi, unsigned long addr)
{
	struct asi_grants *g = find_grants(asi, addr);
	pte_t *table = g ? g->pages[pmd_index(addr)] : NULL;

	return table ? &table[pte_index(addr)] : NULL;
}

static bool granted(struct asi *asi, unsigned long addr)
{
	pte_t *entry = grant_entry(asi, addr);

	return entry && !pte_none(*entry);
}

/* Can all of a range be granted? */
static int check_range(struct asi *asi, unsigned long start, unsigned long end)
{
	unsigned long addr, flags;
	pte_t page;

	for (addr = start; addr < end; addr += PAGE_SIZE) {
		raw_spin_lock_irqsave(&asi_directmap_lock, flags);
		page = asi_directmap_page(addr);
		raw_spin_unlock_irqrestore(&asi_directmap_lock, flags);
		if (pte_none(page))
			return -EINVAL;
		if (granted(asi, addr))
			return -EEXIST;
	}
	return 0;
}

/* Grant a page.  Its tables are there. */
static int map_page(struct asi *asi, unsigned long addr)
{
	unsigned long flags;
	pte_t page;

	raw_spin_lock_irqsave(&asi_directmap_lock, flags);
	page = asi_directmap_page(addr);
	WRITE_ONCE(*grant_entry(asi, addr), page);
	raw_spin_unlock_irqrestore(&asi_directmap_lock, flags);
	return pte_none(page) ? -EINVAL : 0;
}

static void unmap_range(struct asi *asi, unsigned long start, unsigned long end)
{
	unsigned long addr, flags;

	asi_debug_may_wait();
	for (addr = start; addr < end; addr += PAGE_SIZE) {
		if (WARN_ON_ONCE(!granted(asi, addr)))
			continue;
		raw_spin_lock_irqsave(&asi_directmap_lock, flags);
		WRITE_ONCE(*grant_entry(asi, addr), __pte(0));
		raw_spin_unlock_irqrestore(&asi_directmap_lock, flags);
	}
	flush_tlb_kernel_range(start, end);
}

static int map_range(struct asi *asi, unsigned long start, unsigned long end)
{
	unsigned long addr;
	int err;

	err = check_range(asi, start, end);
	for (addr = start & PMD_MASK; !err && addr < end; addr += PMD_SIZE)
		err = prepare_block(asi, addr);
	if (err)
		return err;

	for (addr = start; addr < end; addr += PAGE_SIZE) {
		err = map_page(asi, addr);
		if (err) {
			unmap_range(asi, start, addr);
			return err;
		}
	}
	return 0;
}

/* Is it whole pages? */
static bool range_valid(unsigned long start, size_t len)
{
	return len && !((start | len) & ~PAGE_MASK) && start + len > start;
}

/**
 * asi_map - map memory in one domain, whatever becomes of it in the others
 * @asi:  The domain; NULL is none, as while ASI is off.
 * @addr: In the direct map, aligned to pages.
 * @len:  In bytes, whole pages.
 *
 * For memory that belongs to the domain's owner alone.  The caller owns it: until
 * asi_unmap() it neither frees it nor changes the attributes of its mapping.  The
 * grant is a copy of the kernel's entry and does not follow when others change
 * that, as after a memory error.
 *
 * A CPU that is in the domain may go on without the pages until it enters the
 * next time; relaxed code takes an exit when it touches them, tense code must not.
 *
 * Context: process context, may sleep; the caller holds a reference to the mm of
 * @asi.
 * Return: 0; -EINVAL for what the kernel or the restricted direct map has no place
 * for, or is not whole pages; -EEXIST if some of it is granted already; -ENOMEM.
 * Nothing is granted on failure.  In a domain with a decorated page table, that of
 * asi_dpt_map().
 */
int asi_map(struct asi *asi, const void *addr, size_t len)
{
	unsigned long start = (unsigned long)addr;
	int err;

	if (!asi)
		return 0;
	if (asi->dpt)
		return asi_dpt_map(asi->dpt, addr, len);
	if (!range_valid(start, len))
		return -EINVAL;

	mutex_lock(&grant_mutex);
	err = map_range(asi, start, start + len);
	mutex_unlock(&grant_mutex);
	return err;
}
EXPORT_SYMBOL_GPL(asi_map);

/**
 * asi_unmap - take back what asi_map() granted
 * @asi:  The domain, as for asi_map().
 * @addr: First address; any part of what was granted, in whole pages.  Of a
 *	  decorated page table, all of it.
 * @len:  In bytes.
 *
 * No CPU reaches it through the grant any more when this returns.
 *
 * Context: process context, may sleep, interrupts on.
 */
void asi_unmap(struct asi *asi, const void *addr, size_t len)
{
	unsigned long start = (unsigned long)addr;

	if (!asi)
		return;
	if (asi->dpt) {
		WARN_ON_ONCE(asi_dpt_unmap(asi->dpt, addr, len));
		return;
	}
	if (WARN_ON_ONCE(!range_valid(start, len)))
		return;

	mutex_lock(&grant_mutex);
	unmap_range(asi, start, start + len);
	mutex_unlock(&grant_mutex);
}
EXPORT_SYMBOL_GPL(asi_unmap);

/* Free the tables that entries of @own lead to and those of @shared do not. */
static void free_tables(unsigned long *own, unsigned long *shared, int level)
{
	int i;

	for (i = 0; i < PTRS_PER_PTE; i++) {
		if (own[i] == shared[i] || !own[i] ||
		    (level == asi_top_level() && !asi_directmap_slot(i)))
			continue;
		if (level > 3)
			free_tables(asi_table_of(own[i]), asi_table_of(shared[i]),
				    level - 1);
		asi_table_free(asi_table_of(own[i]));
	}
}

static void free_grants(struct asi_grants *g)
{
	int i;

	for (i = 0; i < PTRS_PER_PMD; i++)
		asi_table_free(g->pages[i]);
	asi_table_free(g->pages);
	kfree(g);
}

/**
 * asi_grants_free - end all grants of a domain
 * @asi: Loaded on no CPU, and nobody else's business any more.
 *
 * Context: any, also atomic.
 */
void asi_grants_free(struct asi *asi)
{
	struct hlist_node *next;
	struct asi_grants *g;
	unsigned long flags;

	if (hlist_empty(&asi->grants))
		return;

	/* From here on nobody keeps the copies in step. */
	raw_spin_lock_irqsave(&asi_directmap_lock, flags);
	hlist_for_each_entry(g, &asi->grants, of_domain)
		list_del(&g->all);
	raw_spin_unlock_irqrestore(&asi_directmap_lock, flags);

	free_tables((unsigned long *)asi->pgd,
		    (unsigned long *)asi_directmap_pgd(), asi_top_level());
	hlist_for_each_entry_safe(g, next, &asi->grants, of_domain)
		free_grants(g);
	INIT_HLIST_HEAD(&asi->grants);
}
