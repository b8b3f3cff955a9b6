// SPDX-License-Identifier: GPL-2.0
/*
 * Address space isolation: the class of ordinary processes.
 *
 * Every mm of a process has a user domain, made with the mm.  The kernel is in
 * it whenever it enters user mode, so each entry into the kernel starts there.
 * The transitions are asi_enter_from_user_mode() and asi_exit_to_user_mode() in
 * <asm/asi.h>, called by the generic entry code for every way in and out.
 *
 * With page table isolation (PTI) on, the assembly of the entry code goes to and
 * from an address space of its own, by flipping bits of the unrestricted CR3.
 * As long as the two are not built into one, PTI wins and this class is off.
 */
#include <linux/init.h>
#include <linux/jump_label.h>

#include <asm/cpufeature.h>

#include "internal.h"

DEFINE_STATIC_KEY_FALSE(asi_user_class_key);
EXPORT_SYMBOL_GPL(asi_user_class_key);

/**
 * asi_user_init - register the class, and turn it on if asked for and possible
 *
 * Context: early initcall, before the first user process.
 */
void __init asi_user_init(void)
{
	int index = asi_register_class("user", NULL);

	if (WARN_ON_ONCE(index != ASI_CLASS_USER))
		return;

	if (!asi_class_wanted("user"))
		asi_class_set_reason(index, "not asked for on the command line");
	else if (cpu_feature_enabled(X86_FEATURE_PTI))
		asi_class_set_reason(index, "page table isolation (PTI) is on");
	else
		static_branch_enable(&asi_user_class_key);
}
