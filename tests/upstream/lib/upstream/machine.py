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
# What mm and kvm want for huge pages and guests.
MEMORY = "2G"
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

    def objects(self):
        """Where the kernel was built, and its modules with it."""
        return os.path.abspath(os.path.join(os.path.dirname(self.kernel), "../../.."))


class Run:
    """One group of tests in one mode."""

    def __init__(self, settings, group, mode, tests):
        self.settings = settings
        self.group = group
        self.suites = sorted({test.suite for test in tests})
        self.mode = mode
        self.tests = tests
        self.results = {}
        self.states = []
        # Why a machine ended otherwise than it should have.
        self.troubles = []
        # What the kernel complained of outside of tests, and what else went wrong
        # that no test is to blame for.
        self.complaints = []
        self.unexplained = ""

    def path(self, suffix):
        return os.path.join(self.settings.out, f"{self.group}-{self.mode}.{suffix}")

    def limit(self, test):
        return int(test.limit * self.settings.patience)

    def write_plan(self, tests, path):
        with open(path, "w", encoding="utf-8") as file:
            for test in tests:
                file.write(f"{test}\t{test.suite}\t{self.limit(test)}\t{test.prepare}"
                           f"\t{test.command}\n")

    def command(self, plan, prefix, timeout):
        top = self.settings.top
        cpu = "max,-smap" if self.group.endswith("-nosmap") else "max"
        return [os.path.join(top, "vm/run"), "--kernel", self.settings.kernel, "--cpu", cpu,
                "--cpus", self.settings.cpus, "--mem", MEMORY,
                "--append", f"asi={self.mode}", "--timeout", f"{timeout:g}",
                "--report", prefix + ".json", "--dmesg", prefix + ".dmesg", "--",
                "env", "OBJECTS=" + self.settings.objects(),
                os.path.join(top, "tests/upstream/guest"),
                os.path.join(top, "build/upstream"), plan]

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
        limits = {str(test): self.limit(test) for test in tests}
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
            lines = read_dmesg(self.path(str(number)) + ".dmesg")
            self.complaints += blame(said.results, lines)
            self.results.update(said.results)
            self.states += said.states
            left = [test for test in left if str(test) not in self.results]
            if said.done:
                # Complaints are judged test by test; any other trouble is not.
                if not dmesg.splats(lines, []):
                    self.unexplained = self.unexplained or trouble
                break
            self.troubles.append(trouble or "the guest's half did not finish")
            if not said.running:
                self.unexplained = self.troubles[-1] + ", between tests"
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
    """
    Gives each complaint of the kernel to the test during which it came; returns
    those that came during none.
    """
    rest = []
    for line in dmesg.splats(lines, []):
        stamp = STAMP.match(line)
        when = float(stamp.group(1)) if stamp else -1.0
        # The clock of the messages is not that of /proc/uptime: half a second.
        owner = next((result.complaints for result in results.values()
                      if result.begin - 0.5 <= when <= result.end + 0.5), rest)
        owner.append(line[stamp.end():].strip() if stamp else line)
    return rest
