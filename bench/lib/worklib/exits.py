# SPDX-License-Identifier: GPL-2.0
"""The instructions that leave, as the fault log has them, and their tables.

A site is an instruction, the kind of memory that it touched, and who called it. The log
counts instructions; how often each was called by whom, a trace of less work tells.
"""

import re
from dataclasses import dataclass

from benchlib.errors import Trouble
from benchlib.parse import counter_sum
from benchlib.report import REASONS, table

from . import programs

SHOWN = 10
# Callers that tell one site from another, and those between that say nothing.
CALLERS = 3
BETWEEN = re.compile(r"(get_page_from_freelist|__alloc_pages_noprof|alloc_pages_mpol_noprof|"
                     r"(vma_alloc_)?folio(_alloc_mpol)?_noprof|__alloc_skb)$")
NOT_LOOKED_AT = "not looked at yet"


@dataclass(frozen=True)
class Site:
    symbol: str
    memory: str
    chain: str

    def words(self):
        """For people: the instruction, and who called it."""
        callers = [f"`{name}`" for name in self.chain.split("<")] if self.chain != "-" else []
        return f"`{self.symbol}`" + (" from " + ", ".join(callers) if callers else "")


@dataclass(frozen=True)
class Remedy:
    """What a site would take to remove; `chain` matches the instruction and its
    callers, written as function<caller<caller."""

    chain: re.Pattern
    memory: str
    words: str

    def fits(self, site):
        function = site.symbol.split("+")[0]
        return (self.memory in ("*", site.memory) and
                self.chain.match(function + "<" + site.chain))


def callers(chain):
    """The part of a chain that tells one site from another; the first is the function."""
    names = [name for name in chain.split("<")[1:] if not BETWEEN.match(name)]
    return "<".join(names[:CALLERS]) or "-"


def less_the_start(samples):
    """{key: events} of [units, events, key...]; a run without units, the start of a
    program, is subtracted."""
    total = {}
    for units, events, *key in samples:
        key = tuple(key)
        total[key] = total.get(key, 0) + (events if units else -events)
    return {key: events for key, events in total.items() if events > 0}


def shares(samples):
    """{instruction: {callers: share}} of the trace."""
    found = {}
    for (symbol, chain), events in less_the_start(
            [units, events, symbol, callers(chain)]
            for units, events, symbol, chain in samples).items():
        found.setdefault(symbol, {})[chain] = events
    return {symbol: {chain: events / sum(chains.values()) for chain, events in chains.items()}
            for symbol, chains in found.items()}


def load_remedies(path):
    """The table of remedies: pattern, memory, words; raises Trouble."""
    found = []
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if line.startswith("#") or not line.strip():
                continue
            parts = line.rstrip("\n").split("\t")
            try:
                chain, memory, words = parts
                found.append(Remedy(re.compile(chain), memory, words))
            except (ValueError, re.error) as error:
                raise Trouble(f"{path}:{number}: {error}") from None
    return found


def remedy(site, remedies):
    """The words of the first that fits."""
    return next((one.words for one in remedies if one.fits(site)), NOT_LOOKED_AT)


def sites_of(faults, traced):
    """{site: (faults in all, per unit)} of a workload."""
    units = max((fault[0] for fault in faults), default=0)
    by_caller = shares(traced)
    return {Site(symbol, memory, chain): (count * share, count * share / units)
            for (memory, symbol), count in less_the_start(faults).items()
            for chain, share in by_caller.get(symbol, {"-": 1}).items()}


def present(results):
    """(workload, its sites) in the order of the tables."""
    run = results["run"]
    for one in programs.TUNING:
        if one.name in run["faults"]:
            yield one, sites_of(run["faults"][one.name], run["callers"].get(one.name, []))


def thousand(per_unit):
    """Events per 1000 units: many digits say nothing."""
    value = 1000 * per_unit
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def ordered(found):
    return sorted(found.items(), key=lambda item: (-item[1][0], item[0].words()))


def workload_table(one, found):
    """The first sites of one workload."""
    everything = sum(count for count, _ in found.values())
    rows = [[site.words(), site.memory, f"{count:,.0f}", thousand(per_unit),
             f"{100 * count / everything:.1f} %"]
            for site, (count, per_unit) in ordered(found)[:SHOWN]]
    rest = ordered(found)[SHOWN:]
    if rest:
        count = sum(item[1][0] for item in rest)
        per_unit = sum(item[1][1] for item in rest)
        rows.append([f"{len(rest)} more", "", f"{count:,.0f}", thousand(per_unit),
                     f"{100 * count / everything:.1f} %"])
    header = ["instruction", "memory", "faults", f"per 1000: {one.unit}", "of all"]
    return f"### {one.title}\n\n" + (table(header, rows) if rows else "No faults.\n")


def weights(results):
    """{site: {workload: (share of its faults, per unit)}}: each workload counts alike."""
    found = {}
    for one, sites in present(results):
        everything = sum(count for count, _ in sites.values())
        for site, (count, per_unit) in sites.items():
            found.setdefault(site, {})[one] = (count / everything, per_unit)
    return found


def where(by_workload):
    """Most first: which workloads a site is of."""
    parts = sorted(by_workload.items(), key=lambda item: -item[1][0])
    return "; ".join(f"{one.name} {thousand(per_unit)} ({100 * share:.0f} %)"
                     for one, (share, per_unit) in parts if share >= 0.005) or "below 0.5 %"


def top_table(results, remedies):
    """The first sites of all workloads together, and what each would take."""
    found = weights(results)
    first = sorted(found, key=lambda site: (-sum(share for share, _ in found[site].values()),
                                            site.words()))[:SHOWN]
    rows = [[str(number), site.words(), site.memory, where(found[site]), remedy(site, remedies)]
            for number, site in enumerate(first, 1)]
    header = ["#", "instruction", "memory", "faults per 1000 units (share of the workload's)",
              "what it would take to remove"]
    return "\n".join("| " + " | ".join(row) + " |"
                     for row in [header, ["---"] * len(header), *rows]) + "\n"


def reason_table(results):
    """All exits by reason: the fault log has one of them."""
    records = results["run"]["ops"]
    chosen = [one for one in programs.TUNING if one.name in records]
    reasons = [name for name in REASONS
               if any(counter_sum(records[one.name], name) >= 0.0005 for one in chosen)]
    rows = [[one.title, one.unit,
             *(thousand(counter_sum(records[one.name], name)) for name in
               ("exits", *reasons))] for one in chosen]
    return table(["workload", "unit", "exits", *reasons], rows)


def tables(results, remedies):
    """{name: Markdown} of what the document has a place for."""
    single = [workload_table(one, found) for one, found in present(results)]
    return {"reasons": reason_table(results),
            "top ten": top_table(results, remedies),
            "workloads": "\n".join(single)}
