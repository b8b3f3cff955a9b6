// SPDX-License-Identifier: GPL-2.0
/*
 * Address space isolation: classes and domains, their registration and their
 * lifetime.
 *
 * A domain is part of its mm and lives as long as that: a CPU that is in it has
 * the mm loaded, and a task that is in it has the mm as its own or borrowed.
 * So asi_destroy() frees nothing, and nothing that may run in atomic context
 * takes a lock that sleeps.
 */
#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/mutex.h>
#include <linux/smp.h>

#include <asm/asi_dpt.h>

#include "faultlog.h"
#include "internal.h"

struct asi_class asi_classes[ASI_MAX_NUM];
static DEFINE_MUTEX(asi_class_lock);

/* Is @index the index of a registered class? */
bool asi_class_valid(int index)
{
	/* Pairs with asi_register_class(), which fills the rest before. */
	return index >= 0 && index < ASI_MAX_NUM &&
	       smp_load_acquire(&asi_classes[index].registered);
}

/* The slot for a new class: the one it had before, or a free one. */
static int find_slot(const char *name)
{
	int i, index = -ENOSPC;

	for (i = ASI_MAX_NUM - 1; i >= 0; i--) {
		struct asi_class *class = &asi_classes[i];

		if (!strcmp(class->name, name))
			return class->registered ? -EEXIST : i;
		if (!class->registered && !atomic_long_read(&class->domains))
			index = i;
	}
	return index;
}

/* A slot that had another class starts to count from zero. */
static void reset_counters(int index)
{
	int cpu;

	asi_faults_clear(index);
	for_each_possible_cpu(cpu)
		memset(per_cpu(asi_stats, cpu).count[index], 0,
		       sizeof(per_cpu(asi_stats, cpu).count[index]));
}

/**
 * asi_register_class - make a kind of isolation known
 * @name: A short name, unique; copied.
 * @ops:  Hooks and policies, copied; NULL for none and the defaults.
 *
 * Context: may sleep.
 * Return: the index of the class, for asi_init(); -ENOSPC if there are
 * ASI_MAX_NUM classes already, -EEXIST if the name is taken, -EINVAL without a
 * usable name.
 */
int asi_register_class(const char *name, const struct asi_hooks *ops)
{
	struct asi_class *class;
	int index;

	if (!name || !*name || strlen(name) > ASI_CLASS_NAME_MAX)
		return -EINVAL;

	mutex_lock(&asi_class_lock);
	index = find_slot(name);
	if (index >= 0) {
		class = &asi_classes[index];
		if (strcmp(class->name, name))
			reset_counters(index);
		strscpy(class->name, name);
		class->ops = ops ? *ops : (struct asi_hooks) {};
		class->reason = NULL;
		/* Last: asi_class_valid() looks without the lock. */
		smp_store_release(&class->registered, true);
		asi_sysfs_add_class(index);
	}
	mutex_unlock(&asi_class_lock);
	return index;
}
EXPORT_SYMBOL_GPL(asi_register_class);

static void exit_cpu(void *info)
{
	asi_exit();
}

/**
 * asi_unregister_class - forget a class
 * @index: From asi_register_class().
 *
 * No hook of the class runs any more when this returns.  The caller has seen to
 * it that no domain of the class is entered again.
 *
 * Context: may sleep.
 */
void asi_unregister_class(int index)
{
	struct asi_class *class;

	if (WARN_ON_ONCE(!asi_class_valid(index)))
		return;
	class = &asi_classes[index];

	mutex_lock(&asi_class_lock);
	asi_sysfs_remove_class(index);
	class->registered = false;
	class->reason = NULL;

	/* A CPU may still be in a domain of it, relaxed. */
	on_each_cpu(exit_cpu, NULL, 1);
	class->ops.post_asi_enter = NULL;
	class->ops.pre_asi_exit = NULL;
	mutex_unlock(&asi_class_lock);
}
EXPORT_SYMBOL_GPL(asi_unregister_class);

/**
 * asi_class_set_reason - say that a class is off, and why
 * @index:  The class.
 * @reason: One line for people, a string constant; NULL when the class is on.
 */
void asi_class_set_reason(int index, const char *reason)
{
	if (!WARN_ON_ONCE(!asi_class_valid(index)))
		WRITE_ONCE(asi_classes[index].reason, reason);
}
EXPORT_SYMBOL_GPL(asi_class_set_reason);

static int init_domain(struct mm_struct *mm, int index)
{
	struct asi *asi = &mm->context.asi.domain[index];
	int err;

	if (!asi->pgd) {
		asi->class = &asi_classes[index];
		asi->mm = mm;
		asi->index = index;
		/* Last: its being there says that the domain is complete. */
		if (asi->class->ops.page_table == ASI_PGTABLE_DECORATED)
			err = asi_dpt_domain_init(asi);
		else
			err = asi_pgd_alloc(mm, &asi->pgd);
		if (err)
			return err;
		atomic_long_inc(&asi->class->domains);
	}
	atomic_inc(&asi->ref_count);
	return 0;
}

/**
 * asi_init - make the domain of an mm for a class, or use it once more
 * @mm:		current's mm.
 * @asi_index:	The class, from asi_register_class().
 * @out_asi:	The domain; NULL on failure, and while ASI is off.
 *
 * Each success wants its asi_destroy(), with what @out_asi says.
 *
 * Context: process context, may sleep, takes mmap_lock for writing.
 * Return: 0; -ENOMEM; -EINTR when killed; -EINVAL for a class that is not
 * registered or an mm that is not current's.
 */
int asi_init(struct mm_struct *mm, int asi_index, struct asi **out_asi)
{
	int err;

	*out_asi = NULL;
	if (!asi_ready)
		return 0;

	if (WARN_ON_ONCE(!asi_class_valid(asi_index) || mm != current->mm))
		return -EINVAL;

	/* Two may ask for the same domain at once. */
	if (mmap_write_lock_killable(mm))
		return -EINTR;
	err = init_domain(mm, asi_index);
	mmap_write_unlock(mm);

	if (!err)
		*out_asi = &mm->context.asi.domain[asi_index];
	return err;
}
EXPORT_SYMBOL_GPL(asi_init);

/**
 * asi_destroy - end a use of a domain
 * @asi: From asi_init(); may be NULL.
 *
 * The caller does not enter it again.  The domain is freed with its mm.
 *
 * Context: any; the caller holds a reference to the mm.
 */
void asi_destroy(struct asi *asi)
{
	if (asi)
		WARN_ON_ONCE(atomic_dec_return(&asi->ref_count) < 0);
}
EXPORT_SYMBOL_GPL(asi_destroy);

/**
 * asi_mm_init - set up what a new mm has of ASI
 * @mm: Not visible to anyone yet; its page table is allocated.
 *
 * Context: process context, may sleep.
 * Return: 0, or -ENOMEM with nothing to undo.
 */
int asi_mm_init(struct mm_struct *mm)
{
	/* A copy of the parent's so far. */
	memset(&mm->context.asi, 0, sizeof(mm->context.asi));

	if (!static_branch_likely(&asi_user_class_key))
		return 0;
	return init_domain(mm, ASI_CLASS_USER);
}

/**
 * asi_mm_destroy - free the domains of an mm
 * @mm: Without users, and loaded on no CPU.
 *
 * Context: any, also atomic.
 */
void asi_mm_destroy(struct mm_struct *mm)
{
	int i;

	asi_debug_mm_dead(mm);

	for (i = 0; i < ASI_MAX_NUM; i++) {
		struct asi *asi = &mm->context.asi.domain[i];

		if (!asi->pgd)
			continue;
		atomic_long_dec(&asi->class->domains);
		if (asi->dpt) {
			asi_dpt_destroy(asi->dpt);
		} else {
			asi_grants_free(asi);
			asi_pgd_free(asi->pgd);
		}
		asi->dpt = NULL;
		asi->pgd = NULL;
	}
}
