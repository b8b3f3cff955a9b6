# SPDX-License-Identifier: GPL-2.0
"""Reads list.tsv: one line for each test program of the suites."""

import os
import stat

SUITES = ("x86", "mm", "kvm")
SETS = ("quick", "full", "out")
COLUMNS = ("suite", "name", "set", "seconds", "prepare", "command", "reason")
# A machine that is busy, or slower than the one that measured, gets this much
# more time than a test took.
PATIENCE = 6
LEAST = 60


class BadTable(Exception):
    """Something is wrong with list.tsv."""


class Test:
    """One line; see the head of list.tsv for what the columns mean."""

    def __init__(self, values):
        for column, value in zip(COLUMNS, values):
            setattr(self, column, value)
        self.seconds = float(self.seconds)

    def __repr__(self):
        return f"{self.suite}/{self.name}"

    @property
    def program(self):
        """The file of the suite that is run, relative to the suite."""
        for word in self.command.split():
            if word.startswith("./"):
                return word[2:]
        return self.name

    def group(self, together):
        """Tests of the same group share a machine; `together`: all suites do."""
        name = "all" if together else self.suite
        return name + ("-nosmap" if self.prepare == "nosmap" else "")

    @property
    def target(self):
        """What to build for it; a script needs other programs of its suite."""
        return self.suite if self.program.endswith(".sh") else f"{self.suite}/{self.program}"

    @property
    def limit(self):
        """Seconds after which the guest gives the test up."""
        return int(LEAST + PATIENCE * self.seconds)


def check(test, seen):
    """Raises BadTable when a line contradicts itself or another one."""
    if test.suite not in SUITES:
        raise BadTable(f"{test}: no suite {test.suite}")
    if test.set not in SETS:
        raise BadTable(f"{test}: no set {test.set}")
    if str(test) in seen:
        raise BadTable(f"{test}: listed twice")
    if " " in test.name:
        raise BadTable(f"{test}: a space in the name")
    if test.set == "out" and test.reason == "-":
        raise BadTable(f"{test}: left out without a reason")


def parse(text):
    """The tests of list.tsv, in its order."""
    tests, seen = [], set()
    for number, line in enumerate(text.splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        values = line.split("\t")
        if len(values) != len(COLUMNS):
            raise BadTable(f"line {number}: {len(values)} columns instead of {len(COLUMNS)}")
        try:
            test = Test(values)
        except ValueError:
            raise BadTable(f"line {number}: {values[3]} is no number of seconds") from None
        check(test, seen)
        seen.add(str(test))
        tests.append(test)
    return tests


def read(path):
    with open(path, encoding="utf-8") as file:
        return parse(file.read())


def programs(directory):
    """Every program and script that a built suite has."""
    found = set()
    for root, _, files in os.walk(directory):
        for name in files:
            path = os.path.join(root, name)
            mode = os.lstat(path).st_mode
            if stat.S_ISREG(mode) and mode & stat.S_IXUSR:
                found.add(os.path.relpath(path, directory))
    return found


def unlisted(tests, suite, directory):
    """Programs that list.tsv has forgotten."""
    listed = {test.program for test in tests if test.suite == suite}
    return sorted(programs(directory) - listed)
