# SPDX-License-Identifier: GPL-2.0
"""A measure with asi=on must be as good as with asi=off: each way it may not."""

import unittest

from robust import compare

OFF = "KTAP version 1\n# measure 100 at-least 5 memory\n  # measure 3 at-most 1 drops\nok 1 x\n"


def bad(on):
    return [name for name, good, _ in compare.judge(compare.read(OFF), compare.read(on))
            if not good]


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
        verdicts = compare.judge(compare.read(OFF), compare.read(OFF))
        self.assertEqual(verdicts[0][2], "off 100, on 100; at least 95")
        self.assertEqual(verdicts[1][2], "off 3, on 3; at most 4")
