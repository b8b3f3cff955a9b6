# SPDX-License-Identifier: GPL-2.0
"""Reads the table; a wrong row is an error before anything runs."""

import configparser
import fnmatch
import shlex

from vmrun import qemu

KEYS = {"machine", "kernel", "cpu", "cpus", "mem", "append", "timeout", "copy",
        "allow", "options", "results", "tags", "command"}
MACHINES = {"qemu", "bochs", "host"}
RESULTS = {"ktap", "kunit", "status"}
TIMEOUTS = {"qemu": 300, "bochs": 900, "host": 300}


class TableError(Exception):
    """The table says something that has no meaning."""


class Row:
    """One section, with its defaults filled in."""

    def __init__(self, name, section):
        unknown = set(section) - KEYS
        if unknown:
            raise TableError(f"[{name}]: unknown key {sorted(unknown)[0]}")
        self.name = name
        self.machine = section.get("machine", "qemu")
        self.kernel = section.get("kernel", "run")
        self.cpu = section.get("cpu", "")
        self.cpus = section.get("cpus", "1")
        self.mem = section.get("mem", "")
        self.append = " ".join(section.get("append", "").split())
        self.copy = section.get("copy", "").split()
        self.allow = [line for line in section.get("allow", "").splitlines() if line]
        self.options = shlex.split(section.get("options", ""))
        self.results = section.get("results", "ktap")
        self.tags = set(section.get("tags", "").split())
        self.command = shlex.split(section.get("command", ""))
        self.timeout = float(section.get("timeout", TIMEOUTS.get(self.machine, 0)))
        self.check()

    def check(self):
        if self.machine not in MACHINES:
            raise TableError(f"[{self.name}]: unknown machine {self.machine}")
        if self.results not in RESULTS:
            raise TableError(f"[{self.name}]: unknown results {self.results}")
        if self.machine == "host" and self.results == "kunit":
            raise TableError(f"[{self.name}]: the host has no kernel messages of ours")
        if not self.command:
            raise TableError(f"[{self.name}]: no command")
        if not self.cpus.split(",")[0].isdigit():
            raise TableError(f"[{self.name}]: cpus = {self.cpus} is not a number")

    @property
    def weight(self):
        """How many of this host's CPUs it keeps busy."""
        cpus = int(self.cpus.split(",")[0])
        if self.machine == "bochs":
            return 1
        return qemu.threads(cpus) if self.machine == "qemu" else cpus


def read(*paths):
    """The rows of all files; a name may be in one only."""
    rows = []
    for path in paths:
        rows += read_file(path)
    names = [row.name for row in rows]
    for name in names:
        if names.count(name) > 1:
            raise TableError(f"[{name}] is in two files")
    return rows


def read_file(path):
    parser = configparser.ConfigParser(interpolation=None, delimiters=("=",),
                                       comment_prefixes=("#",), strict=True,
                                       default_section="(none)")
    try:
        with open(path, encoding="utf-8") as file:
            parser.read_file(file)
        return [Row(name, parser[name]) for name in parser.sections()]
    except (configparser.Error, ValueError) as error:
        raise TableError(f"{path}: {error}") from None


def choose(rows, globs, tags, everything):
    """
    The rows that one of the `globs` names and that have all `tags`. Slow rows
    need a glob, the tag "slow" or `everything`.
    """
    chosen = []
    for row in rows:
        named = any(fnmatch.fnmatchcase(row.name, glob) for glob in globs)
        if globs and not named:
            continue
        if not set(tags) <= row.tags:
            continue
        if "slow" in row.tags and not (named or everything or "slow" in tags):
            continue
        chosen.append(row)
    for glob in globs:
        if not any(fnmatch.fnmatchcase(row.name, glob) for row in rows):
            raise TableError(f"no row is called {glob}; scripts/test --list has them")
    return chosen
