# SPDX-License-Identifier: GPL-2.0
"""The cost model: events per operation, counted, times cycles per event, from
costs.tsv. It is a model. Nothing in it was measured on the CPUs it names."""

import os
from dataclasses import dataclass

from .errors import Trouble
from .parse import counter_sum

COSTS = os.path.join(os.path.dirname(__file__), "..", "..", "costs.tsv")
COLUMNS = ("cpu", "key", "default", "low", "high", "mark", "source")
KEYS = frozenset((
    "cr3_write_noflush", "cr3_write_flush", "tlb_refill_per_entry", "tlb_refill_entries",
    "syscall_pair", "pti_pair", "pf_kernel", "pf_user", "vm_roundtrip_hw", "ibpb_direct",
    "ibpb_retrain", "cycles_per_instruction"))


@dataclass(frozen=True)
class Cost:
    """Cycles of one event, with bounds, and where they are from."""

    default: float
    low: float
    high: float
    mark: str
    source: str


def parse_row(line, where):
    fields = line.split("\t")
    if len(fields) != len(COLUMNS) or not all(field.strip() for field in fields):
        raise Trouble(f"{where}: expected {len(COLUMNS)} columns: {' '.join(COLUMNS)}")
    cpu, key, *numbers = fields[:5]
    try:
        default, low, high = (float(text) for text in numbers)
    except ValueError:
        raise Trouble(f"{where}: default, low and high must be numbers") from None
    if not 0 <= low <= default <= high:
        raise Trouble(f"{where}: {key}: low <= default <= high does not hold")
    if key not in KEYS:
        raise Trouble(f"{where}: the model knows no {key}")
    return cpu, key, Cost(default, low, high, fields[5], fields[6])


def parse_costs(text, name="costs.tsv"):
    """{cpu: {key: Cost}}; raises Trouble unless every CPU has every key once."""
    table = {}
    for at, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        cpu, key, cost = parse_row(line, f"{name}:{at}")
        if key in table.setdefault(cpu, {}):
            raise Trouble(f"{name}:{at}: {cpu} {key} is there twice")
        table[cpu][key] = cost
    for cpu, costs in table.items():
        missing = KEYS - set(costs)
        if missing:
            raise Trouble(f"{name}: {cpu} lacks {', '.join(sorted(missing))}")
    if not table:
        raise Trouble(f"{name}: no figures")
    return table


def load_costs(path=COSTS):
    with open(path, encoding="utf-8") as file:
        return parse_costs(file.read(), os.path.basename(path))


def values(costs, bound):
    """{key: cycles} at a bound: default, low or high."""
    return {key: getattr(cost, bound) for key, cost in costs.items()}


def kernel_entries(record):
    """Times something outside the kernel enters it, per operation."""
    return record["syscalls"] + record["faults"] + record["vm_exits"]


def base_cycles(record, c):
    """An operation on the unpatched kernel."""
    return (record["min"] * c["cycles_per_instruction"] +
            record["syscalls"] * c["syscall_pair"] +
            record["faults"] * c["pf_user"] +
            record["vm_exits"] * c["vm_roundtrip_hw"])


def asi_cycles(record, base, c):
    """What isolation adds: more instructions, CR3 writes, flushes, faults."""
    writes = counter_sum(record, "cr3_writes")
    flushes = counter_sum(record, "flushes")
    refill = c["tlb_refill_entries"] * c["tlb_refill_per_entry"]
    return ((record["min"] - base["min"]) * c["cycles_per_instruction"] +
            max(writes - flushes, 0) * c["cr3_write_noflush"] +
            flushes * (c["cr3_write_flush"] + refill) +
            counter_sum(record, "exits_fault") * c["pf_kernel"])


def pti_cycles(base, c):
    """What page table isolation adds: a pair of switches per entry from user
    mode. The figure has the instructions of the switch in it."""
    return (base["syscalls"] + base["faults"]) * c["pti_pair"]


def ibpb_cycles(base, c):
    """What flushing the branch predictor at every kernel entry adds: the
    mitigation that needs no knowledge of what is secret."""
    return kernel_entries(base) * (c["ibpb_direct"] + c["ibpb_retrain"])


def added(kind, record, base, c):
    if kind == "asi":
        return asi_cycles(record, base, c)
    return {"pti": pti_cycles, "ibpb": ibpb_cycles}[kind](base, c)


def estimate(kind, record, base, costs):
    """(default, low, high) cycles added per operation, and percent of the
    unpatched operation at the defaults."""
    low, default, high = (added(kind, record, base, values(costs, bound))
                          for bound in ("low", "default", "high"))
    return default, low, high, 100 * default / base_cycles(base, values(costs, "default"))
