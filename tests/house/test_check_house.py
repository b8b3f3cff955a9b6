# SPDX-License-Identifier: GPL-2.0
"""scripts/check-house: each rule, broken on purpose, is reported."""

import os
import shutil

from tree import TOP, TreeTest

FIRST = 'patches/0001-x86-asi-change-a.patch'


class Rules(TreeTest):
    """A project that keeps the rules, until a test breaks one."""

    def setUp(self):
        super().setUp()
        self.with_series()
        shutil.rmtree(self.path('src'))
        os.unlink(self.path('src.tar'))
        self.write('.gitignore', '/build/\n')
        self.call('git', 'init', '-q', self.dir)

    def check(self):
        """Run it; return status and output."""
        done = self.script('check-house', '--top', self.dir)
        self.assertEqual(done.stderr, '')
        return done.returncode, done.stdout

    def broken(self, *words):
        """One rule has to be reported, in a line with these words."""
        status, out = self.check()
        self.assertEqual(status, 1, out)
        lines = [line for line in out.splitlines() if all(word in line for word in words)]
        self.assertTrue(lines, out)

    def edit(self, old, new):
        """Change the first patch."""
        self.replace(FIRST, old, new)

    def test_a_good_tree_is_good(self):
        self.assertEqual(self.check(), (0, 'the rules of the house hold\n'))

    def test_overlay_path_in_base(self):
        self.write('linux/kernel/b.c', '// SPDX-License-Identifier: GPL-2.0\n')
        self.broken('linux/kernel/b.c', 'exists in the base')

    def test_patch_touches_overlay(self):
        self.write('linux/kernel/a.c', '// SPDX-License-Identifier: GPL-2.0\n')
        self.broken(FIRST, 'touches kernel/a.c')

    def test_patch_creates_a_file(self):
        with open(self.path(FIRST), 'a', encoding='utf-8') as patch:
            patch.write('diff --git a/kernel/n.c b/kernel/n.c\nnew file mode 100644\n'
                        '--- /dev/null\n+++ b/kernel/n.c\n@@ -0,0 +1 @@\n+int n;\n')
        self.broken(FIRST, 'only changes files', 'new file mode')

    def test_patch_deletes_a_file(self):
        self.edit('+++ b/kernel/a.c', '+++ /dev/null')
        self.broken(FIRST, 'only changes files')

    def test_ifdef_in_c(self):
        self.edit('+long a_8;', '+#ifdef CONFIG_MITIGATION_ADDRESS_SPACE_ISOLATION')
        self.broken(FIRST, '#ifdef in a .c')

    def test_if_is_enabled_in_c(self):
        self.edit('+long a_8;', '+#if IS_ENABLED(CONFIG_ASI_DEBUG)')
        self.broken(FIRST, '#ifdef in a .c')

    def test_other_ifdef_is_allowed(self):
        self.edit('+long a_8;', '+#ifdef CONFIG_BASIC')
        self.assertEqual(self.check()[0], 0)

    def test_fuzz(self):
        self.edit(' int a_5;', ' int a_five;')
        self.broken('does not apply')

    def test_order(self):
        lines = self.read('patches/series').splitlines()
        lines.append(lines.pop(lines.index('0001-x86-asi-change-a.patch')))
        self.write('patches/series', '\n'.join(lines) + '\n')
        self.broken('patches/series', 'order')

    def test_patch_twice_in_series(self):
        self.write('patches/series', self.read('patches/series') + '0002-x86-asi-change-b.patch\n')
        self.broken('patches/series', 'order')

    def test_patch_not_in_series(self):
        self.write('patches/0003-left.patch', self.read(FIRST))
        self.broken('0003-left.patch', 'not in series')

    def test_missing_patch(self):
        os.unlink(self.path(FIRST))
        self.broken(FIRST, 'does not exist')

    def test_missing_series(self):
        os.unlink(self.path('patches/series'))
        self.broken('patches/series', 'missing')

    def test_index_line(self):
        self.edit('--- a/kernel', 'index 0123456..789abcd 100644\n--- a/kernel')
        self.broken(FIRST, 'an index line')

    def test_short_message(self):
        self.edit('Today the value is what it always was.\n', '')
        self.broken(FIRST, 'the message has 2 lines')

    def test_tags_are_no_message(self):
        self.edit('Today the value is what it always was.\n', 'Reviewed-by: A B <a@example.org>\n')
        self.broken(FIRST, 'the message has 2 lines')

    def test_no_subject(self):
        self.edit('Subject: ', '')
        self.broken(FIRST, 'Subject')

    def test_name(self):
        os.rename(self.path(FIRST), self.path('patches/0001_odd.patch'))
        self.replace('patches/series', '0001-x86-asi-change-a.patch', '0001_odd.patch')
        self.broken('0001_odd.patch', 'NNNN-slug')

    def test_spdx_in_c(self):
        self.write('tools/x.c', 'int x;\n')
        self.broken('tools/x.c', 'SPDX')

    def test_spdx_in_overlay(self):
        self.write('linux/arch/x86/mm/asi/Makefile', 'obj-y += x.o\n')
        self.broken('linux/arch/x86/mm/asi/Makefile', 'SPDX')

    def test_spdx_in_script(self):
        self.write('scripts/do', '#!/bin/sh\n')
        self.broken('scripts/do', 'SPDX')

    def test_long_file(self):
        self.write('docs/long.md', 'line\n' * 601)
        self.broken('docs/long.md', '601 lines')

    def test_longest_file(self):
        self.write('docs/long.md', 'line\n' * 600)
        self.assertEqual(self.check()[0], 0)

    def test_long_page_of_the_kernel_documentation(self):
        self.write('linux/Documentation/arch/x86/long.rst',
                   '.. SPDX-License-Identifier: GPL-2.0\n' + 'line\n' * 700)
        self.assertEqual(self.check()[0], 0)

    def test_unfinished(self):
        for word in ('TO' + 'DO', 'FIX' + 'ME'):
            self.write('docs/plan.md', f'Fine.\n{word}: the rest\n')
            self.broken('docs/plan.md:2', 'unfinished')

    def test_unfinished_in_added_lines_only(self):
        self.edit(' int a_5;', ' int a_5; /* TO' + 'DO of Linux */')
        self.assertNotIn('unfinished', self.check()[1])
        self.edit('+long a_8;', '+long a_8; /* TO' + 'DO of ours */')
        self.broken(FIRST, 'unfinished')

    def test_ignored_files_are_not_ours(self):
        self.write('build/x.c', 'int x;\n')
        self.assertEqual(self.check()[0], 0)

    def test_without_workspace_it_says_what_it_skips(self):
        shutil.rmtree(self.space)
        status, out = self.check()
        self.assertEqual(status, 0)
        self.assertIn('skipped: overlay against base, zero fuzz', out)


class ThisProject(TreeTest):
    """The rules hold here."""

    def test_rules_hold(self):
        done = self.run_it(TOP + '/scripts/check-house')
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_round_trip(self):
        space = TOP + '/build/linux'
        if not os.path.isdir(space + '/.git'):
            self.skipTest('no workspace: run "make setup"')
        version = self.call('sh', '-c', f'git -C {space} show base:Makefile | '
                            "awk '/^SUBLEVEL/ { print $3 }'").strip()
        with open(TOP + '/base.lock', encoding='utf-8') as lock:
            if f'tested 6.12.{version} ' not in lock.read():
                self.skipTest(f'line numbers differ on 6.12.{version}, which is not in base.lock')
        done = self.run_it(TOP + '/scripts/export', '--check')
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_scripts_pass_shellcheck(self):
        if not shutil.which('shellcheck'):
            self.skipTest('shellcheck is not installed')
        scripts = []
        for name in sorted(os.listdir(TOP + '/scripts')):
            path = os.path.join(TOP, 'scripts', name)
            with open(path, encoding='utf-8') as file:
                if file.readline().endswith('bash\n'):
                    scripts.append(path)
        # The library is found from the top.
        self.dir = TOP
        done = self.run_it('shellcheck', '-x', *scripts)
        self.assertEqual(done.returncode, 0, done.stdout)
