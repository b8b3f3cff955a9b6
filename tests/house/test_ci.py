# SPDX-License-Identifier: GPL-2.0
""".ci/run: the last line is the summary, and the status is that of the tests."""

import os
import shutil

from tree import TOP, TreeTest


class Ci(TreeTest):
    """Runs it on a makefile that only pretends to test."""

    def ci(self, recipe):
        """Return status and last line."""
        self.write('Makefile', 'test:\n\t@' + recipe + '\n')
        os.makedirs(self.path('.ci'))
        shutil.copy(TOP + '/.ci/run', self.path('.ci/run'))
        done = self.run_it(self.path('.ci/run'))
        return done.returncode, done.stdout.splitlines()[-1]

    def test_all_passed(self):
        self.assertEqual(self.ci('echo 3 passed, 0 failed, 1 skipped'),
                         (0, '3 passed, 0 failed, 1 skipped'))

    def test_some_failed(self):
        status, line = self.ci('echo 3 passed, 2 failed, 0 skipped; exit 1')
        self.assertNotEqual(status, 0)
        self.assertEqual(line, '3 passed, 2 failed, 0 skipped')

    def test_build_failed(self):
        status, line = self.ci('exit 1')
        self.assertNotEqual(status, 0)
        self.assertEqual(line, '0 passed, 1 failed, 0 skipped')

    def test_no_summary(self):
        status, line = self.ci('true')
        self.assertNotEqual(status, 0)
        self.assertEqual(line, '0 passed, 1 failed, 0 skipped')
