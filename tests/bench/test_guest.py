# SPDX-License-Identifier: GPL-2.0
"""The guest program, built and run on this machine."""

import os
import shutil
import subprocess
import tempfile
import unittest

from benchlib.configs import REPO
from benchlib.ops import TITLES, UNCLEARED
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
        self.assertEqual(sorted([*names, *UNCLEARED]), sorted(TITLES))
        self.assertLessEqual(set(UNCLEARED.values()), set(names))

    def test_output_is_understood(self):
        ops = {"null", "read", "fill", "touch", "copy", "unmap", "forkexec"}
        done = self.guest("--only", ",".join(ops), "--windows", "3", "--warm-up", "1")
        self.assertEqual(done.returncode, 0, done.stderr)
        run = parse(done.stdout)
        self.assertEqual(set(run["ops"]), ops)
        for op in run["ops"]:
            self.assertGreater(measured(run, op)["median"], 0, op)
        self.assertAlmostEqual(run["ops"]["touch"]["faults"], 1.0, delta=0.05)

    def test_number_of_operations(self):
        run = parse(self.guest("--only", "null", "--windows", "3").stdout)
        self.assertEqual(run["ops"]["null"]["ops"], 3000)

    def test_pages_need_the_module(self):
        for args in ([], ["--module", "/nonexistent.ko"]):
            run = parse(self.guest("--only", "alloc0,alloc9_user", *args).stdout)
            self.assertIn("module", run["ops"]["alloc0"]["skip"])
            self.assertIsNone(measured(run, "alloc9_user"))

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

    def make_tree(self, files):
        tree = tempfile.TemporaryDirectory()
        self.addCleanup(tree.cleanup)
        for path, text in files.items():
            path = os.path.join(tree.name, path)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        return tree.name

    def test_counters_and_state(self):
        tree = self.make_tree({
            "enabled": "1\n", "features/sensitive": "1\n",
            "classes/user/enabled": "1\n", "classes/kvm/enabled": "0\n",
            "classes/user/stats/enters": "18446744073709551615\n",
            "classes/user/stats/exits": "3\n", "classes/kvm/stats/exits": "0\n"})
        done = self.guest("--only", "null", "--windows", "3", "--asi-dir", tree)
        self.assertEqual(done.returncode, 0, done.stderr)
        run = parse(done.stdout)
        self.assertEqual(run["counters"], 3)
        self.assertEqual({key: run["state"][key] for key in ("asi", "sensitive", "user", "kvm")},
                         {"asi": "1", "sensitive": "1", "user": "1", "kvm": "0"})
        self.assertEqual(run["ops"]["null"]["counters"], {})

    def test_empty_counter(self):
        tree = self.make_tree({"enabled": "1\n", "classes/user/enabled": "1\n",
                               "classes/user/stats/enters": ""})
        done = self.guest("--only", "null", "--windows", "3", "--asi-dir", tree)
        self.assertEqual(done.returncode, 1)
        self.assertIn("user.enters", done.stderr)

    def test_kernel_without_isolation(self):
        done = self.guest("--only", "null", "--windows", "3", "--asi-dir", "/nonexistent")
        run = parse(done.stdout)
        self.assertEqual((run["state"]["asi"], run["counters"]), ("absent", 0))
