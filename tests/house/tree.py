# SPDX-License-Identifier: GPL-2.0
"""A project in miniature: a Linux of a few files, an overlay, patches."""

import os
import subprocess
import tempfile
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
SCRIPTS = os.path.join(TOP, 'scripts')
MESSAGE = """\
Today the value is what it always was.

It becomes what the test wants, in one place.

With the feature off nothing changes.
"""


def numbered(name, lines=40):
    """A C file of lines that differ."""
    return ''.join(f'int {name}_{i};\n' for i in range(lines))


class TreeTest(unittest.TestCase):
    """Has a new miniature project in self.dir, not set up yet."""

    version = '6.12.99'

    def setUp(self):
        temp = tempfile.TemporaryDirectory(prefix='house-')
        self.addCleanup(temp.cleanup)
        self.dir = temp.name
        self.space = self.path('build/linux')
        self.env = dict(os.environ, BUILD=self.path('build'), NEED_MIB='10',
                        LINUX_SRC=self.path('src.tar'), PATCHES=self.path('patches'),
                        OVERLAY=self.path('linux'), BASE_LOCK=self.path('base.lock'),
                        GIT_AUTHOR_NAME='Some One', GIT_AUTHOR_EMAIL='one@example.org',
                        GIT_COMMITTER_NAME='Some One', GIT_COMMITTER_EMAIL='one@example.org')
        self.env.pop('V', None)
        self.write_source()
        self.write('linux/arch/x86/mm/asi/new.c', '// SPDX-License-Identifier: GPL-2.0\n')
        self.write('base.lock', 'package linux-source-6.12\nseries 6.12\n'
                   'tested 6.12.99 6.12.99-1 0000\n')

    def write_source(self, **files):
        """Make src.tar: a kernel tree as far as the scripts look at it."""
        major, minor, sub = self.version.split('.')
        self.write('src/top/Makefile', f'VERSION = {major}\nPATCHLEVEL = {minor}\n'
                   f'SUBLEVEL = {sub}\nEXTRAVERSION =\n')
        # The real one hides files that belong to the source, too.
        self.write('src/top/.gitignore', '*.shipped\n')
        self.write('src/top/hidden.shipped', 'hidden\n')
        self.write('src/top/kernel/a.c', numbered('a'))
        self.write('src/top/kernel/b.c', numbered('b'))
        for name, text in files.items():
            self.write('src/top/kernel/' + name + '.c', text)
        self.call('tar', '-C', self.path('src'), '-cf', self.path('src.tar'), 'top')

    def path(self, name):
        """The full path of a name in the project."""
        return os.path.join(self.dir, name)

    def write(self, name, text):
        """Make a file."""
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), 'w', encoding='utf-8') as file:
            file.write(text)

    def tool(self, name, text):
        """Make a command in tools/, which a test may have in its PATH."""
        self.write('tools/' + name, text)
        os.chmod(self.path('tools/' + name), 0o755)

    def apt_calls(self):
        """What an apt-get of the test's wrote down of its command lines."""
        if not os.path.exists(self.path('apt.log')):
            return []
        return self.read('apt.log').splitlines()

    def read(self, name):
        """The text of a file."""
        with open(self.path(name), encoding='utf-8') as file:
            return file.read()

    def replace(self, name, old, new):
        """Change a file, which must contain old."""
        text = self.read(name)
        self.assertIn(old, text)
        self.write(name, text.replace(old, new, 1))

    def run_it(self, *command, **env):
        """Run a command; return the finished process."""
        return subprocess.run(command, env=dict(self.env, **env), check=False, cwd=self.dir,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              stdin=subprocess.DEVNULL)

    def call(self, *command, **env):
        """Run a command that has to succeed; return its output."""
        done = self.run_it(*command, **env)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def script(self, name, *args, **env):
        """Run one of the scripts; return the finished process."""
        if name in ('export', 'apply'):
            args = ('--workspace', self.space, '--patches', self.path('patches')) + args
        return self.run_it(os.path.join(SCRIPTS, name), *args, **env)

    def good(self, name, *args, **env):
        """Run one of the scripts; it has to succeed. Return both outputs."""
        done = self.script(name, *args, **env)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def refused(self, name, *args, **env):
        """Run one of the scripts; it has to fail. Return its one line."""
        done = self.script(name, *args, **env)
        self.assertNotEqual(done.returncode, 0, done.stdout)
        lines = [line for line in done.stderr.splitlines() if not line.endswith('...')]
        self.assertEqual(len(lines), 1, done.stderr)
        return lines[0]

    def git(self, *args):
        """Run git in the workspace; return its output."""
        return self.call('git', '-C', self.space, *args)

    def commit(self, subject, body=MESSAGE):
        """Commit all changes of the workspace."""
        self.git('commit', '-q', '-a', '-m', f'{subject}\n\n{body}')

    def change(self, file, line, subject, **kwargs):
        """Commit a change of one line of a numbered file."""
        self.replace(f'build/linux/kernel/{file}.c', f'int {file}_{line};', f'long {file}_{line};')
        self.commit(subject, **kwargs)

    def patches(self):
        """{name: text} of the patches directory."""
        where = self.path('patches')
        names = sorted(os.listdir(where)) if os.path.isdir(where) else []
        return {name: self.read('patches/' + name) for name in names}

    def with_series(self):
        """Set up and export two patches with headings."""
        self.good('setup')
        self.change('a', 8, 'x86/asi: Change a', body=MESSAGE + '\nTheme: First things\n')
        self.change('b', 3, 'x86/asi: Change b', body=MESSAGE + '\nTheme: Other things\n')
        self.good('export')
