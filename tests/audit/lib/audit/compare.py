# SPDX-License-Identifier: GPL-2.0
"""
Is a restricted table a subset of the unrestricted one? Every translation of the
one has to be one of the other, to the same frame, with no more rights.
"""

from .pagetable import (ADDRESS, NX, PRESENT, RW, USER, is_leaf, rights_of, shift_of,
                        target)

ALL = RW | USER | NX
PWT, PCD, PAT, PAT_LARGE = 8, 0x10, 0x80, 0x1000


def memory_type(entry, level):
    """How the memory is cached, in a form that does not depend on the level."""
    pat = PAT if level == 1 else PAT_LARGE
    return entry & (PWT | PCD), bool(entry & pat)


class Comparison:
    """Compares tables of one image; pairs that come again are compared once."""

    def __init__(self, walker):
        self.walker = walker
        self.image = walker.image
        self.known = {}

    def spaces(self, restricted, unrestricted):
        """Addresses where the subset is none."""
        key = restricted.root, unrestricted.root, restricted.levels, ALL, ALL
        return [restricted.base(offset >> shift_of(restricted.levels))
                | offset & (1 << shift_of(restricted.levels)) - 1
                for offset in self.tables(*key)]

    def tables(self, r_table, u_table, level, r_rights, u_rights):
        """Offsets of broken entries; rights are those of the entries above."""
        if r_table == u_table and not r_rights & ~u_rights:
            return ()
        key = r_table, u_table, level, r_rights, u_rights
        if key not in self.known:
            self.known[key] = tuple(self.compare_tables(*key))
        return self.known[key]

    def compare_tables(self, r_table, u_table, level, r_rights, u_rights):
        pairs = zip(self.image.table(r_table), self.image.table(u_table))
        for index, (r, u) in enumerate(pairs):
            if not r & PRESENT:
                continue
            offset = index << shift_of(level)
            rights = r_rights & rights_of(r), u_rights & rights_of(u)
            if not u & PRESENT:
                yield from self.alone(offset, r, level)
            elif is_leaf(r, level):
                yield from self.leaf(offset, r, u, level, *rights)
            elif is_leaf(u, level):
                yield from self.inside(offset, r, u, level, *rights)
            else:
                for below in self.tables(r & ADDRESS, u & ADDRESS, level - 1, *rights):
                    yield offset + below

    def alone(self, offset, r, level):
        """All leaves where the other has nothing; tables without leaves are no harm."""
        if is_leaf(r, level):
            yield offset
            return
        for leaf in self.walker.subtree(r & ADDRESS, level - 1).leaves:
            yield offset + leaf.offset

    def leaf(self, offset, r, u, level, r_rights, u_rights):
        """A restricted leaf: the other is one as well, or is made of smaller ones."""
        if is_leaf(u, level):
            same = (target(r, level) == target(u, level)
                    and memory_type(r, level) == memory_type(u, level)
                    and not r_rights & ~u_rights)
            if not same:
                yield offset
            return
        size = 1 << shift_of(level)
        covered = 0
        for leaf in self.walker.subtree(u & ADDRESS, level - 1).leaves:
            covered += 1 << shift_of(leaf.level)
            if (leaf.phys != target(r, level) + leaf.offset
                    or memory_type(leaf.entry, leaf.level) != memory_type(r, level)
                    or r_rights & ~(leaf.rights & u_rights)):
                yield offset + leaf.offset
        if covered < size:
            yield offset

    def inside(self, offset, r, u, level, r_rights, u_rights):
        """Restricted leaves below a table, where the other has one large leaf."""
        for leaf in self.walker.subtree(r & ADDRESS, level - 1).leaves:
            if (leaf.phys != target(u, level) + leaf.offset
                    or memory_type(leaf.entry, leaf.level) != memory_type(u, level)
                    or leaf.rights & r_rights & ~u_rights):
                yield offset + leaf.offset


def global_leaves(space):
    """Addresses of leaves that survive in the TLB when the table changes."""
    return [slot.base + offset for slot in space.slots
            for offset in slot.subtree.global_leaves()]
