// SPDX-License-Identifier: GPL-2.0
/*
 * Address space isolation: decorated page tables, grants of more than one range.
 */
#include <linux/export.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/sched/task.h>
#include <linux/sched/task_stack.h>

#include "dpt.h"

/**
 * asi_dpt_map_percpu - grant a per-CPU variable
 * @dpt: The page table.
 * @ptr: The variable, static or from alloc_percpu().
 * @len: Its size in bytes.
 *
 * The copies of all possible CPUs; what else is in the same pages comes along.
 *
 * Context and return: as asi_dpt_map().
 */
int asi_dpt_map_percpu(struct asi_dpt *dpt, const void __percpu *ptr,
		       size_t len)
{
	struct asi_dpt_grant *grant;
	int cpu;

	for_each_possible_cpu(cpu) {
		if (!asi_dpt_range_valid(per_cpu_ptr(ptr, cpu), len))
			return -EINVAL;
	}
	grant = asi_dpt_grant_alloc(ASI_DPT_PERCPU, (__force unsigned long)ptr,
				    num_possible_cpus());
	if (!grant)
		return -ENOMEM;
	for_each_possible_cpu(cpu)
		asi_dpt_grant_add(grant, per_cpu_ptr(ptr, cpu), len);
	grant->len = len;
	return asi_dpt_make_grant(dpt, grant);
}
EXPORT_SYMBOL_GPL(asi_dpt_map_percpu);

/**
 * asi_dpt_unmap_percpu - take back what asi_dpt_map_percpu() granted
 * @dpt: The page table.
 * @ptr: As it was granted.
 * @len: As it was granted.
 *
 * Context and return: as asi_dpt_unmap().
 */
int asi_dpt_unmap_percpu(struct asi_dpt *dpt, const void __percpu *ptr,
			 size_t len)
{
	if (!len)
		return -ENOENT;
	return asi_dpt_take_back(dpt, ASI_DPT_PERCPU,
				 (__force unsigned long)ptr, len);
}
EXPORT_SYMBOL_GPL(asi_dpt_unmap_percpu);

/**
 * asi_dpt_map_module - grant the text and the data of a module
 * @dpt: The page table.
 * @mod: The module; the caller keeps it from going away during the call.
 *
 * Neither what it has for initialisation only, nor its per-CPU variables.  The
 * module cannot be unloaded until it is unmapped.
 *
 * Context: as asi_dpt_map().
 * Return: as asi_dpt_map(), and -EAGAIN for a module that is not up yet, whose data
 * is to become read-only, or that is going away.
 */
int asi_dpt_map_module(struct asi_dpt *dpt, struct module *mod)
{
#ifdef CONFIG_MODULES
	struct asi_dpt_grant *grant;

	if (READ_ONCE(mod->state) != MODULE_STATE_LIVE || !try_module_get(mod))
		return -EAGAIN;
	grant = asi_dpt_grant_alloc(ASI_DPT_MODULE, (unsigned long)mod,
				    MOD_MEM_NUM_TYPES);
	if (!grant) {
		module_put(mod);
		return -ENOMEM;
	}
	for_class_mod_mem_type(type, core) {
		if (mod->mem[type].size)
			asi_dpt_grant_add(grant, mod->mem[type].base,
					  mod->mem[type].size);
	}
	return asi_dpt_make_grant(dpt, grant);
#else
	return -EINVAL;
#endif
}
EXPORT_SYMBOL_GPL(asi_dpt_map_module);

/**
 * asi_dpt_unmap_module - take back what asi_dpt_map_module() granted
 * @dpt: The page table.
 * @mod: The module.
 *
 * Context and return: as asi_dpt_unmap().
 */
int asi_dpt_unmap_module(struct asi_dpt *dpt, struct module *mod)
{
	return asi_dpt_take_back(dpt, ASI_DPT_MODULE, (unsigned long)mod, 0);
}
EXPORT_SYMBOL_GPL(asi_dpt_unmap_module);

/**
 * asi_dpt_map_task - grant a task_struct and the kernel stack of the task
 * @dpt:  The page table.
 * @task: The task; the caller has a reference.
 *
 * The kernel needs both at every instruction, so a task that enters a domain with
 * this page table was granted.  Task and stack outlive the end of the task until
 * they are unmapped.
 *
 * Context: as asi_dpt_map().
 * Return: as asi_dpt_map(), and -ESRCH if the task has no stack any more.
 */
int asi_dpt_map_task(struct asi_dpt *dpt, struct task_struct *task)
{
	void *stack = try_get_task_stack(task);
	struct asi_dpt_grant *grant;

	if (!stack)
		return -ESRCH;
	grant = asi_dpt_grant_alloc(ASI_DPT_TASK, (unsigned long)task, 2);
	if (!grant) {
		put_task_stack(task);
		return -ENOMEM;
	}
	get_task_struct(task);
	asi_dpt_grant_add(grant, stack, THREAD_SIZE);
	asi_dpt_grant_add(grant, task, arch_task_struct_size);
	return asi_dpt_make_grant(dpt, grant);
}
EXPORT_SYMBOL_GPL(asi_dpt_map_task);

/**
 * asi_dpt_unmap_task - take back what asi_dpt_map_task() granted
 * @dpt:  The page table.
 * @task: The task, which is not in a domain with the page table.
 *
 * Context and return: as asi_dpt_unmap().
 */
int asi_dpt_unmap_task(struct asi_dpt *dpt, struct task_struct *task)
{
	return asi_dpt_take_back(dpt, ASI_DPT_TASK, (unsigned long)task, 0);
}
EXPORT_SYMBOL_GPL(asi_dpt_unmap_task);
