# SPDX-License-Identifier: GPL-2.0
"""scripts/promtool, with a package manager that only pretends."""

import os

from tree import TreeTest

APT = """#!/bin/sh
echo "$*" >> "$ROOM/apt.log"
if [ -e "$ROOM/$1.fails" ]; then
	rm "$ROOM/$1.fails"
	echo "E: it is broken"
	exit 100
fi
[ "$1" != download ] || touch prometheus_1_amd64.deb
"""
DPKG_DEB = """#!/bin/sh
exec tar -C "$ROOM/package" -c .
"""
NEEDED = ('bash', 'basename', 'cat', 'chmod', 'dirname', 'grep', 'head', 'mkdir', 'mktemp', 'mv',
          'rm', 'sh', 'tar', 'touch')


class Promtool(TreeTest):
    """A machine with few commands and no promtool."""

    def setUp(self):
        super().setUp()
        self.env['ROOM'] = self.dir
        for name in NEEDED:
            for where in ('/usr/bin/', '/bin/'):
                if os.path.exists(where + name):
                    self.tool(name, f'#!{where}sh\nexec {where}{name} "$@"\n')
                    break
        self.tool('apt-get', APT)
        self.tool('dpkg-deb', DPKG_DEB)
        self.tool('id', '#!/bin/sh\necho 0\n')
        self.tool('env', '#!/bin/sh\nexec /usr/bin/env "$@"\n')
        self.write('package/usr/bin/promtool', 'the tool\n')
        self.env['PATH'] = self.path('tools')

    def last_words(self):
        """Run it; it has to fail, and to leave nothing. Return its last line."""
        done = self.script('promtool')
        self.assertNotEqual(done.returncode, 0, done.stdout)
        self.assertFalse(os.path.exists(self.path('build/promtool')))
        return done.stderr.splitlines()[-1]

    def test_taken_out_of_the_package(self):
        self.good('promtool')
        self.assertEqual(self.apt_calls(), ['download prometheus'])
        self.assertEqual(self.read('build/promtool'), 'the tool\n')
        self.assertTrue(os.access(self.path('build/promtool'), os.X_OK))
        self.good('promtool')
        self.assertEqual(len(self.apt_calls()), 1)

    def test_one_in_path_is_as_good(self):
        self.tool('promtool', '#!/bin/sh\n')
        self.good('promtool')
        self.assertEqual(self.apt_calls(), [])

    def test_update_when_lists_are_missing(self):
        self.write('download.fails', '')
        self.good('promtool')
        self.assertEqual(self.apt_calls(), ['download prometheus', 'update', 'download prometheus'])

    def test_lists_missing_and_not_root(self):
        self.write('download.fails', '')
        self.tool('id', '#!/bin/sh\necho 1000\n')
        self.assertIn('as root, run: apt-get update', self.last_words())

    def test_failed_update(self):
        self.write('download.fails', '')
        self.write('update.fails', '')
        self.assertIn('apt-get update failed', self.last_words())

    def test_package_without_it(self):
        os.unlink(self.path('package/usr/bin/promtool'))
        self.assertIn('has no ./usr/bin/promtool', self.last_words())

    def test_not_debian(self):
        os.unlink(self.path('tools/apt-get'))
        self.assertIn('this is not Debian', self.last_words())
