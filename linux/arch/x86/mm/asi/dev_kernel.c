// SPDX-License-Identifier: GPL-2.0
/*
 * Address space isolation: what /dev/asi needs of the kernel and a module cannot
 * reach.
 *
 * Always part of the kernel, also where the driver is a module.  What it exports is in
 * the namespace ASI_DEV: it is for the driver alone.
 */
#include <linux/gfp.h>
#include <linux/init.h>
#include <linux/kallsyms.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/page-flags.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/string.h>

#include <asm/apic.h>
#include <asm/asi_dpt.h>
#include <asm/sections.h>

#include "dev.h"
#include "internal.h"
#include "map.h"

/* What the block has at each word, so that a wrong page is noticed. */
#define HIDDEN_WORD	0x6173692d64657600ULL
#define HIDDEN_ORDER	(PMD_SHIFT - PAGE_SHIFT)

/* May /dev/asi grant something to a domain of a process or a virtual machine? */
bool asi_dev_grant_live __ro_after_init;
EXPORT_SYMBOL_NS_GPL(asi_dev_grant_live, ASI_DEV);

static int __init parse_grant(char *arg)
{
	if (arg && *arg)
		return kstrtobool(arg, &asi_dev_grant_live);
	asi_dev_grant_live = true;
	return 0;
}
early_param("asi_debug_grant", parse_grant);

/* Why there is no address space isolation; NULL if there is. */
const char *asi_dev_off_reason(void)
{
	return asi_off_reason();
}
EXPORT_SYMBOL_NS_GPL(asi_dev_off_reason, ASI_DEV);

/**
 * asi_dev_mm_alloc - make an mm for test domains
 *
 * Nothing of user space is ever mapped in it.
 *
 * Context: process context, may sleep.
 * Return: the mm, for mmput(); NULL without memory.
 */
struct mm_struct *asi_dev_mm_alloc(void)
{
	struct mm_struct *mm = mm_alloc();

	if (mm) {
		mm->task_size = TASK_SIZE;
		arch_pick_mmap_layout(mm, &current->signal->rlim[RLIMIT_STACK]);
#ifdef CONFIG_MEMCG
		/* The file, and with it the mm, may outlive the task. */
		WRITE_ONCE(mm->owner, NULL);
#endif
	}
	return mm;
}
EXPORT_SYMBOL_NS_GPL(asi_dev_mm_alloc, ASI_DEV);

/* CR2 when this CPU last left a test domain. */
static DEFINE_PER_CPU(unsigned long, exit_cr2);

/**
 * asi_dev_note_exit - remember CR2; the hook pre_asi_exit of the test classes
 *
 * If a page fault leaves, it is the address that was touched: the log of faults has the
 * page only, and not always.
 */
noinstr void asi_dev_note_exit(void)
{
	this_cpu_write(exit_cr2, native_read_cr2());
}
EXPORT_SYMBOL_NS_GPL(asi_dev_note_exit, ASI_DEV);

/* Is @cr3 that of a page table, with the PCID that belongs to @slot? */
static bool cr3_is_of(unsigned long cr3, pgd_t *pgd, unsigned int slot)
{
	unsigned long pcid = 0;

	if (boot_cpu_has(X86_FEATURE_PCID))
		pcid = this_cpu_read(cpu_tlbstate.loaded_mm_asid) + 1 +
		       (slot << ASI_PCID_SHIFT);

	return (cr3 & CR3_ADDR_MASK) == __pa(pgd) &&
	       (cr3 & X86_CR3_PCID_MASK) == pcid;
}

/**
 * asi_dev_look - see where this CPU is
 * @asi:  A domain of the mm that is loaded.
 * @look: Filled in.
 *
 * By what ASI believes, and by what the hardware has.  CR3 is read without anything
 * being left for that.
 *
 * Context: any, in a domain and in NMI too.
 */
void asi_dev_look(struct asi *asi, struct asi_dev_look *look)
{
	unsigned long flags, cr3;
	struct asi *current_asi;

	raw_local_irq_save(flags);
	current_asi = asi_get_current();
	cr3 = __native_read_cr3();
	if (!current_asi)
		look->actual = ASI_STATE_OUT;
	else
		look->actual = current_asi == asi ? ASI_STATE_IN : ASI_STATE_OTHER;

	if (cr3_is_of(cr3, asi->pgd, asi->index + 1))
		look->cr3 = ASI_STATE_IN;
	else if (cr3_is_of(cr3, asi->mm->pgd, 0))
		look->cr3 = ASI_STATE_OUT;
	else
		look->cr3 = ASI_STATE_OTHER;

	look->faults = this_cpu_read(asi_stats.count[asi->index][ASI_CTR_FAULTS]);
	look->address = this_cpu_read(exit_cr2);
	raw_local_irq_restore(flags);
}
EXPORT_SYMBOL_NS_GPL(asi_dev_look, ASI_DEV);

/* Send an NMI to this CPU.  Preemption is off. */
void asi_dev_send_nmi(void)
{
	__apic_send_IPI(raw_smp_processor_id(), NMI_VECTOR);
}
EXPORT_SYMBOL_NS_GPL(asi_dev_send_nmi, ASI_DEV);

/**
 * asi_dev_maps - does a domain map an address?
 * @asi:  The domain; nothing is taken back from it meanwhile.
 * @addr: The address.
 *
 * Context: may sleep.
 */
bool asi_dev_maps(struct asi *asi, unsigned long addr)
{
	unsigned long entry, flags;
	int level;

	get_online_mems();
	/* The same rule as in asi_kernel_page(), for tables that are shared. */
	local_irq_save(flags);
	entry = asi_walk(asi->pgd, addr, &level);
	local_irq_restore(flags);
	put_online_mems();
	return entry & _PAGE_PRESENT;
}
EXPORT_SYMBOL_NS_GPL(asi_dev_maps, ASI_DEV);

/**
 * asi_dev_hide_block - take memory out of all restricted address spaces
 *
 * Context: may sleep, interrupts on.
 * Return: a block of 2 MiB with the same word all over; NULL without memory.
 */
u64 *asi_dev_hide_block(void)
{
	u64 *block = (u64 *)__get_free_pages(GFP_KERNEL | __GFP_NOWARN,
					     HIDDEN_ORDER);

	if (!block)
		return NULL;
	memset64(block, HIDDEN_WORD, PMD_SIZE / sizeof(*block));
	if (asi_directmap_hide((unsigned long)block)) {
		free_pages((unsigned long)block, HIDDEN_ORDER);
		return NULL;
	}
	return block;
}
EXPORT_SYMBOL_NS_GPL(asi_dev_hide_block, ASI_DEV);

/* Give back what asi_dev_hide_block() returned, which no domain has been granted. */
void asi_dev_show_block(u64 *block)
{
	asi_directmap_show((unsigned long)block);
	free_pages((unsigned long)block, HIDDEN_ORDER);
}
EXPORT_SYMBOL_NS_GPL(asi_dev_show_block, ASI_DEV);

static bool is_percpu(unsigned long addr)
{
	return addr >= (unsigned long)__per_cpu_start &&
	       addr < (unsigned long)__per_cpu_end;
}

/* The module that has @addr, for module_put(); NULL if none has; or an error. */
static struct module *get_module_at(unsigned long addr)
{
	struct module *mod;

	preempt_disable();
	mod = __module_address(addr);
	if (mod && !try_module_get(mod))
		mod = ERR_PTR(-ENOENT);
	preempt_enable();
	return mod;
}

/**
 * asi_dev_find_symbol - where a symbol is
 * @name: Of the kernel, or of a module, also as MODULE:NAME.
 * @addr: Filled in.
 * @len:  Filled in if it is 0, with the size of the symbol.
 * @mod:  Filled in: the module, for module_put(); NULL if it is the kernel's.
 *
 * Return: 0; -ENOENT if there is none; -EINVAL if it is per-CPU.
 */
int asi_dev_find_symbol(const char *name, unsigned long *addr, size_t *len,
			struct module **mod)
{
	unsigned long found = kallsyms_lookup_name(name);
	unsigned long size, offset;

	if (!found)
		return -ENOENT;
	if ((long)found > 0)
		return -EINVAL;
	if (!*len) {
		if (!kallsyms_lookup_size_offset(found, &size, &offset))
			return -ENOENT;
		*len = max(size - offset, 1UL);
	}
	*mod = get_module_at(found);
	*addr = found;
	return PTR_ERR_OR_ZERO(*mod);
}
EXPORT_SYMBOL_NS_GPL(asi_dev_find_symbol, ASI_DEV);

/**
 * asi_dev_find_percpu - where a static per-CPU variable of the kernel is
 * @name: The variable.
 * @addr: Filled in: its per-CPU address.
 * @len:  Its size.
 *
 * Return: 0; -ENOENT if there is none; -EINVAL if it is something else, or shorter.
 */
int asi_dev_find_percpu(const char *name, unsigned long *addr, size_t len)
{
	unsigned long found = kallsyms_lookup_name(name);

	/* The first one is at 0, which is also the answer for none. */
	if (!found)
		return -ENOENT;
	if (!is_percpu(found) || len > (unsigned long)__per_cpu_end - found)
		return -EINVAL;
	*addr = found;
	return 0;
}
EXPORT_SYMBOL_NS_GPL(asi_dev_find_percpu, ASI_DEV);

/**
 * asi_dev_get_module - find a module by its name
 * @name: The name.
 *
 * Return: it, for module_put(); NULL if there is none that is up.
 */
struct module *asi_dev_get_module(const char *name)
{
#ifdef CONFIG_MODULES
	struct module *mod;

	/* What keeps the list from changing. */
	preempt_disable();
	mod = find_module(name);
	if (mod && (mod->state != MODULE_STATE_LIVE || !try_module_get(mod)))
		mod = NULL;
	preempt_enable();
	return mod;
#else
	return NULL;
#endif
}
EXPORT_SYMBOL_NS_GPL(asi_dev_get_module, ASI_DEV);

/* What a page of the direct map is used for, as one word. */
static const char *page_use(unsigned long addr)
{
	const char *use = "page";
	struct page *page;

	/* Struct pages go with their memory. */
	get_online_mems();
	page = pfn_to_online_page(__pa(addr) >> PAGE_SHIFT);
	if (!page)
		use = "nothing";
	else if (PageReserved(page))
		use = "reserved";
	else if (PageSlab(compound_head(page)))
		use = "slab";
	else if (PageTable(page))
		use = "table";
	put_online_mems();
	return use;
}

/**
 * asi_dev_object_name - what is at an address now
 * @buf:  Filled in: the region of the address space; then the use of the page, or the
 *	  symbol with its offset.
 * @size: Of @buf.
 * @addr: Any address.
 *
 * For people: whatever it is may be gone when this returns.
 *
 * Context: may sleep.
 */
void asi_dev_object_name(char *buf, size_t size, unsigned long addr)
{
	const char *region = asi_map_region_name(addr);
	char symbol[ASI_FAULT_SYMBOL_LEN];

	if (addr >= PAGE_OFFSET && addr < VMALLOC_START && virt_addr_valid(addr)) {
		snprintf(buf, size, "%s %s", region, page_use(addr));
		return;
	}
	asi_fault_symbol(symbol, addr);
	if ((long)addr < 0 && strcmp(symbol, "?"))
		snprintf(buf, size, "%s %s", region, symbol);
	else
		strscpy(buf, region, size);
}
EXPORT_SYMBOL_NS_GPL(asi_dev_object_name, ASI_DEV);

/**
 * asi_dev_map_range - grant memory that the caller does not own
 * @asi:  The domain.
 * @addr: First address.
 * @len:  In bytes.
 *
 * Context and return: as asi_map().
 */
int asi_dev_map_range(struct asi *asi, const void *addr, size_t len)
{
	int err;

	/* See asi_dpt_map(). */
	get_online_mems();
	err = asi_map(asi, addr, len);
	put_online_mems();
	return err;
}
EXPORT_SYMBOL_NS_GPL(asi_dev_map_range, ASI_DEV);

/**
 * asi_dev_map_apic - let a domain reach the local APIC
 * @dpt: Its page table.
 *
 * Tense code that sends itself an NMI writes to it.
 *
 * Return: 0, or an error of asi_dpt_map().
 */
int asi_dev_map_apic(struct asi_dpt *dpt)
{
	/* By MSRs; and without an APIC, nobody sends anything. */
	if (x2apic_mode || !boot_cpu_has(X86_FEATURE_APIC))
		return 0;
	return asi_dpt_map(dpt, (void *)APIC_BASE, PAGE_SIZE);
}
EXPORT_SYMBOL_NS_GPL(asi_dev_map_apic, ASI_DEV);
