// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite asi_slab: objects of slabs by sensitivity, down to the restricted
 * page table.
 */
#include <kunit/test.h>
#include <linux/gfp.h>
#include <linux/irqflags.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "common.h"

#define GFP_SECRET	(GFP_KERNEL | __GFP_SENSITIVE)

static const size_t sizes[] = {
	1, 8, 16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096, 8192,
	16384, 65536, 1 << 20,
};

static void size_name(const size_t *size, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%zu", *size);
}
KUNIT_ARRAY_PARAM(size, sizes, size_name);

static const gfp_t plain_gfp[] = { GFP_KERNEL, GFP_KERNEL_ACCOUNT };
static const gfp_t secret_gfp[] = {
	GFP_SECRET, GFP_SECRET | __GFP_ACCOUNT, GFP_USER,
	GFP_SECRET | __GFP_RECLAIMABLE,
};

static void expect_side(struct kunit *test, size_t size, gfp_t gfp, bool sensitive)
{
	u8 *p = kmalloc(size, gfp);

	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_TRUE_MSG(test, asi_test_on_side(p, size, sensitive), "%pGg", &gfp);
	memset(p, 0x5a, size);
	KUNIT_EXPECT_NULL(test, memchr_inv(p, 0x5a, size));
	kfree(p);
}

static void kmalloc_is_on_its_side(struct kunit *test)
{
	const size_t *size = test->param_value;
	int i;

	asi_test_needs_sensitive(test);
	for (i = 0; i < ARRAY_SIZE(plain_gfp); i++)
		expect_side(test, *size, plain_gfp[i], false);
	for (i = 0; i < ARRAY_SIZE(secret_gfp); i++)
		expect_side(test, *size, secret_gfp[i], true);
}

/* A size that is known to the compiler has its cache looked up there. */
static void constant_size_is_on_its_side(struct kunit *test)
{
	void *plain, *secret;

	asi_test_needs_sensitive(test);
	plain = kmalloc(100, GFP_KERNEL);
	secret = kzalloc(100, GFP_SECRET);
	KUNIT_EXPECT_TRUE(test, plain && asi_test_on_side(plain, 100, false));
	KUNIT_EXPECT_TRUE(test, secret && asi_test_on_side(secret, 100, true));
	kfree(secret);
	kfree(plain);
}

struct move {
	const char *name;
	gfp_t from, to;
	bool sensitive;
};

static const struct move moves[] = {
	{ "nonsensitive stays", GFP_KERNEL, GFP_KERNEL, false },
	{ "nonsensitive becomes sensitive", GFP_KERNEL, GFP_SECRET, true },
	{ "sensitive stays", GFP_SECRET, GFP_SECRET, true },
	{ "sensitive does not get out", GFP_SECRET, GFP_KERNEL, true },
};

static void move_name(const struct move *move, char *desc)
{
	strscpy(desc, move->name, KUNIT_PARAM_DESC_SIZE);
}
KUNIT_ARRAY_PARAM(move, moves, move_name);

/* Grown, as it is, and shrunk. */
static void krealloc_keeps_contents_in(struct kunit *test)
{
	static const size_t new_sizes[] = { 3000, 200, 150, 60000 };
	const struct move *move = test->param_value;
	int i;

	asi_test_needs_sensitive(test);
	for (i = 0; i < ARRAY_SIZE(new_sizes); i++) {
		u8 *p = kmalloc(200, move->from), *moved;

		KUNIT_ASSERT_NOT_NULL(test, p);
		memset(p, 0xa5, 200);
		moved = krealloc(p, new_sizes[i], move->to);
		KUNIT_EXPECT_NOT_NULL(test, moved);
		if (!moved) {
			kfree(p);
			continue;
		}
		KUNIT_EXPECT_TRUE(test, asi_test_on_side(moved, new_sizes[i], move->sensitive));
		KUNIT_EXPECT_NULL(test, memchr_inv(moved, 0xa5, min(new_sizes[i], 200UL)));
		kfree(moved);
	}
}

/*
 * From slab to slab, to pages, to where kmalloc() has no room and vmalloc() is used, and
 * from there to more than a huge page of vmalloc() leaves room for.
 */
static void kvrealloc_keeps_contents_in(struct kunit *test)
{
	static const size_t steps[] = {
		200, 3000, 60000, KMALLOC_MAX_SIZE + 1, 2 * KMALLOC_MAX_SIZE,
	};
	const struct move *move = test->param_value;
	int i;

	asi_test_needs_sensitive(test);
	for (i = 0; i + 1 < ARRAY_SIZE(steps); i++) {
		size_t old = steps[i], new = steps[i + 1];
		u8 *p = kvmalloc(old, move->from), *grown;

		KUNIT_ASSERT_NOT_NULL(test, p);
		memset(p, 0xa5, old);
		grown = kvrealloc(p, new, move->to);
		KUNIT_EXPECT_NOT_NULL(test, grown);
		if (!grown) {
			kvfree(p);
			continue;
		}
		KUNIT_EXPECT_TRUE_MSG(test,
				      asi_test_on_side(grown, new, move->sensitive),
				      "%zu to %zu", old, new);
		KUNIT_EXPECT_NULL(test, memchr_inv(grown, 0xa5, old));
		kvfree(grown);
	}
}

struct freed_later {
	struct rcu_head rcu;
	u64 words[20];
};

static void kfree_rcu_takes_both_sides(struct kunit *test)
{
	int i;

	asi_test_needs_sensitive(test);
	for (i = 0; i < 200; i++) {
		struct freed_later *p = kzalloc(sizeof(*p), i & 1 ? GFP_SECRET :
								    GFP_KERNEL);

		KUNIT_ASSERT_NOT_NULL(test, p);
		KUNIT_EXPECT_TRUE(test, asi_test_on_side(p, sizeof(*p), i & 1));
		kfree_rcu(p, rcu);
	}
	rcu_barrier();
}

static struct kmem_cache *make_cache(struct kunit *test, const char *name,
				     slab_flags_t flags)
{
	struct kmem_cache *s = kmem_cache_create(name, 320, 0, flags, NULL);

	KUNIT_ASSERT_NOT_NULL(test, s);
	return s;
}

static void expect_object_side(struct kunit *test, struct kmem_cache *s,
			       bool sensitive)
{
	void *object = kmem_cache_alloc(s, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, object);
	KUNIT_EXPECT_TRUE(test, asi_test_on_side(object, 320, sensitive));
	kmem_cache_free(s, object);
}

/* The kernel merges caches of one size, unless their sides differ. */
static void cache_is_not_merged(struct kunit *test)
{
	struct kmem_cache *plain, *alike, *secret, *rcu;

	asi_test_needs_sensitive(test);
	plain = make_cache(test, "asi_test_plain", 0);
	alike = make_cache(test, "asi_test_alike", 0);
	secret = make_cache(test, "asi_test_secret", SLAB_SENSITIVE);
	rcu = make_cache(test, "asi_test_rcu", SLAB_SENSITIVE | SLAB_TYPESAFE_BY_RCU);
	if (alike != plain)
		kunit_mark_skipped(test, "this kernel merges no caches");
	KUNIT_EXPECT_PTR_NE(test, plain, secret);
	KUNIT_EXPECT_PTR_NE(test, rcu, secret);
	expect_object_side(test, plain, false);
	expect_object_side(test, alike, false);
	expect_object_side(test, secret, true);
	expect_object_side(test, rcu, true);
	kmem_cache_destroy(rcu);
	kmem_cache_destroy(secret);
	kmem_cache_destroy(alike);
	kmem_cache_destroy(plain);
}

/* One who is accounted, and one who is not, share no slab; nor do two sides. */
static void kmalloc_has_caches_apart(struct kunit *test)
{
	int i;

	asi_test_needs_sensitive(test);
	for (i = 0; i < ARRAY_SIZE(kmalloc_caches[KMALLOC_NORMAL]); i++) {
		struct kmem_cache *plain = kmalloc_caches[KMALLOC_NORMAL][i];
		struct kmem_cache *plain_cg = kmalloc_caches[KMALLOC_CGROUP][i];
		struct kmem_cache *secret = kmalloc_caches[KMALLOC_SENSITIVE][i];
		struct kmem_cache *secret_cg =
			kmalloc_caches[KMALLOC_SENSITIVE_ACCOUNT][i];

		if (!plain)
			continue;
		KUNIT_ASSERT_NOT_NULL(test, secret);
		KUNIT_ASSERT_NOT_NULL(test, secret_cg);
		KUNIT_EXPECT_PTR_NE(test, secret, plain);
		KUNIT_EXPECT_PTR_NE(test, secret_cg, plain_cg);
		KUNIT_EXPECT_PTR_NE(test, secret_cg, secret);
	}
}

static void bulk_is_on_its_side(struct kunit *test)
{
	struct kmem_cache *caches[2];
	void *objects[64];
	int side, i, nr;

	asi_test_needs_sensitive(test);
	caches[0] = make_cache(test, "asi_test_plain", 0);
	caches[1] = make_cache(test, "asi_test_secret", SLAB_SENSITIVE);
	for (side = 0; side < 2; side++) {
		nr = kmem_cache_alloc_bulk(caches[side], GFP_KERNEL,
					   ARRAY_SIZE(objects), objects);
		KUNIT_EXPECT_EQ(test, nr, (int)ARRAY_SIZE(objects));
		for (i = 0; i < nr; i++)
			KUNIT_EXPECT_TRUE(test, asi_test_on_side(objects[i], 320, side));
		kmem_cache_free_bulk(caches[side], nr, objects);
	}
	kmem_cache_destroy(caches[1]);
	kmem_cache_destroy(caches[0]);
}

/* Who cannot wait gets an object of its side, or none. */
static void atomic_is_on_its_side_or_not_at_all(struct kunit *test)
{
	void *objects[128];
	unsigned long flags;
	int i, nr = 0, wrong = 0;

	asi_test_needs_sensitive(test);
	local_irq_save(flags);
	for (i = 0; i < ARRAY_SIZE(objects); i++) {
		objects[i] = kmalloc(2048, GFP_ATOMIC | __GFP_NOWARN | __GFP_SENSITIVE);
		if (!objects[i])
			continue;
		nr++;
		wrong += !asi_test_on_side(objects[i], 2048, true);
	}
	local_irq_restore(flags);

	KUNIT_EXPECT_EQ(test, wrong, 0);
	KUNIT_EXPECT_GT(test, nr, 0);
	kunit_info(test, "%d of %zu\n", nr, ARRAY_SIZE(objects));
	for (i = 0; i < ARRAY_SIZE(objects); i++)
		kfree(objects[i]);
}

static struct kunit_case slab_cases[] = {
	KUNIT_CASE_PARAM(kmalloc_is_on_its_side, size_gen_params),
	KUNIT_CASE(constant_size_is_on_its_side),
	KUNIT_CASE_PARAM(krealloc_keeps_contents_in, move_gen_params),
	KUNIT_CASE_PARAM(kvrealloc_keeps_contents_in, move_gen_params),
	KUNIT_CASE(kfree_rcu_takes_both_sides),
	KUNIT_CASE(cache_is_not_merged),
	KUNIT_CASE(kmalloc_has_caches_apart),
	KUNIT_CASE(bulk_is_on_its_side),
	KUNIT_CASE(atomic_is_on_its_side_or_not_at_all),
	{}
};

static struct kunit_suite slab_suite = {
	.name		= "asi_slab",
	.test_cases	= slab_cases,
};
kunit_test_suite(slab_suite);
