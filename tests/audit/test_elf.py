# SPDX-License-Identifier: GPL-2.0
"""The ELF file that puts the same bytes at many places of memory."""

import struct
import unittest

from audit import elf
from audit.machine import BEFORE_BOOT, BEFORE_BOOT_DENSE


class Spread(unittest.TestCase):
    def segments(self, file):
        """[(address, bytes)] as a loader reads them."""
        start, size, count = struct.unpack_from("<Q14xHH", file, 32)
        for at in range(start, start + size * count, size):
            kind, _, offset, _, phys, length, memory, _ = struct.unpack_from("<IIQQQQQQ",
                                                                             file, at)
            self.assertEqual((kind, memory), (1, length))
            yield phys, file[offset:offset + length]

    def test_each_address_has_the_bytes(self):
        file = elf.spread(b"secret", [0x1000, 0x2345, 0x99999999])
        self.assertEqual(file[:7], b"\x7fELF\x02\x01\x01")
        self.assertEqual(list(self.segments(file)), [
            (0x1000, b"secret"), (0x2345, b"secret"), (0x99999999, b"secret")])

    def test_a_dense_range_is_one_segment(self):
        file = elf.spread(b"secret", [0x1000], range(0x2000, 0x2018, 8))
        self.assertEqual(list(self.segments(file)), [
            (0x1000, b"secret"), (0x2000, b"secret\0\0" * 3)])

    def test_too_many(self):
        elf.spread(b"", range(elf.MOST))
        with self.assertRaises(ValueError):
            elf.spread(b"", range(elf.MOST + 1))

    def test_the_secret_from_before_boot(self):
        """Many times, and never over two pages: half a secret is none."""
        self.assertGreater(len(BEFORE_BOOT), 16384)
        for places in BEFORE_BOOT, BEFORE_BOOT_DENSE:
            self.assertFalse([at for at in places if at % 4096 > 4096 - 32])
        self.assertEqual(len(elf.spread(b"x", BEFORE_BOOT)) >> 20, 1)
