# SPDX-License-Identifier: GPL-2.0
"""scripts/kconfig: what was asked for is what one gets, or it stops."""

import os
import shutil
import subprocess

from tree import TOP, TreeTest


class Kconfig(TreeTest):
    """Configures the real source, with Kconfig itself."""

    def setUp(self):
        super().setUp()
        self.env['LINUX'] = self.linux = TOP + '/build/linux'
        if not os.path.exists(self.linux + '/Makefile'):
            self.skipTest('no workspace: run "make setup"')
        for tool in ('make', 'gcc', 'flex', 'bison'):
            if not shutil.which(tool):
                self.skipTest(f'{tool} is not installed')
        self.write('base.config', '# A comment.\n\nCONFIG_64BIT=y\nCONFIG_NR_CPUS=8\n'
                   'CONFIG_SMP=y\n')

    def kconfig(self, *fragments):
        """Run it for build/k; return the finished process."""
        names = [self.path(f) if f.endswith('.config') else f for f in fragments]
        return self.script('kconfig', self.path('build/k'), *names)

    def unmet(self, text, symbol):
        """A fragment of this text has to be refused because of symbol."""
        self.write('more.config', text)
        done = self.kconfig('base.config', 'more.config')
        self.assertEqual(done.returncode, 1)
        self.assertIn(f'  CONFIG_{symbol}: wanted', done.stderr)
        self.assertIn('options asked for and not obtained', done.stderr)
        self.assertFalse(os.path.exists(self.path('build/k/.config')))

    def test_values_are_obtained(self):
        done = self.kconfig('base.config')
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = self.read('build/k/.config').splitlines()
        self.assertIn('CONFIG_64BIT=y', lines)
        self.assertIn('CONFIG_NR_CPUS=8', lines)
        self.assertNotIn('CONFIG_MODULES=y', lines)

    def test_kernels_that_only_the_slow_tests_have(self):
        for kernel in 'kasan', 'locked':
            fragments = subprocess.run(
                ['make', '-s', '-C', TOP, f'--eval=show: ; @echo $(FRAGMENTS_{kernel})', 'show'],
                stdout=subprocess.PIPE, text=True, check=True).stdout.split()
            self.assertIn(kernel, fragments)
            done = self.script('kconfig', self.path('build/k'), *fragments)
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_missing_dependency(self):
        self.unmet('CONFIG_EXT4_FS=y\n# CONFIG_BLOCK is not set\nCONFIG_VETH=y\n', 'VETH')

    def test_no_such_option(self):
        self.unmet('CONFIG_NOT_AN_OPTION=y\n', 'NOT_AN_OPTION')

    def test_value_out_of_range(self):
        self.unmet('CONFIG_NR_CPUS=100000\n', 'NR_CPUS')

    def test_off_but_selected(self):
        self.unmet('CONFIG_ACPI=y\nCONFIG_PCI=y\n# CONFIG_CRC32 is not set\n'
                   'CONFIG_EXT4_FS=y\nCONFIG_BLK_DEV=y\n', 'CRC32')

    def test_module_without_modules(self):
        self.unmet('CONFIG_KUNIT=m\n', 'KUNIT')

    def test_later_fragment_wins(self):
        self.write('more.config', '# CONFIG_SMP is not set\nCONFIG_NR_CPUS=1\n')
        done = self.kconfig('base.config', 'more.config')
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn('CONFIG_SMP=y', self.read('build/k/.config'))

    def test_refusal_keeps_the_old_configuration(self):
        self.assertEqual(self.kconfig('base.config').returncode, 0)
        before = self.read('build/k/.config')
        self.write('more.config', 'CONFIG_NOT_AN_OPTION=y\n')
        self.assertEqual(self.kconfig('base.config', 'more.config').returncode, 1)
        self.assertEqual(self.read('build/k/.config'), before)

    def test_same_again_rebuilds_nothing(self):
        self.kconfig('base.config')
        before = os.stat(self.path('build/k/.config')).st_mtime_ns
        self.assertEqual(self.kconfig('base.config').returncode, 0)
        self.assertEqual(os.stat(self.path('build/k/.config')).st_mtime_ns, before)

    def test_typing_error(self):
        self.write('more.config', 'CONFIG_SMP = y\n')
        done = self.kconfig('base.config', 'more.config')
        self.assertEqual(done.returncode, 1)
        self.assertIn('more.config:1: not a request', done.stderr)

    def test_unknown_fragment(self):
        done = self.kconfig('nothing')
        self.assertEqual(done.returncode, 1)
        self.assertIn('no such configuration fragment: nothing', done.stderr)
        self.assertIn('boot', done.stderr)

    def test_no_workspace(self):
        self.env['LINUX'] = self.path('none')
        self.assertIn("run 'make setup' first", self.kconfig('base.config').stderr)
