# SPDX-License-Identifier: GPL-2.0
"""
Reads test results in KTAP, nested to any depth, and says what is wrong with
them: a plan that was not kept, a number out of order, a truncated end.

The cases that count are the leaves; a result with results below it only sums
them up.
"""

import re

VERSION = re.compile(r"K?TAP version \d+$")
PLAN = re.compile(r"1\.\.(\d+)(?:\s+#\s*(?i:skip)\S*\s*(.*))?$")
RESULT = re.compile(r"(not ok|ok)\s+(\d+)\b(?:\s+-)?\s*(.*)$")
DIRECTIVE = re.compile(r"(?:^|\s+)#\s*(SKIP|TODO|XFAIL|XPASS|TIMEOUT|ERROR)\b\s*(.*)$",
                       re.IGNORECASE)
BAIL = re.compile(r"Bail out!\s*(.*)$")
SUBTEST = re.compile(r"#\s*Subtest:\s*(.*)$")

PASS, FAIL, SKIP = "pass", "fail", "skip"


class Case:
    """One result: `outcome` is pass, fail or skip, `detail` says why."""

    def __init__(self, name, outcome, detail=""):
        self.name = name
        self.outcome = outcome
        self.detail = detail

    def __repr__(self):
        return f"{self.outcome} {self.name}" + (f" ({self.detail})" if self.detail else "")

    def __eq__(self, other):
        return repr(self) == repr(other)


class Level:
    """The results at one depth."""

    def __init__(self, indent):
        self.indent = indent
        self.plan = None
        self.cases = []
        self.notes = []
        self.count = 0
        self.below = None
        self.failed = False

    def error(self, text):
        self.cases.append(Case("(ktap)", FAIL, text))
        self.failed = True


def parse_result(match):
    name, outcome, detail = match.group(3), PASS, ""
    directive = DIRECTIVE.search(name)
    if directive:
        name = name[:directive.start()]
        word, detail = directive.group(1).upper(), directive.group(2)
    else:
        word = ""
    if word == "SKIP" and match.group(1) == "ok":
        outcome = SKIP
        detail = detail or "no reason given"
    elif word == "XFAIL" and match.group(1) == "ok":
        outcome = PASS
    elif match.group(1) == "not ok" or word in ("TIMEOUT", "ERROR"):
        outcome = FAIL
    return int(match.group(2)), Case(name.strip() or f"#{match.group(2)}", outcome, detail)


class Reader:
    """
    Feed it lines, then finish(). `strict` wants a plan at every level; KUnit
    gives none for the parameters of a test.
    """

    def __init__(self, strict=True):
        self.strict = strict
        self.stack = []
        self.done = []
        self.bail = None

    def line(self, text):
        text = text.rstrip()
        body = text.lstrip(" ")
        indent = len(text) - len(body)
        if VERSION.match(body):
            self.open(indent, fresh=True)
            return
        plan, result = PLAN.match(body), RESULT.match(body)
        bail = BAIL.match(body)
        if bail:
            self.bail = bail.group(1) or "no reason given"
        elif plan:
            self.open(indent).plan = int(plan.group(1))
            if not int(plan.group(1)):
                self.stack[-1].cases.append(
                    Case("(all)", SKIP, plan.group(2)) if plan.group(2)
                    else Case("(all)", FAIL, "a plan of no tests, without a reason"))
        elif result:
            self.result(indent, *parse_result(result))
        elif body.startswith("#") and self.stack:
            self.stack[-1].notes.append(body[1:].strip())

    def open(self, indent, fresh=False):
        """The level at `indent`, opened if it is not there."""
        while self.stack and self.stack[-1].indent > indent:
            self.orphan()
        top = self.stack[-1] if self.stack else None
        if top and top.indent == indent:
            if not fresh or (top.plan is None and not top.count):
                return top
            # A second document at the same depth: the one before ends here.
            self.orphan()
        self.stack.append(Level(indent))
        return self.stack[-1]

    def close(self):
        """Ends the deepest level; returns it with its plan checked."""
        level = self.stack.pop()
        if level.below:
            level.error("results that no line sums up")
            level.cases += level.below.cases
        if level.plan is None:
            if self.strict or not self.stack:
                level.error("no plan: the output is truncated")
        elif level.plan != level.count:
            level.error(f"{level.count} results, but the plan says {level.plan}")
        return level

    def orphan(self):
        """Ends a level; its results wait for the line that sums them up."""
        level = self.close()
        if not self.stack:
            self.done.append(level)
        elif self.stack[-1].below:
            self.stack[-1].below.cases += level.cases
            self.stack[-1].below.failed |= level.failed
        else:
            self.stack[-1].below = level

    def result(self, indent, number, case):
        level = self.open(indent)
        level.count += 1
        if number != level.count:
            level.error(f"result {number} comes where {level.count} is expected")
        below, level.below = level.below, None
        notes, level.notes = level.notes, []
        if not below:
            if case.outcome == FAIL and not case.detail:
                case.detail = " / ".join(notes[-4:])
            level.cases.append(case)
            return
        for sub in below.cases:
            level.cases.append(Case(f"{case.name}/{sub.name}", sub.outcome, sub.detail))
        # How a program ended says more than the result that is missing.
        if case.outcome == FAIL and (case.detail or all(sub.outcome != FAIL
                                                        for sub in below.cases)):
            level.cases.append(Case(case.name, FAIL, case.detail or "failed as a whole"))

    def finish(self):
        """All leaf cases, in order; what is wrong with the form is a failed case."""
        while self.stack:
            self.orphan()
        cases = [case for level in self.done for case in level.cases]
        if self.bail is not None:
            cases.append(Case("(bail out)", FAIL, self.bail))
        if not cases:
            cases.append(Case("(ktap)", FAIL, "no test results at all"))
        return cases


def parse(text, strict=True):
    reader = Reader(strict)
    for line in text.splitlines():
        reader.line(line)
    return reader.finish()


def parse_dmesg(text):
    """KUnit's results among all kernel messages."""
    stamp = re.compile(r"^\[[^]]*\] ?")
    reader = Reader(strict=False)
    for line in text.splitlines():
        reader.line(stamp.sub("", line, count=1))
    return reader.finish()
