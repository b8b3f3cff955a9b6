// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite asi_counters: the names of the counters.
 *
 * Needs no address space isolation to be on.
 */
#include <kunit/test.h>
#include <linux/ctype.h>
#include <linux/string.h>

#include "common.h"

static bool file_letter(char c)
{
	return islower(c) || isdigit(c) || c == '_';
}

/* Each counter has a name that can be a file's. */
static void every_counter_has_a_name(struct kunit *test)
{
	const char *c;
	int i;

	for (i = 0; i < ASI_NR_COUNTERS; i++) {
		KUNIT_ASSERT_NOT_NULL_MSG(test, asi_counter_names[i],
					  "counter %d", i);
		KUNIT_EXPECT_GT(test, strlen(asi_counter_names[i]), 0);
		for (c = asi_counter_names[i]; *c; c++)
			KUNIT_EXPECT_TRUE_MSG(test, file_letter(*c), "%s",
					      asi_counter_names[i]);
	}
}

static void no_two_counters_share_a_name(struct kunit *test)
{
	int i, j;

	for (i = 0; i < ASI_NR_COUNTERS; i++) {
		for (j = 0; j < i; j++)
			KUNIT_EXPECT_STRNEQ(test, asi_counter_names[i],
					    asi_counter_names[j]);
	}
}

/* The exits by reason, and nothing else, are called exits_something. */
static void exits_are_named_by_reason(struct kunit *test)
{
	int i;

	for (i = 0; i < ASI_NR_COUNTERS; i++) {
		bool is_exit = i >= ASI_CTR_EXITS &&
			       i < ASI_CTR_EXITS + ASI_NR_EXIT_REASONS;

		KUNIT_EXPECT_EQ_MSG(test, is_exit,
				    str_has_prefix(asi_counter_names[i],
						   "exits_") != 0,
				    "%s", asi_counter_names[i]);
	}
	/* The name of their sum. */
	for (i = 0; i < ASI_NR_COUNTERS; i++)
		KUNIT_EXPECT_STRNEQ(test, asi_counter_names[i], "exits");
}

static void names_fit_the_reasons(struct kunit *test)
{
	static const struct {
		enum asi_exit_reason reason;
		const char *name;
	} known[] = {
		{ ASI_EXIT_FAULT,	"exits_fault" },
		{ ASI_EXIT_SCHED,	"exits_sched" },
		{ ASI_EXIT_MM,		"exits_mm" },
		{ ASI_EXIT_CR3,		"exits_cr3" },
		{ ASI_EXIT_USER,	"exits_user" },
		{ ASI_EXIT_EXPLICIT,	"exits_explicit" },
		{ ASI_EXIT_PM,		"exits_pm" },
	};
	const char *name;
	int i;

	KUNIT_ASSERT_EQ(test, (int)ARRAY_SIZE(known), (int)ASI_NR_EXIT_REASONS);
	for (i = 0; i < ARRAY_SIZE(known); i++) {
		name = asi_counter_names[ASI_CTR_EXITS + known[i].reason];
		KUNIT_EXPECT_STREQ(test, name, known[i].name);
	}
}

/* The sum over all CPUs sees what this CPU counts, and only for the class. */
static void sum_sees_every_class_apart(struct kunit *test)
{
	u64 before[ASI_MAX_NUM];
	int i, counted;

	for (counted = 0; counted < ASI_MAX_NUM; counted++) {
		for (i = 0; i < ASI_MAX_NUM; i++)
			before[i] = asi_counter_sum(i, ASI_CTR_WARNINGS);

		asi_count(counted, ASI_CTR_WARNINGS);

		for (i = 0; i < ASI_MAX_NUM; i++)
			KUNIT_EXPECT_EQ(test, before[i] + (i == counted),
					asi_counter_sum(i, ASI_CTR_WARNINGS));

		this_cpu_dec(asi_stats.count[counted][ASI_CTR_WARNINGS]);
	}
}

static struct kunit_case counters_cases[] = {
	KUNIT_CASE(every_counter_has_a_name),
	KUNIT_CASE(no_two_counters_share_a_name),
	KUNIT_CASE(exits_are_named_by_reason),
	KUNIT_CASE(names_fit_the_reasons),
	KUNIT_CASE(sum_sees_every_class_apart),
	{}
};

static struct kunit_suite counters_suite = {
	.name		= "asi_counters",
	.test_cases	= counters_cases,
};
kunit_test_suite(counters_suite);
