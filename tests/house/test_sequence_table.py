# SPDX-License-Identifier: GPL-2.0
"""scripts/sequence-table: the document has what the table of the kernel has."""

import importlib.machinery
import importlib.util
import os
import subprocess
import unittest

from tree import TOP

SCRIPT = os.path.join(TOP, 'scripts/sequence-table')


def load():
    """The script as a module."""
    loader = importlib.machinery.SourceFileLoader('sequence_table', SCRIPT)
    spec = importlib.util.spec_from_loader('sequence_table', loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


class SequenceTable(unittest.TestCase):
    """The table as it is, and changed."""

    maxDiff = None

    def setUp(self):
        self.script = load()
        with open(self.script.TABLE, encoding='utf-8') as table:
            self.table = table.read()
        with open(self.script.DOCUMENT, encoding='utf-8') as document:
            self.document = document.read()

    def test_document_is_up_to_date(self):
        done = subprocess.run([SCRIPT, '--check'], stdout=subprocess.PIPE, text=True,
                              check=False)
        self.assertEqual((done.returncode, done.stdout), (0, ''))

    def test_no_sequence_is_missed(self):
        found = self.script.sequences(self.table)
        self.assertEqual(len(found), self.table.count('.run = '))
        steps = sum(len(sequence['steps']) for sequence in found)
        self.assertEqual(steps, self.table.count('\t\t\t{ "'))

    def test_a_change_is_noticed(self):
        for old, new in (('{ "printed", { IN, GRANTED } }', '{ "printed", { IN, IN } }'),
                         ('{ "relaxed", { IN, IN } }', '{ "eased", { IN, IN } }'),
                         ('Enter the domain, relax, leave it.', 'Nothing.')):
            self.assertIn(old, self.table)
            part = self.script.generate(self.table.replace(old, new, 1))
            self.assertNotEqual(self.script.replace(self.document, part), self.document)

    def test_another_form_is_refused(self):
        for old, new in (('{ "printed", { IN, GRANTED } },', '{ "printed", { IN } },'),
                         ('\t\t.step = {', '\t\t.steps = {'),
                         ('{ IN, GRANTED }', '{ IN, SOMETHING }')):
            with self.assertRaises((ValueError, KeyError)):
                self.script.generate(self.table.replace(old, new))

    def test_marks_are_needed(self):
        with self.assertRaises(ValueError):
            self.script.replace('no marks', '')
