# SPDX-License-Identifier: GPL-2.0
"""What physical pages are used for, and how much of it is within reach."""

import array

from .pagetable import shift_of

# Bits of /proc/kpageflags, the first that is set decides. Those of slabs come before
# those of anonymous memory, which the kernel takes from a field that slabs use for
# something else; that of KSM is set on all anonymous memory in 6.12.
BITS = (
    (20, "no memory"), (10, "free"), (7, "slab"), (26, "page table"), (24, "zero page"),
    (17, "huge page"), (12, "anonymous"), (13, "swap cache"), (14, "shared memory"),
    (5, "page cache"), (11, "mapped by users"), (32, "reserved"),
)
OTHER = "kernel, pipes and the like"
# Classes that hold data of users and nothing else.
USER_DATA = ("huge page", "anonymous", "swap cache", "shared memory", "page cache",
             "mapped by users")
# Pages that users map and that the kernel itself uses all the time; what they are.
MAY_BE_SHARED = {"kvm-run": "`struct kvm_run`", "kvm-pio": "KVM's page for port I/O",
                 "perf-state": "the state of a ring of perf", "vdso": "the vDSO"}
NAMES = [name for _, name in BITS] + [OTHER]
FRAME = 4096
# For bytes.translate(): 1 for the number of a class of USER_DATA, else 0.
IS_USER_DATA = bytes(number < len(NAMES) and NAMES[number] in USER_DATA
                     for number in range(256))


def class_of(flags):
    for number, (bit, _) in enumerate(BITS):
        if flags >> bit & 1:
            return number
    return len(BITS)


class Frames:
    """The use of each page of memory; `shared`: {frame: name} of pages with two uses."""

    def __init__(self, ranges, size, shared=()):
        self.shared = dict(shared)
        self.count = size // FRAME
        self.classes = array.array("B", bytes([NAMES.index("no memory")]) * self.count)
        for first, count, flags in ranges:
            end = min(first + count, self.count)
            if first < end:
                self.classes[first:end] = array.array("B", bytes([class_of(flags)]))\
                    * (end - first)

    def name(self, phys):
        frame = phys // FRAME
        return NAMES[self.classes[frame]] if frame < self.count else "no memory"

    def of_users(self, leaves):
        """The frames with data of users among those that leaves map."""
        users = self.classes.tobytes().translate(IS_USER_DATA)
        found = set()
        for leaf in leaves:
            first = leaf.phys // FRAME
            end = first + (1 << shift_of(leaf.level)) // FRAME
            at = users.find(1, first, end)
            while at >= 0:
                found.add(at)
                at = users.find(1, at + 1, end)
        return found

    def in_all(self):
        """{class: pages} of the machine."""
        return self.counted(b"\1" * self.count)

    def counted(self, mask):
        counts = [0] * len(NAMES)
        for number, reached in zip(self.classes, mask):
            counts[number] += reached
        return {name: count for name, count in zip(NAMES, counts) if count}

    def reached(self, leaves, region_of):
        """{region: {class: pages}} of what leaves map, and the same for "all"."""
        masks = {}
        every = bytearray(self.count)
        for leaf in leaves:
            first = leaf.phys // FRAME
            end = min(first + (1 << shift_of(leaf.level)) // FRAME, self.count)
            if first >= end:
                continue
            region = region_of(leaf.offset)
            if region not in masks:
                masks[region] = bytearray(self.count)
            ones = b"\1" * (end - first)
            masks[region][first:end] = ones
            every[first:end] = ones
        result = {region: self.counted(mask) for region, mask in masks.items()}
        result["all"] = self.counted(every)
        return result


def user_pages(counts):
    """Pages with data of users among {class: pages}."""
    return sum(counts.get(name, 0) for name in USER_DATA)
