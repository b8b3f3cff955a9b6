# SPDX-License-Identifier: GPL-2.0
"""The places that leave a restricted address space, as the trace has them."""

import re

# In a table: no more than these, and none with less than this share. The rest is one row.
SHOWN = 6
SHARE = 0.005

# Why it exits, as far as what touched the memory tells: the first that matches.
KINDS = (
    ("copies", re.compile(r"fault (rep_movs|copy_|_copy_|memcpy)")),
    ("pages cleared", re.compile(r"fault clear_page")),
    ("other faults", re.compile(r"fault ")),
    ("task switches", re.compile(r"sched ")),
    ("others", re.compile("")),
)


def per_unit(samples):
    """{place: exits per unit}, of [units, count, place]; the run without units is
    subtracted."""
    units = max((sample[0] for sample in samples), default=0)
    total = {}
    for of, exits, place in samples:
        total[place] = total.get(place, 0) + (exits if of else -exits)
    return {place: exits / units for place, exits in total.items() if exits > 0} if units else {}


def words(place):
    """"fault copy<read<vfs_read" for people."""
    reason, _, chain = place.partition(" ")
    first, *callers = chain.split("<")
    return f"{reason}: `{first}`" + (" from " + ", ".join(f"`{name}`" for name in callers)
                                     if callers else "")


def rows(samples):
    """The rows of one workload's table, the most frequent place first."""
    found = sorted(per_unit(samples).items(), key=lambda item: (-item[1], item[0]))
    everything = sum(exits for _, exits in found)
    shown = [row for row in found[:SHOWN] if row[1] >= SHARE * everything]
    cells = [[words(place), f"{exits:,.3f}", f"{100 * exits / everything:.1f} %"]
             for place, exits in shown]
    rest = sum(exits for _, exits in found[len(shown):])
    if rest:
        cells.append([f"{len(found) - len(shown)} more", f"{rest:,.3f}",
                      f"{100 * rest / everything:.1f} %"])
    return cells


def kind(place):
    return next(name for name, pattern in KINDS if pattern.match(place))


def shares(samples):
    """Percent of the exits for each of KINDS, or nothing when there are none."""
    found = per_unit(samples)
    everything = sum(found.values())
    return [100 * sum(exits for place, exits in found.items() if kind(place) == name) / everything
            for name, _ in KINDS] if everything else []
