# SPDX-License-Identifier: GPL-2.0
"""The saved memory of a machine, which starts at physical address 0."""

import mmap
import os
import struct

from . import secret
from .errors import Malformed, Trouble

TABLE = struct.Struct("<512Q")
CHUNK = 32 << 20


class Image:
    """Physical memory; what is written to it does not reach the file."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.size = os.fstat(file.fileno()).st_size
            if not self.size or self.size % 4096:
                raise Trouble(f"{path} is no whole number of pages")
            self.memory = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        self.tables = {}

    def close(self):
        self.memory.close()

    def table(self, phys):
        """The 512 entries of a page table."""
        if phys not in self.tables:
            if phys % 4096 or phys + 4096 > self.size:
                raise Malformed(f"a table at 0x{phys:x}, where no memory is")
            self.tables[phys] = TABLE.unpack_from(self.memory, phys)
        return self.tables[phys]

    def set_entry(self, table, index, value):
        """For controls: change an entry of a page table."""
        struct.pack_into("<Q", self.memory, table + 8 * index, value)
        self.tables.pop(table, None)

    def word(self, phys):
        return struct.unpack_from("<Q", self.memory, phys)[0]

    def find(self, pattern):
        """All places of some bytes."""
        overlap = len(pattern) - 1
        for start in range(0, self.size, CHUNK):
            part = self.memory[start:min(start + CHUNK + overlap, self.size)]
            at = part.find(pattern)
            while at >= 0:
                yield start + at
                at = part.find(pattern, at + 1)

    def find_secrets(self, seed, names):
        """{kind: [Copy]} of all that is left of the secrets anywhere."""
        owners = secret.halves(seed, names)
        tag = secret.tag(seed)
        found = {name: [] for name in names}
        for at in self.find(tag):
            owner = owners.get(bytes(self.memory[at + 8:at + secret.HALF]))
            if owner:
                add_half(found[owner[0]], at, owner[1])
        return found


class Copy:
    """A secret, or half of one: where it starts, which halves there are."""

    def __init__(self, phys, halves):
        self.phys = phys
        self.halves = halves

    @property
    def whole(self):
        return self.halves == (0, 1)

    def bounds(self):
        """The first and the last byte: the pages that it is in."""
        size = secret.HALF * len(self.halves)
        return (self.phys, self.phys + size - 1)

    def __repr__(self):
        return f"Copy(0x{self.phys:x}, {self.halves})"

    def __eq__(self, other):
        return repr(self) == repr(other)


def add_half(copies, at, half):
    last = copies[-1] if copies else None
    if half and last and last.halves == (0,) and last.phys + secret.HALF == at:
        copies[-1] = Copy(last.phys, (0, 1))
    else:
        copies.append(Copy(at, (half,)))
