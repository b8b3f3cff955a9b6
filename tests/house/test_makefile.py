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

    def modules_of(self, verb):
        """The kernels for which a verb builds the module that bench/run wants."""
        lines = self.make('-n', verb, 'PACKAGES=no').stdout.splitlines()
        return [word.rsplit('-', 1)[1] for line in lines if 'scripts/kbuild' in line
                for word in line.split() if word.startswith('M=')]

    def test_rows_about_the_page_allocator_have_their_modules(self):
        self.assertEqual(self.modules_of('test'), ['run'])
        self.assertEqual(self.modules_of('test-all'), ['run', 'off', 'base'])
        self.assertEqual(self.modules_of('bench'), ['run', 'off', 'base'])
