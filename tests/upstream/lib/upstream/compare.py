# SPDX-License-Identifier: GPL-2.0
"""What two results of the same test, one with asi=off and one with asi=on, mean."""

from collections import Counter

from . import report
from .report import CRASH, FAIL, MISSING, NUMBER, PASS, SKIP, TIMEOUT

GOOD, BAD, NOTHING = "ok", "not ok", "skip"
WORDS = {PASS: "passes", FAIL: "fails", SKIP: "skips", TIMEOUT: "runs out of time",
         CRASH: "takes the machine along", MISSING: "was not run"}


class Verdict:
    """`kind` is GOOD, BAD or NOTHING; `detail` says why, `notes` are more lines."""

    def __init__(self, kind, detail="", notes=()):
        self.kind = kind
        self.detail = detail
        self.notes = list(notes)


def passes(result):
    """How often each part of the test passed."""
    return Counter(name for name, outcome in result.subtests() if outcome == PASS)


def lost_parts(off, on):
    """Parts that pass with asi=off and not as often with asi=on."""
    missing = passes(off) - passes(on)
    return sorted(missing)


def new_complaints(off, on):
    """What the kernel complains of with asi=on only."""
    known = {NUMBER.sub("N", line) for line in off.complaints}
    return [line for line in on.complaints if NUMBER.sub("N", line) not in known]


def tail(result, count=12):
    return [line for line in result.lines if line.strip()][-count:]


def fails_on(off, on, parts):
    detail = f"{WORDS[off.outcome]} with asi=off, {WORDS[on.outcome]} with asi=on"
    notes = [f"part that fails with asi=on only: {part}" for part in parts[:20]]
    return Verdict(BAD, detail, notes + tail(on))


def compare(off, on):
    """What passes with asi=off must pass with asi=on."""
    complaints = new_complaints(off, on)
    if complaints:
        return Verdict(BAD, "the kernel complains with asi=on only", complaints[:20] + tail(on))
    parts = lost_parts(off, on)
    if off.outcome == PASS:
        if on.outcome != PASS or parts:
            return fails_on(off, on, parts)
        return Verdict(GOOD)
    if on.outcome == CRASH and off.outcome != CRASH:
        return fails_on(off, on, parts)
    if off.outcome == FAIL and passes(off):
        # What a program that fails says before is as good as its status.
        if parts or on.outcome in (TIMEOUT, SKIP):
            return fails_on(off, on, parts)
        bad = [name for name, outcome in off.subtests() if outcome == FAIL]
        count = sum(passes(off).values())
        return Verdict(GOOD, f"{count} parts pass with both; fails with asi=off as well",
                       [f"fails with asi=off: {name}" for name in bad[:10]])
    if on.outcome == PASS:
        return Verdict(NOTHING, f"{WORDS[off.outcome]} with asi=off, passes with asi=on")
    return Verdict(NOTHING, f"{WORDS[off.outcome]} with asi=off as well: {off.reason()}")


def check_machines(off, on):
    """What the machines of a group said as a whole, as {mode: why it is bad}."""
    wrong = {"off": off.unexplained, "on": on.unexplained}
    complaints = new_complaints(off, on)
    if complaints and not on.unexplained:
        wrong["on"] = f"between tests the kernel complained with asi=on only: {complaints[0]}"
    return wrong


def number(state, key):
    try:
        return int(state.get(key, ""))
    except ValueError:
        return 0


# Which class a suite is to exercise.
CLASS = {"x86": "user", "mm": "user", "kvm": "kvm"}


def check_off(states):
    """asi=off must really be off, or the comparison proves nothing."""
    if not states:
        return Verdict(BAD, "the machine with asi=off said nothing")
    if any(state.get("enabled") not in ("0", "-") for state in states):
        return Verdict(BAD, "ASI is on in spite of asi=off")
    return Verdict(GOOD)


def check_class(name, states):
    """Why the class that the tests are to exercise was not; "" when it was."""
    first, last = states[0], states[-1]
    if any(state["enabled"] != "1" or state.get(name) != "1" for state in states):
        return f"ASI or its class {name} is off in spite of asi=on"
    key = f"{name}.enters"
    if len(states) > 1 and not number(last, key) > number(first, key):
        return f"the tests never entered a domain of class {name}"
    return ""


def check_on(suites, states):
    """asi=on must really be on, and have been used without faults of its own."""
    names = sorted({CLASS[suite] for suite in suites})
    if not states:
        return Verdict(BAD, "the machine with asi=on said nothing")
    if states[0].get("enabled", "-") == "-":
        return Verdict(BAD, "this kernel has no ASI")
    for name in names:
        wrong = check_class(name, states)
        if wrong:
            return Verdict(BAD, wrong)
    for key, value in states[-1].items():
        if key.endswith((".tense_faults", ".warnings")) and value not in ("0", "-"):
            return Verdict(BAD, f"{key} is {value} after the tests")
    return Verdict(GOOD, ", ".join(f"class {name}: {states[-1].get(name + '.enters')} enters"
                                   for name in names))


def not_run():
    return report.Result(MISSING)
