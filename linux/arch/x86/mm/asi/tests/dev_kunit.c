// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite asi_dev: the table of the driver's sequences, its verdicts, and the check
 * of arguments.  What needs the device is in tools/testing/selftests/asi/dev.c.
 */
#include <kunit/test.h>
#include <linux/ctype.h>
#include <linux/irqflags.h>
#include <linux/string.h>

#include "../dev.h"
#include "common.h"

static bool is_word(const char *s)
{
	for (; *s; s++) {
		if (!islower(*s) && !isdigit(*s) && *s != '-')
			return false;
	}
	return true;
}

static void check_step(struct kunit *test, const struct asi_dev_step *step)
{
	int table;

	KUNIT_EXPECT_GT(test, strlen(step->name), 0UL);
	KUNIT_EXPECT_LT(test, strlen(step->name), (size_t)ASI_LEN_WORD);
	for (table = 0; table < ASI_NR_TABLES; table++) {
		KUNIT_EXPECT_GE(test, step->expected[table], ASI_STATE_OUT);
		KUNIT_EXPECT_LE(test, step->expected[table], ASI_STATE_GRANTED);
	}
	/* All that the nonsensitive table maps is known before. */
	KUNIT_EXPECT_NE(test, step->expected[ASI_TABLE_NONSENSITIVE],
			ASI_STATE_GRANTED);
}

/* What programs are told fits, and each sequence ends outside. */
static void table_is_well_formed(struct kunit *test)
{
	unsigned int i, j, nr;

	KUNIT_ASSERT_GT(test, asi_dev_nr_sequences, 0U);
	for (i = 0; i < asi_dev_nr_sequences; i++) {
		const struct asi_dev_sequence *s = &asi_dev_sequences[i];

		KUNIT_EXPECT_TRUE(test, is_word(s->name));
		KUNIT_EXPECT_LT(test, strlen(s->name), (size_t)ASI_LEN_WORD);
		KUNIT_EXPECT_LT(test, strlen(s->purpose), (size_t)ASI_LEN_TEXT);
		KUNIT_EXPECT_NOT_NULL(test, s->run);
		KUNIT_EXPECT_GE(test, s->min_cpus, 1U);
		nr = asi_dev_nr_steps(s);
		KUNIT_ASSERT_GE(test, nr, 2U);
		for (j = 0; j < nr; j++)
			check_step(test, &s->step[j]);
		for (; j < ASI_MAX_STEPS; j++)
			KUNIT_EXPECT_NULL(test, s->step[j].name);
		KUNIT_EXPECT_EQ(test, s->step[nr - 1].expected[0], ASI_STATE_OUT);
		KUNIT_EXPECT_EQ(test, s->step[nr - 1].expected[1], ASI_STATE_OUT);
		for (j = 0; j < i; j++)
			KUNIT_EXPECT_STRNEQ(test, s->name,
					    asi_dev_sequences[j].name);
	}
}

/* What the words of the header say, in another way than the code does. */
static bool right(unsigned int expected, unsigned int actual, bool fault,
		  bool granted)
{
	bool in = actual == ASI_STATE_IN, out = actual == ASI_STATE_OUT;

	switch (expected) {
	case ASI_STATE_IN:
		return in;
	case ASI_STATE_OUT:
		return out;
	case ASI_STATE_ANY:
		return in || out;
	default:
		return (in && !fault) || (out && fault && !granted);
	}
}

#define NR_STATES	(ASI_STATE_OTHER + 1)

/* Over all that can be expected and seen. */
static void verdicts(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ASI_STATE_GRANTED * NR_STATES * NR_STATES * 4; i++) {
		unsigned int bits = i % 4;
		unsigned int actual = i / 4 % NR_STATES;
		unsigned int cr3 = i / 4 / NR_STATES % NR_STATES;
		unsigned int expected = 1 + i / 4 / NR_STATES / NR_STATES;
		struct asi_dev_step step = { "", { expected, expected } };
		struct asi_dev_seen seen = {
			.look = { .actual = actual, .cr3 = cr3 },
			.fault = bits & 1,
		};

		KUNIT_EXPECT_EQ_MSG(test,
				    asi_dev_as_expected(&step, i % 2, &seen,
							bits & 2),
				    cr3 == actual && right(expected, actual,
							   bits & 1, bits & 2),
				    "expected %u, is %u, CR3 %u, %u", expected,
				    actual, cr3, bits);
	}
}

static void strings(struct kunit *test)
{
	char field[8] = "seven77";

	KUNIT_EXPECT_TRUE(test, asi_dev_string_valid(field, 8));
	KUNIT_EXPECT_FALSE(test, asi_dev_string_valid(field, 7));
	field[3] = '\0';
	KUNIT_EXPECT_FALSE(test, asi_dev_string_valid(field, 8));
	memset(field, 0, 8);
	KUNIT_EXPECT_TRUE(test, asi_dev_string_valid(field, 8));
}

/* Each byte of @arg but those in @used makes it one that is not well formed. */
#define EXPECT_BYTES_CHECKED(test, check, arg, used) do {		\
	unsigned char *_bytes = (unsigned char *)(arg);			\
	size_t _i;							\
									\
	KUNIT_EXPECT_EQ(test, 0, check(arg));				\
	for (_i = (used); _i < sizeof(*(arg)); _i++) {			\
		_bytes[_i] ^= 0x80;					\
		KUNIT_EXPECT_EQ_MSG(test, -EINVAL, check(arg),		\
				    "byte %zu", _i);			\
		_bytes[_i] ^= 0x80;					\
	}								\
} while (0)

static void bytes_of_describe_and_run(struct kunit *test)
{
	struct asi_ioc_describe *d = kunit_kzalloc(test, sizeof(*d), GFP_KERNEL);
	struct asi_ioc_run *r = kunit_kzalloc(test, sizeof(*r), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, d);
	KUNIT_ASSERT_NOT_NULL(test, r);
	EXPECT_BYTES_CHECKED(test, asi_dev_check_describe, d, 0);
	EXPECT_BYTES_CHECKED(test, asi_dev_check_run, r, 0);
	d->sequence = asi_dev_nr_sequences;
	KUNIT_EXPECT_EQ(test, -EINVAL, asi_dev_check_describe(d));
	r->sequence = asi_dev_nr_sequences;
	KUNIT_EXPECT_EQ(test, -EINVAL, asi_dev_check_run(r));
	*r = (struct asi_ioc_run) { .table = ASI_NR_TABLES };
	KUNIT_EXPECT_EQ(test, -EINVAL, asi_dev_check_run(r));
}

static void bounds(struct kunit *test)
{
	struct asi_ioc_faults f = { .max = ASI_MAX_ENTRIES };
	struct asi_ioc_mappings m = { .max = ASI_MAX_ENTRIES };
	struct asi_ioc_grants l = { .max = ASI_MAX_ENTRIES };

	KUNIT_EXPECT_EQ(test, 0, asi_dev_check_faults(&f));
	KUNIT_EXPECT_EQ(test, 0, asi_dev_check_mappings(&m));
	KUNIT_EXPECT_EQ(test, 0, asi_dev_check_grants(&l));
	f.max++;
	m.max++;
	l.max = U32_MAX;
	KUNIT_EXPECT_EQ(test, -E2BIG, asi_dev_check_faults(&f));
	KUNIT_EXPECT_EQ(test, -E2BIG, asi_dev_check_mappings(&m));
	KUNIT_EXPECT_EQ(test, -E2BIG, asi_dev_check_grants(&l));
	m.max = 0;
	KUNIT_EXPECT_EQ(test, -EINVAL, asi_dev_check_mappings(&m));
	f = (struct asi_ioc_faults) { .domain = ASI_DOMAIN_TEST_DECORATED + 1 };
	KUNIT_EXPECT_EQ(test, -EINVAL, asi_dev_check_faults(&f));
}

static int check_grant(u32 kind, const char *name, u64 address, u64 length)
{
	struct asi_ioc_grant g = {
		.domain = ASI_DOMAIN_TEST_DECORATED,
		.kind = kind,
		.address = address,
		.length = length,
	};

	strscpy(g.name, name);
	return asi_dev_check_grant(&g);
}

/* By name or by address, with a length or without. */
static void grants(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, 0, check_grant(ASI_GRANT_SYMBOL, "s", 0, 0));
	KUNIT_EXPECT_EQ(test, 0, check_grant(ASI_GRANT_SYMBOL, "s", 0, 8));
	KUNIT_EXPECT_EQ(test, 0, check_grant(ASI_GRANT_PERCPU, "s", 0, 8));
	KUNIT_EXPECT_EQ(test, 0, check_grant(ASI_GRANT_MODULE, "s", 0, 0));
	KUNIT_EXPECT_EQ(test, 0, check_grant(ASI_GRANT_ADDRESS, "", 8, 8));

	KUNIT_EXPECT_EQ(test, -EINVAL, check_grant(ASI_GRANT_SYMBOL, "", 0, 0));
	KUNIT_EXPECT_EQ(test, -EINVAL, check_grant(ASI_GRANT_SYMBOL, "s", 8, 0));
	KUNIT_EXPECT_EQ(test, -EINVAL, check_grant(ASI_GRANT_PERCPU, "s", 0, 0));
	KUNIT_EXPECT_EQ(test, -EINVAL, check_grant(ASI_GRANT_MODULE, "s", 0, 8));
	KUNIT_EXPECT_EQ(test, -EINVAL, check_grant(ASI_GRANT_ADDRESS, "s", 8, 8));
	KUNIT_EXPECT_EQ(test, -EINVAL, check_grant(ASI_GRANT_ADDRESS, "", 0, 8));
	KUNIT_EXPECT_EQ(test, -EINVAL, check_grant(ASI_GRANT_ADDRESS, "", 8, 0));
	KUNIT_EXPECT_EQ(test, -EINVAL, check_grant(ASI_GRANT_TASK, "s", 0, 0));
	KUNIT_EXPECT_EQ(test, -EINVAL, check_grant(0, "s", 0, 0));
}

static void fault_once(struct asi *asi, u64 *hidden)
{
	asi_enter(asi);
	asi_relax();
	READ_ONCE(*hidden);
	asi_exit();
}

/* A fault is found in the log once, and not one of another class or another page. */
static void faults_since(struct kunit *test)
{
	unsigned long *counts = kunit_kcalloc(test, ASI_FAULT_ENTRIES,
					      sizeof(*counts), GFP_KERNEL);
	unsigned long ip, again, of_class, of_page, page;
	struct asi *asi;
	u64 *hidden;

	asi_test_needs_asi(test);
	KUNIT_ASSERT_NOT_NULL(test, counts);
	asi = asi_test_domain_with(test, ASI_FAULT_EXIT);
	hidden = asi_test_hidden_block(test);
	page = (unsigned long)hidden;
	asi_faults_clear(-1);

	local_irq_disable();
	asi_faults_count_now(counts);
	fault_once(asi, hidden);
	ip = asi_faults_since(counts, asi->index, page);
	again = asi_faults_since(counts, asi->index, page);
	fault_once(asi, hidden);
	of_class = asi_faults_since(counts, asi->index + 1, page);
	fault_once(asi, hidden);
	of_page = asi_faults_since(counts, asi->index, page + PAGE_SIZE);
	local_irq_enable();

	KUNIT_EXPECT_NE(test, ip, 0UL);
	KUNIT_EXPECT_EQ(test, again, 0UL);
	KUNIT_EXPECT_EQ(test, of_class, 0UL);
	KUNIT_EXPECT_EQ(test, of_page, 0UL);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(table_is_well_formed),
	KUNIT_CASE(verdicts),
	KUNIT_CASE(strings),
	KUNIT_CASE(bytes_of_describe_and_run),
	KUNIT_CASE(bounds),
	KUNIT_CASE(grants),
	KUNIT_CASE(faults_since),
	{}
};

static struct kunit_suite suite = {
	.name		= "asi_dev",
	.test_cases	= cases,
};
kunit_test_suite(suite);
