// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite asi_payload: who allocates memory for the data of users has it
 * sensitive.
 */
#include <crypto/hash.h>
#include <kunit/test.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/ipc.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/msg.h>
#include <linux/sensitive.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <net/page_pool/helpers.h>

#include "../../../../../ipc/util.h"
#include "common.h"

/* Zeros that a user has, until the thread of the test ends. */
static void __user *user_memory(struct kunit *test, size_t size)
{
	unsigned long addr;

	asi_test_mm(test);
	addr = vm_mmap(NULL, 0, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr));
	return (void __user *)addr;
}

static void expect_copy(struct kunit *test, void *copy, size_t size)
{
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, copy);
	KUNIT_EXPECT_TRUE_MSG(test, asi_test_on_side(copy, size, true), "%zu bytes",
			      size);
	kvfree(copy);
}

/* In slabs, in pages, and where vmalloc() has to find room. */
static void copy_from_user_is_sensitive(struct kunit *test)
{
	static const size_t sizes[] = { 1, 200, 5000, 60000 };
	const size_t large = KMALLOC_MAX_SIZE + 1;
	void __user *src;
	int i;

	asi_test_needs_sensitive(test);
	src = user_memory(test, large);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		expect_copy(test, memdup_user(src, sizes[i]), sizes[i]);
		expect_copy(test, memdup_user_nul(src, sizes[i]), sizes[i] + 1);
		expect_copy(test, vmemdup_user(src, sizes[i]), sizes[i]);
	}
	expect_copy(test, vmemdup_user(src, large), large);
}

/* The head of a message, and the first of its segments if it has some. */
static void message_is_sensitive(struct kunit *test)
{
#if defined(CONFIG_SYSVIPC) || defined(CONFIG_POSIX_MQUEUE)
	static const size_t lens[] = { 1, 1000, 10000 };
	const size_t room = PAGE_SIZE - sizeof(struct msg_msg);
	struct msg_msg *msg;
	void __user *src;
	int i;

	asi_test_needs_sensitive(test);
	src = user_memory(test, 10000);
	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		msg = load_msg(src, lens[i]);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, msg);
		KUNIT_EXPECT_TRUE(test, asi_test_on_side(msg, sizeof(*msg) +
							 min(lens[i], room), true));
		KUNIT_EXPECT_EQ(test, !!msg->next, lens[i] > room);
		if (msg->next)
			KUNIT_EXPECT_TRUE(test, asi_test_on_side(msg->next, room,
								 true));
		free_msg(msg);
	}
#else
	kunit_skip(test, "needs CONFIG_SYSVIPC or CONFIG_POSIX_MQUEUE");
#endif
}

#ifdef CONFIG_PAGE_POOL
static void expect_pool_side(struct kunit *test, struct page_pool *pool,
			     unsigned int order)
{
	/* More than are allocated at once. */
	struct page *pages[80];
	int i, missing = 0, wrong = 0;

	for (i = 0; i < ARRAY_SIZE(pages); i++) {
		pages[i] = page_pool_alloc_pages(pool, GFP_KERNEL);
		missing += !pages[i];
		wrong += pages[i] && !asi_test_on_side(page_address(pages[i]),
						       PAGE_SIZE << order, true);
	}
	for (i = 0; i < ARRAY_SIZE(pages); i++) {
		if (pages[i])
			page_pool_put_full_page(pool, pages[i], false);
	}
	KUNIT_EXPECT_EQ(test, missing, 0);
	KUNIT_EXPECT_EQ(test, wrong, 0);
}
#endif

/* Where a driver has packets received to. */
static void page_pool_is_sensitive(struct kunit *test)
{
#ifdef CONFIG_PAGE_POOL
	static const unsigned int orders[] = { 0, 2 };
	struct page_pool *pool;
	int i;

	asi_test_needs_sensitive(test);
	for (i = 0; i < ARRAY_SIZE(orders); i++) {
		struct page_pool_params params = {
			.order		= orders[i],
			.pool_size	= 64,
			.nid		= NUMA_NO_NODE,
		};

		pool = page_pool_create(&params);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, pool);
		expect_pool_side(test, pool, orders[i]);
		page_pool_destroy(pool);
	}
#else
	kunit_skip(test, "needs CONFIG_PAGE_POOL");
#endif
}

/* The head of a packet, small and large, and pages behind it. */
static void packet_is_sensitive(struct kunit *test)
{
#ifdef CONFIG_NET
	static const unsigned int lens[] = { 64, 1500, 9000, 40000 };
	struct sk_buff *skb;
	int i, err;

	asi_test_needs_sensitive(test);
	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		skb = alloc_skb(lens[i], GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, skb);
		KUNIT_EXPECT_TRUE(test, asi_test_on_side(skb->head, lens[i], true));
		KUNIT_EXPECT_TRUE(test, asi_test_on_side(skb, sizeof(*skb), false));
		kfree_skb(skb);

		skb = netdev_alloc_skb(NULL, lens[i]);
		KUNIT_ASSERT_NOT_NULL(test, skb);
		KUNIT_EXPECT_TRUE(test, asi_test_on_side(skb->head, lens[i], true));
		kfree_skb(skb);
	}

	skb = alloc_skb_with_frags(64, 40000, 3, &err, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, skb);
	for (i = 0; i < skb_shinfo(skb)->nr_frags; i++)
		KUNIT_EXPECT_TRUE(test,
				  page_sensitive(skb_frag_page(&skb_shinfo(skb)->frags[i])));
	kfree_skb(skb);
#else
	kunit_skip(test, "needs CONFIG_NET");
#endif
}

static void crypto_context_is_sensitive(struct kunit *test)
{
#if IS_BUILTIN(CONFIG_CRYPTO_HASH)
	struct crypto_shash *tfm;

	asi_test_needs_sensitive(test);
	tfm = crypto_alloc_shash("hmac(sha256)", 0, 0);
	if (IS_ERR(tfm))
		tfm = crypto_alloc_shash("crc32c", 0, 0);
	if (IS_ERR(tfm))
		kunit_skip(test, "no hash");
	KUNIT_EXPECT_TRUE(test, asi_test_on_side(tfm, sizeof(*tfm), true));
	crypto_free_shash(tfm);
#else
	kunit_skip(test, "needs CONFIG_CRYPTO_HASH=y");
#endif
}

static struct kunit_case payload_cases[] = {
	KUNIT_CASE(copy_from_user_is_sensitive),
	KUNIT_CASE(message_is_sensitive),
	KUNIT_CASE(page_pool_is_sensitive),
	KUNIT_CASE(packet_is_sensitive),
	KUNIT_CASE(crypto_context_is_sensitive),
	{}
};

static struct kunit_suite payload_suite = {
	.name		= "asi_payload",
	.test_cases	= payload_cases,
};
kunit_test_suite(payload_suite);
