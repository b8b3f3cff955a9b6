# SPDX-License-Identifier: GPL-2.0
"""The reader of test results: what it counts and what it refuses."""

import unittest

from ktap import Case, FAIL, PASS, SKIP, parse, parse_dmesg


def outcomes(text, **kwargs):
    return [case.outcome for case in parse(text, **kwargs)]


class Ktap(unittest.TestCase):
    def test_plain(self):
        cases = parse("KTAP version 1\n1..3\nok 1 a\nnot ok 2 b\nok 3 c # SKIP no such CPU\n")
        self.assertEqual(cases, [Case("a", PASS), Case("b", FAIL), Case("c", SKIP, "no such CPU")])

    def test_tap_13_with_dashes(self):
        self.assertEqual(parse("TAP version 13\n1..1\nok 1 - a name\n"), [Case("a name", PASS)])

    def test_nested_counts_leaves(self):
        cases = parse("KTAP version 1\n1..2\n"
                      "    KTAP version 1\n    1..2\n    ok 1 x\n    ok 2 y\nok 1 first\n"
                      "    KTAP version 1\n    1..1\n    ok 1 z\nok 2 second\n")
        self.assertEqual(cases, [Case("first/x", PASS), Case("first/y", PASS),
                                 Case("second/z", PASS)])

    def test_nested_three_deep(self):
        cases = parse("1..1\n  1..1\n    1..1\n    ok 1 c\n  ok 1 b\nok 1 a\n")
        self.assertEqual(cases, [Case("a/b/c", PASS)])

    def test_nested_failure_named_once(self):
        cases = parse("1..1\n    1..2\n    ok 1 x\n    not ok 2 y\nnot ok 1 a\n")
        self.assertEqual(cases, [Case("a/x", PASS), Case("a/y", FAIL)])

    def test_failed_whole_with_passed_parts(self):
        cases = parse("1..1\n    1..1\n    ok 1 x\nnot ok 1 a # ERROR status 139\n")
        self.assertEqual(cases, [Case("a/x", PASS), Case("a", FAIL, "status 139")])

    def test_how_a_program_ended_beside_what_is_missing(self):
        cases = parse("1..1\n    1..2\n    ok 1 x\nnot ok 1 a # ERROR status 139\n")
        self.assertEqual([case.outcome for case in cases], [PASS, FAIL, FAIL])
        self.assertEqual(cases[-1], Case("a", FAIL, "status 139"))

    def test_missing_result(self):
        self.assertIn(FAIL, outcomes("1..3\nok 1 a\nok 2 b\n"))

    def test_extra_result(self):
        self.assertIn(FAIL, outcomes("1..1\nok 1 a\nok 2 b\n"))

    def test_number_out_of_order(self):
        self.assertIn(FAIL, outcomes("1..2\nok 1 a\nok 3 b\n"))

    def test_no_plan(self):
        self.assertIn(FAIL, outcomes("ok 1 a\nok 2 b\n"))

    def test_plan_at_the_end(self):
        self.assertEqual(outcomes("ok 1 a\nok 2 b\n1..2\n"), [PASS, PASS])

    def test_nothing_at_all(self):
        self.assertEqual(outcomes("Segmentation fault\n"), [FAIL])

    def test_only_a_version(self):
        self.assertEqual(outcomes("KTAP version 1\n"), [FAIL])

    def test_truncated_below(self):
        cases = outcomes("1..2\n    1..2\n    ok 1 x\nok 1 a\nok 2 b\n")
        self.assertEqual(cases.count(FAIL), 1)

    def test_cut_before_the_sum(self):
        self.assertIn(FAIL, outcomes("1..1\n    1..1\n    ok 1 x\n"))

    def test_bail_out(self):
        cases = parse("1..1\nok 1 a\nBail out! no progress\n")
        self.assertIn(Case("(bail out)", FAIL, "no progress"), cases)

    def test_skip_everything(self):
        self.assertEqual(parse("KTAP version 1\n1..0 # SKIP asi=off\n"),
                         [Case("(all)", SKIP, "asi=off")])

    def test_skip_everything_below(self):
        self.assertEqual(parse("1..1\n    1..0 # SKIP no KVM\nok 1 vmm\n"),
                         [Case("vmm/(all)", SKIP, "no KVM")])

    def test_empty_plan_without_reason_fails(self):
        self.assertEqual(outcomes("1..0\n"), [FAIL])

    def test_skip_without_reason_says_so(self):
        self.assertEqual(parse("1..1\nok 1 a # SKIP\n"), [Case("a", SKIP, "no reason given")])

    def test_not_ok_skip_is_a_failure(self):
        self.assertEqual(outcomes("1..1\nnot ok 1 a # SKIP why\n"), [FAIL])

    def test_todo_is_a_failure(self):
        self.assertEqual(outcomes("1..1\nnot ok 1 a # TODO later\n"), [FAIL])

    def test_timeout(self):
        self.assertEqual(parse("1..1\nok 1 a # TIMEOUT 300 s\n"), [Case("a", FAIL, "300 s")])

    def test_noise_is_ignored(self):
        self.assertEqual(outcomes("hello\n1..1\nokay\n# note\nok 1 a\nnot okay\n"), [PASS])

    def test_notes_explain_a_failure(self):
        self.assertEqual(parse("1..1\n# 3 is not 4\nnot ok 1 a\n"), [Case("a", FAIL, "3 is not 4")])

    def test_two_documents(self):
        self.assertEqual(outcomes("KTAP version 1\n1..1\nok 1 a\nKTAP version 1\n1..1\nok 1 b\n"),
                         [PASS, PASS])

    def test_second_document_truncated(self):
        self.assertIn(FAIL, outcomes("KTAP version 1\n1..1\nok 1 a\nKTAP version 1\n1..1\n"))


KUNIT = """\
[    0.100000] Linux version 6.12
[    1.000000] KTAP version 1
[    1.000001] 1..1
[    1.000002]     KTAP version 1
[    1.000003]     # Subtest: asi_cr3
[    1.000004]     1..2
[    1.000005]         KTAP version 1
[    1.000006]         # Subtest: compose
[    1.000007]         ok 1 pcid 0
[    1.000008]         ok 2 pcid 1
[    1.000009]     # compose: pass:2 fail:0 skip:0 total:2
[    1.000010]     ok 1 compose
[    1.500000] some driver: hello
[    1.000011]     ok 2 flush # SKIP no INVPCID
[    1.000012] ok 1 asi_cr3
"""


class Kunit(unittest.TestCase):
    def test_parameters_need_no_plan(self):
        self.assertEqual(parse_dmesg(KUNIT), [
            Case("asi_cr3/compose/pcid 0", PASS), Case("asi_cr3/compose/pcid 1", PASS),
            Case("asi_cr3/flush", SKIP, "no INVPCID")])

    def test_cut_off(self):
        cut = "\n".join(KUNIT.splitlines()[:-2])
        self.assertIn(FAIL, [case.outcome for case in parse_dmesg(cut)])

    def test_no_suite(self):
        text = "[    1.000000] KTAP version 1\n[    1.000000] 1..0\n"
        self.assertEqual([case.outcome for case in parse_dmesg(text)], [FAIL])
