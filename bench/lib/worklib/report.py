# SPDX-License-Identifier: GPL-2.0
"""docs/WORKLOADS.md, from the results."""

from benchlib import model
from benchlib.boot import CPU
from benchlib.configs import COMMON_APPEND
from benchlib.parse import counter_sum
from benchlib.report import MODEL_CPUS, REASONS, count, event, table

from . import machine, programs, sites

# Whose exits are looked up one by one; that takes another run.
SITES_OF = ("on",)
BASE = "off"
# Percent that a workload may take longer, and what was published of prototypes.
GOAL = 1.0
GOAL_OF = ("fio_tmpfs", "fio_ext4", "fio_direct", "compile", "guest")

INTRO = """\
# Workloads

Written by `bench/workloads` (`make bench-workloads`). Do not edit: the next run
overwrites it. [PERFORMANCE.md](PERFORMANCE.md) has the single operations.

## How this is measured

QEMU runs one CPU with `-icount shift=0,sleep=off`, where a nanosecond of guest time is an
instruction. "Instructions" is the time of all tasks but the idle one, of the kernel's
field in `/proc/schedstat`: programs, servers and kernel threads, in user space and in the
kernel. Every configuration is the same kernel ({release}) with another command line
({append} and CPU model `{cpu}`, as in PERFORMANCE.md), and the difference is to `asi=off`.

- The programs are those of Debian, copied into the guest's memory before anything is
  counted; `vm/guest/workloads` has their options. The amount of work is fixed, the start
  of a load generator is measured alone and subtracted, and one run before warms up.
- fio reads a file of 16 MiB: on tmpfs; on ext4 on a loop device, from the page cache; and
  there with O_DIRECT, which a kernel thread serves. The compiler gets files of
  `tools/asictl`, from make. redis and nginx have ten clients and values of 1 KiB, or a file
  of 4 KiB by sendfile and connections that are kept.
- The guest is Linux, booted under KVM by `vmm` of the selftests, to user space and down.
- System calls and VM exits are counted by trace points in a run of their own, with an
  eighth of the work. So are the places that exit.
- One CPU: there are no shootdowns to count, and a program waits for nobody but another.
"""

REPEAT_NOTE = """\
## How well it repeats

Timers, and what the kernel does at its leisure, fall elsewhere when a boot differs, and a
server with ten clients then answers them in other batches. The second boot against the
first; instructions differ by at most {:.2f} %, exits by {:.2f} %. A difference between
configurations that is not larger says nothing.

"""

EVENT_NOTE = """\
Per unit, all classes together. Of two classes, one is entered from the other without an
exit: `enters` less `exits` is how often. Each entry and each exit writes CR3; this machine
has no PCID, so each write flushes the TLB. Reasons that do not occur are left out.

"""

MODEL_NOTE = """\
## Cost model (a model, not a measurement)

As in PERFORMANCE.md, which has the figures: events, counted, times cycles per event, in
percent of the modelled cost with `asi=off`. **Nothing was measured on the CPUs named.**
A default with the band from all-low to all-high figures. "Without flushes" takes each CR3
write for one that flushes nothing, the best that a CPU with PCID can do; what it does is
in between. An address space that was changed meanwhile has to be flushed.

"""

TARGET_NOTE = """\
## Targets

The modelled cost below. Published prototypes took 13.1 % for fio random read, 7.6 % for a
kernel build and 5.8 % for a guest, measured on real machines, which a model is not. redis
and nginx have no target. The flushes are what makes most of it: without them the faults, the
instructions and the bare CR3 writes remain.

"""

SITES_NOTE = """\
## Where it exits, asi=on

Of the exits in a run with an eighth of the work (one file, one boot), less those in a run
without, the places with the most, and how many of all they are: the reason, the function
that touched something or gave way, and those that called it.

"""

MEND_INTRO = """\
### What would mend most

The same exits by what causes them, in percent:

"""

MEND = """
1. **A window for copies and for clearing.** `read`, `write`, what sendfile sent, and each
   new page of a program go through the direct map, from which the page was taken: a fault
   and an exit for each. Where the kernel knows the page (`copy_page_to_iter`,
   `copy_page_from_iter_atomic`, `clear_user_highpage`, the pages of a socket buffer), it can
   map it in a slot of this CPU for the time of the copy: a page table entry and an INVLPG,
   no exit. That is all of fio from the page cache, and most of a compile.
2. **To stay over a switch of tasks.** `schedule` leaves the domain, and the return to user
   space enters one: two writes of CR3, and the flushes. A switch to a kernel thread and
   back, as each read past the cache makes, needs none; a switch of processes writes CR3
   anyway, and could write that of the next domain at once. That is all of redis and half of
   nginx. It is what is left with `asi_sensitive=off`, too.
3. **One domain for a process and its guest.** A VM exit that the monitor handles changes
   from the class of guests to that of processes and back: `enters` less `exits` above, and
   nearly all that the guest costs. No exit is counted, as nothing is left to leave.

What comes after the first exit of a system call is not seen here: the rest of it runs
outside. O_DIRECT on ext4 shows that. It exits because each mapped block is compared with the
superblock, which lies in the page cache of the disk and is hidden like the data of users.
Were it mapped, the next exit would be the switch to the thread that reads the disk, as the
table of `asi_sensitive=off` has it.
"""


def table_of(header, rows):
    return table(header, list(rows))


def present(results):
    """(workload, {configuration: record}) in the order of the tables."""
    for one in programs.WORKLOADS:
        records = {name: run["ops"][one.name] for name, run in results["runs"].items()
                   if one.name in run["ops"]}
        if records:
            yield one, records


def configs(results):
    return [config for config in machine.CONFIGS if config.name in results["runs"]]


def percent(value, base):
    return 100 * (value - base) / base


def instruction_cell(name, records):
    if name not in records:
        return "–"
    text = count(records[name]["min"])
    if name == BASE or BASE not in records:
        return text
    return f"{text} ({percent(records[name]['min'], records[BASE]['min']):+.2f} %)"


def instruction_table(results):
    header = ["workload", "unit"] + [config.title for config in configs(results)]
    rows = ([one.title, one.unit] + [instruction_cell(config.name, records)
                                     for config in configs(results)]
            for one, records in present(results))
    return "## Instructions per unit\n\n" + table_of(header, rows)


EVENTS = (("system calls", "syscalls"), ("page faults", "faults"),
          ("task switches", "switches"), ("VM exits", "vm_exits"),
          ("shootdowns", "shootdowns"))


def noise(value):
    """A start-up that varies leaves a little more or less than nothing."""
    if value < 0.0005:
        return "0"
    return event(value) if value < 100 else f"{value:,.0f}"


def event_table(results):
    """What the workloads do by themselves, and what isolation adds."""
    rows = ([one.title] + [noise(records[BASE][key]) for _, key in EVENTS]
            for one, records in present(results) if BASE in records)
    return ("## Events per unit, asi=off\n\n" +
            table_of(["workload"] + [title for title, _ in EVENTS], rows))


def asi_event_table(results, config):
    found = [(one, records[config.name]) for one, records in present(results)
             if config.name in records]
    reasons = [name for name in REASONS
               if any(counter_sum(record, name) >= 0.0005 for _, record in found)]
    columns = ["enters", "exits", *reasons, "cr3_writes", "flushes"]
    rows = ([one.title] + [noise(counter_sum(record, name)) for name in columns]
            for one, record in found)
    return f"### {config.title}\n\n" + table_of(["workload", *columns], rows)


def asi_configs(results):
    return [config for config in configs(results) if config.state["asi"] == "1"]


def asi_event_tables(results):
    chosen = asi_configs(results)
    if not chosen:
        return ""
    return ("## Events of isolation per unit\n\n" + EVENT_NOTE +
            "\n".join(asi_event_table(results, config) for config in chosen))


def without_flushes(record):
    """The record of a CPU that never had to flush."""
    counters = {key: [0.0, 0.0] if key.endswith(".flushes") else value
                for key, value in record["counters"].items()}
    return {**record, "counters": counters}


def model_cell(kind, record, base, costs):
    if not record:
        return "–"
    cycles = model.base_cycles(base, model.values(costs, "default"))
    default, low, high, share = model.estimate(kind, record, base, costs)
    return f"{share:+.1f} % ({100 * low / cycles:+.1f} … {100 * high / cycles:+.1f})"


def model_row(one, records, costs):
    base = records[BASE]
    cells = [one.title, f"{model.base_cycles(base, model.values(costs, 'default')):,.0f}"]
    for name in ("on", "mapped"):
        record = records.get(name)
        cells.append(model_cell("asi", record, base, costs))
        cells.append(model_cell("asi", without_flushes(record) if record else None, base, costs))
    return [*cells, model_cell("pti", base, base, costs)]


def model_tables(results, table_of_costs):
    found = [(one, records) for one, records in present(results) if BASE in records]
    if not found:
        return ""
    header = ["workload", "asi=off, cycles", "asi=on", "without flushes",
              "asi_sensitive=off", "without flushes", "pti=on"]
    parts = [MODEL_NOTE]
    for cpu, costs in table_of_costs.items():
        rows = (model_row(one, records, costs) for one, records in found)
        parts.append(f"### {cpu}: {MODEL_CPUS.get(cpu, '')}\n\n" + table_of(header, rows) + "\n")
    return "".join(parts)


def goal_rows(results, table_of_costs):
    for one, records in present(results):
        if one.name not in GOAL_OF or BASE not in records or "on" not in records:
            continue
        for cpu, costs in table_of_costs.items():
            flushed = model.estimate("asi", records["on"], records[BASE], costs)[3]
            best = model.estimate("asi", without_flushes(records["on"]), records[BASE], costs)[3]
            yield [one.title, cpu, f"below {GOAL:.0f} %", f"{flushed:+.1f} %", f"{best:+.1f} %",
                   "met" if flushed < GOAL else "**missed**"]


def goal_table(results, table_of_costs):
    rows = list(goal_rows(results, table_of_costs))
    if not rows:
        return ""
    header = ["workload, asi=on", "model", "target", "modelled", "without flushes", "verdict"]
    return TARGET_NOTE + table(header, rows)


def site_tables(results):
    parts = [SITES_NOTE]
    for config in configs(results):
        found = results["runs"][config.name].get("sites", {})
        for one in programs.WORKLOADS:
            rows = sites.rows(found.get(one.name, []))
            if rows:
                parts.append(f"### {one.title}\n\n" +
                             table(["place", "exits per unit", "of all"], rows) + "\n")
    return "".join(parts) + mend(results) if len(parts) > 1 else ""


def mend(results):
    """The exits by their cause; what follows from them is written by hand."""
    rows = [[one.title, *(f"{share:.1f}" for share in shares)]
            for run in results["runs"].values() for one in programs.WORKLOADS
            for shares in [sites.shares(run.get("sites", {}).get(one.name, []))] if shares]
    return MEND_INTRO + table(["workload", *(name for name, _ in sites.KINDS)], rows) + MEND


def apart(first, second):
    """Percent between two boots: instructions and, where there are any, exits."""
    exits = [counter_sum(record, "exits") for record in (first, second)]
    return (percent(second["min"], first["min"]),
            percent(exits[1], exits[0]) if exits[0] else None)


def repeats(results):
    """(workload, configuration, how far the boots are apart) of all that ran twice."""
    for one, records in present(results):
        for config in configs(results):
            again = results["again"].get(config.name, {"ops": {}})["ops"].get(one.name)
            if again and config.name in records:
                yield one, config, apart(records[config.name], again)


def repeat_table(results):
    found = list(repeats(results))
    if not found:
        return ""
    rows = [[one.title, config.title, f"{instructions:+.2f} %",
             "–" if exits is None else f"{exits:+.2f} %"]
            for one, config, (instructions, exits) in found]
    bounds = [max((abs(both[at]) for _, _, both in found if both[at] is not None), default=0)
              for at in (0, 1)]
    return (REPEAT_NOTE.format(*bounds) +
            table(["workload", "configuration", "instructions", "exits"], rows))


def left_out(results):
    lines = [f"- {programs.BY_NAME[name].title}: {reason}"
             for name, reason in results["left_out"].items()]
    return "## Left out\n\n" + "\n".join(lines) + "\n" if lines else ""


def render(results, table_of_costs):
    """The whole document."""
    releases = sorted({run["release"] for run in results["runs"].values()})
    intro = INTRO.format(append=f"`{COMMON_APPEND}`", cpu=CPU, release=", ".join(releases))
    parts = [intro, instruction_table(results), goal_table(results, table_of_costs),
             event_table(results), asi_event_tables(results),
             model_tables(results, table_of_costs), site_tables(results),
             repeat_table(results), left_out(results)]
    return "\n".join(part for part in parts if part)
