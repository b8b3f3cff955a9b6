# SPDX-License-Identifier: GPL-2.0
"""What the tests that start vm/run share."""

import os
import subprocess
import tempfile
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
VM_RUN = os.path.join(TOP, "vm/run")
KERNEL = os.path.join(TOP, "build/kernel-run/arch/x86/boot/bzImage")


class VmRunTest(unittest.TestCase):
    """Starts vm/run; the directory `work` is away after the test."""

    machine = "qemu"
    timeout = 240

    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.work = temporary.name

    def run_options(self, *arguments, cwd=TOP, text=True):
        return subprocess.run([VM_RUN, *arguments], cwd=cwd, check=False, text=text,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=1200)

    def vm_run(self, *command, options=(), **kwargs):
        return self.run_options("--machine", self.machine, "--timeout", str(self.timeout),
                                *options, "--", *command, **kwargs)

    def shell(self, script, **kwargs):
        return self.vm_run("sh", "-c", script, **kwargs)

    def expect(self, done, status, *words):
        """The status, and words that stderr must hold."""
        self.assertEqual(done.returncode, status, f"stdout: {done.stdout!r}\n"
                                                  f"stderr: {done.stderr}")
        for word in words:
            self.assertIn(word, done.stderr)

    def read(self, name):
        with open(os.path.join(self.work, name), encoding="utf-8") as file:
            return file.read()

    def path(self, name):
        return os.path.join(self.work, name)
