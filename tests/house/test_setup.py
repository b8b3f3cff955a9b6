# SPDX-License-Identifier: GPL-2.0
"""scripts/setup: from nothing, again, and everything that may go wrong."""

import hashlib
import os
import shutil
import signal
import subprocess
import time

from tree import SCRIPTS, TreeTest


class Fresh(TreeTest):
    """There is no workspace yet."""

    def nothing_left(self):
        """Only the lock file may be below build/."""
        self.assertEqual(os.listdir(self.path('build')), ['.setup.lock'])

    def know_source(self):
        """Put the source in base.lock."""
        with open(self.path('src.tar'), 'rb') as tar:
            digest = hashlib.sha256(tar.read()).hexdigest()
        self.replace('base.lock', '0000', digest)

    def test_makes_a_workspace(self):
        self.good('setup')
        self.assertEqual(self.git('rev-parse', 'HEAD'), self.git('rev-parse', 'base'))
        self.assertIn('kernel/a.c', self.git('ls-files').split())

    def test_ignored_files_are_committed(self):
        self.good('setup')
        self.assertIn('hidden.shipped', self.git('ls-files').split())

    def test_overlay_is_linked_and_git_is_quiet(self):
        self.good('setup')
        link = os.path.join(self.space, 'arch/x86/mm/asi/new.c')
        self.assertTrue(os.path.islink(link))
        self.assertTrue(os.path.samefile(link, self.path('linux/arch/x86/mm/asi/new.c')))
        self.assertEqual(self.git('status', '--porcelain'), '')

    def test_directory_as_source(self):
        self.good('setup', LINUX_SRC=self.path('src/top'))
        self.assertIn('hidden.shipped', self.git('ls-files').split())

    def test_built_directory_is_refused(self):
        os.makedirs(self.path('src/top/include/config'))
        self.assertIn('mrproper', self.refused('setup', LINUX_SRC=self.path('src/top')))
        self.nothing_left()

    def test_missing_source(self):
        self.assertIn('does not exist', self.refused('setup', LINUX_SRC=self.path('none.tar')))

    def test_truncated_tarball(self):
        self.call('xz', '-k', self.path('src.tar'))
        with open(self.path('src.tar.xz'), 'r+b') as tar:
            tar.truncate(os.path.getsize(self.path('src.tar.xz')) // 2)
        self.assertIn('unpacking', self.refused('setup', LINUX_SRC=self.path('src.tar.xz')))
        self.nothing_left()

    def test_too_little_room(self):
        line = self.refused('setup', NEED_MIB='999999999')
        self.assertIn('disk full', line)
        self.assertIn('999999999 MiB', line)
        self.nothing_left()

    def test_disk_fills_up(self):
        mount = self.path('build')
        os.makedirs(mount)
        done = self.run_it('mount', '-t', 'tmpfs', '-o', 'size=64k', 'none', mount)
        if done.returncode:
            self.skipTest('cannot mount a small file system here: ' + done.stderr.strip())
        self.addCleanup(subprocess.run, ['umount', mount], check=True)
        self.write_source(big='int big;\n' * 20000)
        self.assertIn('No space left on device', self.refused('setup', NEED_MIB='0'))
        self.nothing_left()

    def test_wrong_version(self):
        self.version = '6.13.1'
        self.write_source()
        line = self.refused('setup')
        self.assertIn('wanted Linux 6.12.99', line)
        self.assertIn('found 6.13.1', line)
        self.nothing_left()

    def test_untested_version_is_noticed(self):
        self.version = '6.12.100'
        self.write_source()
        notes = [line for line in self.good('setup').splitlines() if line.startswith('Note:')]
        self.assertEqual(len(notes), 1)
        self.assertIn('Linux 6.12.100', notes[0])

    def test_tested_tarball_is_not_noticed(self):
        self.know_source()
        self.assertNotIn('Note:', self.good('setup'))

    def test_leftovers_of_an_interrupted_run(self):
        self.write('build/linux.new.4711/half', '')
        self.good('setup')
        self.assertEqual(sorted(os.listdir(self.path('build'))), ['.setup.lock', 'linux'])

    def test_interruption_cleans_up(self):
        tools = self.path('tools')
        self.write('tools/tar', '#!/bin/sh\ntouch "$BUILD/.started"\nsleep 2\nexit 1\n')
        os.chmod(tools + '/tar', 0o755)
        env = dict(self.env, PATH=tools + ':' + self.env['PATH'])
        with subprocess.Popen([SCRIPTS + '/setup'], env=env, stderr=subprocess.DEVNULL) as run:
            deadline = time.monotonic() + 20
            while not os.path.exists(self.path('build/.started')):
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.05)
            run.send_signal(signal.SIGTERM)
        self.assertNotEqual(run.returncode, 0)
        os.unlink(self.path('build/.started'))
        self.nothing_left()

    def test_overlay_path_of_the_base(self):
        self.know_source()
        self.write('linux/kernel/a.c', 'int mine;\n')
        self.assertIn('linux/kernel/a.c exists in the base', self.refused('setup'))
        os.unlink(self.path('linux/kernel/a.c'))
        self.good('setup')


class Patched(TreeTest):
    """patches/ has two patches, which were exported from another workspace."""

    def setUp(self):
        super().setUp()
        self.with_series()
        self.first = sorted(self.patches())[0]

    def fresh(self):
        """Forget the workspace."""
        shutil.rmtree(self.space)

    def test_patches_become_commits(self):
        self.fresh()
        self.good('setup')
        self.assertEqual(self.git('log', '--reverse', '--format=%s', 'base..').splitlines(),
                         ['x86/asi: Change a', 'x86/asi: Change b'])
        self.assertIn('long a_8;', self.read('build/linux/kernel/a.c'))

    def test_same_commits_everywhere(self):
        self.fresh()
        self.good('setup')
        head = self.git('rev-parse', 'HEAD')
        self.fresh()
        self.good('setup')
        self.assertEqual(self.git('rev-parse', 'HEAD'), head)

    def test_fuzz_is_refused(self):
        self.fresh()
        self.version = '6.12.101'
        self.write('src/top/kernel/a.c', '')
        self.write_source()
        # Context a fuzzy tool would pass over.
        self.replace('patches/' + self.first, ' int a_5;', ' int a_five;')
        line = self.refused('setup')
        self.assertIn('wanted Linux 6.12.99', line)
        self.assertIn('found 6.12.101', line)
        self.assertIn(self.first, line)
        self.assertFalse(os.path.exists(self.space))

    def test_offset_is_accepted(self):
        self.fresh()
        text = 'int before;\n' * 7 + self.read('src/top/kernel/a.c')
        self.write_source(a=text)
        self.good('setup')
        self.assertIn('long a_8;', self.read('build/linux/kernel/a.c'))

    def test_commands_on_demand(self):
        self.fresh()
        said = self.good('setup', LINUX_SRC=self.path('src/top'), V='1')
        for command in ('tar -C ', 'git -C ', SCRIPTS + '/apply --workspace '):
            self.assertIn('\n+ ' + command, said)
        # Of scripts/apply, whose output is looked at.
        self.assertIn(' apply --cached ', said)
        self.assertIn('patches: applied 2 patches\n', said)
        self.assertIn('+ git -C ', self.good('setup', LINUX_SRC=self.path('src/top'), V='1'))

    def test_again_changes_nothing(self):
        before = os.stat(self.space + '/kernel/a.c').st_mtime_ns
        head = self.git('rev-parse', 'HEAD')
        self.assertEqual(self.good('setup'), '')
        self.assertEqual(os.stat(self.space + '/kernel/a.c').st_mtime_ns, before)
        self.assertEqual(self.git('rev-parse', 'HEAD'), head)

    def test_own_commits_are_kept(self):
        self.change('a', 30, 'Mine')
        head = self.git('rev-parse', 'HEAD')
        self.good('setup')
        self.assertEqual(self.git('rev-parse', 'HEAD'), head)

    def test_uncommitted_changes_are_kept(self):
        self.replace('build/linux/kernel/b.c', 'int b_30;', 'int mine;')
        self.good('setup')
        self.assertIn('int mine;', self.read('build/linux/kernel/b.c'))

    def test_new_patches_are_applied(self):
        before = os.stat(self.space + '/kernel/b.c').st_mtime_ns
        self.replace('patches/' + self.first, '+long a_8;', '+char a_8;')
        self.assertIn('applied 2 patches', self.good('setup'))
        self.assertIn('char a_8;', self.read('build/linux/kernel/a.c'))
        # A file that stays the same needs no recompilation.
        self.assertEqual(os.stat(self.space + '/kernel/b.c').st_mtime_ns, before)

    def test_new_patches_against_own_commits(self):
        self.change('a', 30, 'Mine')
        head = self.git('rev-parse', 'HEAD')
        self.replace('patches/' + self.first, '+long a_8;', '+char a_8;')
        self.assertIn('has commits that are not in it', self.refused('setup'))
        self.assertEqual(self.git('rev-parse', 'HEAD'), head)

    def test_new_patches_against_uncommitted_changes(self):
        self.replace('build/linux/kernel/b.c', 'int b_30;', 'int mine;')
        self.replace('patches/' + self.first, '+long a_8;', '+char a_8;')
        self.assertIn('not committed', self.refused('setup'))
        self.assertIn('int mine;', self.read('build/linux/kernel/b.c'))

    def test_broken_new_patch_changes_nothing(self):
        head = self.git('rev-parse', 'HEAD')
        self.replace('patches/' + self.first, '-int a_8;', '-int a_none;')
        self.assertIn(self.first, self.refused('setup'))
        self.assertEqual(self.git('rev-parse', 'HEAD'), head)
        self.assertEqual(self.git('status', '--porcelain'), '')

    def test_series_names_a_missing_patch(self):
        os.unlink(self.path('patches/' + self.first))
        self.assertIn('which does not exist', self.refused('setup'))

    def test_other_source_is_refused(self):
        shutil.copytree(self.path('src/top'), self.path('other'))
        self.assertIn('was made from', self.refused('setup', LINUX_SRC=self.path('other')))

    def test_not_a_workspace(self):
        self.fresh()
        os.makedirs(self.space)
        self.assertIn('not a workspace', self.refused('setup'))


class Links(TreeTest):
    """The overlay changes after the workspace was made."""

    def setUp(self):
        super().setUp()
        self.good('setup')

    def test_new_file_is_linked(self):
        self.write('linux/include/linux/asi.h', '')
        self.good('setup')
        self.assertTrue(os.path.islink(self.space + '/include/linux/asi.h'))
        self.assertEqual(self.git('status', '--porcelain'), '')

    def test_removed_file_is_unlinked(self):
        os.unlink(self.path('linux/arch/x86/mm/asi/new.c'))
        self.good('setup')
        self.assertFalse(os.path.lexists(self.space + '/arch'))
        self.assertEqual(self.git('status', '--porcelain'), '')

    def test_edit_is_live(self):
        self.write('linux/arch/x86/mm/asi/new.c', 'int live;\n')
        self.assertEqual(self.read('build/linux/arch/x86/mm/asi/new.c'), 'int live;\n')

    def test_file_in_the_way(self):
        self.write('build/linux/include/linux/asi.h', 'mine\n')
        self.write('linux/include/linux/asi.h', '')
        self.assertIn('is a file, not a link', self.refused('setup'))
        self.assertEqual(self.read('build/linux/include/linux/asi.h'), 'mine\n')

    def test_users_excludes_stay(self):
        with open(self.space + '/.git/info/exclude', 'a', encoding='utf-8') as exclude:
            exclude.write('/notes\n')
        self.write('build/linux/notes', '')
        self.good('setup')
        self.assertEqual(self.git('status', '--porcelain'), '')


class Clean(TreeTest):
    """scripts/clean removes products, and never work."""

    def setUp(self):
        super().setUp()
        self.with_series()
        self.write('build/kernel-run/vmlinux', '')

    def test_workspace_stays(self):
        self.good('clean')
        self.assertEqual(sorted(os.listdir(self.path('build'))), ['.setup.lock', 'linux'])

    def test_everything(self):
        self.good('clean', '--workspace')
        self.assertFalse(os.path.exists(self.path('build')))

    def test_commits_are_not_removed(self):
        self.change('a', 30, 'Mine')
        self.assertIn('commits that are not in patches/', self.refused('clean', '--workspace'))
        self.assertTrue(os.path.exists(self.path('build/kernel-run/vmlinux')))

    def test_changes_are_not_removed(self):
        self.replace('build/linux/kernel/b.c', 'int b_30;', 'int mine;')
        self.assertIn('not committed', self.refused('clean', '--workspace'))

    def test_commands_on_demand(self):
        self.assertIn('+ git -C ', self.good('clean', '--workspace', V='1'))

    def test_nothing_to_clean(self):
        shutil.rmtree(self.path('build'))
        self.good('clean')


class BaseTree(TreeTest):
    """scripts/base-tree copies the unpatched source."""

    def setUp(self):
        super().setUp()
        self.with_series()
        self.base = self.path('build/base')

    def test_has_no_patches(self):
        self.good('base-tree', self.space, self.base)
        self.assertIn('int a_8;', self.read('build/base/kernel/a.c'))
        self.assertTrue(os.path.exists(self.base + '/hidden.shipped'))
        self.assertFalse(os.path.lexists(self.base + '/arch'))

    def test_again_does_nothing(self):
        self.good('base-tree', self.space, self.base)
        self.assertEqual(self.good('base-tree', self.space, self.base), '')

    def test_commands_on_demand(self):
        said = self.good('base-tree', self.space, self.base, V='1')
        self.assertRegex(said, r'\+ git -C .* archive ')
        self.assertIn('+ tar -C ', said)

    def test_no_workspace(self):
        self.assertIn('not a workspace', self.refused('base-tree', self.path('none'), self.base))
