# SPDX-License-Identifier: GPL-2.0
"""A measure with asi=on must be as good as with asi=off: each way it may not."""

import unittest

from robust import compare

OFF = "KTAP version 1\n# measure 100 at-least 5 memory\n  # measure 3 at-most 1 drops\nok 1 x\n"


def judge(*ons):
    return compare.judge([compare.read(OFF)] * len(ons), [compare.read(on) for on in ons])


def bad(*ons):
    return [name for name, good, _ in judge(*ons) if not good]


class Compare(unittest.TestCase):
    def test_the_same(self):
        self.assertEqual(bad(OFF), [])

    def test_within_what_is_allowed(self):
        self.assertEqual(bad("# measure 95 at-least 5 memory\n# measure 4 at-most 1 drops"), [])

    def test_better(self):
        self.assertEqual(bad("# measure 190 at-least 5 memory\n# measure 0 at-most 1 drops"), [])

    def test_too_little(self):
        self.assertEqual(bad("# measure 94 at-least 5 memory\n# measure 3 at-most 1 drops"),
                         ["memory"])

    def test_too_many(self):
        self.assertEqual(bad("# measure 100 at-least 5 memory\n# measure 5 at-most 1 drops"),
                         ["drops"])

    def test_missing(self):
        self.assertEqual(bad("# measure 100 at-least 5 memory"), ["drops"])

    def test_one_more(self):
        self.assertEqual(bad(OFF + "# measure 1 at-least 0 other\n"), ["other"])

    def test_the_tolerance_of_off_counts(self):
        self.assertEqual(bad("# measure 50 at-least 90 memory\n# measure 3 at-most 1 drops"),
                         ["memory"])

    def test_what_is_said(self):
        verdicts = judge(OFF)
        self.assertEqual(verdicts[0][2], "off 100, on 100; at least 95")
        self.assertEqual(verdicts[1][2], "off 3, on 3; at most 4")

    def test_the_middle_of_three_counts(self):
        self.assertEqual(bad(OFF.replace("100", "1"), OFF, OFF), [])
        self.assertEqual(bad(OFF, OFF.replace("100", "94"), OFF.replace("100", "1")),
                         ["memory"])

    def test_missing_once(self):
        self.assertEqual(bad(OFF, "# measure 3 at-most 1 drops", OFF), ["memory"])

    def test_what_is_said_of_three(self):
        self.assertEqual(judge(OFF, OFF.replace("100", "94"), OFF.replace("100", "96"))[0][2],
                         "off 100, on 96; at least 95; of 100/100, 100/94, 100/96")
