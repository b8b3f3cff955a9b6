# SPDX-License-Identifier: GPL-2.0
"""What programs measured, and whether it is as good with asi=on."""

import re

MEASURE = re.compile(r"\s*# measure (\d+) (at-least|at-most) (\d+) (.+)$")


class Measure:
    """A number, and how much worse another one may be."""

    def __init__(self, value, least, tolerance):
        self.value = value
        self.least = least
        self.tolerance = tolerance

    def worse(self, other):
        """Is `other` worse than this one, by more than may be?"""
        if self.least:
            return other.value < self.value - self.tolerance
        return other.value > self.value + self.tolerance


def read(text):
    """The measures in the output of a program, by name."""
    found = {}
    for line in text.splitlines():
        match = MEASURE.match(line)
        if match:
            found[match[4]] = Measure(int(match[1]), match[2] == "at-least", int(match[3]))
    return found


def judge(off, on):
    """Every measure: [(name, is it good, what to say)]."""
    verdicts = []
    for name in list(off) + [name for name in on if name not in off]:
        if name not in off or name not in on:
            verdicts.append((name, False, "measured with asi="
                             + ("off" if name in off else "on") + " only"))
            continue
        good = not off[name].worse(on[name])
        limit = "at least" if off[name].least else "at most"
        allowed = off[name].value + off[name].tolerance * (-1 if off[name].least else 1)
        verdicts.append((name, good, f"off {off[name].value}, on {on[name].value}; "
                                     f"{limit} {max(allowed, 0)}"))
    return verdicts
