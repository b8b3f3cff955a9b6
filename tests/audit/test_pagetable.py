# SPDX-License-Identifier: GPL-2.0
"""Walking page tables: both depths, every size of page, and tables that are broken."""

from audit.errors import Malformed
from audit.pagetable import GLOBAL, NX, PRESENT, PSE, RW, USER, Space, Walker
from memory import DATA, LARGE, MIB, TABLE, MemoryTest

KERNEL = 0xffff888000000000


class FourLevels(MemoryTest):
    def places(self, phys, kernel=True):
        return [(place.virt, place.rights) for place in self.space().find(phys, kernel)]

    def test_small_page(self):
        self.memory.map(self.root, KERNEL + 0x5000, 0x3000 | DATA)
        self.assertEqual(self.places(0x3123), [(KERNEL + 0x5123, RW)])
        self.assertEqual(self.places(0x4123), [])

    def test_huge_page(self):
        self.memory.map(self.root, KERNEL + 4 * MIB, 2 * MIB | LARGE, level=2)
        self.assertEqual(self.places(2 * MIB + 0x12345), [(KERNEL + 4 * MIB + 0x12345, RW)])
        self.assertEqual(self.places(4 * MIB), [])

    def test_page_of_a_gigabyte(self):
        self.memory.map(self.root, KERNEL + (1 << 30), 0 | LARGE, level=3)
        self.assertEqual(self.places(5 * MIB + 7), [(KERNEL + (1 << 30) + 5 * MIB + 7, RW)])

    def test_attribute_bit_of_a_huge_page_is_no_address(self):
        self.memory.map(self.root, KERNEL, 2 * MIB | LARGE | 1 << 12, level=2)
        self.assertEqual(self.places(2 * MIB), [(KERNEL, RW)])
        self.assertEqual(self.space().translate(KERNEL), 2 * MIB)

    def test_one_page_in_many_places(self):
        for virt in (KERNEL, KERNEL + 0x7000, 0xffffffff80000000):
            self.memory.map(self.root, virt, 0x3000 | DATA)
        self.assertEqual([virt for virt, _ in self.places(0x3000)],
                         [KERNEL, KERNEL + 0x7000, 0xffffffff80000000])

    def test_halves(self):
        self.memory.map(self.root, 0x400000, 0x3000 | DATA | USER)
        self.memory.map(self.root, KERNEL, 0x4000 | DATA)
        self.assertEqual(self.places(0x3000), [])
        self.assertEqual(self.places(0x3000, kernel=False), [(0x400000, RW | USER)])
        self.assertEqual(self.places(0x4000, kernel=False), [])

    def test_rights_are_those_of_the_whole_way(self):
        self.memory.map(self.root, KERNEL, 0x3000 | PRESENT | RW | USER, rights=PRESENT)
        self.assertEqual(self.places(0x3000), [(KERNEL, NX)])

    def test_rights_of_a_table_in_the_middle(self):
        self.memory.table_for(self.root, KERNEL, 2)
        self.memory.map(self.root, KERNEL, 0x3000 | DATA, rights=PRESENT)
        self.assertEqual(self.places(0x3000), [(KERNEL, 0)])

    def test_first_address_of_the_kernels_half(self):
        first = -(1 << 9 * self.levels + 11) & (1 << 64) - 1
        self.memory.map(self.root, first, 0x3000 | DATA)
        self.assertEqual(self.places(0x3000), [(first, RW)])

    def test_absent_is_absent(self):
        self.memory.map(self.root, KERNEL, (0x3000 | DATA) & ~PRESENT)
        self.assertEqual(self.places(0x3000), [])

    def test_absent_entry_that_names_a_frame(self):
        self.memory.map(self.root, KERNEL, 0x3000 | RW)
        self.memory.map(self.root, KERNEL + 4 * MIB, 2 * MIB | LARGE & ~PRESENT, level=2)
        self.assertEqual([at for at, _ in self.space().inviting], [KERNEL, KERNEL + 4 * MIB])

    def test_absent_entry_of_the_topmost_table_that_names_a_frame(self):
        self.memory.entry(self.root, 300, 0x3000)
        self.assertEqual(len(self.space().inviting), 1)

    def test_absent_entries_that_invite_nobody(self):
        self.memory.map(self.root, KERNEL, 1 << 9)                     # a marker
        self.memory.map(self.root, KERNEL + 0x1000, 0x000ffffffffff000)  # inverted
        self.memory.map(self.root, KERNEL + 0x2000, 8 * MIB)           # behind the memory
        self.assertEqual(self.space().inviting, [])

    def test_translate(self):
        self.memory.map(self.root, KERNEL + 4 * MIB, 2 * MIB | LARGE, level=2)
        space = self.space()
        self.assertEqual(space.translate(KERNEL + 4 * MIB + 0x1234), 2 * MIB + 0x1234)
        self.assertIsNone(space.translate(KERNEL))
        self.assertIsNone(space.translate(0x400000))

    def test_last_entry(self):
        at = self.memory.map(self.root, KERNEL + 4 * MIB, 2 * MIB | LARGE, level=2)
        self.assertEqual(self.space().last_entry(KERNEL + 4 * MIB), (*at, 2))

    def test_global_leaves(self):
        self.memory.map(self.root, KERNEL, 0x3000 | DATA | GLOBAL)
        self.memory.map(self.root, KERNEL + 0x1000, 0x3000 | DATA)
        slot, = self.space().slots
        self.assertEqual([slot.base + at for at in slot.subtree.global_leaves()], [KERNEL])

    def test_table_outside_of_memory(self):
        self.memory.entry(self.root, 300, 64 * MIB | TABLE)
        with self.assertRaises(Malformed):
            self.space()

    def test_leaf_in_the_topmost_table(self):
        self.memory.entry(self.root, 300, 0x3000 | TABLE | PSE)
        with self.assertRaises(Malformed):
            self.space()

    def test_table_that_leads_to_itself(self):
        for index in range(512):
            self.memory.entry(self.root, index, self.root | TABLE)
        with self.assertRaises(Malformed):
            self.space()

    def test_one_entry_that_leads_to_its_table_is_no_loop(self):
        """It makes the tables themselves visible, a level lower."""
        self.memory.map(self.root, KERNEL, 0x3000 | DATA)
        self.memory.entry(self.root, 300, self.root | TABLE)
        self.assertTrue(self.places(self.root))

    def test_no_such_depth(self):
        with self.assertRaises(Malformed):
            Space(Walker(self.image()), self.root, 3)


class FiveLevels(FourLevels):
    levels = 5

    def test_far_addresses(self):
        for virt in (0xff11000000000000, 0x00abcd0000000000):
            self.memory.map(self.root, virt, 0x3000 | DATA)
        space = self.space()
        self.assertEqual([place.virt for place in space.find(0x3000, True)],
                         [0xff11000000000000])
        self.assertEqual([place.virt for place in space.find(0x3000, False)],
                         [0x00abcd0000000000])

    def test_leaf_of_the_fourth_level(self):
        table = self.memory.table_for(self.root, KERNEL, 4)
        self.memory.entry(table, 3, 0x3000 | TABLE | PSE)
        with self.assertRaises(Malformed):
            self.space()
