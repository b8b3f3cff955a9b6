// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite asi_class: the registry of classes.
 *
 * Works with address space isolation off, too: classes register all the same,
 * and sysfs says why they are off.
 */
#include <kunit/test.h>
#include <linux/kernfs.h>
#include <linux/kobject.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "common.h"

static noinstr void hook_enter(void)
{
}

static noinstr void hook_exit(void)
{
}

static int nr_registered(void)
{
	int i, n = 0;

	for (i = 0; i < ASI_MAX_NUM; i++)
		n += asi_class_valid(i);
	return n;
}

static int class_init(struct kunit *test)
{
	asi_test_settle(test);
	return 0;
}

/* Register classes, until the end of the test, so that no slot is free. */
static int fill_slots(struct kunit *test)
{
	char name[ASI_CLASS_NAME_MAX + 1];
	int n = 0;

	while (nr_registered() < ASI_MAX_NUM) {
		snprintf(name, sizeof(name), "test_fill%d", n++);
		asi_test_class(test, name, NULL);
	}
	return n;
}

static void there_are_four_at_most(struct kunit *test)
{
	int n = nr_registered();

	KUNIT_EXPECT_EQ(test, ASI_MAX_NUM, 4);
	KUNIT_EXPECT_EQ(test, fill_slots(test), ASI_MAX_NUM - n);
	KUNIT_EXPECT_EQ(test, asi_register_class("test_more", NULL), -ENOSPC);
	KUNIT_EXPECT_EQ(test, nr_registered(), ASI_MAX_NUM);
}

/* A name that is taken is told apart from a registry that is full. */
static void taken_name_in_full_registry(struct kunit *test)
{
	int n = fill_slots(test);

	if (!n)
		kunit_skip(test, "all slots are in use by the kernel");
	KUNIT_EXPECT_EQ(test, asi_register_class("test_fill0", NULL), -EEXIST);
}

static void bad_names_are_refused(struct kunit *test)
{
	int n = nr_registered();

	KUNIT_EXPECT_EQ(test, asi_register_class(NULL, NULL), -EINVAL);
	KUNIT_EXPECT_EQ(test, asi_register_class("", NULL), -EINVAL);
	KUNIT_EXPECT_EQ(test, asi_register_class("test_17_letters__", NULL),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, nr_registered(), n);
}

static void longest_name_fits(struct kunit *test)
{
	const char *name = "test_16_letters_";
	int index;

	KUNIT_ASSERT_EQ(test, strlen(name), ASI_CLASS_NAME_MAX);
	index = asi_test_class(test, name, NULL);
	KUNIT_EXPECT_STREQ(test, asi_classes[index].name, name);
	KUNIT_EXPECT_EQ(test, asi_register_class(name, NULL), -EEXIST);
}

static void name_is_unique(struct kunit *test)
{
	int n;

	asi_test_class(test, "test", NULL);
	n = nr_registered();
	KUNIT_EXPECT_EQ(test, asi_register_class("test", NULL), -EEXIST);
	KUNIT_EXPECT_EQ(test, nr_registered(), n);
}

static void name_is_copied(struct kunit *test)
{
	char name[] = "test";
	int index = asi_test_class(test, name, NULL);

	name[0] = 'b';
	KUNIT_EXPECT_STREQ(test, asi_classes[index].name, "test");
	KUNIT_EXPECT_EQ(test, asi_register_class("test", NULL), -EEXIST);
}

static void invalid_indexes_are_known(struct kunit *test)
{
	int index;

	KUNIT_EXPECT_FALSE(test, asi_class_valid(-1));
	KUNIT_EXPECT_FALSE(test, asi_class_valid(-ENOSPC));
	KUNIT_EXPECT_FALSE(test, asi_class_valid(ASI_MAX_NUM));
	KUNIT_EXPECT_FALSE(test, asi_class_valid(INT_MAX));

	index = asi_register_class("test", NULL);
	KUNIT_ASSERT_GE(test, index, 0);
	KUNIT_EXPECT_TRUE(test, asi_class_valid(index));
	asi_unregister_class(index);
	KUNIT_EXPECT_FALSE(test, asi_class_valid(index));
}

/* Slots do not wear out, and the name does not either. */
static void unregistered_slot_is_free_again(struct kunit *test)
{
	char name[ASI_CLASS_NAME_MAX + 1];
	int i, index, n = nr_registered();

	for (i = 0; i < 4 * ASI_MAX_NUM; i++) {
		snprintf(name, sizeof(name), "test_%d", i / 2);
		index = asi_register_class(name, NULL);
		KUNIT_ASSERT_GE(test, index, 0);
		KUNIT_EXPECT_EQ(test, nr_registered(), n + 1);
		asi_unregister_class(index);
		KUNIT_EXPECT_EQ(test, nr_registered(), n);
	}
}

static void full_registry_has_room_after_unregister(struct kunit *test)
{
	int index = asi_register_class("test_room", NULL);

	KUNIT_ASSERT_GE(test, index, 0);
	fill_slots(test);
	KUNIT_EXPECT_EQ(test, asi_register_class("test_more", NULL), -ENOSPC);

	asi_unregister_class(index);
	KUNIT_EXPECT_EQ(test, asi_test_class(test, "test_more", NULL), index);
}

/*
 * A class that comes back finds its old slot, and with it its domains: a module
 * that is loaded again.  Another class must not get them.
 */
static void slot_with_domains_is_kept(struct kunit *test)
{
	struct mm_struct *mm;
	struct asi *asi;
	int index;

	asi_test_needs_asi(test);
	if (nr_registered() > ASI_MAX_NUM - 2)
		kunit_skip(test, "fewer than two slots are free");

	mm = asi_test_mm(test);
	index = asi_register_class("test", NULL);
	KUNIT_ASSERT_GE(test, index, 0);
	KUNIT_ASSERT_EQ(test, 0, asi_init(mm, index, &asi));
	asi_destroy(asi);
	asi_unregister_class(index);

	KUNIT_EXPECT_NE(test, asi_test_class(test, "test_other", NULL), index);
	KUNIT_EXPECT_EQ(test, asi_test_class(test, "test", NULL), index);
	KUNIT_ASSERT_EQ(test, 0, asi_init(mm, index, &asi));
	KUNIT_EXPECT_PTR_EQ(test, asi->class, &asi_classes[index]);
	asi_destroy(asi);
}

static void policies_are_copied(struct kunit *test)
{
	struct asi_hooks ops = {
		.post_asi_enter	= hook_enter,
		.pre_asi_exit	= hook_exit,
		.fault_policy	= ASI_FAULT_PRESERVE,
		.page_table	= ASI_PGTABLE_NONSENSITIVE,
	};
	int index = asi_test_class(test, "test", &ops);
	struct asi_class *class = &asi_classes[index];

	memset(&ops, 0, sizeof(ops));
	KUNIT_EXPECT_PTR_EQ(test, class->ops.post_asi_enter, &hook_enter);
	KUNIT_EXPECT_PTR_EQ(test, class->ops.pre_asi_exit, &hook_exit);
	KUNIT_EXPECT_EQ(test, class->ops.fault_policy, ASI_FAULT_PRESERVE);
	KUNIT_EXPECT_EQ(test, class->ops.page_table, ASI_PGTABLE_NONSENSITIVE);
}

/* A class without hooks, in a slot that had some. */
static void defaults_replace_old_policies(struct kunit *test)
{
	struct asi_hooks ops = {
		.post_asi_enter	= hook_enter,
		.pre_asi_exit	= hook_exit,
		.fault_policy	= ASI_FAULT_ABORT,
		.page_table	= ASI_PGTABLE_NONSENSITIVE,
	};
	int index = asi_register_class("test", &ops);
	struct asi_class *class;

	KUNIT_ASSERT_GE(test, index, 0);
	class = &asi_classes[index];
	asi_class_set_reason(index, "a reason");
	asi_unregister_class(index);
	/* Domains that are left must not call into a module that is gone. */
	KUNIT_EXPECT_NULL(test, class->ops.post_asi_enter);
	KUNIT_EXPECT_NULL(test, class->ops.pre_asi_exit);

	KUNIT_ASSERT_EQ(test, asi_test_class(test, "test", NULL), index);
	KUNIT_EXPECT_NULL(test, class->ops.post_asi_enter);
	KUNIT_EXPECT_NULL(test, class->ops.pre_asi_exit);
	KUNIT_EXPECT_EQ(test, class->ops.fault_policy, ASI_FAULT_EXIT);
	KUNIT_EXPECT_EQ(test, class->ops.page_table, ASI_PGTABLE_NONSENSITIVE);
	KUNIT_EXPECT_NULL(test, class->reason);
}

/* The counters are those of the class, not those of its slot. */
static void new_class_counts_from_zero(struct kunit *test)
{
	int i, index = asi_register_class("test_old", NULL);

	KUNIT_ASSERT_GE(test, index, 0);
	for (i = 0; i < ASI_NR_COUNTERS; i++)
		asi_count(index, i);
	asi_unregister_class(index);

	/* A module that is loaded again goes on. */
	KUNIT_ASSERT_EQ(test, asi_register_class("test_old", NULL), index);
	for (i = 0; i < ASI_NR_COUNTERS; i++)
		KUNIT_EXPECT_GE(test, asi_counter_sum(index, i), 1ULL);
	asi_unregister_class(index);

	KUNIT_ASSERT_EQ(test, asi_test_class(test, "test_new", NULL), index);
	for (i = 0; i < ASI_NR_COUNTERS; i++)
		KUNIT_EXPECT_EQ(test, asi_counter_sum(index, i), 0ULL);
}

/* The kernel's own classes are where others expect them. */
static void user_class_is_the_first(struct kunit *test)
{
	asi_test_needs_asi(test);

	KUNIT_EXPECT_TRUE(test, asi_class_valid(ASI_CLASS_USER));
	KUNIT_EXPECT_STREQ(test, asi_classes[ASI_CLASS_USER].name, "user");
	KUNIT_EXPECT_EQ(test, !asi_classes[ASI_CLASS_USER].reason,
			static_key_enabled(&asi_user_class_key.key));
	if (cpu_feature_enabled(X86_FEATURE_PTI))
		KUNIT_EXPECT_NOT_NULL(test, asi_classes[ASI_CLASS_USER].reason);
}

/* The directory of a class below /sys/kernel/asi/classes; put it. */
static struct kernfs_node *class_dir(const char *name)
{
	const char *const path[] = { "asi", "classes", name };
	struct kernfs_node *dir = kernel_kobj->sd, *next;
	int i;

	kernfs_get(dir);
	for (i = 0; dir && i < ARRAY_SIZE(path); i++) {
		next = kernfs_find_and_get(dir, path[i]);
		kernfs_put(dir);
		dir = next;
	}
	return dir;
}

/*
 * What a reader of a file of a class gets.  No sysfs is mounted when the suites
 * run, so this calls what reading it would call.
 */
static void read_class_file(struct kunit *test, const char *class,
			    const char *group, const char *file, char *page)
{
	struct kernfs_node *dir = class_dir(class), *sub, *node;
	struct kobject *kobj;
	ssize_t len;

	KUNIT_ASSERT_NOT_NULL_MSG(test, dir, "directory of class %s", class);
	kobj = dir->priv;
	sub = group ? kernfs_find_and_get(dir, group) : dir;
	KUNIT_ASSERT_NOT_NULL(test, sub);
	node = kernfs_find_and_get(sub, file);
	KUNIT_ASSERT_NOT_NULL_MSG(test, node, "file %s", file);

	len = kobj->ktype->sysfs_ops->show(kobj, node->priv, page);
	KUNIT_EXPECT_GT(test, len, 0);
	KUNIT_EXPECT_EQ_MSG(test, node->mode & 0777, 0444, "file %s", file);

	kernfs_put(node);
	if (group)
		kernfs_put(sub);
	kernfs_put(dir);
}

#define EXPECT_FILE(test, class, group, file, content)			\
do {									\
	char *_page = (char *)get_zeroed_page(GFP_KERNEL);		\
									\
	KUNIT_ASSERT_NOT_NULL(test, _page);				\
	read_class_file(test, class, group, file, _page);		\
	KUNIT_EXPECT_STREQ_MSG(test, _page, content, "file %s", file);	\
	free_page((unsigned long)_page);				\
} while (0)

static void sysfs_says_why_a_class_is_off(struct kunit *test)
{
	int index;

	asi_test_needs_asi(test);
	index = asi_test_class(test, "test", NULL);

	EXPECT_FILE(test, "test", NULL, "enabled", "1\n");
	EXPECT_FILE(test, "test", NULL, "reason", "\n");

	asi_class_set_reason(index, "the moon is full");
	EXPECT_FILE(test, "test", NULL, "enabled", "0\n");
	EXPECT_FILE(test, "test", NULL, "reason", "the moon is full\n");

	asi_class_set_reason(index, NULL);
	EXPECT_FILE(test, "test", NULL, "enabled", "1\n");
	EXPECT_FILE(test, "test", NULL, "reason", "\n");
}

/* Every class is off then, and the reason is that of all. */
static void sysfs_says_that_all_is_off(struct kunit *test)
{
	char expected[128];

	if (asi_ready)
		kunit_skip(test, "address space isolation is on");

	asi_test_class(test, "test", NULL);
	snprintf(expected, sizeof(expected), "%s\n", asi_off_reason());
	EXPECT_FILE(test, "test", NULL, "enabled", "0\n");
	EXPECT_FILE(test, "test", NULL, "reason", expected);
}

static void sysfs_shows_policies(struct kunit *test)
{
	static const struct {
		struct asi_hooks ops;
		const char *fault_policy, *page_table;
	} known[] = {
		{ { .fault_policy = ASI_FAULT_EXIT,
		    .page_table = ASI_PGTABLE_NONSENSITIVE },
		  "exit\n", "nonsensitive\n" },
		{ { .fault_policy = ASI_FAULT_PRESERVE,
		    .page_table = ASI_PGTABLE_NONSENSITIVE },
		  "preserve\n", "nonsensitive\n" },
		{ { .fault_policy = ASI_FAULT_ABORT,
		    .page_table = ASI_PGTABLE_DECORATED },
		  "abort\n", "decorated\n" },
	};
	int i, index;

	for (i = 0; i < ARRAY_SIZE(known); i++) {
		index = asi_register_class("test", &known[i].ops);
		KUNIT_ASSERT_GE(test, index, 0);
		EXPECT_FILE(test, "test", NULL, "fault_policy",
			    known[i].fault_policy);
		EXPECT_FILE(test, "test", NULL, "page_table",
			    known[i].page_table);
		asi_unregister_class(index);
	}
}

/* One file for each counter, and one for the sum of the exits. */
static void sysfs_shows_counters(struct kunit *test)
{
	int i, index = asi_test_class(test, "test", NULL);
	char expected[32];

	for (i = 0; i < ASI_NR_COUNTERS; i++) {
		asi_count(index, i);
		snprintf(expected, sizeof(expected), "%llu\n",
			 asi_counter_sum(index, i));
		EXPECT_FILE(test, "test", "stats", asi_counter_names[i],
			    expected);
	}
	snprintf(expected, sizeof(expected), "%llu\n", asi_exits_sum(index));
	EXPECT_FILE(test, "test", "stats", "exits", expected);
	this_cpu_dec(asi_stats.count[index][ASI_CTR_WARNINGS]);
	this_cpu_dec(asi_stats.count[index][ASI_CTR_TENSE_FAULTS]);
}

static void directory_comes_and_goes_with_its_class(struct kunit *test)
{
	struct kernfs_node *dir;
	int i, index;

	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_NULL(test, class_dir("test_dir"));
		index = asi_register_class("test_dir", NULL);
		KUNIT_ASSERT_GE(test, index, 0);
		dir = class_dir("test_dir");
		KUNIT_EXPECT_NOT_NULL(test, dir);
		kernfs_put(dir);
		asi_unregister_class(index);
	}
	KUNIT_EXPECT_NULL(test, class_dir("test_dir"));
}

static struct kunit_case class_cases[] = {
	KUNIT_CASE(there_are_four_at_most),
	KUNIT_CASE(taken_name_in_full_registry),
	KUNIT_CASE(bad_names_are_refused),
	KUNIT_CASE(longest_name_fits),
	KUNIT_CASE(name_is_unique),
	KUNIT_CASE(name_is_copied),
	KUNIT_CASE(invalid_indexes_are_known),
	KUNIT_CASE(unregistered_slot_is_free_again),
	KUNIT_CASE(full_registry_has_room_after_unregister),
	KUNIT_CASE(slot_with_domains_is_kept),
	KUNIT_CASE(policies_are_copied),
	KUNIT_CASE(defaults_replace_old_policies),
	KUNIT_CASE(new_class_counts_from_zero),
	KUNIT_CASE(user_class_is_the_first),
	KUNIT_CASE(sysfs_says_why_a_class_is_off),
	KUNIT_CASE(sysfs_says_that_all_is_off),
	KUNIT_CASE(sysfs_shows_policies),
	KUNIT_CASE(sysfs_shows_counters),
	KUNIT_CASE(directory_comes_and_goes_with_its_class),
	{}
};

static struct kunit_suite class_suite = {
	.name		= "asi_class",
	.init		= class_init,
	.test_cases	= class_cases,
};
kunit_test_suite(class_suite);
