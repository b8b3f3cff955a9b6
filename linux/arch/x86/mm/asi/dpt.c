// SPDX-License-Identifier: GPL-2.0
/*
 * Address space isolation: decorated page tables.
 *
 * All tables of a decorated page table are its own: it leads to none that the
 * kernel or another page table has, so it can write to any of its tables, and
 * free all of them.  A table is freed with the page table, not with the last
 * grant in it.
 *
 * All leaves are of 4 KiB, whatever the kernel maps the memory with: no grant
 * lets through more than the pages that it names, and none has to be split when
 * another one is taken back.
 *
 * The pages of all grants are in a tree of intervals; a page is mapped as long as
 * the tree has an interval with it.
 *
 * Private grants (grant.c) are something else, and neither uses the other.  There
 * the tables are copies of shared ones, kept in step with them in atomic context,
 * but for the blocks that are hidden; here they are made of grants only, and
 * follow nothing.  Both read the kernel's entries by asi_kernel_page().
 *
 *	lock	grants, and all entries.  Nothing is allocated under it: what may
 *		be needed is allocated before, so nothing has to be undone when
 *		there is no memory.
 */
#include <kunit/static_stub.h>
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sched/task.h>
#include <linux/sched/task_stack.h>
#include <linux/seq_file.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include <asm/page.h>
#include <asm/pgtable.h>
#include <asm/tlbflush.h>

#include "dpt.h"

/*
 * What one range may have.  Nothing that is worth a list is larger, and a mistake
 * shall not use up the memory for tables: the shadow of KASAN is 16 TiB.
 */
#define GRANT_MAX	SZ_1G

/*
 * What a page is granted with, 0 if the kernel does not map it.  A global
 * translation would outlive the address space, and user mode never runs here.
 */
static unsigned long wanted_entry(unsigned long addr)
{
	return pte_val(asi_kernel_page(addr)) & ~(_PAGE_GLOBAL | _PAGE_USER);
}

/*
 * The entry of a page.  Tables on the way that are missing come from @pool; with
 * NULL, NULL is returned if one is.
 */
static unsigned long *own_entry(struct asi_dpt *dpt, unsigned long addr,
				struct list_head *pool)
{
	unsigned long *table = (unsigned long *)dpt->pgd;
	struct page *page;
	int level;

	for (level = asi_top_level(); level > 1; level--) {
		unsigned long *entry = &table[asi_level_index(addr, level)];

		if (!*entry && !pool)
			return NULL;
		if (!*entry) {
			page = list_first_entry(pool, struct page, lru);
			list_del(&page->lru);
			table = page_address(page);
			/* After its zeroes: the CPU walks without a lock. */
			smp_store_release(entry, _KERNPG_TABLE | __pa(table));
		}
		table = asi_table_of(*entry);
	}
	return &table[asi_level_index(addr, 1)];
}

/* The tables that an empty page table needs for a range. */
static unsigned long tables_for(const struct interval_tree_node *range)
{
	unsigned long n = 0;
	int level;

	for (level = asi_top_level(); level > 1; level--) {
		int shift = asi_level_shift(level);

		n += (range->last >> shift) - (range->start >> shift) + 1;
	}
	return n;
}

static void pool_free(struct list_head *pool)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, pool, lru)
		asi_table_free(page_address(page));
}

/* Allocate all tables that a grant can need. */
static int pool_fill(struct list_head *pool, const struct asi_dpt_grant *grant)
{
	unsigned long n = 0;
	unsigned int i;
	void *table;

	for (i = 0; i < grant->nr; i++)
		n += tables_for(&grant->range[i]);

	while (n--) {
		table = asi_table_alloc();
		if (!table)
			return -ENOMEM;
		list_add(&virt_to_page(table)->lru, pool);
	}
	return 0;
}

/**
 * asi_dpt_grant_alloc - allocate a grant that has nothing yet
 * @kind: What it is of.
 * @addr: Where that is, see struct asi_dpt_grant.
 * @max:  For how many ranges.
 *
 * Context: may sleep.
 * Return: the grant, for asi_dpt_make_grant(); NULL without memory.
 */
struct asi_dpt_grant *asi_dpt_grant_alloc(enum asi_dpt_kind kind,
					  unsigned long addr, unsigned int max)
{
	struct asi_dpt_grant *grant;

	KUNIT_STATIC_STUB_REDIRECT(asi_dpt_grant_alloc, kind, addr, max);

	grant = kzalloc(struct_size(grant, range, max), GFP_KERNEL_ACCOUNT);
	if (grant) {
		grant->kind = kind;
		grant->addr = addr;
	}
	return grant;
}

/**
 * asi_dpt_grant_add - add the pages that hold a range
 * @grant: From asi_dpt_grant_alloc(), with room for one more.
 * @addr:  The first byte.
 * @len:   In bytes, not 0.
 */
void asi_dpt_grant_add(struct asi_dpt_grant *grant, const void *addr,
		       size_t len)
{
	struct interval_tree_node *range = &grant->range[grant->nr++];

	range->start = (unsigned long)addr & PAGE_MASK;
	range->last = ((unsigned long)addr + len - 1) | ~PAGE_MASK;
	grant->len += len;
}

/* Free a grant, and let go of what it kept alive. */
static void grant_free(struct asi_dpt_grant *grant)
{
	if (grant->kind == ASI_DPT_MODULE) {
		module_put((struct module *)grant->addr);
	} else if (grant->kind == ASI_DPT_TASK) {
		put_task_stack((struct task_struct *)grant->addr);
		put_task_struct((struct task_struct *)grant->addr);
	}
	kfree(grant);
}

/* Does the kernel map all of it? */
static int check_source(const struct asi_dpt_grant *grant)
{
	unsigned long addr;
	unsigned int i;

	for (i = 0; i < grant->nr; i++) {
		if (grant->range[i].last - grant->range[i].start >= GRANT_MAX)
			return -E2BIG;
		for (addr = grant->range[i].start; addr < grant->range[i].last;
		     addr += PAGE_SIZE) {
			if (!wanted_entry(addr))
				return -EFAULT;
			cond_resched();
		}
	}
	return 0;
}

/* Does a grant have the page at @addr? */
static bool granted(struct asi_dpt *dpt, unsigned long addr)
{
	return interval_tree_iter_first(&dpt->ranges, addr,
					addr + PAGE_SIZE - 1);
}

/* Unmap the pages of @grant that no grant of the list has, from all CPUs. */
static void unmap_pages(struct asi_dpt *dpt, const struct asi_dpt_grant *grant)
{
	unsigned long addr, start = ULONG_MAX, end = 0;
	unsigned long *entry;
	unsigned int i;

	for (i = 0; i < grant->nr; i++) {
		for (addr = grant->range[i].start; addr < grant->range[i].last;
		     addr += PAGE_SIZE) {
			cond_resched();
			entry = own_entry(dpt, addr, NULL);
			if (!entry || !*entry || granted(dpt, addr))
				continue;
			/* All of it: an absent entry must not name a frame. */
			WRITE_ONCE(*entry, 0);
			start = min(start, addr);
			end = max(end, addr + PAGE_SIZE);
		}
	}
	/*
	 * Once for all, as each interrupts all CPUs; and under the lock, as who
	 * comes next and finds nothing to unmap may rely on it.
	 */
	if (end)
		flush_tlb_kernel_range(start, end);
}

static int map_page(struct asi_dpt *dpt, unsigned long addr,
		    struct list_head *pool)
{
	unsigned long *entry = own_entry(dpt, addr, pool);
	unsigned long wanted = wanted_entry(addr);

	if (!wanted)
		return -EFAULT;
	if (!*entry)
		WRITE_ONCE(*entry, wanted);
	else if ((*entry ^ wanted) & ~ASI_ENTRY_NOISE)
		return -EBUSY;
	return 0;
}

static int map_pages(struct asi_dpt *dpt, const struct asi_dpt_grant *grant,
		     struct list_head *pool)
{
	unsigned long addr;
	unsigned int i;
	int err;

	for (i = 0; i < grant->nr; i++) {
		for (addr = grant->range[i].start; addr < grant->range[i].last;
		     addr += PAGE_SIZE) {
			err = map_page(dpt, addr, pool);
			if (err)
				return err;
			cond_resched();
		}
	}
	return 0;
}

/* Map a grant and put it on the list, or undo what was done of that. */
static int install(struct asi_dpt *dpt, struct asi_dpt_grant *grant,
		   struct list_head *pool)
{
	int err = map_pages(dpt, grant, pool);
	unsigned int i;

	if (err) {
		unmap_pages(dpt, grant);
		return err;
	}
	for (i = 0; i < grant->nr; i++)
		interval_tree_insert(&grant->range[i], &dpt->ranges);
	list_add_tail(&grant->list, &dpt->grants);
	return 0;
}

/**
 * asi_dpt_make_grant - let a grant that is filled in come into effect
 * @dpt:   The page table.
 * @grant: The grant.  On failure it is freed, with what it keeps alive.
 *
 * Context and return: as asi_dpt_map().
 */
int asi_dpt_make_grant(struct asi_dpt *dpt, struct asi_dpt_grant *grant)
{
	LIST_HEAD(pool);
	int err;

	err = check_source(grant);
	if (!err)
		err = pool_fill(&pool, grant);
	if (!err) {
		mutex_lock(&dpt->lock);
		err = install(dpt, grant, &pool);
		mutex_unlock(&dpt->lock);
	}
	pool_free(&pool);
	if (err)
		grant_free(grant);
	return err;
}

/* Take @grant off the list, and its pages out of the tree. */
static void remove(struct asi_dpt *dpt, struct asi_dpt_grant *grant)
{
	unsigned int i;

	list_del(&grant->list);
	for (i = 0; i < grant->nr; i++)
		interval_tree_remove(&grant->range[i], &dpt->ranges);
}

/**
 * asi_dpt_take_back - end a grant; of those that are alike, the oldest
 * @dpt:  The page table.
 * @kind: What it is of.
 * @addr: Where that is, see struct asi_dpt_grant.
 * @len:  In bytes; 0 is any.
 *
 * Context and return: as asi_dpt_unmap().
 */
int asi_dpt_take_back(struct asi_dpt *dpt, enum asi_dpt_kind kind,
		      unsigned long addr, size_t len)
{
	struct asi_dpt_grant *grant;

	mutex_lock(&dpt->lock);
	list_for_each_entry(grant, &dpt->grants, list) {
		if (grant->kind == kind && grant->addr == addr &&
		    (!len || grant->len == len)) {
			remove(dpt, grant);
			unmap_pages(dpt, grant);
			mutex_unlock(&dpt->lock);
			grant_free(grant);
			return 0;
		}
	}
	mutex_unlock(&dpt->lock);
	return -ENOENT;
}

/* Is it in the half of the kernel, and not its last page, behind which is 0? */
bool asi_dpt_range_valid(const void *addr, size_t len)
{
	unsigned long start = (unsigned long)addr;
	unsigned long end = start + len;

	return len && (long)start < 0 && end > start && PAGE_ALIGN(end) &&
	       __is_canonical_address(start, __VIRTUAL_MASK_SHIFT + 1);
}

/**
 * asi_dpt_create - make a page table that maps nothing
 *
 * Context: may sleep.
 * Return: the page table, for asi_dpt_destroy(); NULL without memory.
 */
struct asi_dpt *asi_dpt_create(void)
{
	struct asi_dpt *dpt = kzalloc(sizeof(*dpt), GFP_KERNEL_ACCOUNT);

	if (!dpt)
		return NULL;
	dpt->pgd = asi_pgd_pages();
	if (!dpt->pgd) {
		kfree(dpt);
		return NULL;
	}
	mutex_init(&dpt->lock);
	dpt->ranges = RB_ROOT_CACHED;
	INIT_LIST_HEAD(&dpt->grants);
	return dpt;
}
EXPORT_SYMBOL_GPL(asi_dpt_create);

/* Free the tables of the next level that @table leads to. */
static void free_tables(unsigned long *table, int level)
{
	int i;

	for (i = 0; i < PTRS_PER_PTE; i++) {
		if (!table[i])
			continue;
		if (level > 2)
			free_tables(asi_table_of(table[i]), level - 1);
		asi_table_free(asi_table_of(table[i]));
	}
}

/**
 * asi_dpt_destroy - free a page table and take back all of its grants
 * @dpt: From asi_dpt_create(), loaded on no CPU and nobody else's business any
 *	 more; or NULL.  That of a domain is freed with the domain.
 *
 * Context: any but NMI.
 */
void asi_dpt_destroy(struct asi_dpt *dpt)
{
	struct asi_dpt_grant *grant, *next;

	if (!dpt)
		return;

	list_for_each_entry_safe(grant, next, &dpt->grants, list)
		grant_free(grant);
	free_tables((unsigned long *)dpt->pgd, asi_top_level());
	asi_pgd_free(dpt->pgd);
	kfree(dpt);
}
EXPORT_SYMBOL_GPL(asi_dpt_destroy);

/**
 * asi_dpt_map - grant a range of kernel addresses
 * @dpt:  The page table.
 * @addr: Any kernel address.
 * @len:  In bytes, 1 GiB at most.
 *
 * The pages that hold the range are mapped, as the kernel maps them now: same
 * frames, same rights, but never global.
 *
 * The kernel's page tables are read without a lock that would keep them from
 * changing; the caller owns the memory, so that it stays mapped, and its
 * attributes (set_memory_ro() and its like) what they are, until it is unmapped
 * here.  What patches text is no matter: it writes by another address.  Who
 * grants memory that it does not own gets a copy of some entry that the kernel
 * had meanwhile, and has get_online_mems(), as memory that goes away takes its
 * tables along at once; all other tables are freed with all CPUs interrupted.
 *
 * A CPU that uses the page table may go on without the pages for a moment.
 *
 * Context: process context, may sleep.
 * Return: 0; -EINVAL for what is not a range of kernel addresses; -E2BIG; -EFAULT
 * if the kernel does not map all of it; -EBUSY if another grant has some of it
 * with another frame or other rights, see asi_dpt_remap(); -ENOMEM.  Nothing is
 * granted on failure.
 */
int asi_dpt_map(struct asi_dpt *dpt, const void *addr, size_t len)
{
	struct asi_dpt_grant *grant;

	if (!asi_dpt_range_valid(addr, len))
		return -EINVAL;
	grant = asi_dpt_grant_alloc(ASI_DPT_RANGE, (unsigned long)addr, 1);
	if (!grant)
		return -ENOMEM;
	asi_dpt_grant_add(grant, addr, len);
	return asi_dpt_make_grant(dpt, grant);
}
EXPORT_SYMBOL_GPL(asi_dpt_map);

/**
 * asi_dpt_unmap - take back what asi_dpt_map() granted
 * @dpt:  The page table.
 * @addr: As it was granted.
 * @len:  As it was granted.
 *
 * Pages that other grants have too stay mapped.  No CPU reaches the others when
 * this returns.
 *
 * Context: process context, may sleep, interrupts on.
 * Return: 0; -ENOENT if there is no such grant.
 */
int asi_dpt_unmap(struct asi_dpt *dpt, const void *addr, size_t len)
{
	/* 0 would be any. */
	if (!len)
		return -ENOENT;
	return asi_dpt_take_back(dpt, ASI_DPT_RANGE, (unsigned long)addr, len);
}
EXPORT_SYMBOL_GPL(asi_dpt_unmap);

/* Copy the kernel's entry for a page anew, if a grant has it. */
static int remap_page(struct asi_dpt *dpt, unsigned long addr)
{
	unsigned long wanted;

	if (!granted(dpt, addr))
		return 0;
	wanted = wanted_entry(addr);
	WRITE_ONCE(*own_entry(dpt, addr, NULL), wanted);
	return wanted ? 0 : -EFAULT;
}

/**
 * asi_dpt_remap - map what is granted of a range as the kernel maps it now
 * @dpt:  The page table.
 * @addr: As for asi_dpt_map().
 * @len:  As for asi_dpt_map().
 *
 * The one way to change a page that is granted: after the kernel's mapping of it
 * has changed.  What is not granted stays that.  What was there before is on no
 * CPU any more when this returns.
 *
 * Context: as asi_dpt_map(), interrupts on.
 * Return: 0; -EINVAL, -E2BIG as asi_dpt_map(); -EFAULT if the kernel maps some of
 * it no more, which is absent from now on, although it is granted.
 */
int asi_dpt_remap(struct asi_dpt *dpt, const void *addr, size_t len)
{
	unsigned long start = (unsigned long)addr & PAGE_MASK;
	unsigned long page, end = PAGE_ALIGN((unsigned long)addr + len);
	int err = 0;

	if (!asi_dpt_range_valid(addr, len))
		return -EINVAL;
	if (end - start > GRANT_MAX)
		return -E2BIG;

	mutex_lock(&dpt->lock);
	for (page = start; page < end; page += PAGE_SIZE) {
		err = remap_page(dpt, page) ?: err;
		cond_resched();
	}
	flush_tlb_kernel_range(start, end);
	mutex_unlock(&dpt->lock);
	return err;
}
EXPORT_SYMBOL_GPL(asi_dpt_remap);

/**
 * asi_dpt_list_start - begin to go through the grants
 * @dpt: The page table.
 * @pos: How many of the oldest to leave out.
 *
 * For the callbacks of a seq_file, or for a loop.  Takes the lock of @dpt, which
 * asi_dpt_list_stop() releases: no grant comes or goes in between.  Nor is memory of
 * users touched: asi_init() has mmap_lock when it takes the lock.
 *
 * Context: process context, may sleep.
 * Return: a grant, or NULL behind the last.
 */
const struct asi_dpt_grant *asi_dpt_list_start(struct asi_dpt *dpt, loff_t pos)
{
	struct list_head *found;

	mutex_lock(&dpt->lock);
	found = seq_list_start(&dpt->grants, pos);
	return found ? list_entry(found, struct asi_dpt_grant, list) : NULL;
}
EXPORT_SYMBOL_GPL(asi_dpt_list_start);

/**
 * asi_dpt_list_next - the next grant
 * @dpt:   The page table.
 * @grant: From asi_dpt_list_start() or this, not NULL.
 * @pos:   Is incremented.
 *
 * Context: between asi_dpt_list_start() and asi_dpt_list_stop().
 * Return: it, or NULL behind the last.
 */
const struct asi_dpt_grant *asi_dpt_list_next(struct asi_dpt *dpt,
					      const struct asi_dpt_grant *grant,
					      loff_t *pos)
{
	++*pos;
	if (list_is_last(&grant->list, &dpt->grants))
		return NULL;
	return list_next_entry(grant, list);
}
EXPORT_SYMBOL_GPL(asi_dpt_list_next);

/**
 * asi_dpt_list_stop - end what asi_dpt_list_start() began
 * @dpt: The page table.
 *
 * Context: whoever called that, whatever it returned.
 */
void asi_dpt_list_stop(struct asi_dpt *dpt)
{
	mutex_unlock(&dpt->lock);
}
EXPORT_SYMBOL_GPL(asi_dpt_list_stop);
