# SPDX-License-Identifier: GPL-2.0
"""tests/upstream/vmalloc, with a kernel that only pretends to have a log."""

import os
import subprocess
import tempfile
import unittest

PROGRAM = os.path.join(os.path.dirname(os.path.realpath(__file__)), "vmalloc")
GOOD = "[   10.5] test_vmalloc: Summary: fix_size_alloc_test passed: 10 failed: 0 repeat: 10"
BAD = "[   10.6] test_vmalloc: Summary: pcpu_alloc_test passed: 9 failed: 1 repeat: 10"
NEVER = "[   10.7] test_vmalloc: Summary: vm_map_ram_test passed: 0 failed: 0 repeat: 10"


class Vmalloc(unittest.TestCase):
    """A script that works, and a driver that says what it is told to."""

    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.dir = temporary.name
        self.write("objects/lib/test_vmalloc.ko", "")
        self.write("depmod", "#!/bin/sh\n")
        self.write("dmesg", f"#!/bin/sh\ncat {self.dir}/log\n")
        self.write("log", "")
        # What is written to the log's device comes out of the log.
        os.symlink("log", f"{self.dir}/kmsg")

    def write(self, path, text):
        path = os.path.join(self.dir, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, 0o755)

    def run_it(self, *said, before="", status=0):
        """The script `status` ends with, after which the driver has said something."""
        self.write("log", before)
        self.write("script", "#!/bin/sh\n" + "".join(
            f"echo '{line}' >> {self.dir}/log\n" for line in said) + f"exit {status}\n")
        env = {**os.environ, "PATH": f"{self.dir}:{os.environ['PATH']}",
               "OBJECTS": f"{self.dir}/objects", "MODULES": f"{self.dir}/modules",
               "KMSG": f"{self.dir}/kmsg"}
        return subprocess.run([PROGRAM, f"{self.dir}/script"], env=env, text=True, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def test_good(self):
        done = self.run_it(GOOD)
        self.assertEqual((done.returncode, done.stdout),
                         (0, "ok 1 fix_size_alloc_test # passed 10, failed 0\n"))

    def test_driver_is_where_it_is_looked_for(self):
        self.run_it(GOOD)
        self.assertTrue(os.path.exists(
            f"{self.dir}/modules/{os.uname().release}/test_vmalloc.ko"))

    def test_one_fails(self):
        done = self.run_it(GOOD, BAD)
        self.assertEqual(done.returncode, 1)
        self.assertIn("not ok 2 pcpu_alloc_test", done.stdout)

    def test_what_was_said_before_does_not_count(self):
        done = self.run_it(GOOD, before=BAD + "\n")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertNotIn("pcpu", done.stdout)

    def test_what_never_ran_has_not_passed(self):
        self.assertEqual(self.run_it(GOOD, NEVER).returncode, 1)

    def test_silence_is_no_success(self):
        done = self.run_it()
        self.assertEqual((done.returncode, done.stdout), (1, "the driver said nothing\n"))

    def test_skip(self):
        self.assertEqual(self.run_it(status=4).returncode, 4)

    def test_no_driver(self):
        os.unlink(f"{self.dir}/objects/lib/test_vmalloc.ko")
        self.assertEqual(self.run_it(GOOD).returncode, 1)
