# SPDX-License-Identifier: GPL-2.0
"""Runs a directory of unittest modules and prints KTAP."""

import os
import sys
import unittest


class KtapResult(unittest.TestResult):
    """Prints each result when it is there."""

    number = 0

    def line(self, word, test, rest=''):
        """Print one result."""
        self.number += 1
        name = test.id().replace('#', '')
        print(f'{word} {self.number} {name}{rest}', flush=True)

    def addSuccess(self, test):
        super().addSuccess(test)
        self.line('ok', test)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.line('ok', test, f' # SKIP {reason}')

    def problem(self, test, err):
        """Print a failed result with what is known about it."""
        for text in self._exc_info_to_string(err, test).splitlines():
            print(f'# {text}')
        self.line('not ok', test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.problem(test, err)

    def addError(self, test, err):
        super().addError(test, err)
        self.problem(test, err)


def main(directory, names):
    """Run the named tests, or all of test_*.py in directory; return a status."""
    # Commands among what programs say are for those who test for them.
    os.environ.pop('V', None)
    loader = unittest.TestLoader()
    if names:
        suite = loader.loadTestsFromNames(names)
    else:
        suite = loader.discover(directory, pattern='test_*.py')
    print(f'KTAP version 1\n1..{suite.countTestCases()}', flush=True)
    result = KtapResult()
    suite.run(result)
    return 0 if result.wasSuccessful() else 1


def run_here(file):
    """The body of a run script at path file."""
    here = os.path.dirname(os.path.realpath(file))
    sys.path.insert(0, here)
    sys.exit(main(here, sys.argv[1:]))
