# SPDX-License-Identifier: GPL-2.0
"""The table and its runner: what is chosen, what is counted, what is refused."""

import fnmatch
import os
import re
import subprocess
import sys
import tempfile
import unittest

from tablerun import row, table
from tablerun.main import TABLES
from vmrun import qemu

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))

ROWS = """\
[quick]
machine = host
tags = a b
command = printf 'KTAP version 1\\n1..2\\nok 1 x\\nok 2 y # SKIP no reason to run\\n'

[slow]
machine = host
tags = a slow
command = true

[status]
machine = host
results = status
tags = c
command = true
"""


class TableTest(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.path = os.path.join(temporary.name, "table")

    def write(self, text):
        with open(self.path, "w", encoding="utf-8") as file:
            file.write(text)

    def read(self, text):
        self.write(text)
        return table.read(self.path)

    def run_test(self, text, *arguments):
        self.write(text)
        return subprocess.run([sys.executable, os.path.join(TOP, "scripts/test"), "--table",
                               self.path, *arguments], stdout=subprocess.PIPE, text=True,
                              stderr=subprocess.PIPE, check=False, timeout=60)


class Choice(TableTest):
    def names(self, *args):
        return [one.name for one in table.choose(self.read(ROWS), *args)]

    def test_default_leaves_slow_ones_out(self):
        self.assertEqual(self.names([], [], False), ["quick", "status"])

    def test_all(self):
        self.assertEqual(self.names([], [], True), ["quick", "slow", "status"])

    def test_named_slow_one_runs(self):
        self.assertEqual(self.names(["sl*"], [], False), ["slow"])

    def test_tags_must_all_fit(self):
        self.assertEqual(self.names([], ["a", "b"], False), ["quick"])

    def test_slow_by_its_tag(self):
        self.assertEqual(self.names([], ["slow"], False), ["slow"])

    def test_two_files(self):
        self.write(ROWS)
        more = self.path + ".more"
        with open(more, "w", encoding="utf-8") as file:
            file.write(ROWS.replace("[", "[other-"))
        self.assertEqual(len(table.read(self.path, more)), 6)
        with self.assertRaises(table.TableError):
            table.read(self.path, self.path)

    def test_unknown_name(self):
        with self.assertRaises(table.TableError):
            self.names(["nothing"], [], False)


class Refusal(TableTest):
    def refuse(self, text):
        with self.assertRaises(table.TableError):
            self.read(text)

    def test_unknown_key(self):
        self.refuse("[a]\ncommand = true\ncolour = red\n")

    def test_unknown_machine(self):
        self.refuse("[a]\ncommand = true\nmachine = vax\n")

    def test_unknown_results(self):
        self.refuse("[a]\ncommand = true\nresults = good\n")

    def test_no_command(self):
        self.refuse("[a]\nmachine = host\n")

    def test_same_name_twice(self):
        self.refuse("[a]\ncommand = true\n[a]\ncommand = true\n")

    def test_timeout_that_is_none(self):
        self.refuse("[a]\ncommand = true\ntimeout = long\n")

    def test_exit_status(self):
        self.assertEqual(self.run_test("[a]\nx = y\n").returncode, 2)
        self.assertEqual(self.run_test(ROWS, "nothing").returncode, 2)
        self.assertEqual(self.run_test(ROWS, "--tag", "nothing").returncode, 2)


class Running(TableTest):
    def last(self, done):
        return done.stdout.splitlines()[-1]

    def one(self, command, results="ktap", timeout=20):
        return self.run_test(f"[one]\nmachine = host\nresults = {results}\n"
                             f"timeout = {timeout}\ncommand = {command}\n")

    def test_counts(self):
        done = self.run_test(ROWS)
        self.assertEqual((self.last(done), done.returncode), ("2 passed, 0 failed, 1 skipped", 0))
        self.assertIn("no reason to run", done.stdout)

    def test_failed_case(self):
        done = self.one("printf '1..1\\nnot ok 1 x\\n'")
        self.assertEqual((self.last(done), done.returncode), ("0 passed, 1 failed, 0 skipped", 1))

    def test_what_failed_is_the_last_that_is_said(self):
        done = self.run_test("[bad]\nmachine = host\nresults = status\ncommand = false\n" + ROWS)
        said = done.stdout.partition("All that failed:\n")[2].splitlines()
        self.assertEqual(len(said), 2)
        self.assertTrue(said[0].startswith("FAIL bad: (status)"))
        self.assertNotIn("All that failed", self.run_test(ROWS).stdout)

    def test_good_output_and_bad_status(self):
        done = self.one("sh -c 'printf \"1..1\\nok 1 x\\n\"; exit 3'")
        self.assertEqual((self.last(done), done.returncode), ("1 passed, 1 failed, 0 skipped", 1))

    def test_truncated_output(self):
        done = self.one("printf '1..2\\nok 1 x\\n'")
        self.assertEqual(done.returncode, 1)
        self.assertIn("the plan says 2", done.stdout)

    def test_bad_status(self):
        self.assertEqual(self.one("false", "status").returncode, 1)

    def test_no_such_program(self):
        self.assertEqual(self.one("/no/such/program", "status").returncode, 1)

    def test_nothing_but_skips_is_no_success(self):
        done = self.one("printf '1..0 # SKIP none\\n'")
        self.assertEqual((self.last(done), done.returncode), ("0 passed, 0 failed, 1 skipped", 1))

    def test_commands_on_demand(self):
        self.assertEqual(self.one("printf '1..1\\nok 1 x\\n'").stderr, "==== one\n")
        self.addCleanup(os.environ.pop, "V")
        os.environ["V"] = "1"
        done = self.one("printf '1..1\\nok 1 x\\n'")
        self.assertIn("\n+ printf '1..1\\nok 1 x\\n'\n", done.stderr)
        self.assertEqual(done.returncode, 0)

    def test_kernel_that_is_not_there(self):
        done = self.run_test("[vm]\nkernel = nonesuch\ncommand = true\nresults = status\n")
        self.assertEqual(done.returncode, 1)
        self.assertIn("there is no kernel", done.stdout)


class OurTable(unittest.TestCase):
    def setUp(self):
        self.rows = table.read(*(os.path.join(TOP, name) for name in TABLES))

    def test_both_machines_and_both_depths(self):
        chosen = table.choose(self.rows, [], [], False)
        self.assertLessEqual({"qemu", "bochs"}, {one.machine for one in chosen})
        self.assertIn("max,-la57", {one.cpu for one in chosen})
        self.assertLessEqual({"1", "4"}, {one.cpus for one in chosen})

    def test_all_programs_run_on_several_cpus(self):
        several = [one for one in table.choose(self.rows, [], [], False)
                   if one.cpus == "4" and "self" in one.tags]
        self.assertLessEqual({"", "max,-la57"}, {one.cpu for one in several})

    def test_the_documents_name_every_row_and_no_other(self):
        with open(os.path.join(TOP, "docs/TESTING.md"), encoding="utf-8") as file:
            cells = re.findall(r"^\| (`[^|]*) \|.*\|.*\|.*\|$", file.read(), re.MULTILINE)
        patterns = re.findall(r"`([^`]*)`", " ".join(cells))
        names = [one.name for one in self.rows]
        for pattern in patterns:
            self.assertTrue(fnmatch.filter(names, pattern), f"no row is called {pattern}")
        for name in names:
            self.assertTrue([one for one in patterns if fnmatch.fnmatch(name, one)],
                            f"docs/TESTING.md has no row {name}")

    def test_cpus_that_share_a_thread_keep_one_cpu_busy(self):
        self.addCleanup(setattr, qemu, "version", qemu.version)
        section = {"command": "true", "cpus": "4,threads=2"}
        for version, weight in (((7, 2), 1), ((10, 0), 4)):
            qemu.version = lambda version=version: version
            self.assertEqual(table.Row("a", section).weight, weight)
        self.assertEqual(table.Row("a", {**section, "machine": "bochs"}).weight, 1)
        self.assertEqual(table.Row("a", {**section, "machine": "host"}).weight, 4)

    def test_patterns_stand_for_files(self):
        words = row.copies("vm/guest/su*:/in/", TOP)
        self.assertEqual(words, ["--copy", os.path.join(TOP, "vm/guest/suite") + ":/in/"])

    def test_pattern_without_files_is_kept_to_fail(self):
        self.assertEqual(row.copies("no/such*:/in/", TOP), ["--copy", "no/such*:/in/"])
