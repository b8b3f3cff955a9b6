# SPDX-License-Identifier: GPL-2.0
"""scripts/export: the round trip, fixups, and what it refuses."""

import os
import re
import shutil

from tree import MESSAGE, TreeTest


class RoundTrip(TreeTest):
    """Two patches were exported."""

    def setUp(self):
        super().setUp()
        self.with_series()
        self.exported = self.patches()

    def test_apply_then_export_is_identical(self):
        shutil.rmtree(self.space)
        self.good('setup')
        self.assertIn('0 files changed', self.good('export'))
        self.assertEqual(self.patches(), self.exported)

    def test_check_agrees(self):
        self.assertIn('2 patches come back as they are', self.good('export', '--check'))

    def test_check_finds_a_patch_edited_by_hand(self):
        name = sorted(self.exported)[0]
        self.replace('patches/' + name, '--- a/', 'index 1234567..89abcde 100644\n--- a/')
        done = self.script('export', '--check')
        self.assertEqual(done.returncode, 1)
        self.assertIn(name, done.stderr)

    def test_names_and_headings(self):
        self.assertEqual(sorted(self.exported), ['0001-x86-asi-change-a.patch',
                                                 '0002-x86-asi-change-b.patch', 'series'])
        lines = self.exported['series'].splitlines()
        self.assertEqual(lines[-5:], ['# First things', '0001-x86-asi-change-a.patch', '',
                                      '# Other things', '0002-x86-asi-change-b.patch'])

    def test_long_subject_is_cut_after_a_word(self):
        self.change('a', 30, 'x86/asi: ' + 'word ' * 20)
        self.good('export')
        self.assertIn('0003-x86-asi-' + '-'.join(['word'] * 10) + '.patch', self.patches())

    def test_message_survives(self):
        text = self.exported['0001-x86-asi-change-a.patch']
        self.assertTrue(text.startswith('Subject: x86/asi: Change a\n\n' + MESSAGE))

    def test_no_noise(self):
        for name, text in self.exported.items():
            self.assertNotRegex(text, r'(?m)^(index |From [0-9a-f]{40}|Theme:|Date:)', name)
            self.assertNotIn('Some One', text)

    def test_git_takes_them_as_a_quilt_series(self):
        self.git('checkout', '-q', '--detach', 'base')
        self.git('quiltimport', '--author', 'Some One <one@example.org>',
                 '--patches', self.path('patches'))
        self.assertIn('long b_3;', self.read('build/linux/kernel/b.c'))

    def test_users_git_configuration_does_not_matter(self):
        self.write('gitconfig', '[diff]\n\tnoprefix = true\n\tmnemonicPrefix = true\n'
                   '\tcontext = 9\n[core]\n\tabbrev = 40\n[format]\n\tpretty = oneline\n')
        self.good('export', GIT_CONFIG_GLOBAL=self.path('gitconfig'))
        self.assertEqual(self.patches(), self.exported)

    def test_patch_in_between_inherits_its_heading(self):
        self.git('reset', '-q', '--hard', 'HEAD~1')
        self.change('a', 30, 'x86/asi: Between')
        self.change('b', 3, 'x86/asi: Change b', body=MESSAGE + '\nTheme: Other things\n')
        self.good('export')
        self.assertEqual(sorted(self.patches()),
                         ['0001-x86-asi-change-a.patch', '0002-x86-asi-between.patch',
                          '0003-x86-asi-change-b.patch', 'series'])
        self.assertTrue(re.search(r'# First things\n0001.*\n0002.*\n\n# Other things\n0003',
                                  self.patches()['series']))

    def test_setup_after_export_keeps_all(self):
        self.change('a', 30, 'x86/asi: More')
        self.good('export')
        head = self.git('rev-parse', 'HEAD')
        self.good('setup')
        self.assertEqual(self.git('rev-parse', 'HEAD'), head)


class Fixups(TreeTest):
    """A hook is changed by a fixup of its patch."""

    def setUp(self):
        super().setUp()
        self.with_series()

    def test_fixup_is_folded(self):
        self.change('a', 30, 'fixup! x86/asi: Change a', body='')
        before = os.stat(self.space + '/kernel/a.c').st_mtime_ns
        self.good('export')
        self.assertEqual(len(self.git('rev-list', 'base..').split()), 2)
        self.assertIn('+long a_30;', self.patches()['0001-x86-asi-change-a.patch'])
        self.assertNotIn('a_30', self.patches()['0002-x86-asi-change-b.patch'])
        self.assertEqual(os.stat(self.space + '/kernel/a.c').st_mtime_ns, before)
        self.assertEqual(self.git('status', '--porcelain'), '')

    def test_fixup_keeps_message_and_heading(self):
        self.change('a', 30, 'fixup! x86/asi: Change a', body='')
        self.good('export')
        self.assertIn(MESSAGE, self.patches()['0001-x86-asi-change-a.patch'])
        self.assertIn('# First things', self.patches()['series'])

    def test_fixup_of_a_fixup(self):
        self.change('a', 30, 'fixup! x86/asi: Change a', body='')
        self.change('a', 31, 'fixup! fixup! x86/asi: Change a', body='')
        self.good('export')
        self.assertIn('+long a_31;', self.patches()['0001-x86-asi-change-a.patch'])

    def test_fixup_of_the_same_file_as_a_later_patch(self):
        self.change('a', 12, 'x86/asi: Change a again')
        self.change('a', 25, 'fixup! x86/asi: Change a', body='')
        self.good('export')
        self.assertIn('+long a_25;', self.patches()['0001-x86-asi-change-a.patch'])
        self.assertNotIn('+long a_25;', self.patches()['0003-x86-asi-change-a-again.patch'])

    def test_amend_replaces_the_message(self):
        self.change('a', 30, 'amend! x86/asi: Change a', body='x86/asi: Better\n\nNew body.\n')
        self.good('export')
        text = self.patches()['0001-x86-asi-better.patch']
        self.assertIn('New body.', text)
        self.assertNotIn('Today', text)
        self.assertIn('# First things', self.patches()['series'])

    def test_conflict_is_refused(self):
        self.replace('build/linux/kernel/a.c', 'long a_8;', 'char a_8;')
        self.commit('x86/asi: Change a again')
        self.replace('build/linux/kernel/a.c', 'char a_8;', 'short a_8;')
        self.commit('fixup! x86/asi: Change a')
        head = self.git('rev-parse', 'HEAD')
        self.assertIn('git rebase -i --autosquash base', self.refused('export'))
        self.assertEqual(self.git('rev-parse', 'HEAD'), head)

    def test_unknown_target_is_refused(self):
        self.change('a', 30, 'fixup! x86/asi: Nothing', body='')
        self.assertIn('no earlier commit', self.refused('export'))


class Refused(TreeTest):
    """What cannot become a patch; patches/ stays as it was."""

    def setUp(self):
        super().setUp()
        self.with_series()
        self.exported = self.patches()
        self.addCleanup(lambda: self.assertEqual(self.last, self.exported))

    def refuse(self):
        """Export has to refuse; return the line, and note what patches are."""
        line = self.refused('export')
        self.last = self.patches()
        return line

    def test_uncommitted_change(self):
        self.replace('build/linux/kernel/a.c', 'int a_9;', 'int mine;')
        self.assertIn('not committed: kernel/a.c', self.refuse())

    def test_new_file(self):
        self.write('build/linux/kernel/new.c', '')
        self.assertIn('kernel/new.c', self.refuse())

    def test_commit_that_creates_a_file(self):
        self.write('build/linux/kernel/new.c', 'int new;\n')
        self.git('add', 'kernel/new.c')
        self.commit('x86/asi: New')
        self.assertIn('new files live in linux/kernel/new.c', self.refuse())

    def test_commit_that_deletes_a_file(self):
        self.git('rm', '-q', 'kernel/b.c')
        self.commit('x86/asi: Less')
        self.assertIn('deletes', self.refuse())

    def test_commit_that_renames_a_file(self):
        self.git('mv', 'kernel/b.c', 'kernel/c.c')
        self.commit('x86/asi: Other')
        self.refuse()

    def test_merge(self):
        self.git('checkout', '-q', '-b', 'side', 'base')
        self.change('a', 38, 'Side')
        self.git('checkout', '-q', 'main')
        self.git('merge', '-q', '-m', 'Merge', 'side')
        self.assertIn('is a merge', self.refuse())

    def test_two_of_one_name(self):
        self.change('a', 30, 'x86/asi: Change a')
        self.assertIn('two commits are called', self.refuse())

    def test_separator_in_the_message(self):
        self.change('a', 30, 'x86/asi: Cut', body='One\n---\nTwo\n')
        self.assertIn('ends a message', self.refuse())

    def test_rebase_in_progress(self):
        os.makedirs(self.space + '/.git/rebase-merge')
        self.assertIn('in the middle of a rebase', self.refuse())
