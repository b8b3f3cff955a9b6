// SPDX-License-Identifier: GPL-2.0
/*
 * Address space isolation: what the KUnit suites of decorated page tables share.
 */
#include <kunit/resource.h>
#include <linux/execmem.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/set_memory.h>
#include <linux/vmalloc.h>

#include "dpt.h"

KUNIT_DEFINE_ACTION_WRAPPER(destroy, asi_dpt_destroy, struct asi_dpt *);
KUNIT_DEFINE_ACTION_WRAPPER(free_area, free_vm_area, struct vm_struct *);
KUNIT_DEFINE_ACTION_WRAPPER(free_vmalloc, vfree, const void *);
KUNIT_DEFINE_ACTION_WRAPPER(free_module_memory, execmem_free, void *);

/* A page table that is destroyed at the end of the test. */
struct asi_dpt *dpt_test_new(struct kunit *test)
{
	struct asi_dpt *dpt = asi_dpt_create();

	KUNIT_ASSERT_NOT_NULL(test, dpt);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, destroy, dpt));
	return dpt;
}

static void count_table(const unsigned long *table, int level,
			struct dpt_census *c)
{
	unsigned long entry;
	int i;

	for (i = 0; i < PTRS_PER_PTE; i++) {
		entry = table[i];
		if (!entry)
			continue;
		if (!(entry & _PAGE_PRESENT) || entry & _PAGE_USER) {
			c->wrong++;
		} else if (level == 1) {
			c->pages++;
			c->wrong += !!(entry & _PAGE_GLOBAL);
		} else if (level < 4 && entry & _PAGE_PSE) {
			c->wrong++;
		} else {
			c->tables++;
			count_table(asi_table_of(entry), level - 1, c);
		}
	}
}

struct dpt_census dpt_census(struct asi_dpt *dpt)
{
	struct dpt_census c = {};

	count_table((unsigned long *)dpt->pgd, asi_top_level(), &c);
	return c;
}

/* Has it the frame and the rights of the kernel's own mapping of a page? */
bool dpt_same_as_kernel(struct asi_dpt *dpt, const void *where)
{
	unsigned long ignore = ASI_ENTRY_NOISE | _PAGE_GLOBAL | _PAGE_PSE |
			       PTE_PFN_MASK;
	unsigned long addr = (unsigned long)where;
	unsigned long r, u;
	int r_level, u_level;

	r = asi_walk(dpt->pgd, addr, &r_level);
	u = asi_walk(init_mm.pgd, addr, &u_level);
	return r_level == 1 && entry_present(r) && entry_present(u) &&
	       entry_phys(r, 1, addr) == entry_phys(u, u_level, addr) &&
	       (r & ~ignore) == (u & ~ignore);
}

/*
 * Kernel addresses that are mapped by entries of @level only.  Those of 1 GiB lead
 * wherever the CPU takes one; nobody looks what is there.
 */
void *dpt_test_source(struct kunit *test, int level)
{
	unsigned long addr, phys, size = asi_level_size(level);
	struct vm_struct *area = get_vm_area(size, VM_IOREMAP);
	int i, found;

	KUNIT_ASSERT_NOT_NULL(test, area);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, free_area, area));
	addr = (unsigned long)area->addr;

	for (i = 1; i < 16; i++) {
		phys = level == 3 ? i * PUD_SIZE : __pa(asi_test_block(test));
		KUNIT_ASSERT_EQ(test, 0,
				vmap_page_range(addr, addr + size, phys,
						PAGE_KERNEL));
		asi_walk(init_mm.pgd, addr, &found);
		if (found == level)
			return area->addr;
		vunmap_range(addr, addr + size);
	}
	kunit_skip(test, "this CPU maps nothing by pages of level %d", level);
	return NULL;
}

void *dpt_test_small_source(struct kunit *test)
{
	void *area = vmalloc(PMD_SIZE);
	int level;

	KUNIT_ASSERT_NOT_NULL(test, area);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, free_vmalloc, area));
	asi_walk(init_mm.pgd, (unsigned long)area, &level);
	KUNIT_ASSERT_EQ(test, level, 1);
	return area;
}

static void add_module_memory(struct kunit *test, struct module *mod,
			      enum mod_mem_type type, int pages,
			      int (*protect)(unsigned long addr, int pages))
{
	struct module_memory *mem = &mod->mem[type];

	mem->size = pages * PAGE_SIZE;
	mem->base = execmem_alloc(type == MOD_TEXT ? EXECMEM_MODULE_TEXT :
						     EXECMEM_MODULE_DATA,
				  mem->size);
	KUNIT_ASSERT_NOT_NULL(test, mem->base);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, free_module_memory,
						  mem->base));
	if (protect) {
		set_vm_flush_reset_perms(mem->base);
		KUNIT_ASSERT_EQ(test, 0,
				protect((unsigned long)mem->base, pages));
	}
}

/* No module is loaded when tests run at boot: memory as one has it. */
struct module *dpt_test_module(struct kunit *test)
{
	struct module *mod = kunit_kzalloc(test, sizeof(*mod), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, mod);
	strscpy(mod->name, "asi_dpt_test");
	mod->state = MODULE_STATE_LIVE;
	atomic_set(&mod->refcnt, 1);
	add_module_memory(test, mod, MOD_TEXT, 3, set_memory_rox);
	add_module_memory(test, mod, MOD_DATA, 2, NULL);
	add_module_memory(test, mod, MOD_RODATA, 1, set_memory_ro);
	add_module_memory(test, mod, MOD_INIT_DATA, 1, NULL);
	return mod;
}

int dpt_allocations_left;

void *dpt_failing_table(void)
{
	if (!dpt_allocations_left)
		return NULL;
	dpt_allocations_left--;
	return (void *)get_zeroed_page(GFP_KERNEL);
}
