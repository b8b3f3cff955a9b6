# SPDX-License-Identifier: GPL-2.0
"""Reading what the guest's half prints, also when it breaks off."""

import unittest

from upstream import machine
from upstream.report import CRASH, FAIL, PASS, SKIP, TIMEOUT, Report, Result

COMPLETE = """\
=== state enabled=1 user=1 user.enters=7
=== begin one 10.00
ok 1 first
not ok 2 second # SKIP no such thing
=== end one 12.50 0
=== begin two 13.00
no newline
=== end two 13.10 4
=== state enabled=1 user=1 user.enters=99
=== done
"""


class Reports(unittest.TestCase):
    """Whole and broken ones."""

    def test_complete(self):
        report = Report().feed(COMPLETE)
        self.assertTrue(report.done)
        self.assertEqual([state["user.enters"] for state in report.states], ["7", "99"])
        one, two = report.results["one"], report.results["two"]
        self.assertEqual((one.outcome, one.seconds), (PASS, 2.5))
        self.assertEqual(one.subtests(), [("first", PASS), ("second", SKIP)])
        self.assertEqual((two.outcome, two.lines), (SKIP, ["no newline"]))

    def test_cut(self):
        """Wherever it breaks off, no test that did not end has passed."""
        for at in range(len(COMPLETE)):
            report = Report().feed(COMPLETE[:at])
            if "=== end one 12.50 0\n" not in COMPLETE[:at + 1]:
                outcome = report.results["one"].outcome if "one" in report.results else CRASH
                self.assertEqual(outcome, CRASH, at)
            self.assertFalse(report.done, at)

    def test_statuses(self):
        text = "=== begin t 1.0\n=== end t {} {}\n"
        for end, status, wanted in ((2.0, 0, PASS), (2.0, 1, FAIL), (2.0, 4, SKIP),
                                    (2.0, 124, TIMEOUT), (2.0, 137, FAIL), (2.0, 139, FAIL),
                                    (99.0, 137, TIMEOUT)):
            report = Report({"t": 60}).feed(text.format(end, status))
            self.assertEqual(report.results["t"].outcome, wanted, (end, status))


class Lines(unittest.TestCase):
    """The formats that the programs have."""

    def subtests(self, *lines):
        return Result(FAIL, lines=lines).subtests()

    def test_formats(self):
        self.assertEqual(self.subtests("ok 3 - a dash"), [("a dash", PASS)])
        self.assertEqual(self.subtests("# ok 3 nested"), [("nested", PASS)])
        self.assertEqual(self.subtests("not ok 1 x # XFAIL known"), [("x", FAIL)])
        self.assertEqual(self.subtests("ok 1 x # XFAIL known"), [("x", PASS)])
        self.assertEqual(self.subtests("[FAIL]\tbad at 0x12"), [("bad at N", FAIL)])
        self.assertEqual(self.subtests("[OK]\tgood"), [("good", PASS)])
        self.assertEqual(self.subtests("[OK]\tat 0x0xf7eee0"), [("at N", PASS)])
        self.assertEqual(self.subtests("[RUN]\tsomething", "okay then"), [])

    def test_reason(self):
        skipped = Result(SKIP, lines=["TAP version 13", "1..0 # SKIP no AMX", "bye"])
        self.assertEqual(skipped.reason(), "1..0 # SKIP no AMX")
        failed = Result(FAIL, lines=["ok 1 a", "not ok 2 b", "end"])
        self.assertEqual(failed.reason(), "not ok 2 b")
        asserted = Result(FAIL, lines=["seed 7", "==== Test Assertion Failure ====",
                                       "  lib/x.c:9: a == b", "  errno=4 - an error"])
        self.assertEqual(asserted.reason(), "lib/x.c:9: a == b")
        self.assertEqual(Result(FAIL).reason(), "it said nothing")


class Blame(unittest.TestCase):
    """A complaint belongs to the test that ran when it came."""

    def test_times(self):
        report = Report().feed(COMPLETE)
        rest = machine.blame(report.results, [
            "[    5.000000] WARNING: CPU: 0 PID: 1 at early.c:1",
            "[   11.000000] WARNING: CPU: 0 PID: 1 at one.c:1",
            "[   11.500000] a sentence", "[   13.050000] BUG: two"])
        self.assertEqual(report.results["one"].complaints,
                         ["WARNING: CPU: 0 PID: 1 at one.c:1"])
        self.assertEqual(report.results["two"].complaints, ["BUG: two"])
        self.assertEqual(rest, ["WARNING: CPU: 0 PID: 1 at early.c:1"])
