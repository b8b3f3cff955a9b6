# SPDX-License-Identifier: GPL-2.0
"""scripts/kbuild: progress, and a build that fails says why in a few lines."""

import os
import subprocess

from tree import TreeTest

# What make prints of a step, and two kinds of a failure: the compiler's, and a full
# disk with its many consequences.
MAKEFILE = """\
bzImage:
	@echo '  CC      init/main.o'
	@echo 'init/main.c:1:1: warning: unused' >&2
	@echo built > $(O)/image
broken:
	@echo '  CC      init/main.o'
	@echo 'init/main.c:7:1: error: expected a declaration' >&2; exit 1
big:
	@echo 'make[6]: *** [Makefile:1: init/main.o] Error 1' >&2
	@for i in $$(seq 99); do echo "  CC      init/$$i.o"; done
	@head -c 1M /dev/zero > $(O)/image || status=1; \\
	for i in $$(seq 200); do echo "init/$$i.c:1: error: nothing is written" >&2; done; \\
	exit $$status
silent:
	@head -c 1M /dev/zero > $(O)/image 2> /dev/null; \\
	for i in $$(seq 200); do echo "  CC      drivers/base/$$i.o"; done
"""


class Kbuild(TreeTest):
    """Builds a kernel that is a makefile."""

    def setUp(self):
        super().setUp()
        self.write('kernel/Makefile', MAKEFILE)
        self.env['LINUX'] = self.path('kernel')
        self.out = self.path('build/kernel-x')
        os.makedirs(self.out)

    def configure(self):
        """As scripts/kconfig leaves the directory."""
        self.write('build/kernel-x/.config', '')

    def small_disk(self):
        """Have 64 KiB for the build."""
        done = self.run_it('mount', '-t', 'tmpfs', '-o', 'size=64k', 'none', self.out)
        if done.returncode:
            self.skipTest('cannot mount a small file system here: ' + done.stderr.strip())
        self.addCleanup(subprocess.run, ['umount', self.out], check=True)
        self.configure()

    def test_success(self):
        self.configure()
        said = self.good('kbuild', self.out)
        self.assertEqual(said, 'init/main.c:1:1: warning: unused\n')
        self.assertIn('  CC      init/main.o\n', self.read('build/kernel-x/build.log'))
        self.assertEqual(self.read('build/kernel-x/image'), 'built\n')

    def test_error_of_the_compiler(self):
        self.configure()
        done = self.script('kbuild', self.out, 'broken')
        self.assertEqual(done.returncode, 1)
        lines = done.stderr.splitlines()
        self.assertEqual(lines[0], 'init/main.c:7:1: error: expected a declaration')
        self.assertEqual(lines[-1], 'kbuild: building kernel-x failed; the whole output is in '
                         f'{self.out}/build.log')
        self.assertIn(lines[0] + '\n', self.read('build/kernel-x/build.log'))

    def test_disk_fills_up(self):
        self.small_disk()
        line = self.refused('kbuild', self.out, 'big')
        self.assertIn(f'kbuild: disk full while building {self.out}: ', line)
        self.assertIn('No space left on device', line)
        # With room again, the next build knows of nothing.
        os.unlink(self.out + '/image')
        self.good('kbuild', self.out)

    def test_no_room_for_the_log(self):
        self.small_disk()
        self.assertIn('build.log cannot be written', self.refused('kbuild', self.out, 'silent'))

    def test_commands_on_demand(self):
        self.configure()
        self.assertIn(f'make -C {self.path("kernel")} O={self.out} ',
                      self.good('kbuild', self.out, V='1'))

    def test_not_configured(self):
        self.assertIn('run scripts/kconfig first', self.refused('kbuild', self.out))

    def test_no_tree(self):
        self.configure()
        self.assertIn("run 'make setup' first",
                      self.refused('kbuild', self.out, LINUX=self.path('none')))
