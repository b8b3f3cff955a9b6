# SPDX-License-Identifier: GPL-2.0
"""What has to hold for tables and for the audit itself, beyond single kinds."""

from .compare import Comparison, global_leaves
from .frames import FRAME, MAY_BE_SHARED
from .pagetable import ADDRESS, NOISE
from .verdict import HIDDEN

MOST_SHOWN = 3


class Check:
    """One result: `wrong` is empty when it holds, `note` may tell more."""

    def __init__(self, name, wrong="", note=""):
        self.name = name
        self.wrong = wrong
        self.note = note


def some(addresses):
    shown = ", ".join(f"0x{address:x}" for address in addresses[:MOST_SHOWN])
    return shown + (", ..." if len(addresses) > MOST_SHOWN else "")


def calm(entries):
    """Entries without the bits that the CPU sets as it goes."""
    return tuple(entry & ~NOISE for entry in entries)


def topmost_tables(image, kernel_root):
    """{calm user half: [physical address]} of tables with the kernel's kernel half."""
    kernel = calm(image.table(kernel_root)[256:])
    last = kernel[255]
    ends = {(last | noise).to_bytes(8, "little") for noise in (0, 0x20, 0x40, 0x60)}
    found = {}
    for page in range(0, image.size, 4096):
        if image.memory[page + 4088:page + 4096] not in ends:
            continue
        entries = calm(image.table(page))
        if entries[256:] == kernel:
            found.setdefault(entries[:256], []).append(page)
    return found


def check_negative(verdicts):
    """The unrestricted tables must find every secret."""
    lost = [f"{verdict.name} ({'nowhere in memory' if not verdict.found else 'not mapped'})"
            for verdict in verdicts
            if verdict.planted and verdict.words["unrestricted"] == HIDDEN]
    planted = sum(verdict.planted for verdict in verdicts)
    return Check("negative-control", "not found by the unrestricted tables: " + ", ".join(lost)
                 if lost else "", f"the unrestricted tables find {planted - len(lost)} of "
                 f"{planted} secrets")


def check_hole(verdict, hole):
    """A block that was hidden by hand."""
    if not hole:
        return Check("hole", "the kernel made no hole: is debugfs there?")
    if not verdict.found or verdict.found[0].copy.phys != hole.phys:
        return Check("hole", "the hole does not hold what it should")
    reached = [column for column in ("other", "guest") if verdict.words[column] != HIDDEN]
    return Check("hole", "a hidden block is within reach of: " + ", ".join(reached)
                 if reached else "", "a block hidden by hand is out of reach")


def check_subset(pairs, walker):
    """`pairs`: {name: (restricted, unrestricted or None)}."""
    comparison = Comparison(walker)
    wrong = []
    for name, (restricted, unrestricted) in pairs.items():
        if not unrestricted:
            wrong.append(f"{name}: its unrestricted table was not found")
            continue
        broken = comparison.spaces(restricted, unrestricted)
        if broken:
            wrong.append(f"{name}: {len(broken)} entries, {some(broken)}")
    return Check("subset", "; ".join(wrong[:MOST_SHOWN]),
                 f"{len(pairs)} restricted tables map nothing that the unrestricted do not")


def check_users(mapped, frames):
    """
    `mapped`: {name: frames with data of users that the kernel's half of a table maps}.
    Restricted ones may have none but those of MAY_BE_SHARED.
    """
    wrong, shared = [], set()
    for name in ("other", "guest"):
        found = mapped[name].difference(frames.shared)
        shared.update(frames.shared[frame] for frame in mapped[name] - found)
        if found:
            uses = sorted({frames.name(frame * FRAME) for frame in found})
            wrong.append(f"{name}: {len(found)} pages ({', '.join(uses)}), "
                         + some(sorted(frame * FRAME for frame in found)))
    wrong += [f"{name}: shared with the kernel, and should not be"
              for name in sorted(shared - set(MAY_BE_SHARED))]
    if not mapped["unrestricted"]:
        wrong.append("the unrestricted table has no data of users either")
    rest = f" but {', '.join(sorted(shared))}" if shared else ""
    return Check("users", "; ".join(wrong), f"of {len(mapped['unrestricted'])} pages with data "
                 f"of users and guests, a restricted kernel half maps none{rest}")


def check_cr3(cr3, roots):
    """What the CPU had loaded must be a table that is known: `roots`, addresses."""
    root = cr3 & ADDRESS
    return Check("cr3", "" if root in roots else f"the CPU was in 0x{root:x}, which is neither "
                 "a domain's table nor that of a process",
                 "the CPU was in one of the tables looked at")


def check_inviting(pairs):
    """Absent entries that name memory, as a CPU with L1TF would read it."""
    found = {name: [address for address, _ in restricted.inviting]
             for name, (restricted, _) in pairs.items() if restricted.inviting}
    wrong = [f"{name}: {len(addresses)} entries, {some(addresses)}"
             for name, addresses in found.items()]
    return Check("absent-entries", "; ".join(wrong[:MOST_SHOWN]),
                 "no absent entry names a frame of memory")


def check_global(pairs, region_of, allowed):
    """Leaves that stay in the TLB across a change of the address space."""
    found = {address for restricted, _ in pairs.values() for address in global_leaves(restricted)}
    wrong = sorted(address for address in found if region_of(address) not in allowed)
    rest = f" but {len(found) - len(wrong)} of {', '.join(allowed)}" if found else ""
    return Check("global", f"{len(wrong)} global pages, {some(wrong)}" if wrong else "",
                 f"no page is global{rest}")
