# SPDX-License-Identifier: GPL-2.0
"""The guest program, built and run on this machine."""

import os
import shutil
import subprocess
import tempfile
import unittest

from benchlib.configs import REPO
from benchlib.ops import TITLES
from benchlib.parse import measured, parse


@unittest.skipUnless(os.uname().machine == "x86_64", "the guest program is for x86-64")
@unittest.skipUnless(shutil.which("cc"), "there is no C compiler")
class Guest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.TemporaryDirectory()
        done = subprocess.run(["make", "-s", "-C", os.path.join(REPO, "bench"),
                               "OUT=" + cls.dir.name], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        cls.build_output = done.stdout
        cls.build_status = done.returncode

    @classmethod
    def tearDownClass(cls):
        cls.dir.cleanup()

    def guest(self, *args):
        return subprocess.run([os.path.join(self.dir.name, "asibench"), *args],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              check=False, timeout=60)

    def test_builds_without_warnings(self):
        self.assertEqual(self.build_status, 0, self.build_output)
        self.assertNotIn("warning:", self.build_output)

    def test_lists_what_the_tables_have(self):
        names = [line.split("\t")[0] for line in self.guest("--list").stdout.splitlines()]
        self.assertEqual(sorted(names), sorted(TITLES))

    def test_output_is_understood(self):
        done = self.guest("--only", "null,read,touch,forkexec", "--windows", "3",
                          "--warm-up", "1")
        self.assertEqual(done.returncode, 0, done.stderr)
        run = parse(done.stdout)
        self.assertEqual(set(run["ops"]), {"null", "read", "touch", "forkexec"})
        for op in run["ops"]:
            self.assertGreater(measured(run, op)["median"], 0, op)
        self.assertAlmostEqual(run["ops"]["touch"]["faults"], 1.0, delta=0.05)

    def test_number_of_operations(self):
        run = parse(self.guest("--only", "null", "--windows", "3").stdout)
        self.assertEqual(run["ops"]["null"]["ops"], 3000)

    def test_wrong_benchmark(self):
        done = self.guest("--only", "null,nothing")
        self.assertEqual(done.returncode, 1)
        self.assertIn('no benchmark "nothing"', done.stderr)

    def test_wrong_number(self):
        self.assertEqual(self.guest("--windows", "0").returncode, 1)
        self.assertEqual(self.guest("--windows", "3x").returncode, 1)

    def test_wrong_option(self):
        self.assertEqual(self.guest("--fast").returncode, 2)
        self.assertEqual(self.guest("null").returncode, 2)
