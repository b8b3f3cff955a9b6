# SPDX-License-Identifier: GPL-2.0
"""Kernel messages: decoding, and which of them make a run fail."""

import re

# The kernel died. Looked for on the console while the guest runs.
PANIC = re.compile(rb"Kernel panic - not syncing|---\[ end Kernel panic")


def panicked(console, allowed):
    """Whole lines of the console: did the kernel die, but for what was `allowed`?"""
    return any(PANIC.search(line) and not any(re.search(regex, line.decode(errors="replace"))
                                              for regex in allowed)
               for line in console.splitlines())


SPLATS = re.compile("|".join((
    r"WARNING:", r"\bBUG[: ]", r"\bOops\b", r"Kernel panic", r"kernel BUG at",
    r"general protection fault", r"unable to handle", r"double fault",
    r"KASAN:", r"KFENCE:", r"KCSAN:", r"UBSAN:", r"KMSAN:",
    r"\[ cut here \]", r"Call Trace:",
    r"INFO: (?:possible|trying to|task .* blocked|rcu_|inconsistent|suspicious)",
    r"rcu:.*(?:stall|detected)", r"soft lockup", r"hard LOCKUP", r"hung task",
    r"possible (?:circular|recursive) locking", r"suspicious RCU usage",
    r"inconsistent lock state", r"bad unlock balance", r"held lock freed",
    r"DEBUG_LOCKS_WARN_ON", r"sleeping function called from invalid context",
    r"scheduling while atomic", r"refcount_t:", r"list_(?:add|del) corruption",
    r"[Bb]ad page (?:state|map|cache)", r"Bad rss-counter", r"Bad page map",
    r"workqueue lockup", r"invalid opcode", r"stack guard page",
    r"nobody cared", r"unreferenced object", r"kernel stack overflow",
)))

# Sentences that contain such words without being a complaint.
HARMLESS = re.compile("|".join((
    # hung-task detector off, watchdogs announcing themselves
    r"watchdog: Delayed init", r"NMI watchdog: Enabled",
    r"rcu: \tRCU .*stall", r"rcu: .*CPU stall warnings timeout",
    # advice about the configuration, on some CPUs
    r"WARNING: Unprivileged eBPF is enabled with eIBRS",
    r"RETBleed: WARNING: Spectre v2 mitigation leaves CPU vulnerable",
)))

# A report from "cut here" to "end trace" is shorter than this.
BLOCK_MAX = 150
# What the kernel says of an allocation that failed; nothing behind the head of its
# call trace complains.
ALLOCATION = re.compile(r"vmalloc error: |page allocation failure: |invoked oom-killer: ")
ALLOCATION_MAX = 6

# What someone asked for by sysrq, or a complaint that speaks for itself: the head of
# the call trace is none.
BACKTRACE = re.compile(r"NMI backtrace for cpu \d+$")
BACKTRACE_MAX = 30

TAINTS = "PFSRMBUDAWCIOELKXTNJ"
# Set by the kernel itself when a KUnit suite ran: no complaint.
HARMLESS_TAINTS = "N"


def decode(record):
    """One record of /dev/kmsg → (seconds, priority, text of one or more lines)."""
    head, _, body = record.partition(b";")
    fields = head.split(b",")
    text = body.split(b"\n", 1)[0]
    text = re.sub(rb"\\x([0-9a-f]{2})",
                  lambda match: bytes([int(match.group(1), 16)]), text)
    try:
        return int(fields[2]) / 1e6, int(fields[0]) & 7, text.decode(errors="replace")
    except (IndexError, ValueError):
        return 0.0, 4, record.decode(errors="replace")


def lines(records):
    """All records as lines the way dmesg prints them."""
    result = []
    for record in records:
        seconds, _, text = decode(record)
        result += [f"[{seconds:12.6f}] {line}" for line in text.split("\n")]
    return result


def blocks(texts):
    """Joins the lines of one report, so that they are judged together."""
    block, left, last = [], 0, ""
    for text in texts:
        if "[ cut here ]" in text or BACKTRACE.search(text):
            if block:
                yield block
            block = [text]
            left, last = ((BACKTRACE_MAX, "Call Trace:") if BACKTRACE.search(text)
                          else (BLOCK_MAX, "end trace"))
        elif not block and ALLOCATION.search(text):
            block, left, last = [text], ALLOCATION_MAX, "Call Trace:"
        elif block:
            block.append(text)
            left -= 1
            if last in text or not left:
                yield block
                block = []
        else:
            yield [text]
    if block:
        yield block


def split(texts, allowed):
    """
    The lines among `texts` that complain: those to fail for, and those of
    reports in which an `allowed` expression is found.
    """
    expected = [re.compile(regex) for regex in allowed]
    found, excused = [], []
    for block in blocks(texts):
        lines_ = [text for text in block if SPLATS.search(text) and not HARMLESS.search(text)]
        if BACKTRACE.search(block[0]):
            lines_ = [text for text in lines_ if "Call Trace:" not in text]
        known = any(regex.search(text) for regex in expected for text in block)
        (excused if known else found).extend(lines_)
    return found, excused


def splats(texts, allowed):
    """The lines among `texts` that complain, but for the allowed ones."""
    return split(texts, allowed)[0]


def bare(line):
    """A kernel message without its time, which differs from log to log."""
    return re.sub(r"^\[[^]]*\]\s?(?:\[[^]]*\]\s?)?", "", line).strip()


def merge(records, console, allowed):
    """
    split() of two views of the same messages: the record, which ends too early
    when the guest does, perhaps within a report, and the console.
    """
    found, excused = split(records, allowed)
    late, excused_late = split(console, allowed)
    excused += excused_late
    known = {bare(line) for line in records}
    forgiven = {bare(line) for line in excused}
    found += [line for line in late if bare(line) not in known]
    return [line for line in found if bare(line) not in forgiven], excused


def taints(bits, allowed):
    """Letters of the taint flags that are set and not allowed."""
    letters = (TAINTS[bit] if bit < len(TAINTS) else f"({bit})"
               for bit in range(bits.bit_length()) if bits >> bit & 1)
    return "".join(letter for letter in letters
                   if letter not in HARMLESS_TAINTS + allowed)
