// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite asi_payload: who allocates memory for the data of users has it
 * sensitive.
 */
#include <crypto/aead.h>
#include <crypto/akcipher.h>
#include <crypto/hash.h>
#include <crypto/internal/cipher.h>
#include <crypto/kpp.h>
#include <crypto/skcipher.h>
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

/* The header of what the crypto API allocates is in the object of what is secret. */
static void expect_secret(struct kunit *test, const char *what, void *p)
{
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, p);
	KUNIT_EXPECT_TRUE_MSG(test, asi_test_on_side(p, ksize(p), true), "%s", what);
}

/* The key is in the context of a hash and of a mode, and in that of the cipher below. */
static void crypto_context_is_sensitive(struct kunit *test)
{
#if IS_BUILTIN(CONFIG_CRYPTO_HMAC) && IS_BUILTIN(CONFIG_CRYPTO_SHA256) && \
	IS_BUILTIN(CONFIG_CRYPTO_CBC) && IS_BUILTIN(CONFIG_CRYPTO_AES)
	struct crypto_skcipher *cbc;
	struct crypto_cipher *aes;
	struct crypto_shash *hmac;

	asi_test_needs_sensitive(test);
	hmac = crypto_alloc_shash("hmac(sha256)", 0, 0);
	expect_secret(test, "hmac(sha256)", hmac);
	KUNIT_EXPECT_EQ(test, 0, crypto_shash_setkey(hmac, "0123456789abcdef", 16));
	crypto_free_shash(hmac);

	cbc = crypto_alloc_skcipher("cbc(aes)", 0, CRYPTO_ALG_ASYNC);
	expect_secret(test, "cbc(aes)", cbc);
	crypto_free_skcipher(cbc);

	aes = crypto_alloc_cipher("aes", 0, 0);
	expect_secret(test, "aes", aes);
	crypto_free_cipher(aes);
#else
	kunit_skip(test, "needs hmac(sha256) and cbc(aes)");
#endif
}

/* The state of a computation.  Of the transform a request needs the size only. */
static void crypto_request_is_sensitive(struct kunit *test)
{
	struct crypto_skcipher skcipher = { .reqsize = 300 };
	struct crypto_akcipher akcipher = { .reqsize = 300 };
	struct crypto_ahash ahash = { .reqsize = 300 };
	struct crypto_aead aead = { .reqsize = 300 };
	struct crypto_kpp kpp = { .reqsize = 300 };
	void *requests[] = {
		skcipher_request_alloc(&skcipher, GFP_KERNEL),
		akcipher_request_alloc(&akcipher, GFP_KERNEL),
		ahash_request_alloc(&ahash, GFP_KERNEL),
		aead_request_alloc(&aead, GFP_KERNEL),
		kpp_request_alloc(&kpp, GFP_KERNEL),
	};
	static const char *const names[] = {
		"skcipher", "akcipher", "ahash", "aead", "kpp",
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(requests); i++) {
		if (sensitive_active())
			expect_secret(test, names[i], requests[i]);
		kfree(requests[i]);
	}
	asi_test_needs_sensitive(test);
}

static struct kunit_case payload_cases[] = {
	KUNIT_CASE(copy_from_user_is_sensitive),
	KUNIT_CASE(message_is_sensitive),
	KUNIT_CASE(page_pool_is_sensitive),
	KUNIT_CASE(packet_is_sensitive),
	KUNIT_CASE(crypto_context_is_sensitive),
	KUNIT_CASE(crypto_request_is_sensitive),
	{}
};

static struct kunit_suite payload_suite = {
	.name		= "asi_payload",
	.test_cases	= payload_cases,
};
kunit_test_suite(payload_suite);
