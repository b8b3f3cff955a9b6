# SPDX-License-Identifier: GPL-2.0
"""scripts/packages, with a package manager that only pretends."""

import re

from tree import TOP, TreeTest

DPKG = """#!/bin/sh
for name; do
	if grep -qx "$name" "$ROOM/installed"; then
		echo "installed $name"
	fi
done
"""
APT = """#!/bin/sh
echo "$*" >> "$ROOM/apt.log"
if [ -e "$ROOM/$1.fails" ]; then
	rm "$ROOM/$1.fails"
	echo "E: it is broken"
	exit 100
fi
[ "$1" = update ] || printf '%s\\n' "$@" >> "$ROOM/installed"
"""


class Packages(TreeTest):
    """Two groups, three packages; one of them is installed."""

    def setUp(self):
        super().setUp()
        self.env['ROOM'] = self.dir
        self.env['PACKAGES_LIST'] = self.path('list')
        self.write('list', '# Comment\n\nbuild\tone\ta reason\nbuild\ttwo\ta reason\n'
                   'vm\tthree\ta reason\n')
        self.write('installed', 'one\n')
        self.tool('dpkg-query', DPKG)
        self.tool('apt-get', APT)
        self.tool('id', '#!/bin/sh\necho 0\n')
        self.tool('sudo', '#!/bin/sh\nexit 1\n')
        self.env['PATH'] = self.path('tools') + ':' + self.env['PATH']

    def test_all_present(self):
        self.write('installed', 'one\ntwo\nthree\n')
        self.assertEqual(self.good('packages'), '')
        self.assertEqual(self.apt_calls(), [])

    def test_workloads_only_when_named(self):
        self.write('installed', 'one\ntwo\nthree\n')
        self.write('list', self.read('list') + 'workloads\tserver\ta reason\n')
        self.good('packages')
        self.assertEqual(self.apt_calls(), [])
        self.good('packages', 'workloads')
        self.assertIn('server', self.apt_calls()[0])

    def test_installs_what_is_missing(self):
        self.good('packages')
        self.assertEqual(self.apt_calls(), ['install -y --no-install-recommends three two'])
        self.assertEqual(self.good('packages'), '')

    def test_group(self):
        self.good('packages', 'vm')
        self.assertEqual(self.apt_calls(), ['install -y --no-install-recommends three'])

    def test_unknown_group(self):
        self.assertIn('there are: build vm', self.refused('packages', 'bild'))

    def test_update_when_lists_are_old(self):
        self.write('install.fails', '')
        self.good('packages')
        self.assertEqual([call.split()[0] for call in self.apt_calls()],
                         ['install', 'update', 'install'])

    def test_failed_download(self):
        self.write('install.fails', '')
        self.write('update.fails', '')
        done = self.script('packages')
        self.assertEqual(done.returncode, 1)
        self.assertIn('apt-get update failed', done.stderr)

    def test_not_root(self):
        self.tool('id', '#!/bin/sh\necho 1000\n')
        done = self.script('packages')
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stdout, 'apt-get install -y --no-install-recommends three two\n')
        self.assertEqual(self.apt_calls(), [])

    def test_sudo(self):
        self.tool('id', '#!/bin/sh\necho 1000\n')
        self.tool('sudo', '#!/bin/sh\n[ "$1" = -n ] && exit 0\nexec "$@"\n')
        self.good('packages')
        self.assertEqual(len(self.apt_calls()), 1)

    def test_dry_run(self):
        done = self.script('packages', '--dry-run')
        self.assertEqual(done.returncode, 1)
        self.assertEqual(self.apt_calls(), [])

    def test_every_package_has_a_group_and_a_reason(self):
        with open(TOP + '/scripts/packages.list', encoding='utf-8') as file:
            rows = [line for line in file.read().splitlines() if line and line[0] != '#']
        self.assertGreater(len(rows), 20)
        for row in rows:
            self.assertTrue(re.match(r'(build|vm|bochs|bench|workloads|test)\t+[a-z0-9.+-]+\t+\S', row), row)
