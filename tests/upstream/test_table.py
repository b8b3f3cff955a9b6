# SPDX-License-Identifier: GPL-2.0
"""list.tsv: its form, and that the committed one is in it."""

import os
import tempfile
import unittest

from upstream import table

HERE = os.path.dirname(os.path.realpath(__file__))
LINE = "mm\tcow\tfull\t5\t-\t./cow\t-"


class Form(unittest.TestCase):
    """What a line may be."""

    def test_good(self):
        test, = table.parse("# comment\n\n" + LINE)
        self.assertEqual((str(test), test.program, test.seconds), ("mm/cow", "cow", 5.0))
        self.assertGreater(test.limit, test.seconds)

    def test_bad(self):
        for old, new in (("mm\t", "nn\t"), ("full", "some"), ("\t5\t", "\tfive\t"),
                         ("\t-\t./cow\t-", "\t-\t./cow"), ("full", "out"), ("\tcow", "\tc w")):
            with self.assertRaises(table.BadTable, msg=new):
                table.parse(LINE.replace(old, new, 1))
        with self.assertRaises(table.BadTable):
            table.parse(LINE + "\n" + LINE)

    def test_program_behind_a_wrapper(self):
        test, = table.parse(LINE.replace("./cow", "setpriv --reuid=1 ./sub/cow -x"))
        self.assertEqual(test.program, "sub/cow")

    def test_machine_of_a_test(self):
        test, = table.parse(LINE)
        other, = table.parse(LINE.replace("\t-\t./cow", "\tnosmap\t./cow"))
        self.assertEqual((test.group(False), test.group(True)), ("mm", "all"))
        self.assertEqual((other.group(False), other.group(True)), ("mm-nosmap", "all-nosmap"))

    def test_what_to_build(self):
        test, = table.parse(LINE)
        script, = table.parse(LINE.replace("./cow", "./cow.sh smoke"))
        self.assertEqual((test.target, script.target), ("mm/cow", "mm"))

    def test_unlisted(self):
        with tempfile.TemporaryDirectory() as directory:
            for name, mode in (("cow", 0o755), ("new", 0o755), ("data", 0o644)):
                path = os.path.join(directory, name)
                with open(path, "w", encoding="utf-8"):
                    os.chmod(path, mode)
            self.assertEqual(table.unlisted(table.parse(LINE), "mm", directory), ["new"])


class Committed(unittest.TestCase):
    """The list itself."""

    def setUp(self):
        self.tests = table.read(os.path.join(HERE, "list.tsv"))

    def test_every_suite_has_both_sets(self):
        for suite in table.SUITES:
            sets = {test.set for test in self.tests if test.suite == suite}
            self.assertLessEqual({"quick", "full"}, sets, suite)

    def test_quick_is_quick(self):
        for test in self.tests:
            if test.set == "quick":
                self.assertLessEqual(test.seconds, 20, test)
