# SPDX-License-Identifier: GPL-2.0
"""
A double fault in a restricted task: the handler leaves before it reports.

The report shows CR3 as it is. It must not be a page table that asictl named.
"""

import os
import re

from vmrun_test import TOP, VmRunTest

KERNEL = os.path.join(TOP, "build/kernel-debug/arch/x86/boot/bzImage")
DOMAIN = re.compile(r" user +0x([0-9a-f]+)$", re.MULTILINE)
CR3 = re.compile(r"CR2: \S+ CR3: ([0-9a-f]{16}) ")
# The low bits of CR3 are flags and the PCID.
FLAGS = 0xfff


class DoubleFault(VmRunTest):

    def overflow(self, *append):
        """The verdict, what asictl said, and the console."""
        keep = self.path("keep")
        done = self.shell(
            "build/asictl domains; cd /sys/kernel/debug; "
            "[ -d provoke-crash ] || mount -t debugfs debugfs .; "
            "sleep 2; echo EXHAUST_STACK >/sys/kernel/debug/provoke-crash/DIRECT",
            options=("--kernel", KERNEL, "--keep", keep, "--append", " ".join(append)))
        with open(os.path.join(keep, "console.log"), encoding="utf-8", errors="replace") as file:
            return done, file.read()

    def test_left_first(self):
        done, console = self.overflow("asi=on")
        self.expect(done, 126, "CRASH")
        self.assertIn("stack guard page was hit", console)
        domains = {int(pgd, 16) for pgd in DOMAIN.findall(done.stdout)}
        self.assertTrue(domains, done.stdout)
        cr3 = CR3.findall(console)
        self.assertTrue(cr3, console[-3000:])
        self.assertNotIn(int(cr3[0], 16) & ~FLAGS, domains)
