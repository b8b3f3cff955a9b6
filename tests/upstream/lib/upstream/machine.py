# SPDX-License-Identifier: GPL-2.0
"""Runs a list of tests in machines, one after the other until all have run."""

import json
import os
import re
import subprocess

from vmrun import dmesg

from . import report

# A test that takes its machine along costs a boot; so many of them mean that
# nothing works, and more machines would only take time.
MOST_MACHINES = 6
# Booting, and what the guest's half does between tests.
BOOT = 180
# How much slower than when they were measured all tests of a suite may be: not
# every one is the one that needs PATIENCE.
SLOWER = 3
STAMP = re.compile(r"\[\s*(\d+\.\d+)\]")


class Settings:
    """What all machines of a run have in common."""

    def __init__(self, top, out, kernel, cpus, patience):
        self.top = top
        self.out = out
        self.kernel = kernel
        self.cpus = cpus
        self.patience = patience
        self.processes = []


class Run:
    """One group of tests in one mode."""

    MEMORY = {"x86": "1G", "mm": "2G", "kvm": "2G"}

    def __init__(self, settings, group, mode, tests):
        self.settings = settings
        self.group = group
        self.suite = tests[0].suite
        self.mode = mode
        self.tests = tests
        self.results = {}
        self.states = []
        # Why a machine ended otherwise than it should have.
        self.troubles = []

    def path(self, suffix):
        return os.path.join(self.settings.out, f"{self.group}-{self.mode}.{suffix}")

    def has(self, test):
        return any(one is test for one in self.tests)

    def limit(self, test):
        return int(test.limit * self.settings.patience)

    def write_plan(self, tests, path):
        with open(path, "w", encoding="utf-8") as file:
            for test in tests:
                file.write(f"{test.name}\t{self.limit(test)}\t{test.prepare}\t{test.command}\n")

    def command(self, plan, prefix, timeout):
        top = self.settings.top
        cpu = "max,-smap" if self.group.endswith("-nosmap") else "max"
        return [os.path.join(top, "vm/run"), "--kernel", self.settings.kernel, "--cpu", cpu,
                "--cpus", self.settings.cpus, "--mem", self.MEMORY[self.suite],
                "--append", f"asi={self.mode}", "--timeout", f"{timeout:g}",
                "--report", prefix + ".json", "--dmesg", prefix + ".dmesg", "--",
                os.path.join(top, "tests/upstream/guest"),
                os.path.join(top, "build/upstream", self.suite), plan]

    def boot(self, tests, number):
        """One machine; returns its report and why it ended badly, or ""."""
        prefix = self.path(str(number))
        plan = prefix + ".plan"
        self.write_plan(tests, plan)
        for suffix in (".json", ".dmesg"):
            if os.path.exists(prefix + suffix):
                os.unlink(prefix + suffix)
        timeout = self.settings.patience * (BOOT + SLOWER * sum(
            test.seconds for test in tests)) + max(self.limit(test) for test in tests)
        with open(prefix + ".out", "wb") as out, open(prefix + ".err", "wb") as err:
            process = subprocess.Popen(self.command(plan, prefix, timeout), stdout=out,
                                       stderr=err, stdin=subprocess.DEVNULL)
            self.settings.processes.append(process)
            process.wait()
        limits = {test.name: self.limit(test) for test in tests}
        with open(prefix + ".out", encoding="utf-8", errors="replace") as file:
            said = report.Report(limits).feed(file.read())
        return said, self.trouble(prefix)

    @staticmethod
    def trouble(prefix):
        try:
            with open(prefix + ".json", encoding="utf-8") as file:
                verdict = json.load(file)
        except FileNotFoundError:
            with open(prefix + ".err", encoding="utf-8", errors="replace") as file:
                return file.read().strip().split("\n")[0] or "vm/run said nothing"
        if verdict["verdict"] == "exit":
            return "" if verdict["status"] == 0 else f"status {verdict['status']}"
        return ": ".join([verdict["reason"], *verdict["details"][:1]])

    def run(self):
        """Run all tests; one that takes its machine along counts as a crash."""
        left = list(self.tests)
        for number in range(1, MOST_MACHINES + 1):
            said, trouble = self.boot(left, number)
            blame(said.results, read_dmesg(self.path(str(number)) + ".dmesg"))
            self.results.update(said.results)
            self.states += said.states
            left = [test for test in left if test.name not in self.results]
            if said.done:
                break
            self.troubles.append(trouble or "the guest's half did not finish")
            if not said.results:
                break
        return self


def read_dmesg(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().splitlines()
    except FileNotFoundError:
        return []


def blame(results, lines):
    """Gives each complaint of the kernel to the test during which it came."""
    for line in dmesg.splats(lines, []):
        stamp = STAMP.match(line)
        if not stamp:
            continue
        when = float(stamp.group(1))
        # The clock of the messages is not that of /proc/uptime: half a second.
        for result in results.values():
            if result.begin - 0.5 <= when <= result.end + 0.5:
                result.complaints.append(line[stamp.end():].strip())
                break
