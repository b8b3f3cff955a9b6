# SPDX-License-Identifier: GPL-2.0
"""Names of the parts of the kernel's address space, as in the kernel's x86/x86_64/mm.rst."""

from .errors import Trouble

USER = "user half"
DIRECT_MAP = "direct map"
# Behind vmemmap everything has its fixed place, the same with 4 and 5 levels.
FIXED = (
    (0xfffffe0000000000, "cpu_entry_area"),
    (0xfffffe8000000000, "unused"),
    (0xffffff0000000000, "espfix"),
    (0xffffff8000000000, "unused"),
    (0xffffffef00000000, "EFI"),
    (0xffffffff00000000, "unused"),
    (0xffffffff80000000, "kernel image"),
    (0xffffffffc0000000, "modules"),
    (0xffffffffff000000, "fixmap"),
)


class Regions:
    """Of one machine; `bases` says where KASLR has put what it moves."""

    def __init__(self, bases):
        moved = ((bases["page_offset_base"], DIRECT_MAP), (bases["vmalloc_base"], "vmalloc"),
                 (bases["vmemmap_base"], "vmemmap"))
        self.starts = sorted(moved + FIXED)
        if [name for _, name in self.starts][:3] != [name for _, name in moved]:
            raise Trouble("the regions of the kernel's address space are in an odd order")

    def name(self, virt):
        if not virt >> 63:
            return USER
        found = "below the direct map"
        for start, name in self.starts:
            if virt < start:
                break
            found = name
        return found

    @classmethod
    def read(cls, space, symbols):
        """From the variables of the kernel."""
        bases = {}
        for name in ("page_offset_base", "vmalloc_base", "vmemmap_base"):
            phys = space.translate(symbols[name])
            if phys is None:
                raise Trouble(f"{name} is not mapped")
            bases[name] = space.image.word(phys)
        return cls(bases)
