// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite asi_pgtable: what the restricted page table of a domain maps.
 */
#include <kunit/test.h>
#include <linux/execmem.h>
#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/sched/task_stack.h>
#include <linux/vmalloc.h>

#include <asm/cpu_entry_area.h>
#include <asm/desc.h>
#include <asm/fixmap.h>
#include <asm/proto.h>
#include <asm/sections.h>

#include "common.h"

/* What the hardware sets in one table and not in the other. */
#define NOISE	(_PAGE_ACCESSED | _PAGE_DIRTY)

/*
 * The kernel needs these all the time, and some of them to handle the fault
 * that an access to something else makes.
 */
enum place {
	PLACE_TEXT,
	PLACE_ENTRY_TEXT,
	PLACE_RODATA,
	PLACE_DATA,
	PLACE_BSS,
	PLACE_PERCPU,
	PLACE_PERCPU_LAST,
	PLACE_GDT,
	PLACE_IDT,
	PLACE_TSS,
	PLACE_ENTRY_STACK,
	PLACE_NMI_STACK,
	PLACE_IRQ_STACK,
	PLACE_TASK_STACK,
	PLACE_TASK_STRUCT,
	PLACE_MM,
	PLACE_PGD,
	PLACE_RESTRICTED_PGD,
	PLACE_VMEMMAP,
	PLACE_APIC,
};

static const struct place_param {
	const char *name;
	enum place place;
} place_params[] = {
	{ "kernel text",			PLACE_TEXT },
	{ "entry text",				PLACE_ENTRY_TEXT },
	{ "kernel rodata",			PLACE_RODATA },
	{ "kernel data",			PLACE_DATA },
	{ "kernel bss",				PLACE_BSS },
	{ "per-CPU data",			PLACE_PERCPU },
	{ "per-CPU data of the last CPU",	PLACE_PERCPU_LAST },
	{ "GDT",				PLACE_GDT },
	{ "IDT",				PLACE_IDT },
	{ "TSS",				PLACE_TSS },
	{ "entry stack",			PLACE_ENTRY_STACK },
	{ "NMI stack",				PLACE_NMI_STACK },
	{ "interrupt stack",			PLACE_IRQ_STACK },
	{ "stack of the task",			PLACE_TASK_STACK },
	{ "task_struct",			PLACE_TASK_STRUCT },
	{ "mm_struct",				PLACE_MM },
	{ "unrestricted page table",		PLACE_PGD },
	{ "restricted page table",		PLACE_RESTRICTED_PGD },
	{ "vmemmap",				PLACE_VMEMMAP },
	{ "fixmap",				PLACE_APIC },
};
KUNIT_ARRAY_PARAM_DESC(place, place_params, name);

static unsigned long idt_address(void)
{
	struct desc_ptr dtr;

	store_idt(&dtr);
	return dtr.address;
}

static unsigned long place_address(enum place place, struct asi *asi)
{
	int last = cpumask_last(cpu_possible_mask);
	int cpu = raw_smp_processor_id();
	struct cpu_entry_area *cea = get_cpu_entry_area(cpu);

	switch (place) {
	case PLACE_TEXT:
		return (unsigned long)_stext;
	case PLACE_ENTRY_TEXT:
		return (unsigned long)entry_SYSCALL_64;
	case PLACE_RODATA:
		return (unsigned long)__start_rodata;
	case PLACE_DATA:
		return (unsigned long)&init_task;
	case PLACE_BSS:
		return (unsigned long)asi_classes;
	case PLACE_PERCPU:
		return (unsigned long)per_cpu_ptr(&curr_asi, cpu);
	case PLACE_PERCPU_LAST:
		return (unsigned long)per_cpu_ptr(&asi_stats, last);
	case PLACE_GDT:
		return (unsigned long)cea->gdt;
	case PLACE_IDT:
		return idt_address();
	case PLACE_TSS:
		return (unsigned long)&cea->tss;
	case PLACE_ENTRY_STACK:
		return (unsigned long)&cea->entry_stack_page;
	case PLACE_NMI_STACK:
		return (unsigned long)cea->estacks.NMI_stack;
	case PLACE_IRQ_STACK:
		return (unsigned long)per_cpu(pcpu_hot.hardirq_stack_ptr, cpu);
	case PLACE_TASK_STACK:
		return (unsigned long)task_stack_page(current);
	case PLACE_TASK_STRUCT:
		return (unsigned long)current;
	case PLACE_MM:
		return (unsigned long)asi->mm;
	case PLACE_PGD:
		return (unsigned long)asi->mm->pgd;
	case PLACE_RESTRICTED_PGD:
		return (unsigned long)asi->pgd;
	case PLACE_VMEMMAP:
		return (unsigned long)virt_to_page(current);
	case PLACE_APIC:
		return fix_to_virt(FIX_APIC_BASE);
	}
	return 0;
}

/* Both page tables translate @addr, to the same frame with the same rights. */
static void expect_same(struct kunit *test, struct asi *asi, unsigned long addr)
{
	unsigned long r, u;
	int r_level, u_level;

	r = asi_walk(asi->pgd, addr, &r_level);
	u = asi_walk(asi->mm->pgd, addr, &u_level);

	KUNIT_EXPECT_TRUE(test, entry_present(u));
	KUNIT_EXPECT_TRUE(test, entry_present(r));
	KUNIT_EXPECT_EQ(test, entry_phys(r, r_level, addr),
			entry_phys(u, u_level, addr));
	KUNIT_EXPECT_EQ(test, r & ~PTE_PFN_MASK & ~NOISE & ~_PAGE_PSE,
			u & ~PTE_PFN_MASK & ~NOISE & ~_PAGE_PSE);
}

static void same_in_both(struct kunit *test)
{
	const struct place_param *param = test->param_value;
	struct asi *asi = asi_test_domain_with(test, ASI_FAULT_EXIT);
	unsigned long addr = place_address(param->place, asi);
	int level;

	if (param->place == PLACE_APIC &&
	    !entry_present(asi_walk(asi->mm->pgd, addr, &level)))
		kunit_skip(test, "the local APIC is not mapped, x2APIC is on");

	expect_same(test, asi, addr);
}

/* Memory that was not there when the domain was made. */
static void later_vmalloc_is_mapped(struct kunit *test)
{
	struct asi *asi = asi_test_domain_with(test, ASI_FAULT_EXIT);
	void *area = vmalloc(16 * PAGE_SIZE);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, area);
	for (i = 0; i < 16; i++)
		expect_same(test, asi, (unsigned long)area + i * PAGE_SIZE);
	vfree(area);
}

static void module_memory_is_mapped(struct kunit *test)
{
	struct asi *asi = asi_test_domain_with(test, ASI_FAULT_EXIT);
	void *area;

	if (!IS_ENABLED(CONFIG_EXECMEM))
		kunit_skip(test, "this kernel has no memory for modules");

	area = execmem_alloc(EXECMEM_MODULE_DATA, PAGE_SIZE);
	KUNIT_ASSERT_NOT_NULL(test, area);
	expect_same(test, asi, (unsigned long)area);
	execmem_free(area);
}

/* Entries that are not present translate nothing, in neither of them. */
static void absent_memory_is_absent(struct kunit *test)
{
	struct asi *asi = asi_test_domain_with(test, ASI_FAULT_EXIT);
	struct vm_struct *area = get_vm_area(PAGE_SIZE, VM_IOREMAP);
	unsigned long addr, r, u;
	int level;

	KUNIT_ASSERT_NOT_NULL(test, area);
	addr = (unsigned long)area->addr;
	r = asi_walk(asi->pgd, addr, &level);
	u = asi_walk(asi->mm->pgd, addr, &level);
	KUNIT_EXPECT_FALSE(test, entry_present(r));
	KUNIT_EXPECT_FALSE(test, entry_present(u));
	free_vm_area(area);
}

/* The user half and the kernel half, slot by slot. */
static void only_direct_map_and_window_differ(struct kunit *test)
{
	struct asi *asi = asi_test_domain_with(test, ASI_FAULT_EXIT);
	pgd_t *shared = asi_directmap_pgd();
	int i, direct = 0;

	for (i = 0; i < PTRS_PER_PGD; i++) {
		if (asi_directmap_slot(i)) {
			direct++;
			KUNIT_EXPECT_EQ(test, pgd_val(asi->pgd[i]) & ~NOISE,
					pgd_val(shared[i]) & ~NOISE);
			/* Slots for memory that is not there are empty in both. */
			if (!pgd_val(asi->mm->pgd[i]))
				continue;
			KUNIT_EXPECT_NE(test, pgd_val(asi->pgd[i]) & ~NOISE,
					pgd_val(asi->mm->pgd[i]) & ~NOISE);
		} else if (asi_window_slot(i)) {
			KUNIT_EXPECT_EQ(test, pgd_val(asi->pgd[i]), 0UL);
		} else {
			KUNIT_EXPECT_EQ(test, pgd_val(asi->pgd[i]) & ~NOISE,
					pgd_val(asi->mm->pgd[i]) & ~NOISE);
		}
	}
	KUNIT_EXPECT_GE(test, direct, 1);
	KUNIT_EXPECT_TRUE(test,
			  asi_directmap_slot(pgd_index(PAGE_OFFSET)));
	KUNIT_EXPECT_FALSE(test, asi_directmap_slot(0));
	KUNIT_EXPECT_FALSE(test,
			   asi_directmap_slot(pgd_index(VMALLOC_START)));
	KUNIT_EXPECT_FALSE(test,
			   asi_directmap_slot(pgd_index(VMEMMAP_START)));
	KUNIT_EXPECT_FALSE(test, asi_directmap_slot(PTRS_PER_PGD - 1));
}

static void check_domain(struct asi *asi, struct asi_check *result)
{
	mmap_write_lock(asi->mm);
	asi_check_pgd(asi->mm, asi->pgd, asi->mm->pgd, result);
	mmap_write_unlock(asi->mm);
}

static void whole_table_is_a_subset(struct kunit *test)
{
	struct asi *asi = asi_test_domain_with(test, ASI_FAULT_EXIT);
	struct asi_check before, after;
	unsigned long bytes;

	check_domain(asi, &before);
	KUNIT_EXPECT_EQ_MSG(test, before.broken, 0UL, "first at 0x%lx",
			    before.bad);
	KUNIT_EXPECT_EQ(test, before.global, 0UL);
	/* It did look: memory was compared by blocks of at most 1 GiB. */
	bytes = totalram_pages() << PAGE_SHIFT;
	KUNIT_EXPECT_GE(test, before.leaves, bytes / PUD_SIZE);

	asi_test_hidden_block(test);
	check_domain(asi, &after);
	KUNIT_EXPECT_EQ(test, after.broken, 0UL);
	KUNIT_EXPECT_EQ(test, after.holes, before.holes + 1);
}

/* All domains of the mm, the one of processes among them. */
static void every_domain_is_a_subset(struct kunit *test)
{
	struct asi *asi = asi_test_domain_with(test, ASI_FAULT_EXIT);
	struct asi_check result;
	int i;

	asi_test_domain(test, asi_test_class(test, "test2", NULL));
	for (i = 0; i < ASI_MAX_NUM; i++) {
		struct asi *other = &asi->mm->context.asi.domain[i];

		if (!other->pgd)
			continue;
		check_domain(other, &result);
		KUNIT_EXPECT_EQ_MSG(test, result.broken, 0UL,
				    "class %s, first at 0x%lx",
				    other->class->name, result.bad);
	}
}

/*
 * A global translation would outlive the address space that it is from.  Direct
 * map: whole_table_is_a_subset().
 */
static void kernel_image_is_not_global(struct kunit *test)
{
	struct asi *asi = asi_test_domain_with(test, ASI_FAULT_EXIT);
	unsigned long addr, entry;
	unsigned long present = 0, global = 0;
	int level;

	/* Without PCIDs it leaves some of it global, the same everywhere. */
	if (cpu_feature_enabled(X86_FEATURE_PTI))
		kunit_skip(test, "page table isolation decides for the image");

	for (addr = (unsigned long)_text; addr < (unsigned long)_end;
	     addr += PAGE_SIZE) {
		entry = asi_walk(asi->mm->pgd, addr, &level);
		present += entry_present(entry);
		global += entry_present(entry) && (entry & _PAGE_GLOBAL);
	}
	KUNIT_EXPECT_GT(test, present, 0UL);
	KUNIT_EXPECT_EQ(test, global, 0UL);
}

/* What the entry code of PTI looks at, see asi_cr3. */
static void pgd_is_the_lower_of_a_pair(struct kunit *test)
{
	struct asi *asi;

	if (!cpu_feature_enabled(X86_FEATURE_PTI))
		kunit_skip(test, "page table isolation is off");

	asi = asi_test_domain_with(test, ASI_FAULT_EXIT);
	KUNIT_EXPECT_EQ(test, __pa(asi->pgd) & BIT(PAGE_SHIFT), 0UL);
	KUNIT_EXPECT_EQ(test, __pa(asi->mm->pgd) & BIT(PAGE_SHIFT), 0UL);
}

/* More than all CPUs may keep to themselves before they add it to the sum. */
#define COUNTED 2048

static unsigned long secondary_tables(void)
{
	return global_node_page_state(NR_SECONDARY_PAGETABLE);
}

static void tables_are_counted(struct kunit *test)
{
	void **table = kunit_kcalloc(test, COUNTED, sizeof(*table), GFP_KERNEL);
	unsigned long before = secondary_tables(), with;
	int i;

	KUNIT_ASSERT_NOT_NULL(test, table);
	for (i = 0; i < COUNTED; i++)
		table[i] = asi_table_alloc();
	with = secondary_tables();
	for (i = 0; i < COUNTED; i++)
		asi_table_free(table[i]);

	KUNIT_EXPECT_GT(test, with, before + COUNTED / 2);
	KUNIT_EXPECT_LT(test, secondary_tables(), with - COUNTED / 2);
}

static struct kunit_case pgtable_cases[] = {
	KUNIT_CASE_PARAM(same_in_both, place_gen_params),
	KUNIT_CASE(later_vmalloc_is_mapped),
	KUNIT_CASE(module_memory_is_mapped),
	KUNIT_CASE(absent_memory_is_absent),
	KUNIT_CASE(only_direct_map_and_window_differ),
	KUNIT_CASE(whole_table_is_a_subset),
	KUNIT_CASE(every_domain_is_a_subset),
	KUNIT_CASE(kernel_image_is_not_global),
	KUNIT_CASE(pgd_is_the_lower_of_a_pair),
	KUNIT_CASE(tables_are_counted),
	{}
};

static struct kunit_suite pgtable_suite = {
	.name		= "asi_pgtable",
	.init		= asi_test_init,
	.test_cases	= pgtable_cases,
};
kunit_test_suite(pgtable_suite);
