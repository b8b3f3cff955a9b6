# SPDX-License-Identifier: GPL-2.0
"""A test is a name and a function; its result is printed as KTAP."""

import os
import sys
import unittest

sys.path.append(os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../lib"))

import ktaprun  # noqa: E402

# Raised by a test that cannot run here, with the reason.
Skip = unittest.SkipTest


class Test(unittest.TestCase):
    """Calls run(tool); its name may be any text."""

    tool = None

    def __init__(self, name, run):
        super().__init__("call")
        self.name = name
        self.function = run

    def call(self):
        self.function(self.tool)

    def id(self):
        return f"- {self.name}"


class Suite:
    """Collects the tests of a module: functions, decorated with their name."""

    def __init__(self):
        self.list = []

    def __call__(self, name):
        def add(function):
            self.list.append(Test(name, function))
            return function
        return add

    def tests(self):
        return self.list


def run_tests(tests, tool):
    """Runs them all, prints how many passed, returns an exit status."""
    Test.tool = tool
    result = ktaprun.KtapResult()
    print(f"KTAP version 1\n1..{len(tests)}", flush=True)
    unittest.TestSuite(tests).run(result)
    failed = len(result.failures) + len(result.errors)
    passed = result.testsRun - failed - len(result.skipped)
    line = f"{passed} passed, {failed} failed"
    if result.skipped:
        line += f", {len(result.skipped)} skipped"
    print(line)
    return 1 if failed or not passed else 0
