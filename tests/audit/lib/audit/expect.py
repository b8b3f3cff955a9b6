# SPDX-License-Identifier: GPL-2.0
"""
expect.tsv: the verdicts of today, and whether what was found is as good.

A line for each kind: name, what it is, a word for each column, why. The words are
those of verdict.py; "n/a" in all columns: this kernel has no such place. A last cell may
say which copies there are at least, as "1 slab, 2 reserved", by the use of the page, of
which the first word counts.
"""

import collections
import re

from .errors import Trouble
from .report import FAILED, MISSING
from .verdict import COLUMNS, HIDDEN, NOBODY, NOT_AVAILABLE, ORDER, OWN, REACHABLE

NA = "n/a"
WORDS = {HIDDEN, OWN, REACHABLE, NOBODY, NA}


class Expected:
    """A line of the file."""

    def __init__(self, name, what, words, why, copies):
        self.name = name
        self.what = what
        self.words = dict(zip(COLUMNS, words))
        self.why = why
        self.copies = copies

    @property
    def available(self):
        return NA not in self.words.values()


def parse_copies(text, where):
    """{use: how many at least}"""
    copies = {}
    for part in text.split(", "):
        match = re.fullmatch(r"([1-9][0-9]*) ([a-z]+)", part)
        if not match:
            raise Trouble(f"{where}: copies are \"1 slab, 2 reserved\", not \"{text}\"")
        copies[match[2]] = int(match[1])
    return copies


def parse_line(line, where):
    cells = line.split("\t")
    copies = parse_copies(cells.pop(), where) if len(cells) == 4 + len(COLUMNS) else {}
    if len(cells) != 3 + len(COLUMNS):
        raise Trouble(f"{where}: {len(cells)} cells, not {3 + len(COLUMNS)}")
    name, what, *words, why = cells
    unknown = set(words) - WORDS
    if unknown:
        raise Trouble(f"{where}: unknown word {sorted(unknown)[0]}")
    if NA in words and set(words) != {NA}:
        raise Trouble(f"{where}: n/a in some columns only")
    if not what or not why:
        raise Trouble(f"{where}: no description, or no reason")
    return Expected(name, what, words, why, copies)


def read(path):
    """{name: Expected}, in the order of the file."""
    table = {}
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            line = line.rstrip("\n")
            if not line or line.startswith("#"):
                continue
            expected = parse_line(line, f"{path}:{number}")
            if expected.name in table:
                raise Trouble(f"{path}:{number}: {expected.name} is there already")
            table[expected.name] = expected
    return table


def compare_word(column, expected, found):
    """What is wrong with one column, or ""."""
    if expected == found:
        return ""
    if NOBODY in (expected, found):
        return f"{column}: {found}, and the table says {expected}"
    if ORDER.index(found) > ORDER.index(expected):
        return f"{column}: {found}, and should be {expected}"
    return f"{column}: {found}, better than the table's {expected}: update the table"


def compare_copies(expected, uses):
    """Copies that are not where the kind says its secret is: a list of texts."""
    found = collections.Counter(use.partition(" ")[0].rstrip(",") for use in uses)
    return [f"copies in pages of the use \"{use}\": {found[use]}, and should be {least} at least"
            for use, least in expected.copies.items() if found[use] < least]


def compare(expected, verdict, uses=()):
    """What is wrong with a kind: a list of texts. `uses`: of the pages of its copies."""
    kind = verdict.kind
    if kind.state == FAILED:
        return [f"could not be planted: {kind.detail}"]
    if kind.state == MISSING:
        return [] if not expected.available else [f"not available here: {kind.detail}"]
    if not expected.available:
        return ["is available, and the table says it is not: update the table"]
    if verdict.words["unrestricted"] == NOT_AVAILABLE:
        return ["there is no verdict"]
    if verdict.words["unrestricted"] == HIDDEN:
        return ["the unrestricted tables do not find it: the audit has failed, not the kernel"]
    texts = [compare_word(column, expected.words[column], verdict.words[column])
             for column in COLUMNS]
    return [text for text in texts if text] + compare_copies(expected, uses)
