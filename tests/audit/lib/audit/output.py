# SPDX-License-Identifier: GPL-2.0
"""The same results as a table, as KTAP, as JSON and as a page of the documents."""

import json
import textwrap

from .frames import FRAME, MAY_BE_SHARED, USER_DATA, user_pages
from .report import FAILED, MISSING
from .verdict import COLUMNS, HIDDEN, NOT_AVAILABLE, REACHABLE

HEADINGS = ("kind", "copies", *COLUMNS)
# Columns of those who have nothing to do with the secret.
STRANGERS = ("other", "guest")
MIB = 256
STATES = {MISSING: "not available", FAILED: "could not be planted"}
DOCUMENT = """\
# Where user data lives, and who can reach it

Written by `make audit`: do not edit. The words are what `tests/audit/run` found in the
memory of a machine booted with `{append}`; the reasons are those of
`{table}`.

A program in the machine puts a different secret into each of these places. From outside,
through QEMU's monitor, all memory and the page tables are saved, every copy of each secret
is looked for, and the tables are walked: which of them map a page that holds one?

| column | the page table |
|---|---|
| unrestricted | the kernel's ordinary ones: they have to reach every secret, or the audit fails |
| another process | restricted, of a process that has nothing to do with it |
| a guest | restricted, of a virtual machine that has nothing to do with it |
| its owner | restricted, of the process that the secret belongs to; for a guest, its monitor |

"reachable" means that the kernel's half of the table maps at least one copy; "own": only
the user's half, by the owner's own mapping; "hidden": no part of the table maps any copy.

Beside the secrets, all pages are counted. Of those that /proc/kpageflags calls anonymous,
huge, swap cache, shared memory, page cache or mapped by users, the kernel's halves of the
restricted tables of another process and of a guest map none, or the audit fails. Only
these may be there, as users map what the kernel uses all the time:
{shared}.
With these, that is by region, in KiB:

| region | another process | a guest |
|---|---|---|
{regions}

{summary}

| where | unrestricted | another process | a guest | its owner | why |
|---|---|---|---|---|---|
{rows}
"""


def counts(verdicts):
    """How many kinds, and within whose reach; the control is none."""
    kinds = [verdict for verdict in verdicts if verdict.name != "hole"]
    planted = [verdict for verdict in kinds if verdict.planted]
    return {
        "planted": len(planted),
        "not_available": sum(verdict.kind.state == MISSING for verdict in kinds),
        "found": sum(bool(verdict.found) and verdict.words["unrestricted"] != HIDDEN
                     for verdict in planted),
        **{column: sum(verdict.words[column] == REACHABLE for verdict in planted)
           for column in STRANGERS},
    }


def by_reach(verdicts):
    """Names of the kinds that a stranger can reach, and of those that none can."""
    reached, hidden = [], []
    for verdict in verdicts:
        if verdict.planted and verdict.name != "hole":
            strange = any(verdict.words[column] == REACHABLE for column in STRANGERS)
            (reached if strange else hidden).append(verdict.name)
    return reached, hidden


def table(rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [" ".join(cell.ljust(width + 1) for cell, width in zip(row, widths)).rstrip()
            for row in rows]


def kind_lines(verdicts):
    """A table of what was planted, and below it what was not."""
    rows = [HEADINGS] + [(verdict.name, str(len(verdict.found)),
                          *(verdict.words[column] for column in COLUMNS))
                         for verdict in verdicts if verdict.planted]
    rest = [f"{verdict.name}: {STATES[verdict.kind.state]}: {verdict.kind.detail}"
            for verdict in verdicts if not verdict.planted]
    return table(rows) + [""] * bool(rest) + rest


def mib(pages):
    return f"{pages / MIB:.1f}"


def reach_rows(reach):
    """One row for each table and region: MiB in all, and of these with data of users."""
    yield ("table", "region", "MiB", "of users", "free")
    for name, regions in reach.items():
        for region, classes in regions.items():
            yield (name, region, mib(sum(classes.values())), mib(user_pages(classes)),
                   mib(classes.get("free", 0)))


def human(audit):
    """Everything, for people."""
    lines = kind_lines(audit.verdicts)
    lines += ["", "Memory within reach, by region:", ""]
    lines += table(list(reach_rows(audit.reach)))
    lines += ["", "\"of users\", by /proc/kpageflags: " + ", ".join(USER_DATA) + ".",
              "Slabs, pipes and free pages hold data of users as well; nobody knows how much.", ""]
    for check in audit.checks:
        lines.append(f"{'FAIL' if check.wrong else 'ok  '} {check.name}: "
                     f"{check.wrong or check.note}")
    for name, texts in audit.wrong.items():
        lines += [f"FAIL {name}: {text}" for text in texts]
    return lines + ["", *brief(audit)]


def page_lines(audit):
    """How many pages of users the kernel's halves map, by what was found."""
    number = {name: len(frames.difference(audit.frames.shared))
              for name, frames in audit.of_users.items()}
    return [f"Of {number['unrestricted']} pages of users and guests, its kernel half maps: "
            f"of another process {number['other']}, of a guest {number['guest']}."]


def brief(audit):
    """A few lines that say how it is."""
    number = counts(audit.verdicts)
    total = number["planted"]
    reached, hidden = by_reach(audit.verdicts)
    lines = [f"{total} secrets were planted, each in another kind of place; the unrestricted "
             f"tables reach {number['found']}.",
             f"A restricted table reaches: of another process {number['other']}, "
             f"of a guest {number['guest']}.",
             *page_lines(audit)]
    if "anon" in reached:
        lines += ["So next to nothing is hidden: the page allocator does not separate "
                  "sensitive memory", "(asi_sensitive=off?). Out of reach is only: "
                  + " ".join(hidden) + "."]
    elif reached:
        lines += textwrap.wrap("Still within reach: " + " ".join(reached) + ".", 88)
    hole = [check for check in audit.checks if check.name == "hole"]
    lines += [f"{check.wrong or check.note}." for check in hole]
    bad = sum(bool(check.wrong) for check in audit.checks) + len(audit.wrong)
    lines.append(f"Audit: {bad} results are not as they should be; tests/audit/run shows them."
                 if bad else "Audit: all is as it should be.")
    return [line[:1].upper() + line[1:] if line.startswith("a ") else line for line in lines]


def ktap(audit):
    lines = ["KTAP version 1", f"1..{len(audit.checks) + len(audit.verdicts)}"]
    for number, check in enumerate(audit.checks, 1):
        lines.append(f"{'not ok' if check.wrong else 'ok'} {number} check:{check.name}"
                     + (f" # {check.wrong}" if check.wrong else ""))
    for number, verdict in enumerate(audit.verdicts, len(audit.checks) + 1):
        wrong = "; ".join(audit.wrong.get(verdict.name, ()))
        skip = verdict.kind.state == MISSING and not wrong
        rest = f" # SKIP {verdict.kind.detail}" if skip else f" # {wrong}" if wrong else ""
        lines.append(f"{'not ok' if wrong else 'ok'} {number} {verdict.name}{rest}")
    return lines


def json_places(audit, found):
    return {column: [{"address": f"0x{place.virt:x}", "region": audit.regions.name(place.virt)}
                     for place in places] for column, places in found.places.items()}


def as_json(audit):
    """All that was found, for programs."""
    kinds = {}
    for verdict in audit.verdicts:
        kinds[verdict.name] = {
            "state": verdict.kind.state, "detail": verdict.kind.detail, "pid": verdict.kind.pid,
            "verdict": verdict.words, "wrong": audit.wrong.get(verdict.name, []),
            "copies": [{"physical": f"0x{found.copy.phys:x}", "whole": found.copy.whole,
                        "page": audit.frames.name(found.copy.phys),
                        "mapped": json_places(audit, found)} for found in verdict.found],
        }
    checks = {check.name: {"holds": not check.wrong, "text": check.wrong or check.note}
              for check in audit.checks}
    return json.dumps({"levels": audit.levels, "counts": counts(audit.verdicts), "kinds": kinds,
                       "checks": checks, "pages_in_reach": audit.reach,
                       "pages_of_users": {name: len(frames) for name, frames
                                          in audit.of_users.items()},
                       "pages": audit.frames.in_all()}, indent=1) + "\n"


def document_row(expected, verdict):
    if verdict.planted:
        words = [verdict.words[column] for column in COLUMNS]
    else:
        words = [NOT_AVAILABLE] * len(COLUMNS)
    return "| " + " | ".join((expected.what, *words, expected.why)) + " |"


def region_rows(audit):
    """For each region, KiB with data of users in the kernel's halves of strangers' tables."""
    def row(name, pages):
        return f"| {name} | " + " | ".join(str(number * FRAME // 1024) for number in pages) + " |"

    for region in audit.reach["unrestricted"]:
        if region not in ("user half", "all"):
            yield row(region, [user_pages(audit.reach[column].get(region, {}))
                               for column in STRANGERS])
    yield row("in all", [len(audit.of_users[column]) for column in STRANGERS])


def document(audit, append, expected_by):
    """A page of the documents: nothing in it that differs from run to run."""
    number = counts(audit.verdicts)
    summary = (f"Of {number['planted']} kinds, the restricted table of another process reaches "
               f"{number['other']}, that of a guest {number['guest']}. "
               f"{number['not_available']} more are not in this kernel.")
    summary = "\n".join(textwrap.wrap(summary, 88))
    rows = [document_row(audit.expected[verdict.name], verdict) for verdict in audit.verdicts
            if verdict.name in audit.expected]
    return DOCUMENT.format(summary=summary, rows="\n".join(rows), append=append,
                           table=expected_by, shared=", ".join(MAY_BE_SHARED.values()),
                           regions="\n".join(region_rows(audit)))
