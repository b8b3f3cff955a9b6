// SPDX-License-Identifier: GPL-2.0
/*
 * Address space isolation: the command line, and the order of initialisation.
 *
 * The table of contents:
 *
 *  setup.c	 this
 *  domain.c	 classes and domains: register, make, destroy
 *  switch.c	 enter, relax, exit; the composition of CR3
 *  fault.c	 is a page fault ours? leave and try again
 *  faultlog.c	 which instructions left, and for which memory
 *  faultlog_read.c  copies of that, for readers
 *  faultwatch.c  domains that have it for themselves
 *  pgtable.c	 what a restricted page table is made of, and its check
 *  directmap.c	 the restricted direct map
 *  window.c	 the part of the vmalloc area that is left out
 *  grant.c	 what one domain maps and the others do not
 *  dpt.c	 decorated page tables, which map nothing but what was granted
 *  dpt_objects.c  the same for per-CPU variables, modules and tasks
 *  dpt_domain.c  domains that have one
 *  user.c	 the class of ordinary processes
 *  stats.c	 counters, and sysfs
 *  debugfs.c	 domains, explicit holes and the check, for the curious
 *  faultlog_debugfs.c	the fault log as text
 *  map.c	 the address space of a process, and what its domain has of it
 *  debug.c	 the invariants, with CONFIG_ASI_DEBUG
 *  dev*.c	 the test driver /dev/asi, see dev.h
 *  tests/	 KUnit
 *
 * The class of virtual machines is in arch/x86/kvm/asi.c.
 *
 * What happens when:
 *
 *  1. Early parameters: "asi=", "asi_sensitive=", "asi_debug_fault_stacks".
 *  2. setup_arch(), after the hypervisor is known and before anything of the
 *     memory layout is: asi_check_boottime() decides, and X86_FEATURE_ASI says
 *     so from then on.  The layout depends on it (kaslr.c), and the global bit
 *     of all kernel mappings (init.c).
 *  3. Early initcall, one CPU, no user process yet: asi_boot_init() makes the
 *     restricted direct map and the fault logs, turns on the class of processes,
 *     and lets the page allocator hide sensitive memory.
 *  4. Later initcalls: sysfs, debugfs.  KVM registers its class when it loads.
 */
#define pr_fmt(fmt) "asi: " fmt

#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/sensitive.h>
#include <linux/string.h>

#include <asm/cpufeature.h>
#include <asm/hypervisor.h>
#include <asm/pgalloc.h>
#include <asm/sections.h>
#include <asm/set_memory.h>

#include "faultlog.h"
#include "internal.h"

static const char *const mode_names[] = {
	[ASI_MODE_OFF]	= "off",
	[ASI_MODE_ON]	= "on",
	[ASI_MODE_KVM]	= "kvm",
	[ASI_MODE_USER]	= "user",
};

static enum asi_mode asi_mode __ro_after_init =
	IS_ENABLED(CONFIG_MITIGATION_ADDRESS_SPACE_ISOLATION_DEFAULT_ON) ?
		ASI_MODE_ON : ASI_MODE_OFF;

/* The restricted direct map exists: domains can be made. */
bool asi_ready __ro_after_init;
EXPORT_SYMBOL_GPL(asi_ready);

static const char *off_reason __ro_after_init = "off by default, boot with asi=on";

static int __init asi_parse_cmdline(char *arg)
{
	int mode = arg ? match_string(mode_names, ARRAY_SIZE(mode_names), arg) : -1;

	if (mode < 0) {
		pr_warn("asi=%s is unknown, using asi=%s; known are off, on, kvm, user\n",
			arg ?: "", mode_names[asi_mode]);
		return 0;
	}

	asi_mode = mode;
	off_reason = "off on the command line";
	return 0;
}
early_param("asi", asi_parse_cmdline);

/*
 * Was the page allocator asked to tell sensitive memory from other memory?  The
 * layout of the vmalloc area is made for that before sensitive_active() says so.
 */
bool asi_sensitive __ro_after_init = true;

static int __init asi_parse_sensitive(char *arg)
{
	if (!arg || kstrtobool(arg, &asi_sensitive))
		pr_warn("asi_sensitive=%s is unknown, using on; known are on, off\n",
			arg ?: "");
	return 0;
}
early_param("asi_sensitive", asi_parse_sensitive);

/**
 * asi_sensitive_wanted - will there be sensitive memory?
 *
 * For who has to know before sensitive_active() does.
 *
 * Return: from setup_arch() on, what was asked for and should be possible.
 */
bool asi_sensitive_wanted(void)
{
	return cpu_feature_enabled(X86_FEATURE_ASI) && asi_sensitive;
}

/* What was asked for, as a word of the command line. */
const char *asi_mode_name(void)
{
	return mode_names[asi_mode];
}

/* Why there is no address space isolation; NULL if there is. */
const char *asi_off_reason(void)
{
	return asi_ready ? NULL : off_reason;
}

/**
 * asi_class_wanted - did the command line ask for a class?
 * @name: Name of the class.
 *
 * Return: also false when address space isolation is not possible at all.
 */
bool asi_class_wanted(const char *name)
{
	return asi_ready && (asi_mode == ASI_MODE_ON ||
			     !strcmp(name, mode_names[asi_mode]));
}
EXPORT_SYMBOL_GPL(asi_class_wanted);

/**
 * asi_check_boottime - decide whether there is address space isolation
 *
 * Called by setup_arch() once the command line and the hypervisor are known,
 * and before the memory layout is.
 */
void __init asi_check_boottime(void)
{
	if (asi_mode == ASI_MODE_OFF)
		return;

	if (hypervisor_is_type(X86_HYPER_XEN_PV)) {
		off_reason = "not possible in a Xen PV guest, whose page tables are Xen's";
		pr_warn("%s\n", off_reason);
		return;
	}

	/* Its flush hypercalls name an address space by the mm's page table. */
	if (hypervisor_is_type(X86_HYPER_MS_HYPERV)) {
		off_reason = "not built for Hyper-V guests, whose TLB flushes miss restricted page tables";
		pr_warn("%s\n", off_reason);
		return;
	}

	setup_force_cpu_cap(X86_FEATURE_ASI);
}

static void __init asi_boot_on(void)
{
	unsigned long start = PFN_ALIGN(_text);
	unsigned long end = ALIGN((unsigned long)_end, PMD_SIZE);
	int err;

	err = asi_directmap_init();
	if (err) {
		off_reason = err == -ENOMEM ? "out of memory at boot" :
			     "the direct map shares page tables with vmalloc";
		pr_err("%s, no address space isolation\n", off_reason);
		asi_sensitive = false;
		return;
	}

	/* The early page tables had it, and PTI does the same where it is on. */
	if (!cpu_feature_enabled(X86_FEATURE_PTI))
		set_memory_nonglobal(start, (end - start) >> PAGE_SHIFT);

	asi_faults_init();
	asi_ready = true;
	if (asi_sensitive) {
		/* They go with their process: no block of them is kept for another. */
		__userpte_alloc_gfp |= __GFP_RECLAIMABLE;
		sensitive_start();
	}
	pr_info("address space isolation: %s\n", asi_mode_name());
}

static int __init asi_boot_init(void)
{
	if (cpu_feature_enabled(X86_FEATURE_ASI))
		asi_boot_on();
	asi_user_init();
	return 0;
}
early_initcall(asi_boot_init);
