# SPDX-License-Identifier: GPL-2.0
"""The subset: what a restricted table may be, and each way in which it is none."""

from audit import checks
from audit.compare import Comparison
from audit.pagetable import NX, PRESENT, RW, USER, Space, Walker
from memory import DATA, LARGE, MIB, TABLE, MemoryTest

KERNEL = 0xffff888000000000
PCD = 0x10


class Subset(MemoryTest):
    """`root` is the unrestricted table, `other` the restricted one."""

    def setUp(self):
        super().setUp()
        self.other = self.memory.new_table()

    def broken(self):
        walker = Walker(self.image())
        return Comparison(walker).spaces(Space(walker, self.other, self.levels),
                                         Space(walker, self.root, self.levels))

    def both(self, virt, unrestricted, restricted, level=1):
        self.memory.map(self.root, virt, unrestricted, level)
        self.memory.map(self.other, virt, restricted, level)

    def test_equal(self):
        self.both(KERNEL, 0x3000 | DATA, 0x3000 | DATA)
        self.assertEqual(self.broken(), [])

    def test_shared(self):
        self.memory.map(self.root, KERNEL, 0x3000 | DATA)
        index = KERNEL >> 39 & 511
        self.memory.entry(self.other, index, self.memory.entry(self.root, index))
        self.assertEqual(self.broken(), [])

    def test_less_is_well(self):
        self.memory.map(self.root, KERNEL, 0x3000 | DATA)
        self.assertEqual(self.broken(), [])

    def test_more(self):
        self.memory.map(self.other, KERNEL + 0x1000, 0x3000 | DATA)
        self.assertEqual(self.broken(), [KERNEL + 0x1000])

    def test_tables_for_what_may_come(self):
        self.memory.table_for(self.other, KERNEL, 1)
        self.assertEqual(self.broken(), [])

    def test_more_in_a_table_that_both_have(self):
        self.both(KERNEL, 0x3000 | DATA, 0x3000 | DATA)
        self.memory.map(self.other, KERNEL + 0x7000, 0x4000 | DATA)
        self.assertEqual(self.broken(), [KERNEL + 0x7000])

    def test_another_frame(self):
        self.both(KERNEL + 0x5000, 0x3000 | DATA, 0x4000 | DATA)
        self.assertEqual(self.broken(), [KERNEL + 0x5000])

    def test_more_rights(self):
        for extra, less in ((RW, 0), (USER, 0), (0, NX)):
            self.both(KERNEL, 0x3000 | PRESENT | NX, 0x3000 | PRESENT | NX ^ less | extra)
            self.assertEqual(self.broken(), [KERNEL])

    def test_fewer_rights(self):
        self.both(KERNEL, 0x3000 | DATA, 0x3000 | PRESENT | NX)
        self.assertEqual(self.broken(), [])

    def test_more_rights_by_a_table_above(self):
        self.memory.map(self.root, KERNEL, 0x3000 | DATA, rights=PRESENT)
        self.memory.map(self.other, KERNEL, 0x3000 | DATA)
        self.assertEqual(self.broken(), [KERNEL])

    def test_shared_table_with_more_rights_above_it(self):
        self.memory.map(self.root, KERNEL, 0x3000 | DATA, rights=PRESENT)
        table = self.memory.table_for(self.root, KERNEL, 1)
        upper = self.memory.table_for(self.other, KERNEL, 2)
        self.memory.entry(upper, KERNEL >> 21 & 511, table | TABLE)
        self.assertEqual(self.broken(), [KERNEL])

    def test_another_memory_type(self):
        self.both(KERNEL, 0x3000 | DATA, 0x3000 | DATA | PCD)
        self.assertEqual(self.broken(), [KERNEL])

    def test_accessed_and_dirty_differ(self):
        self.both(KERNEL, 0x3000 | DATA | 0x60, 0x3000 | DATA)
        self.assertEqual(self.broken(), [])

    def test_small_pages_in_a_huge_one(self):
        self.memory.map(self.root, KERNEL, 2 * MIB | LARGE, level=2)
        self.memory.map(self.other, KERNEL + 0x3000, 2 * MIB + 0x3000 | DATA)
        self.assertEqual(self.broken(), [])
        self.memory.map(self.other, KERNEL + 0x4000, 2 * MIB + 0x5000 | DATA)
        self.assertEqual(self.broken(), [KERNEL + 0x4000])

    def test_huge_page_over_small_ones(self):
        for page in range(512):
            self.memory.map(self.root, KERNEL + page * 4096, 2 * MIB + page * 4096 | DATA)
        self.memory.map(self.other, KERNEL, 2 * MIB | LARGE, level=2)
        self.assertEqual(self.broken(), [])
        self.memory.map(self.root, KERNEL + 0x6000, 0)
        self.assertTrue(self.broken())

    def test_huge_page_with_more_rights_than_the_small_ones(self):
        for page in range(512):
            self.memory.map(self.root, KERNEL + page * 4096,
                            2 * MIB + page * 4096 | DATA & ~(RW if page == 9 else 0))
        self.memory.map(self.other, KERNEL, 2 * MIB | LARGE, level=2)
        self.assertEqual(self.broken(), [KERNEL + 0x9000])

    def test_user_half_counts(self):
        self.memory.map(self.other, 0x400000, 0x3000 | DATA | USER)
        self.assertTrue(self.broken())


class SubsetFive(Subset):
    levels = 5

    def test_shared(self):
        self.memory.map(self.root, KERNEL, 0x3000 | DATA)
        index = KERNEL >> 48 & 511
        self.memory.entry(self.other, index, self.memory.entry(self.root, index))
        self.assertEqual(self.broken(), [])


class Topmost(MemoryTest):
    """The tables of processes, found by what they share with the kernel's."""

    def test_found(self):
        self.memory.map(self.root, 0xffffffff80000000, 0x3000 | DATA)
        user = self.memory.new_table()
        restricted = self.memory.new_table()
        self.memory.map(user, 0x400000, 0x4000 | DATA | USER)
        for table in (user, restricted):
            self.memory.entry(table, 511, self.memory.entry(self.root, 511) | 0x20)
            self.memory.entry(table, 0, self.memory.entry(user, 0))
        self.memory.entry(restricted, 300, self.memory.new_table() | TABLE)
        image = self.image()
        found = checks.topmost_tables(image, self.root)
        key = checks.calm(image.table(restricted))[:256]
        self.assertEqual(found[key], [user])

    def test_cr3(self):
        self.assertFalse(checks.check_cr3(0x5001, {0x5000}).wrong)
        self.assertTrue(checks.check_cr3(0x6001, {0x5000}).wrong)
