# SPDX-License-Identifier: GPL-2.0
"""Reads what the guest's half prints: states, and one result for each test."""

import re

PASS, FAIL, SKIP, TIMEOUT, CRASH = "pass", "fail", "skip", "timeout", "crash"
MISSING = "missing"
# What kselftest programs exit with when they cannot test here.
KSFT_SKIP = 4
TIMED_OUT = 124
KILLED = 137

SUBTEST = re.compile(r"\s*(?:#\s*)?(ok|not ok)\s+\d+\s*(?:-\s+)?(.*)")
DIRECTIVE = re.compile(r"(?:^|\s+)#\s*(SKIP|XFAIL|TODO)\b\s*(.*)", re.IGNORECASE)
# The older programs of x86 have a format of their own.
BRACKETS = re.compile(r"\[(OK|FAIL|SKIP|NOTE)\]\s*(.*)")
# Addresses, counts and process numbers differ from run to run. Some programs
# write 0x in front of what has it.
NUMBER = re.compile(r"(?:0x)+[0-9a-fA-F]+|\b[0-9a-f]{8,16}\b|\d+")


class Result:
    """One run of one test."""

    def __init__(self, outcome, seconds=0.0, status=None, lines=(), begin=0.0):
        self.outcome = outcome
        self.seconds = seconds
        self.status = status
        self.lines = list(lines)
        self.begin = begin
        self.complaints = []

    @property
    def end(self):
        return self.begin + self.seconds

    def subtests(self):
        """What the program itself says of its parts: [(name, outcome)]."""
        found = []
        for line in self.lines:
            match = SUBTEST.match(line)
            if match:
                found.append(subtest(*match.groups()))
                continue
            match = BRACKETS.match(line)
            if match:
                word = {"OK": PASS, "FAIL": FAIL}.get(match.group(1), SKIP)
                found.append((NUMBER.sub("N", match.group(2)).strip(), word))
        return found

    def reason(self):
        """The line that says best why this is no success."""
        # kvm's programs say where behind such a headline.
        lines = [line.strip() for line in self.lines
                 if line.strip() and "Test Assertion Failure" not in line]
        for wanted in (r"(?i)\bskip", r"^not ok|\[FAIL\]|^\S+\.c:\d+: |(?i:assert|fail|error)"):
            if wanted.startswith("(?i)") != (self.outcome == SKIP):
                continue
            for line in lines:
                if re.search(wanted, line):
                    return line
        return lines[-1] if lines else "it said nothing"


def subtest(word, name):
    """One line of KTAP as (name, outcome)."""
    outcome = PASS if word == "ok" else FAIL
    directive = DIRECTIVE.search(name)
    if directive:
        # kselftest.h prints the name behind the word.
        name = name[:directive.start()] or directive.group(2)
        if directive.group(1).upper() == "SKIP":
            outcome = SKIP
    return NUMBER.sub("N", name).strip(), outcome


def outcome_of(status, seconds, limit):
    if status == 0:
        return PASS
    if status == KSFT_SKIP:
        return SKIP
    # A test may be killed for another reason than its time.
    if status == TIMED_OUT or (status == KILLED and seconds >= limit):
        return TIMEOUT
    return FAIL


def parse_words(words):
    """"a=1 b=2" as a dictionary."""
    return dict(word.split("=", 1) for word in words.split() if "=" in word)


class Report:
    """Everything one machine said."""

    def __init__(self, limits=None):
        self.limits = limits or {}
        self.results = {}
        self.states = []
        self.done = False
        self.running = None
        self.running_begin = 0.0
        self.lines = []

    def feed(self, text):
        """All that a machine said; what breaks off in a line is no mark."""
        for line in text.splitlines(keepends=True):
            if line.startswith("=== "):
                if line.endswith("\n"):
                    self.mark(line[4:].rstrip("\n"))
            elif self.running:
                self.lines.append(line.rstrip("\n"))
        if self.running:
            self.results[self.running] = Result(CRASH, lines=self.lines,
                                                begin=self.running_begin)
        return self

    def mark(self, text):
        kind, _, rest = text.partition(" ")
        if kind == "state":
            self.states.append(parse_words(rest))
        elif kind == "begin":
            name, uptime = rest.rsplit(" ", 1)
            self.running, self.running_begin = name, float(uptime)
            self.lines = []
        elif kind == "end" and self.running:
            self.finish(*rest.rsplit(" ", 2))
        elif kind == "done":
            self.done = True

    def finish(self, name, uptime, status):
        seconds = float(uptime) - self.running_begin
        outcome = outcome_of(int(status), seconds, self.limits.get(name, 0))
        self.results[name] = Result(outcome, seconds, int(status), self.lines,
                                    self.running_begin)
        self.running = None
