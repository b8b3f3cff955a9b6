# SPDX-License-Identifier: GPL-2.0
"""The targets. Each is measured or said not to have been."""

from dataclasses import dataclass

from .ops import ALLOC, LARGE, MEMORY, MEMORY_TITLES, STEADY, TITLES
from .parse import counter_sum, measured

# Beyond the instruction: what two runs of the same may differ by.
REPEAT_LIMIT = 0.5
# A timer tick every few thousand operations may leave the restricted address
# space; the mean over all windows sees that, the median window must not.
TICK_EXITS = 0.001
# Null system call, instructions more than on the unpatched kernel.
NULL_LIMITS = {"out": 0.0, "off": 6.0, "on": 40.0}
# The same from one kernel alone, for a check that builds no other.
NULL_ON_OFF = NULL_LIMITS["on"] - NULL_LIMITS["off"]
LARGE_PERCENT = 1.0
# Pages from the page allocator's lists and back. A kernel without the feature, or with
# it off, has functions of which the compiler makes something else; so one kernel alone
# shows less than both together.
ALLOC_PERCENT = {"out": 1.0, "off": 0.5, "on": 3.0}
ALLOC_ON_OFF = 4.0
# The demand that alternates: a GiB has this many blocks, and each is to change sides once
# each way at most. Those that become sensitive do so in batches, with one flush of all
# TLBs for several blocks.
TURN_BLOCKS = 512
TURN_BATCH = 4
TURN_PERCENT = 10.0
# Results have two decimals.
ROUNDING = 0.05


@dataclass(frozen=True)
class Check:
    """One target.

    `ok` is None when it was not measured, `needs` the (configuration, operation)
    pairs it is computed from. A soft target is reported and fails nothing.
    """

    what: str
    target: str
    needs: tuple
    ok: object = None
    measured: str = ""
    hard: bool = True

    @property
    def verdict(self):
        if self.ok is None:
            return "not measured"
        return "met" if self.ok else "**missed**"


def difference(runs, config, op, against="base"):
    """Instructions more than on the unpatched kernel, or another, or None."""
    here = measured(runs.get(config), op)
    base = measured(runs.get(against), op)
    if not here or not base:
        return None
    return here["min"] - base["min"]


def check_null(runs, config, limit):
    what = f"null system call, {config}: instructions against unpatched"
    target = "the same" if limit == 0 else f"at most +{limit:.0f}"
    needs = ((config, "null"), ("base", "null"))
    delta = difference(runs, config, "null")
    if delta is None:
        return Check(what, target, needs)
    ok = (abs(delta) if limit == 0 else delta - limit) <= ROUNDING
    return Check(what, target, needs, ok, f"{delta:+.1f}")


def check_on_off(runs):
    what = "null system call, on: instructions against off"
    target = f"at most +{NULL_ON_OFF:.0f}"
    needs = (("on", "null"), ("off", "null"))
    delta = difference(runs, "on", "null", against="off")
    if delta is None:
        return Check(what, target, needs)
    return Check(what, target, needs, delta - NULL_ON_OFF <= ROUNDING, f"{delta:+.1f}")


def check_steady(runs, op):
    what = f"{TITLES[op]}, on: exits per operation"
    needs = (("on", op),)
    record = measured(runs.get("on"), op)
    if not record or not runs["on"]["counters"]:
        return Check(what, "0", needs)
    steady = counter_sum(record, "exits", steady=True)
    mean = counter_sum(record, "exits")
    return Check(what, "0", needs, steady == 0 and mean <= TICK_EXITS,
                 f"{steady:.3f} (with timer ticks {mean:.5f})")


def check_percent(runs, config, op, limit, against="base", hard=True):
    other = "unpatched" if against == "base" else against
    what = f"{TITLES[op]}, {config}: instructions against {other}"
    target = f"at most +{limit:g} %"
    needs = ((config, op), (against, op))
    delta = difference(runs, config, op, against)
    if delta is None:
        return Check(what, target, needs, hard=hard)
    percent = 100 * delta / runs[against]["ops"][op]["min"]
    return Check(what, target, needs, percent <= limit,
                 f"{percent:+.2f} % ({delta:+.1f})", hard)


def check_alloc(runs):
    checks = [check_percent(runs, config, op, limit)
              for config, limit in ALLOC_PERCENT.items() for op in ALLOC]
    return checks + [check_percent(runs, "on", op, ALLOC_ON_OFF, "off") for op in ALLOC]


def memory_values(runs, needs):
    """The values of (configuration, key) pairs in the table of memory, or None."""
    values = [runs.get(config, {}).get("memory", {}).get(key) for config, key in needs]
    return None if None in values else values


def check_memory(runs, what, target, needs, judge):
    """A target for the table of memory; `judge` gives (ok, measured) for its values."""
    values = memory_values(runs, needs)
    ok, shown = judge(*values) if values else (None, "")
    return Check(what, target, tuple((config, MEMORY) for config, _ in needs), ok, shown)


def judge_turn_blocks(blocks):
    return blocks <= TURN_BLOCKS, f"{blocks:.1f}"


def judge_turn_batch(shootdowns, blocks):
    return shootdowns * TURN_BATCH <= blocks, f"{shootdowns:.1f}, of {blocks:.1f} blocks"


def judge_turn_page(here, base):
    percent = 100 * (here - base) / base
    return percent <= TURN_PERCENT, f"{percent:+.2f} % ({here - base:+.1f})"


def check_turns(runs):
    """That a demand that alternates makes no storm of conversions."""
    title = {key: text + ", on" for key, text in MEMORY_TITLES.items()}
    checks = [check_memory(runs, title[key], f"at most {TURN_BLOCKS}", (("on", key),),
                           judge_turn_blocks)
              for key in ("turn_hide", "turn_show")]
    return checks + [
        check_memory(runs, title["turn_shootdown"],
                     f"at most 1 for {TURN_BATCH} blocks made sensitive",
                     (("on", "turn_shootdown"), ("on", "turn_hide")), judge_turn_batch),
        check_memory(runs, title["turn_page"] + ": against unpatched",
                     f"at most +{TURN_PERCENT:g} %",
                     (("on", "turn_page"), ("base", "turn_page")), judge_turn_page)]


def check_repeat(runs, config):
    """Two boots, the same null system call."""
    what = f"null system call, {config}: second boot against the first"
    target = f"within {REPEAT_LIMIT}"
    needs = ((config, "null"),)
    first = measured(runs[config], "null")
    again = runs[config].get("null_again")
    if not first or again is None:
        return Check(what, target, needs)
    return Check(what, target, needs, abs(again - first["min"]) <= REPEAT_LIMIT,
                 f"{again - first['min']:+.2f}")


def check_all(runs):
    """Every target, for the runs by the name of their configuration."""
    checks = [check_null(runs, config, limit) for config, limit in NULL_LIMITS.items()]
    checks.append(check_on_off(runs))
    checks += [check_steady(runs, op) for op in STEADY]
    checks += [check_percent(runs, config, op, LARGE_PERCENT, hard=False)
               for config in ("off", "on") for op in LARGE]
    checks += check_alloc(runs)
    checks += check_turns(runs)
    checks += [check_repeat(runs, config) for config in runs]
    return checks


def has(run, op):
    """True when the user asked for the operation, or for the table of memory."""
    return bool(run.get("memory")) if op == MEMORY else op in run["ops"]


def asked_for(check, runs):
    """False when the user left out what the target is computed from."""
    return all(config in runs and has(runs[config], op) for config, op in check.needs)


def failed(checks, runs):
    """Hard targets that are missed, or that could not be measured though asked for."""
    return [check for check in checks
            if check.hard and not check.ok and asked_for(check, runs)]
