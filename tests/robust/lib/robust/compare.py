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


def middle(measures):
    """That in the middle, of an odd number; the tolerance of the first counts."""
    values = sorted(measure.value for measure in measures)
    return Measure(values[len(values) // 2], measures[0].least, measures[0].tolerance)


def judge(offs, ons):
    """
    Every measure: [(name, is it good, what to say)]. There may be several machines of
    each kind, as many with asi=off as with asi=on; the one in the middle counts.
    """
    verdicts = []
    for name in dict.fromkeys(name for found in offs + ons for name in found):
        if any(name not in found for found in offs + ons):
            missing = "off" if any(name not in found for found in offs) else "on"
            verdicts.append((name, False, f"not measured with asi={missing}"))
            continue
        off, on = (middle([found[name] for found in founds]) for founds in (offs, ons))
        limit = "at least" if off.least else "at most"
        allowed = off.value + off.tolerance * (-1 if off.least else 1)
        said = f"off {off.value}, on {on.value}; {limit} {max(allowed, 0)}"
        if len(offs) > 1:
            said += "; of " + ", ".join(f"{x[name].value}/{y[name].value}"
                                        for x, y in zip(offs, ons))
        verdicts.append((name, not off.worse(on), said))
    return verdicts
