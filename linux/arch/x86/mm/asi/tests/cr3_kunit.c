// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite asi_cr3: the composition of CR3, over all inputs.
 *
 * Only the comparison with the running CPU looks at hardware; none of it needs
 * address space isolation to be on.
 */
#include <kunit/test.h>
#include <linux/bitmap.h>
#include <linux/irqflags.h>

#include <asm/processor-flags.h>
#include <asm/tlbflush.h>

#include "common.h"

#define NR_SLOTS	(ASI_MAX_NUM + 1)
#define PCID_USER_BIT	BIT(11)
#define PTI_USER_BIT	BIT(12)

/* Page tables as CR3 knows them: low, high, the upper of a pair, encrypted. */
static const unsigned long pgds[] = {
	0x1000, 0x2000, 0x3000, 0x123456000, 0xffffffffff000 & ~BIT(12),
	0xffffffffff000, BIT_ULL(47) | 0x5000, BIT_ULL(51) | 0x6000,
};

static const unsigned long lams[] = {
	0, X86_CR3_LAM_U57, X86_CR3_LAM_U48, X86_CR3_LAM_U57 | X86_CR3_LAM_U48,
};

/* The arguments of asi_compose_cr3(). */
struct input {
	unsigned long pgd, lam;
	bool pcid;
	u16 asid;
	unsigned int slot;
};

static void check_bits(struct kunit *test, const struct input *in)
{
	unsigned long cr3 = asi_compose_cr3(in->pgd, in->pcid, in->asid,
					    in->slot, in->lam);

	/* The address, the encryption bit in it, and the LAM bits as given. */
	KUNIT_EXPECT_EQ(test, cr3 & ~X86_CR3_PCID_MASK, in->pgd | in->lam);
	/* What the entry code of PTI flips. */
	KUNIT_EXPECT_EQ(test, cr3 & PTI_USER_BIT, in->pgd & PTI_USER_BIT);
	KUNIT_EXPECT_EQ(test, cr3 & PCID_USER_BIT, 0UL);
	/* A load flushes. */
	KUNIT_EXPECT_EQ(test, cr3 & X86_CR3_PCID_NOFLUSH, 0UL);

	/* PCID 0 is everybody's who does not know of PCIDs. */
	if (in->pcid)
		KUNIT_EXPECT_NE(test, cr3 & X86_CR3_PCID_MASK, 0UL);
	else
		KUNIT_EXPECT_EQ(test, cr3 & X86_CR3_PCID_MASK, 0UL);
}

/* With every page table, ASID and slot. */
static void check_all(struct kunit *test, struct input *in)
{
	int p;

	for (p = 0; p < ARRAY_SIZE(pgds); p++) {
		in->pgd = pgds[p];
		for (in->asid = 0; in->asid < TLB_NR_DYN_ASIDS; in->asid++)
			for (in->slot = 0; in->slot < NR_SLOTS; in->slot++)
				check_bits(test, in);
	}
}

static void every_bit_is_in_its_place(struct kunit *test)
{
	struct input in;
	int l;

	for (l = 0; l < ARRAY_SIZE(lams); l++) {
		in.lam = lams[l];
		in.pcid = false;
		check_all(test, &in);
		in.pcid = true;
		check_all(test, &in);
	}
}

static void no_two_address_spaces_share_a_pcid(struct kunit *test)
{
	DECLARE_BITMAP(used, X86_CR3_PCID_MASK + 1) = {};
	unsigned int slot;
	u16 asid;

	for (asid = 0; asid < TLB_NR_DYN_ASIDS; asid++) {
		for (slot = 0; slot < NR_SLOTS; slot++) {
			unsigned long pcid =
				asi_compose_cr3(0, true, asid, slot, 0);

			KUNIT_ASSERT_LE(test, pcid,
					(unsigned long)X86_CR3_PCID_MASK);
			KUNIT_EXPECT_FALSE_MSG(test,
					       __test_and_set_bit(pcid, used),
					       "ASID %u, slot %u", asid, slot);
		}
	}
	KUNIT_EXPECT_EQ(test, bitmap_weight(used, X86_CR3_PCID_MASK + 1),
			TLB_NR_DYN_ASIDS * NR_SLOTS);
}

/* None of them is the PCID of the user half of PTI either. */
static void pti_has_pcids_of_its_own(struct kunit *test)
{
	unsigned int slot;
	u16 asid, user;

	for (asid = 0; asid < TLB_NR_DYN_ASIDS; asid++)
		for (slot = 0; slot < NR_SLOTS; slot++)
			for (user = 0; user < TLB_NR_DYN_ASIDS; user++)
				KUNIT_EXPECT_NE(test,
						asi_compose_cr3(0, true, asid,
								slot, 0),
						(user + 1) | PCID_USER_BIT);
}

/* Slot 0 is the PCID that Linux uses without ASI: ASID + 1. */
static void slot_0_is_the_unrestricted_space(struct kunit *test)
{
	u16 asid;

	for (asid = 0; asid < TLB_NR_DYN_ASIDS; asid++)
		KUNIT_EXPECT_EQ(test, asi_compose_cr3(0x1000, true, asid, 0, 0),
				0x1000UL + asid + 1);
}

static void running_cpu_agrees(struct kunit *test)
{
	unsigned long kernel, ours, hardware, flags;
	pgd_t *pgd;

	/* An interrupt may load another mm than the one borrowed. */
	local_irq_save(flags);
	kernel = __get_current_cr3_fast();
	hardware = __native_read_cr3();
	pgd = this_cpu_read(cpu_tlbstate.loaded_mm)->pgd;
	ours = asi_compose_cr3(__sme_pa(pgd), boot_cpu_has(X86_FEATURE_PCID),
			       this_cpu_read(cpu_tlbstate.loaded_mm_asid), 0,
			       tlbstate_lam_cr3_mask());
	local_irq_restore(flags);

	KUNIT_EXPECT_EQ(test, ours, kernel);
	KUNIT_EXPECT_EQ(test, ours, hardware);
}

static struct kunit_case cr3_cases[] = {
	KUNIT_CASE(every_bit_is_in_its_place),
	KUNIT_CASE(no_two_address_spaces_share_a_pcid),
	KUNIT_CASE(pti_has_pcids_of_its_own),
	KUNIT_CASE(slot_0_is_the_unrestricted_space),
	KUNIT_CASE(running_cpu_agrees),
	{}
};

static struct kunit_suite cr3_suite = {
	.name		= "asi_cr3",
	.test_cases	= cr3_cases,
};
kunit_test_suite(cr3_suite);
