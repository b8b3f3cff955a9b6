# SPDX-License-Identifier: GPL-2.0
"""The output of vm/guest/workloads, and the records the cost model takes.

Every run comes with the same run without units beside it, so a record is the
difference of the two, per unit.
"""

import statistics

from benchlib import parse
from benchlib.errors import Trouble

FORMAT = "1"


class Parser(parse.Parser):
    """Kernel, state and the end are as there; "ops" has the samples of a workload."""

    def __init__(self):
        super().__init__()
        self.run["sites"] = {}
        self.run["faults"] = {}
        self.run["callers"] = {}
        self.values = None

    def take_workloads(self, words, _line):
        if words != [FORMAT]:
            raise Trouble(f"the guest speaks format {words}, this program {FORMAT}")
        self.version = FORMAT

    def take_sample(self, words, _line):
        name, kind, units = words
        self.values = {}
        kinds = self.run["ops"].setdefault(name, {})
        kinds.setdefault(kind, []).append([int(units), self.values])

    def take_value(self, words, line):
        name, value = words
        if self.values is None:
            raise Trouble(f"the guest printed {line!r} before a sample")
        self.values[name] = int(value)

    def take_site(self, words, _line):
        name, units, count, *place = words
        self.run["sites"].setdefault(name, []).append([int(units), int(count),
                                                       " ".join(place)])

    def take_fault(self, words, _line):
        name, units, count, memory, symbol = words
        self.run["faults"].setdefault(name, []).append([int(units), int(count), memory, symbol])

    def take_caller(self, words, _line):
        name, units, count, symbol, chain = words
        self.run["callers"].setdefault(name, []).append([int(units), int(count), symbol, chain])


def read(text):
    """{release, state, ops, sites, faults, callers} of one boot; raises Trouble."""
    return parse.parse(text, Parser())


def differences(samples):
    """Per unit, for each pair: a run, less the run without units before it."""
    if len(samples) % 2:
        raise Trouble("the guest ran something without its counterpart")
    for (zero, empty), (units, full) in zip(samples[::2], samples[1::2]):
        if zero or not units:
            raise Trouble(f"the guest compares {units} units with {zero}")
        yield {key: (full[key] - empty[key]) / units for key in full}


def record(kinds):
    """One workload, in the form of benchlib.parse: counters have the mean of all
    runs and, for the steady state, that of the median run."""
    timed = list(differences(kinds["timed"]))
    (traced,) = differences(kinds["traced"])

    def mean(key):
        return statistics.fmean(run[key] for run in timed)

    busy = [run["busy"] for run in timed]
    if min(busy) <= 0:
        raise Trouble("a workload did nothing, or too little to be seen")
    return {
        "ops": sum(units for units, _ in kinds["timed"]),
        "min": min(busy), "median": statistics.median(busy), "max": max(busy),
        "faults": mean("faults"), "switches": mean("switches"),
        "shootdowns": mean("shootdowns"),
        "syscalls": traced["syscalls"], "vm_exits": traced["vm_exits"],
        "counters": {key: [mean(key), statistics.median(run[key] for run in timed)]
                     for key in timed[0] if "." in key},
    }


def records(run):
    """{workload: record} of one boot."""
    return {name: record(kinds) for name, kinds in run["ops"].items()}
