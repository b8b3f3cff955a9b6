# SPDX-License-Identifier: GPL-2.0
"""Memory with page tables in it, made by hand, for the tests."""

import os
import struct
import tempfile
import unittest

from audit.image import Image
from audit.pagetable import NX, PRESENT, PSE, RW, USER, Space, Walker

TABLE = PRESENT | RW | USER
DATA = PRESENT | RW | NX
LARGE = DATA | PSE
MIB = 1 << 20


def indexes(virt, levels):
    """What each level looks at, the topmost first."""
    return [virt >> 12 + 9 * level & 511 for level in range(levels - 1, -1, -1)]


class Memory:
    """Physical memory; tables are taken from its second half, one after the other."""

    def __init__(self, size=8 * MIB, levels=4):
        self.data = bytearray(size)
        self.levels = levels
        self.next = size // 2

    def put(self, phys, data):
        self.data[phys:phys + len(data)] = data

    def new_table(self):
        self.next += 4096
        return self.next - 4096

    def entry(self, table, index, value=None):
        if value is not None:
            struct.pack_into("<Q", self.data, table + 8 * index, value)
        return struct.unpack_from("<Q", self.data, table + 8 * index)[0]

    def table_for(self, root, virt, last, rights=TABLE):
        """The table of level `last` on the way to an address, made if it is not there."""
        table = root
        path = indexes(virt, self.levels)
        for index in path[:self.levels - last]:
            value = self.entry(table, index)
            if not value:
                value = self.entry(table, index, self.new_table() | rights)
            table = value & 0xffffffffff000
        return table

    def map(self, root, virt, entry, level=1, rights=TABLE):
        """Put a last entry for an address; returns (table, index)."""
        table = self.table_for(root, virt, level, rights)
        index = indexes(virt, self.levels)[self.levels - level]
        self.entry(table, index, entry)
        return table, index


class MemoryTest(unittest.TestCase):
    """Has a memory, which image() turns into what the tool reads."""

    levels = 4

    def setUp(self):
        self.memory = Memory(levels=self.levels)
        self.root = self.memory.new_table()

    def image(self):
        with tempfile.NamedTemporaryFile(delete=False) as file:
            file.write(self.memory.data)
        image = Image(file.name)
        os.unlink(file.name)
        self.addCleanup(image.close)
        return image

    def space(self, root=None, image=None):
        walker = Walker(image or self.image())
        return Space(walker, self.root if root is None else root, self.levels)
