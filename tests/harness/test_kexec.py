# SPDX-License-Identifier: GPL-2.0
"""
kexec: another kernel takes over while processes of the first run restricted.

The first kernel ends without a verdict, so what the second says on the console
is the result.
"""

import os
import re

from vmrun import options as vmrun_options
from vmrun_test import KERNEL, TOP, VmRunTest

SELFTESTS = os.path.join(TOP, "build/selftests")
# What guest-init prints when its user space was well.
TOKEN = re.search(r'GUEST_TOKEN\s+"([^"]+)"', open(
    os.path.join(TOP, "linux/tools/testing/selftests/asi/guest_token.h"),
    encoding="utf-8").read()).group(1)
SECOND = "console=ttyS0,115200 panic=-1 loglevel=5 no_timer_check " + vmrun_options.PATIENCE
# tp_printk: the last exit is seen on the console; there is no other way to it.
FIRST = "loglevel=6 tp_printk"
CRASHED = "Kernel panic - not syncing: sysrq triggered crash"
LEFT = re.compile(r"asi_exit: class=\d+ reason=pm ip=machine_kexec\+")


class Kexec(VmRunTest):
    """vm/run says LOST when a guest reboots, CRASH when a kernel complained."""

    timeout = 300

    def kexec(self, first, second, *options, kernel=KERNEL, how=(),
              last_word="Starting new kernel"):
        """What the console held behind the last word of the first kernel."""
        keep = self.path(f"keep{len(os.listdir(self.work))}")
        done = self.vm_run(
            "/kexec", *how, "/bzImage", "/guest.cpio", f"{SECOND} {second}", options=(
                "--root", "initramfs", "--keep", keep, "--append", f"{FIRST} {first}",
                "--copy", SELFTESTS + "/kexec:/", "--copy", SELFTESTS + "/guest.cpio:/",
                "--copy", kernel + ":/bzImage", *options))
        if done.returncode == 4:
            self.skipTest(done.stdout.strip().splitlines()[-1])
        self.expect(done, 127, "LOST: the guest went away without a verdict")
        with open(os.path.join(keep, "console.log"), encoding="utf-8", errors="replace") as file:
            before, found, after = file.read().partition(last_word)
        self.assertTrue(found, before[-2000:])
        return after

    def takes_over(self, *arguments, **keywords):
        said = self.kexec(*arguments, **keywords)
        self.assertIn(TOKEN, said)
        return said

    def test_on(self):
        said = self.takes_over("asi=on", "asi=on")
        self.assertRegex(said.split(TOKEN)[0], LEFT)

    def test_on_with_other_cpus(self):
        said = self.takes_over("asi=on", "asi=on", "--cpus", "2")
        self.assertRegex(said.split(TOKEN)[0], LEFT)

    def test_with_four_levels(self):
        self.takes_over("asi=on", "asi=on", "--cpu", "max,-la57")

    def test_from_off_to_off(self):
        said = self.takes_over("asi=off", "asi=off")
        self.assertNotRegex(said, LEFT)

    def test_between_on_and_off(self):
        self.takes_over("asi=on", "asi=off")
        self.takes_over("asi=off", "asi=on")

    def crash(self, mode, *options):
        return self.takes_over(f"{mode} crashkernel=160M", mode, *options, "--allow-splat",
                               f"{CRASHED}|Call Trace:", how=("--crash",),
                               last_word=CRASHED)

    def test_after_a_crash(self):
        """What it is loaded into is hidden; a page fault of the panic leaves, if no other."""
        self.crash("asi=on", "--cpus", "2")

    def test_after_a_crash_off(self):
        self.crash("asi=off")

    def test_what_is_kept_for_a_crash_is_hidden_as_a_whole(self):
        """Blocks are, so it ends with one; without ASI it is what was asked for."""
        for mode, size in ("asi=on", 162), ("asi=off", 161):
            done = self.vm_run("/bin/cat", "/sys/kernel/kexec_crash_size", options=(
                "--root", "initramfs", "--append", f"{mode} crashkernel=161M"))
            self.expect(done, 0)
            self.assertIn(str(size << 20), done.stdout)

    def test_a_kernel_that_does_not_come_up_is_noticed(self):
        with self.assertRaises(AssertionError):
            self.takes_over("asi=on", "asi=on rdinit=/no/such/program init=/no/such/program")
