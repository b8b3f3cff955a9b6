# SPDX-License-Identifier: GPL-2.0
"""Walks page tables of x86-64, from virtual addresses to physical ones and back."""

from collections import namedtuple

from .errors import Malformed

PRESENT, RW, USER, ACCESSED, DIRTY, PSE, GLOBAL = 1, 2, 4, 0x20, 0x40, 0x80, 0x100
NX = 1 << 63
ADDRESS = 0x000ffffffffff000
NOISE = ACCESSED | DIRTY
# More leaves than a table of any sane machine has: it leads to itself.
MOST_LEAVES = 1 << 21

# A leaf relative to the table that leads to it; rights as in rights_of().
Leaf = namedtuple("Leaf", "offset phys level rights entry")
# Where a physical address is mapped.
Place = namedtuple("Place", "virt rights")


def shift_of(level):
    """Bits of an address below an entry of a level; 1 is the last."""
    return 12 + 9 * (level - 1)


def rights_of(entry):
    """What an entry lets through: RW, USER, and NX for "may execute"."""
    return (entry ^ NX) & (RW | USER | NX)


def is_leaf(entry, level):
    if level > 3 and entry & PSE:
        raise Malformed(f"an entry of level {level} that claims to be a leaf: 0x{entry:x}")
    return level == 1 or bool(entry & PSE)


def target(entry, level):
    """The physical address of what a leaf maps."""
    return entry & ADDRESS & ~((1 << shift_of(level)) - 1)


class Subtree:
    """All below one table."""

    def __init__(self):
        self.leaves = []
        # Entries that are absent, yet name a frame: (offset, entry).
        self.inviting = []
        self.reverse = None
        self.lasting = None

    def add_below(self, offset, rights, below):
        if len(self.leaves) + len(below.leaves) > MOST_LEAVES:
            raise Malformed("a table without end: does it lead to itself?")
        self.leaves += [Leaf(offset + leaf.offset, leaf.phys, leaf.level,
                             leaf.rights & rights, leaf.entry) for leaf in below.leaves]
        self.inviting += [(offset + at, entry) for at, entry in below.inviting]

    def by_frame(self):
        """{shift: {frame: [index of a leaf]}}, made when it is needed."""
        if self.reverse is None:
            self.reverse = {}
            for index, leaf in enumerate(self.leaves):
                shift = shift_of(leaf.level)
                frames = self.reverse.setdefault(shift, {})
                frames.setdefault(leaf.phys >> shift, []).append(index)
        return self.reverse


    def global_leaves(self):
        """Offsets of leaves that stay in the TLB when CR3 is loaded."""
        if self.lasting is None:
            self.lasting = [leaf.offset for leaf in self.leaves if leaf.entry & GLOBAL]
        return self.lasting


class Walker:
    """Reads tables of one image; what several tables share is read once."""

    def __init__(self, image):
        self.image = image
        self.subtrees = {}

    def names_a_frame(self, entry):
        """Would a CPU with L1TF read memory through this absent entry?"""
        return 0 < entry & ADDRESS < self.image.size

    def subtree(self, table, level):
        key = table, level
        if key not in self.subtrees:
            self.subtrees[key] = self.read_subtree(table, level)
        return self.subtrees[key]

    def read_subtree(self, table, level):
        result = Subtree()
        shift = shift_of(level)
        for index, entry in enumerate(self.image.table(table)):
            offset = index << shift
            if not entry & PRESENT:
                if self.names_a_frame(entry):
                    result.inviting.append((offset, entry))
            elif is_leaf(entry, level):
                result.leaves.append(Leaf(offset, target(entry, level), level,
                                          rights_of(entry), entry))
            else:
                result.add_below(offset, rights_of(entry),
                                 self.subtree(entry & ADDRESS, level - 1))
        return result


class Slot:
    """What one entry of the topmost table leads to."""

    def __init__(self, index, base, entry, subtree):
        self.index = index
        self.base = base
        self.rights = rights_of(entry)
        self.subtree = subtree

    def leaves(self):
        for leaf in self.subtree.leaves:
            yield leaf._replace(offset=self.base + leaf.offset, rights=leaf.rights & self.rights)

    def find(self, phys):
        for shift, frames in self.subtree.by_frame().items():
            for index in frames.get(phys >> shift, ()):
                leaf = self.subtree.leaves[index]
                yield Place(self.base + leaf.offset + (phys & (1 << shift) - 1),
                            leaf.rights & self.rights)


class Space:
    """An address space: a topmost table and all below it."""

    def __init__(self, walker, root, levels):
        if levels not in (4, 5):
            raise Malformed(f"page tables of {levels} levels")
        self.walker = walker
        self.image = walker.image
        self.root = root
        self.levels = levels
        self.slots = [self.slot(index, entry)
                      for index, entry in enumerate(self.image.table(root)) if entry & PRESENT]
        self.inviting = [(self.base(index), entry)
                         for index, entry in enumerate(self.image.table(root))
                         if not entry & PRESENT and walker.names_a_frame(entry)]
        for slot in self.slots:
            self.inviting += [(slot.base + at, entry) for at, entry in slot.subtree.inviting]

    def base(self, index):
        """The canonical address of an entry of the topmost table."""
        virt = index << shift_of(self.levels)
        if index >= 256:
            virt |= (1 << 64) - (1 << shift_of(self.levels + 1))
        return virt

    def slot(self, index, entry):
        if is_leaf(entry, self.levels):
            raise Malformed(f"a leaf of level {self.levels}")
        return Slot(index, self.base(index), entry,
                    self.walker.subtree(entry & ADDRESS, self.levels - 1))

    def half(self, kernel):
        return [slot for slot in self.slots if (slot.index >= 256) == kernel]

    def leaves(self):
        for slot in self.slots:
            yield from slot.leaves()

    def find(self, phys, kernel):
        """The places of one half where a physical address is mapped."""
        return [place for slot in self.half(kernel) for place in slot.find(phys)]

    def translate(self, virt):
        """The physical address that a virtual one leads to, or None."""
        table = self.root
        for level in range(self.levels, 0, -1):
            shift = shift_of(level)
            entry = self.image.table(table)[virt >> shift & 511]
            if not entry & PRESENT:
                return None
            if is_leaf(entry, level):
                return target(entry, level) | virt & (1 << shift) - 1
            table = entry & ADDRESS
        return None

    def last_entry(self, virt):
        """(table, index, level) of the entry that ends the walk."""
        table = self.root
        for level in range(self.levels, 0, -1):
            index = virt >> shift_of(level) & 511
            entry = self.image.table(table)[index]
            if not entry & PRESENT or is_leaf(entry, level):
                break
            table = entry & ADDRESS
        return table, index, level
