# SPDX-License-Identifier: GPL-2.0
"""What passes with asi=off must pass with asi=on: every way it may not."""

import types
import unittest

from upstream import compare
from upstream.compare import BAD, GOOD, NOTHING
from upstream.report import CRASH, FAIL, MISSING, PASS, SKIP, TIMEOUT, Result

OUTCOMES = (PASS, FAIL, SKIP, TIMEOUT, CRASH, MISSING)


def result(outcome, *lines, complaints=()):
    made = Result(outcome, 1.0, 0, lines)
    made.complaints = list(complaints)
    return made


def kind(off, on):
    return compare.compare(off, on).kind


class WholePrograms(unittest.TestCase):
    """Programs that say nothing but their status."""

    def test_pass_off_needs_pass_on(self):
        for outcome in OUTCOMES:
            wanted = GOOD if outcome == PASS else BAD
            self.assertEqual(kind(result(PASS), result(outcome)), wanted, outcome)

    def test_no_pass_off_proves_nothing(self):
        for off in (FAIL, SKIP, TIMEOUT, CRASH, MISSING):
            for on in (PASS, FAIL, SKIP, TIMEOUT):
                self.assertEqual(kind(result(off), result(on)), NOTHING, (off, on))

    def test_crash_with_on_only(self):
        for off in (FAIL, SKIP, TIMEOUT):
            self.assertEqual(kind(result(off), result(CRASH)), BAD, off)
        self.assertEqual(kind(result(CRASH), result(CRASH)), NOTHING)

    def test_skip_says_why(self):
        verdict = compare.compare(result(SKIP, "1..0 # SKIP no hardware"), result(SKIP))
        self.assertIn("with asi=off as well", verdict.detail)
        self.assertIn("no hardware", verdict.detail)


class Parts(unittest.TestCase):
    """Programs that print results of their own."""

    def test_part_lost(self):
        off = result(PASS, "ok 1 a", "ok 2 b")
        verdict = compare.compare(off, result(PASS, "ok 1 a", "not ok 2 b"))
        self.assertEqual(verdict.kind, BAD)
        self.assertIn("part that fails with asi=on only: b", verdict.notes)

    def test_part_skipped_or_absent(self):
        off = result(PASS, "ok 1 a", "ok 2 b")
        self.assertEqual(kind(off, result(PASS, "ok 1 a", "ok 2 b # SKIP x")), BAD)
        self.assertEqual(kind(off, result(PASS, "ok 1 a")), BAD)

    def test_part_gained(self):
        off = result(PASS, "ok 1 a", "ok 2 b # SKIP x")
        self.assertEqual(kind(off, result(PASS, "ok 1 a", "ok 2 b")), GOOD)

    def test_same_name_twice(self):
        off = result(PASS, "[OK]\tdone", "[OK]\tdone")
        self.assertEqual(kind(off, result(PASS, "[OK]\tdone")), BAD)
        self.assertEqual(kind(off, result(PASS, "[OK]\tdone", "[OK]\tdone")), GOOD)

    def test_numbers_may_differ(self):
        off = result(PASS, "ok 1 address 0x7fff1234 of pid 17")
        self.assertEqual(kind(off, result(PASS, "ok 1 address 0x7ffe9999 of pid 18")), GOOD)

    def test_failing_program_is_compared_by_parts(self):
        off = result(FAIL, "ok 1 a", "ok 2 b", "not ok 3 c")
        same = result(FAIL, "ok 1 a", "ok 2 b", "not ok 3 c")
        verdict = compare.compare(off, same)
        self.assertEqual(verdict.kind, GOOD)
        self.assertIn("2 parts", verdict.detail)
        self.assertIn("fails with asi=off: c", verdict.notes)
        self.assertEqual(kind(off, result(FAIL, "ok 1 a", "not ok 2 b", "not ok 3 c")), BAD)
        self.assertEqual(kind(off, result(TIMEOUT, "ok 1 a", "ok 2 b")), BAD)


class Kernel(unittest.TestCase):
    """Complaints of the kernel while a test runs."""

    def test_complaint_with_on_only(self):
        on = result(PASS, complaints=["WARNING: CPU: 0 PID: 7 at mm/x.c:3"])
        self.assertEqual(kind(result(PASS), on), BAD)
        self.assertEqual(kind(result(FAIL), on), BAD)

    def test_same_complaint(self):
        off = result(PASS, complaints=["WARNING: CPU: 0 PID: 7 at mm/x.c:3"])
        on = result(PASS, complaints=["WARNING: CPU: 1 PID: 9 at mm/x.c:3"])
        self.assertEqual(kind(off, on), GOOD)


class Machines(unittest.TestCase):
    """What is about no single test."""

    @staticmethod
    def machine(complaints=(), unexplained=""):
        return types.SimpleNamespace(complaints=list(complaints), unexplained=unexplained)

    def test_good(self):
        same = self.machine(["WARNING: CPU: 0"])
        self.assertEqual(compare.check_machines(same, self.machine()), {"off": "", "on": ""})
        self.assertEqual(compare.check_machines(same, self.machine(["WARNING: CPU: 1"])),
                         {"off": "", "on": ""})

    def test_complaint_between_tests(self):
        wrong = compare.check_machines(self.machine(), self.machine(["BUG: x"]))
        self.assertIn("BUG: x", wrong["on"])

    def test_messages_incomplete(self):
        wrong = compare.check_machines(self.machine(unexplained="lost"), self.machine())
        self.assertEqual(wrong, {"off": "lost", "on": ""})


class States(unittest.TestCase):
    """Whether ASI was on, and was used."""

    ON = {"enabled": "1", "user": "1", "user.enters": "5", "user.tense_faults": "0",
          "user.warnings": "0"}
    LATER = dict(ON, **{"user.enters": "500"})

    def test_off(self):
        self.assertEqual(compare.check_off([{"enabled": "0"}]).kind, GOOD)
        self.assertEqual(compare.check_off([{"enabled": "-"}]).kind, GOOD)
        self.assertEqual(compare.check_off([{"enabled": "1"}]).kind, BAD)
        self.assertEqual(compare.check_off([]).kind, BAD)

    def test_on(self):
        self.assertEqual(compare.check_on(["mm"], [self.ON, self.LATER]).kind, GOOD)

    def test_not_on(self):
        for states in ([], [{"enabled": "-"}], [{"enabled": "0", "user": "0"}],
                       [dict(self.ON, user="0")], [self.ON, self.ON]):
            self.assertEqual(compare.check_on(["mm"], states).kind, BAD, states)
        # The class of the suite decides: for kvm, that for processes does not.
        self.assertEqual(compare.check_on(["kvm"], [self.ON, self.LATER]).kind, BAD)

    def test_suites_together(self):
        both = dict(self.ON, **{"kvm": "1", "kvm.enters": "3"})
        later = dict(both, **{"user.enters": "9"})
        self.assertEqual(compare.check_on(["kvm", "x86"], [both, later]).kind, BAD)
        later["kvm.enters"] = "4"
        self.assertEqual(compare.check_on(["kvm", "x86"], [both, later]).kind, GOOD)

    def test_faults_of_its_own(self):
        for key in ("user.tense_faults", "user.warnings"):
            states = [self.ON, dict(self.LATER, **{key: "1"})]
            self.assertEqual(compare.check_on(["mm"], states).kind, BAD, key)
