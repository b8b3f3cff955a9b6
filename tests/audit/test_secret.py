# SPDX-License-Identifier: GPL-2.0
"""Secrets, and finding what is left of them."""

import re

from audit import secret
from audit.image import CHUNK, Copy
from memory import Memory, MemoryTest

SEED = 0x1234
NAMES = ["a", "b"]


class Making(MemoryTest):
    def test_form(self):
        for seed in range(200):
            self.assertRegex(secret.secret(seed, "a"), re.compile(rb"\A[0-o]{32}\Z"))

    def test_all_differ(self):
        made = {secret.secret(seed, name) for seed in (1, 2) for name in ("a", "b", "ab")}
        self.assertEqual(len(made), 6)

    def test_tag_is_common(self):
        self.assertEqual({secret.secret(SEED, name)[start:start + 8]
                          for name in NAMES for start in (0, 16)}, {secret.tag(SEED)})

    def test_fixed_values(self):
        """The program in the guest has to make the same: none may change alone."""
        self.assertEqual(secret.mix(0), 0xe220a8397b1dcdaf)
        self.assertEqual(secret.name_hash("a"), 0xaf63dc4c8601ec8c)
        self.assertEqual(secret.printable(0), int.from_bytes(b"0" * 8, "little"))


class Finding(MemoryTest):
    def find(self, image=None):
        return (image or self.image()).find_secrets(SEED, NAMES)

    def put(self, phys, name, start=0, end=32):
        self.memory.put(phys, secret.secret(SEED, name)[start:end])

    def test_nothing(self):
        self.assertEqual(self.find(), {"a": [], "b": []})

    def test_whole_ones(self):
        self.put(0x1000, "a")
        self.put(0x1020, "b")
        self.put(0x7777, "a")
        self.assertEqual(self.find(), {"a": [Copy(0x1000, (0, 1)), Copy(0x7777, (0, 1))],
                                       "b": [Copy(0x1020, (0, 1))]})

    def test_halves(self):
        self.put(0x1000, "a", end=16)
        self.put(0x2000, "a", start=16)
        self.assertEqual(self.find()["a"], [Copy(0x1000, (0,)), Copy(0x2000, (1,))])

    def test_halves_of_two_kinds_make_no_secret(self):
        self.put(0x1000, "a", end=16)
        self.put(0x1010, "b", start=16)
        self.assertEqual(self.find(), {"a": [Copy(0x1000, (0,))], "b": [Copy(0x1010, (1,))]})

    def test_across_a_page_boundary(self):
        self.put(0x1ff0, "a")
        self.put(0x3ffc, "a")
        self.assertEqual([copy.bounds() for copy in self.find()["a"]],
                         [(0x1ff0, 0x200f), (0x3ffc, 0x401b)])

    def test_torn_by_a_page_boundary(self):
        """Pages that are neighbours for the program only: one half is whole."""
        for cut in range(1, 32):
            self.memory = Memory()
            self.put(0x2000 - cut, "a", end=cut)
            self.memory.put(0x5000, secret.secret(SEED, "a")[cut:])
            self.assertTrue(self.find()["a"], cut)

    def test_tag_alone_is_nothing(self):
        self.memory.put(0x1000, secret.tag(SEED) + bytes(8))
        self.put(0x2000, "a", end=15)
        self.assertEqual(self.find()["a"], [])

    def test_at_the_ends(self):
        size = len(self.memory.data)
        self.put(0, "a")
        self.put(size - 32, "a")
        self.memory.put(size - 40, secret.tag(SEED))
        self.assertEqual([copy.phys for copy in self.find()["a"]], [0, size - 32])

    def test_between_chunks(self):
        self.memory = Memory(CHUNK + 0x100000)
        for at in range(CHUNK - 40, CHUNK + 20, 4):
            image_memory = self.memory
            image_memory.put(CHUNK - 64, bytes(160))
            self.put(at, "a")
            if at % 12 == 0:
                self.assertEqual(self.find()["a"], [Copy(at, (0, 1))])
