# SPDX-License-Identifier: GPL-2.0
"""--prometheus: sound, and the same as JSON says."""

import os
import re
import subprocess

import dump
from tap import Suite

suite = Suite()
tests = suite.tests

COMMANDS = (["check"], ["stat"], ["stat", "--per-cpu"])
SAMPLE = re.compile(r'([a-z_]+)(?:\{((?:[a-z_]+="(?:[^"\\]|\\.)*",?)+)\})? (-?\d+)')
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')


def parse(text):
    """Name and labels of each sample, with its value."""
    samples = {}
    typed = set()
    for line in text.splitlines():
        kind = re.match(r"# TYPE (\w+) (counter|gauge)$", line)
        if kind:
            assert kind.group(1) not in typed, line
            typed.add(kind.group(1))
        if line.startswith("#"):
            continue
        match = SAMPLE.fullmatch(line)
        assert match, f"no sample: {line!r}"
        labels = tuple((name, re.sub(r"\\(.)", r"\1", value))
                       for name, value in LABEL.findall(match.group(2) or ""))
        key = (match.group(1), *labels)
        assert match.group(1) in typed, f"before its TYPE: {line}"
        assert key not in samples, f"twice: {line}"
        samples[key] = int(match.group(3))
    return samples


def number(value):
    """JSON has numbers above 2^63-1 as strings."""
    return int(value) if value is not None and re.fullmatch(r"\d+", str(value)) else None


@suite("prometheus: promtool finds nothing to complain about, on all dumps")
def promtool(tool):
    program = tool.other("promtool", "scripts/promtool gets it")
    checked = 0
    for name in dump.names():
        for args in COMMANDS:
            result = tool.on(name, *args, "--prometheus")
            if not result.stdout:
                assert result.status, result.show()
                continue
            done = subprocess.run([program, "check", "metrics"], input=result.stdout,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            assert done.returncode == 0 and not done.stdout, done.stdout + result.show()
            checked += 1
    assert checked > len(dump.names()), checked


@suite("prometheus: stat has the numbers that JSON has")
def same_numbers(tool):
    for name in ("on", "newer", "broken", "test-class"):
        value = tool.on(name, "stat", "--json").json()
        want = {("asi_events_total", ("class", c["name"]), ("counter", counter)): number(text)
                for c in value["classes"] for counter, text in c["counters"].items()}
        want = {key: n for key, n in want.items() if n is not None and n < 2 ** 64}
        assert parse(tool.on(name, "stat", "--prometheus").stdout) == want
        cpus = tool.on(name, "stat", "--per-cpu", "--json").json()["cpus"]
        want = {("asi_cpu_events_total", ("cpu", str(c["cpu"])), ("class", c["class"]),
                 ("counter", c["counter"])): number(c["value"])
                for c in cpus if number(c["value"]) is not None}
        assert parse(tool.on(name, "stat", "--per-cpu", "--prometheus").stdout) == want


@suite("prometheus: check has the facts that JSON has")
def same_facts(tool):
    for name in dump.names():
        facts = tool.on(name, "check", "--json").json()["facts"]
        samples = parse(tool.on(name, "check", "--prometheus").stdout)
        for fact in facts:
            key = ("asi_check_fact", ("fact", fact["fact"]))
            if fact["class"]:
                key += (("class", fact["class"]),)
            want = {True: 1, False: 0, None: -1}[fact["holds"]] if fact["judged"] else None
            assert samples.get(key) == want, (key, samples)


@suite("prometheus: what is no number is told as a comment")
def comments(tool):
    result = tool.on("broken", "stat", "--prometheus")
    assert "# Not a number: user exits_fault: -1\n" in result.stdout, result.show()
    result = tool.on("newer", "stat", "--per-cpu", "--prometheus")
    assert "# Not understood: 1 user enters 210 extra\n" in result.stdout, result.show()


@suite("prometheus: quotes and backslashes in names are kept apart from the format")
def quoting(tool):
    root = tool.fresh("on")
    name = 'a"b\\c\nd'
    with open(os.path.join(root, "sys/kernel/asi/classes/user/stats", name), "w") as file:
        file.write("7\n")
    samples = parse(tool.run(["stat", "--prometheus"], root).stdout)
    key = ("asi_events_total", ("class", "user"), ("counter", 'a"b\\x5cc\\x0ad'))
    assert samples.get(key) == 7, samples


@suite("prometheus: a counter that cannot be read is an error, the others are there")
def unreadable(tool):
    root = tool.fresh("on")
    path = os.path.join(root, "sys/kernel/asi/classes/user/stats/enters")
    os.unlink(path)
    os.symlink("exits", path)
    result = tool.run(["stat", "--prometheus"], root)
    assert result.status == 1 and result.last_line().startswith("Hint: "), result.show()
    assert len(parse(result.stdout)) == 29, result.show()
