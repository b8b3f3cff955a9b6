# SPDX-License-Identifier: GPL-2.0
"""scripts/check-series: what counts as a patch that builds and boots."""

import os
import shutil

from tree import SCRIPTS, TreeTest

# Builds what says how its build goes.
KBUILD = """\
#!/bin/sh
grep -h warning: "$LINUX"/kernel/*.c >&2
! grep -q broken "$LINUX"/kernel/*.c
"""


class CheckSeries(TreeTest):
    """Two patches, and a build and a machine that are scripts."""

    def setUp(self):
        super().setUp()
        self.with_series()
        os.makedirs(self.path('scripts'))
        for name in ('check-series', 'lib.sh', 'link'):
            shutil.copy(os.path.join(SCRIPTS, name), self.path('scripts/' + name))
        self.program('scripts/kconfig', '#!/bin/sh\n')
        self.program('scripts/kbuild', KBUILD)
        self.program('vm/run', '#!/bin/sh\necho booted >&2\n')

    def program(self, name, text):
        """Make an executable file."""
        self.write(name, text)
        os.chmod(self.path(name), 0o755)

    def check(self, status, *args):
        """Run it; return the lines."""
        done = self.run_it(self.path('scripts/check-series'), *args)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout.splitlines()

    def spoil(self, text):
        """Have the second patch bring a line in."""
        self.replace('build/linux/kernel/b.c', 'long b_3;', text)
        self.git('commit', '-q', '-a', '--amend', '--no-edit')

    def test_all_good(self):
        lines = self.check(0)
        self.assertEqual(lines, ['ok 0 Linux 6.12.99', 'ok 1 x86/asi: Change a',
                                 'ok 2 x86/asi: Change b', '3 passed, 0 failed, 0 skipped'])

    def test_some_of_them(self):
        self.assertEqual(self.check(0, '1', '1')[-1], '1 passed, 0 failed, 0 skipped')

    def test_warning(self):
        self.spoil('b.c:3:1: warning: unused')
        lines = self.check(1)
        self.assertIn('# b.c:3:1: warning: unused', lines)
        self.assertIn('not ok 2 x86/asi: Change b', lines)
        self.assertEqual(lines[-1], '2 passed, 1 failed, 0 skipped')

    def test_build_fails(self):
        self.spoil('broken')
        self.assertIn('not ok 2 x86/asi: Change b', self.check(1))

    def test_does_not_boot(self):
        self.program('vm/run', '#!/bin/sh\nexit 126\n')
        self.assertEqual(self.check(1)[-1], '0 passed, 3 failed, 0 skipped')
