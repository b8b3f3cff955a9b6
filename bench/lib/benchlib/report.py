# SPDX-License-Identifier: GPL-2.0
"""docs/PERFORMANCE.md, from the results."""

from . import model
from .boot import CPU
from .checks import check_all, difference
from .configs import COMMON_APPEND, CONFIGS
from .ops import ALONE_BOOTS, MEMORY_MORE, MEMORY_TITLES, TITLES, present
from .parse import counter_sum, measured

NONE = "–"

INTRO = """\
# Performance

Written by `bench/run` (`make bench`). Do not edit: the next run overwrites it.

![Instructions added per operation](performance.svg)

## How this is measured

The clock counts instructions. QEMU runs one CPU with `-icount
shift=0,sleep=off`: guest time advances by one nanosecond per instruction, and
the time stamp counter with it, so a difference of two readings is the exact
number of instructions executed between them, in user space and in the kernel,
and the same in every run. The guest program `asibench` runs each operation in
windows (31 of them, after a warm-up), short enough that most see no timer
tick, and subtracts an empty window. The tables have the cheapest window, which
no tick disturbs; the median is beside it in `build/bench/results.json`. Fork and exec
depend on how the objects lie that a boot has allocated before, by a percent: they have
boots of their own, of which the cheapest of {boots} counts.

- {append}: the same addresses in every boot. A randomised layout changes how
  many page tables and cache lines an operation touches, and with it a few
  instructions; the program turns off the randomisation of its own layout too.
- CPU model `{cpu}`: QEMU counts each repetition of a string instruction as an
  instruction. With the two feature bits off, the kernel copies by unrolled
  loops; with them, a copy of 4 KiB would count 4096 and hide what is around it.
- Every kernel is built from the same configuration fragments; the unpatched one
  from the source as it was before `patches/`.
- What instructions do not show: time. A CR3 write is one instruction here and
  some two hundred cycles on a CPU; a TLB refill is none. Hence the counted
  events below, and the model that gives them a price.

On hardware the same program measures nanoseconds: `build/bench/asibench`.
"""

OPS_NOTE = """\
One operation is what its name says; each includes the few instructions of its
loop in user space, which are the same in all columns. A context switch
includes a futex wake and a futex wait. A page for the kernel or for users is one of
the page allocator, allocated and freed by a module that is built against each kernel
(`bench/module`), from a list of the CPU. It is cleared, as `init_on_alloc` is on, and
that takes nearly half of the instructions. Without (`init_on_alloc=0`, a boot of its own)
each configuration adds about as many instructions to fewer, so its percentage is higher;
the targets are for pages that are cleared. What is written to one end of a terminal a
worker of the kernel carries to the other, so there are two switches to another task.

Of those whose memory is sensitive with `asi=on`, most have a row. These have none:

- what needs a device: frames of video, buffers of sound, FireWire, USB, generic SCSI, tapes,
  requests to SCSI devices, ports of virtio, pages of virtio_net, swiotlb, and hibernation;
- what these kernels do not have: Binder, trusted keys;
- what is used much as something that has a row: 9p as FUSE, with a question to a server; the
  ring to send by a packet socket, and rings of AF_XDP and perf, as the ring to receive;
  arenas and other maps of BPF as its arrays; other compressors as that of zram; DMA-BUF
  heaps as pages for users; AEAD as a cipher; /proc/kcore as /proc/<pid>/mem; encrypted
  keys as big keys; and keys of type logon, which are kept as user keys are, and no system
  call reads them.

`asi=on` is with `asi_sensitive=on`: the memory of users is hidden, and who touches it in
the kernel leaves the restricted address space. `asi_sensitive=off` is `asi=on` without
that.
"""

EVENT_INTRO = """\
The mean over all windows, timer ticks and other background included; in the
last column, the median window. All classes together. The exits by reason are
those of `/sys/kernel/asi/classes/*/stats`; reasons that do not occur
are left out. The windows of the first touch and of the copy end with an madvise that
takes the pages back: not timed, but counted. So is what comes before munmap.
"""

MEMORY_INTRO = """\
## Memory

`asibench --memory` after a boot, with 1 GiB. The demand that alternates is for memory of
users, then for as much of page tables, both 60 % of what is free, four times: the blocks
that the one gives back the other needs.

What isolation takes is what there is more than with `asi=off`. The tables of the restricted
direct map are there once: a page for each GiB, for each 512 GiB, and for each entry of the
top level that memory can be in, which are 16 with 5 levels and addresses that are not
random, so 18 pages here. A process has a page for the topmost table of its domain (two with
PTI, which keeps the class off). The row of page tables has both; guests, whose second tables
are in the same counter, do not run meanwhile. The rest is the log of faults, 16 KiB for each
CPU, and slabs; with `asi=on` those of sensitive objects as well, at least one for each cache
that is used, what describes these caches, and the stacks of two kernel threads.
The reserves of free blocks are free memory. Of what is in use, two boots of one kernel differ
by some tens of KiB, so with `asi_sensitive=off` the difference may be less than the page
tables, whose row is exact.

A second chunk of per-CPU memory is 4.2 MiB more at once, nearly all of it what memory cgroups
note for each part of it. Each cache of slabs takes some of the first chunk, so a column
with more caches may be the only one that needs another.
"""

MODEL_INTRO = """\
## Cost model (a model, not a measurement)

Cycles per operation, estimated as events, counted, times cycles per event, from
`bench/costs.tsv`, where every figure has its source or the word assumption. Each
cell is the default with the band from all-low to all-high figures; the
percentage is of the modelled cost of the operation on the unpatched kernel, at
the defaults. **Nothing in these tables was measured on the CPUs they name.**

- *asi=on* = instructions more × cycles per instruction + CR3 writes without
  flush × their cost + CR3 writes with flush × (their cost + TLB refill) + faults
  that left the restricted address space × the cost of a kernel page fault.
- *pti=on* = (system calls + page faults) × a pair of page table switches.
- *IBPB on entry* = (system calls + page faults + VM exits) × (branch predictor
  flush + retraining): the blanket mitigation that needs no knowledge of what is
  secret.

The emulator has no PCID. Flushes are those the kernel decided on and counted;
on a CPU with PCID it may decide on fewer.
"""

MODEL_CPUS = {
    "SKX": "like Intel Skylake-SP (Meltdown, L1TF, MDS; PCID; no enhanced IBRS)",
    "ZEN": "like AMD Zen 3 and 4 (SRSO; PCID)",
}


def table(header, rows):
    """A Markdown table; the first column is text, the others are right-aligned."""
    rule = ["---"] + ["---:"] * (len(header) - 1)
    return "\n".join("| " + " | ".join(row) + " |" for row in [header, rule, *rows]) + "\n"


def titles(runs):
    return [config for config in CONFIGS if config.name in runs]


def count(value):
    return f"{value:,.1f}"


def instruction_rows(runs):
    for op in present(runs):
        records = [measured(runs[config.name], op) for config in titles(runs)]
        if any(records):
            yield [TITLES[op]] + [count(r["min"]) if r else NONE for r in records]


def instruction_table(runs):
    header = ["operation"] + [config.title for config in titles(runs)]
    return ("## Instructions per operation\n\n" + OPS_NOTE + "\n" +
            table(header, list(instruction_rows(runs))))


def difference_cell(runs, config, op):
    delta = difference(runs, config, op)
    if delta is None:
        return NONE
    return f"{delta:+,.1f} ({100 * delta / runs['base']['ops'][op]['min']:+.2f} %)"


def difference_table(runs):
    if "base" not in runs:
        return ""
    others = [config for config in titles(runs) if config.name != "base"]
    rows = [[TITLES[op]] + [difference_cell(runs, config.name, op) for config in others]
            for op in present(runs) if measured(runs["base"], op)]
    header = ["operation"] + [config.title for config in others]
    return ("## Instructions more than on the unpatched kernel\n\n" + EXPLANATION + "\n" +
            table(header, rows))


EXPLANATION = """\
What `asi=off` adds are branches that are patched out: one instruction each where the
kernel is entered from user mode and where it goes back, in a page fault, around a
guest, in a switch to another task or mm, and two where a page is allocated. Where the sum
is less than nothing, the compiler made something else of functions that changed. PTI does
not know of ASI: `pti=on` has the same branches, and what the switch of page tables
costs.
"""


def target_table(runs):
    rows = [[check.what, check.target, check.measured or NONE, check.verdict]
            for check in check_all(runs)]
    return ("## Targets\n\nThose of operations on 4 KiB and more, at most +1 %, are goals; "
            "the others decide the\nexit status of `bench/run --check`.\n\n" +
            table(["what", "target", "measured", "verdict"], rows))


# Only the reasons that occur become columns.
REASONS = ("exits_fault", "exits_sched", "exits_mm", "exits_cr3", "exits_user",
           "exits_explicit", "exits_pm")


def event_columns(run):
    records = [record for record in run["ops"].values() if "min" in record]
    reasons = [name for name in REASONS
               if any(counter_sum(record, name) for record in records)]
    return ["enters", "exits", *reasons, "cr3_writes", "flushes"]


def event(value):
    """Small numbers keep their digits: they are the interesting ones."""
    if value == 0:
        return "0"
    return f"{value:.5f}" if value < 0.01 else f"{value:.3f}"


def event_rows(run, columns):
    for op in present({"on": run}):
        record = measured(run, op)
        if record:
            yield ([TITLES[op]] + [event(counter_sum(record, name)) for name in columns] +
                   [event(counter_sum(record, "exits", steady=True))])


def event_table(runs):
    parts = []
    for config in titles(runs):
        run = runs[config.name]
        if config.name not in ("bare", "on") or not run["counters"]:
            continue
        columns = event_columns(run)
        header = ["operation", *columns, "exits in steady state"]
        parts += [f"## Events per operation, {config.title}\n", EVENT_INTRO,
                  table(header, list(event_rows(run, columns)))]
    return "\n".join(parts)


def memory_cell(value, form="{:,.1f}"):
    return NONE if value is None else form.format(value)


def more_than_off(runs, name, key):
    """How much more of `key` than with asi=off; None where isolation is not on."""
    if name not in ("bare", "on") or "off" not in runs:
        return None
    here, off = (runs[column].get("memory", {}).get(key) for column in (name, "off"))
    return None if here is None or off is None else here - off


def memory_rows(runs, columns):
    for key, title in MEMORY_TITLES.items():
        yield [title] + [memory_cell(runs[config.name]["memory"].get(key)) for config in columns]
        if key in MEMORY_MORE:
            yield [MEMORY_MORE[key]] + [
                memory_cell(more_than_off(runs, config.name, key), "{:+,.1f}")
                for config in columns]


def memory_table(runs):
    columns = [config for config in titles(runs) if runs[config.name].get("memory")]
    header = ["what"] + [config.title for config in columns]
    return MEMORY_INTRO + "\n" + table(header, list(memory_rows(runs, columns))) if columns else ""


def estimate_cell(kind, record, base, costs):
    default, low, high, percent = model.estimate(kind, record, base, costs)
    if not default and not high:
        return "0"
    return f"{default:,.0f} ({low:,.0f} … {high:,.0f}), {percent:+.1f} %"


def model_rows(runs, costs):
    for op in present(runs):
        base = measured(runs["base"], op)
        record = measured(runs["on"], op)
        if base and record:
            cycles = model.base_cycles(base, model.values(costs, "default"))
            yield ([TITLES[op], f"{cycles:,.0f}"] +
                   [estimate_cell(kind, record, base, costs) for kind in ("asi", "pti", "ibpb")])


def model_tables(runs, table_of_costs):
    if "base" not in runs or not runs.get("on", {}).get("counters"):
        return ""
    parts = [MODEL_INTRO]
    for cpu, costs in table_of_costs.items():
        header = ["operation", "unpatched, cycles", "asi=on adds", "pti=on adds",
                  "IBPB on entry adds"]
        parts.append(f"### {cpu}: {MODEL_CPUS.get(cpu, '')}\n\n" +
                     table(header, list(model_rows(runs, costs))))
    parts.append("### Cycles per event\n\n" + cost_table(table_of_costs))
    return "\n".join(parts)


def cost_table(table_of_costs):
    rows = [[f"{cpu} `{key}`", f"{c.default:g}", f"{c.low:g}", f"{c.high:g}", c.mark, c.source]
            for cpu, costs in table_of_costs.items() for key, c in costs.items()]
    text = table(["event", "default", "low", "high", "mark", "source"], rows)
    marks = ("Marks: V the figure was read in the source; M widely cited, not read again; D "
             "derived from such figures; A assumption, good only with its bounds.\n")
    return text + "\n" + marks


def skip_list(runs):
    lines = sorted({f"- {TITLES[op]} ({config.title}): {runs[config.name]['ops'][op]['skip']}"
                    for config in titles(runs) for op in runs[config.name]["ops"]
                    if "skip" in runs[config.name]["ops"][op]})
    return "## Left out\n\n" + "\n".join(lines) + "\n" if lines else ""


def kernel_list(runs):
    rows = [[config.title, f"`{config.image}`", runs[config.name]["release"],
             f"`{config.command_line}`"] for config in titles(runs)]
    return "## Kernels\n\n" + table(["column", "image", "release", "command line"], rows)


def render(runs, table_of_costs):
    """The whole document, for the runs by the name of their configuration."""
    intro = INTRO.format(append=f"`{COMMON_APPEND}`", cpu=CPU, boots=ALONE_BOOTS)
    parts = [intro, instruction_table(runs), difference_table(runs), target_table(runs),
             event_table(runs), memory_table(runs), model_tables(runs, table_of_costs),
             skip_list(runs), kernel_list(runs)]
    return "\n".join(part for part in parts if part)
