// SPDX-License-Identifier: GPL-2.0
/*
 * Address space isolation: counters, and what operators see in sysfs.
 *
 * Documentation/ABI/testing/sysfs-kernel-asi describes the files.
 */
#include <linux/init.h>
#include <linux/kobject.h>
#include <linux/mutex.h>
#include <linux/sensitive.h>
#include <linux/slab.h>
#include <linux/sysfs.h>

#include <asm/cpufeature.h>

#include "internal.h"

#define CREATE_TRACE_POINTS
#include <trace/events/asi.h>

/* Version of the interface; goes up when a file changes its meaning. */
#define ASI_SYSFS_ABI	1

DEFINE_PER_CPU(struct asi_stats, asi_stats);

const char *const asi_counter_names[] = {
	[ASI_EXIT_FAULT]	= "exits_fault",
	[ASI_EXIT_SCHED]	= "exits_sched",
	[ASI_EXIT_MM]		= "exits_mm",
	[ASI_EXIT_CR3]		= "exits_cr3",
	[ASI_EXIT_USER]		= "exits_user",
	[ASI_EXIT_EXPLICIT]	= "exits_explicit",
	[ASI_EXIT_PM]		= "exits_pm",
	[ASI_CTR_ENTERS]	= "enters",
	[ASI_CTR_REENTERS]	= "reenters",
	[ASI_CTR_FAULTS]	= "faults",
	[ASI_CTR_TENSE_FAULTS]	= "tense_faults",
	[ASI_CTR_CR3_WRITES]	= "cr3_writes",
	[ASI_CTR_FLUSHES]	= "flushes",
	[ASI_CTR_WARNINGS]	= "warnings",
};
static_assert(ARRAY_SIZE(asi_counter_names) == ASI_NR_COUNTERS);

/* A counter of class @index, summed over all CPUs. */
u64 asi_counter_sum(int index, enum asi_counter counter)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu(asi_stats, cpu).count[index][counter]);
	return sum;
}

/* The exits of class @index for all reasons, summed over all CPUs. */
u64 asi_exits_sum(int index)
{
	u64 sum = 0;
	int i;

	for (i = 0; i < ASI_NR_EXIT_REASONS; i++)
		sum += asi_counter_sum(index, ASI_CTR_EXITS + i);
	return sum;
}

/* Directory of a class.  Freed by its release. */
struct class_dir {
	struct kobject kobj;
	int index;
};

/* The directories; NULL before sysfs is up.  Under dir_lock. */
static struct class_dir *class_dirs[ASI_MAX_NUM];
static struct kobject *classes_kobj;
static DEFINE_MUTEX(dir_lock);

static int kobj_index(struct kobject *kobj)
{
	return container_of(kobj, struct class_dir, kobj)->index;
}

static const char *class_reason(int index)
{
	return asi_off_reason() ?: READ_ONCE(asi_classes[index].reason);
}

#define CLASS_ATTR(_name, _fmt, ...)					\
static ssize_t class_##_name##_show(struct kobject *kobj,		\
				    struct kobj_attribute *attr,	\
				    char *buf)				\
{									\
	int index = kobj_index(kobj);					\
									\
	return sysfs_emit(buf, _fmt "\n", __VA_ARGS__);			\
}									\
static struct kobj_attribute class_##_name##_attr =			\
	__ATTR(_name, 0444, class_##_name##_show, NULL)

static const char *const fault_policy_names[] = {
	[ASI_FAULT_EXIT]	= "exit",
	[ASI_FAULT_PRESERVE]	= "preserve",
	[ASI_FAULT_ABORT]	= "abort",
};

static const char *const page_table_names[] = {
	[ASI_PGTABLE_NONSENSITIVE]	= "nonsensitive",
	[ASI_PGTABLE_DECORATED]		= "decorated",
};

CLASS_ATTR(enabled, "%d", !class_reason(index));
CLASS_ATTR(reason, "%s", class_reason(index) ?: "");
CLASS_ATTR(fault_policy, "%s",
	   fault_policy_names[asi_classes[index].ops.fault_policy]);
CLASS_ATTR(page_table, "%s",
	   page_table_names[asi_classes[index].ops.page_table]);

static struct attribute *class_attrs[] = {
	&class_enabled_attr.attr,
	&class_reason_attr.attr,
	&class_fault_policy_attr.attr,
	&class_page_table_attr.attr,
	NULL,
};

static const struct attribute_group class_group = {
	.attrs = class_attrs,
};

/* A file of "stats": a counter, or the sum of the exits. */
static struct kobj_attribute stat_attrs[ASI_NR_COUNTERS + 1];
static struct attribute *stat_attr_list[ASI_NR_COUNTERS + 2];

static ssize_t stat_show(struct kobject *kobj, struct kobj_attribute *attr,
			 char *buf)
{
	int counter = attr - stat_attrs;
	int index = kobj_index(kobj);

	return sysfs_emit(buf, "%llu\n", counter == ASI_NR_COUNTERS ?
			  asi_exits_sum(index) :
			  asi_counter_sum(index, counter));
}

static const struct attribute_group stats_group = {
	.name	= "stats",
	.attrs	= stat_attr_list,
};

static void __init init_stat_attrs(void)
{
	int i;

	for (i = 0; i <= ASI_NR_COUNTERS; i++) {
		struct kobj_attribute *attr = &stat_attrs[i];

		sysfs_attr_init(&attr->attr);
		attr->attr.name = i < ASI_NR_COUNTERS ? asi_counter_names[i] :
							"exits";
		attr->attr.mode = 0444;
		attr->show = stat_show;
		stat_attr_list[i] = &attr->attr;
	}
}

static const struct attribute_group *class_groups[] = {
	&class_group,
	&stats_group,
	NULL,
};

static void class_dir_release(struct kobject *kobj)
{
	kfree(container_of(kobj, struct class_dir, kobj));
}

static const struct kobj_type class_dir_type = {
	.release	= class_dir_release,
	.sysfs_ops	= &kobj_sysfs_ops,
	.default_groups	= class_groups,
};

/**
 * asi_sysfs_add_class - make the directory of a class
 * @index: The class.
 *
 * Classes that are registered before sysfs is up get theirs then.  Failure
 * costs the directory, nothing else.
 *
 * Context: may sleep.
 */
void asi_sysfs_add_class(int index)
{
	struct class_dir *dir;

	mutex_lock(&dir_lock);
	if (!classes_kobj || class_dirs[index])
		goto out;

	dir = kzalloc(sizeof(*dir), GFP_KERNEL);
	if (!dir)
		goto out;

	dir->index = index;
	if (kobject_init_and_add(&dir->kobj, &class_dir_type, classes_kobj,
				 "%s", asi_classes[index].name))
		kobject_put(&dir->kobj);
	else
		class_dirs[index] = dir;
out:
	mutex_unlock(&dir_lock);
}

/**
 * asi_sysfs_remove_class - remove the directory of a class
 * @index: The class, still registered.
 *
 * Nobody reads a file of it any more when this returns.
 *
 * Context: may sleep.
 */
void asi_sysfs_remove_class(int index)
{
	mutex_lock(&dir_lock);
	if (class_dirs[index]) {
		kobject_del(&class_dirs[index]->kobj);
		kobject_put(&class_dirs[index]->kobj);
		class_dirs[index] = NULL;
	}
	mutex_unlock(&dir_lock);
}

/* Why something that was asked for is off; NULL if nothing is. */
static const char *any_reason(void)
{
	const char *reason = asi_off_reason();
	int i;

	for (i = 0; !reason && i < ASI_MAX_NUM; i++) {
		if (asi_class_valid(i) && asi_class_wanted(asi_classes[i].name))
			reason = READ_ONCE(asi_classes[i].reason);
	}
	return reason;
}

#define ASI_ATTR(_name, _fmt, _val)					\
static ssize_t _name##_show(struct kobject *kobj,			\
			    struct kobj_attribute *attr, char *buf)	\
{									\
	return sysfs_emit(buf, _fmt "\n", _val);			\
}									\
static struct kobj_attribute _name##_attr =				\
	__ATTR(_name, 0444, _name##_show, NULL)

ASI_ATTR(abi, "%d", ASI_SYSFS_ABI);
ASI_ATTR(enabled, "%d", !asi_off_reason());
ASI_ATTR(mode, "%s", asi_mode_name());
ASI_ATTR(reason, "%s", any_reason() ?: "");
ASI_ATTR(pcid, "%d", !!boot_cpu_has(X86_FEATURE_PCID));
ASI_ATTR(invpcid, "%d", !!boot_cpu_has(X86_FEATURE_INVPCID));
ASI_ATTR(pti, "%d", cpu_feature_enabled(X86_FEATURE_PTI));
ASI_ATTR(la57, "%d", !!pgtable_l5_enabled());
ASI_ATTR(global_pages, "%d", !!(__default_kernel_pte_mask & _PAGE_GLOBAL));
ASI_ATTR(debug, "%d", IS_ENABLED(CONFIG_ASI_DEBUG));
ASI_ATTR(sensitive, "%d", sensitive_active());

static struct attribute *asi_attrs[] = {
	&abi_attr.attr,
	&enabled_attr.attr,
	&mode_attr.attr,
	&reason_attr.attr,
	NULL,
};

static const struct attribute_group asi_group = {
	.attrs = asi_attrs,
};

static struct attribute *feature_attrs[] = {
	&pcid_attr.attr,
	&invpcid_attr.attr,
	&pti_attr.attr,
	&la57_attr.attr,
	&global_pages_attr.attr,
	&debug_attr.attr,
	&sensitive_attr.attr,
	NULL,
};

static const struct attribute_group features_group = {
	.name	= "features",
	.attrs	= feature_attrs,
};

static const struct attribute_group *asi_groups[] = {
	&asi_group,
	&features_group,
	NULL,
};

static int __init asi_sysfs_init(void)
{
	struct kobject *root, *classes;
	int i, err;

	init_stat_attrs();

	root = kobject_create_and_add("asi", kernel_kobj);
	if (!root)
		return -ENOMEM;

	err = sysfs_create_groups(root, asi_groups);
	if (err)
		goto err_root;

	classes = kobject_create_and_add("classes", root);
	if (!classes) {
		err = -ENOMEM;
		goto err_groups;
	}

	mutex_lock(&dir_lock);
	classes_kobj = classes;
	mutex_unlock(&dir_lock);

	for (i = 0; i < ASI_MAX_NUM; i++) {
		if (asi_class_valid(i))
			asi_sysfs_add_class(i);
	}
	return 0;

err_groups:
	sysfs_remove_groups(root, asi_groups);
err_root:
	kobject_put(root);
	return err;
}
subsys_initcall(asi_sysfs_init);
