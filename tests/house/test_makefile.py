# SPDX-License-Identifier: GPL-2.0
"""The Makefile: what its verbs do, as far as that can be seen without doing it."""

from tree import TOP, TreeTest


class Makefile(TreeTest):
    """Runs make on the real one."""

    def make(self, *args):
        """Run it; return the finished process."""
        return self.run_it('make', '-C', TOP, '--no-print-directory', *args)

    def test_bench_shows_commands_on_demand(self):
        for value, option in (('0', ''), ('1', '--verbose')):
            lines = self.make('-n', 'bench', 'PACKAGES=no', 'V=' + value).stdout.splitlines()
            last = [line for line in lines if line.startswith('bench/run')]
            self.assertEqual([line.split() for line in last], [['bench/run', *option.split()]])

    def test_no_packages_and_why(self):
        done = self.make('deb')
        self.assertNotEqual(done.returncode, 0)
        lines = [line for line in done.stderr.splitlines() if not line.startswith('make')]
        self.assertEqual(len(lines), 1, done.stderr)
        self.assertIn('no make deb yet', lines[0])
        self.assertIn('emulated machines', lines[0])
