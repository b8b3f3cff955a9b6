# SPDX-License-Identifier: GPL-2.0
"""The cost model: its table and its arithmetic."""

import unittest

from benchlib import model
from benchlib.errors import Trouble
from samples import COSTS, record


class Table(unittest.TestCase):
    def refused(self, text, words):
        with self.assertRaises(Trouble) as caught:
            model.parse_costs(text)
        self.assertIn(words, str(caught.exception))

    def test_the_real_table(self):
        table = model.load_costs()
        self.assertEqual(set(table), {"SKX", "ZEN"})
        self.assertEqual(table["SKX"]["cr3_write_noflush"].default, 190)

    def test_the_real_table_marks_assumptions(self):
        for costs in model.load_costs().values():
            for key, cost in costs.items():
                self.assertRegex(cost.mark, r"^[VMDA](/[VMDA])?$", key)
                self.assertGreater(len(cost.source), 4, key)

    def test_good(self):
        self.assertEqual(model.parse_costs(COSTS)["X"]["pti_pair"].high, 440)

    def test_empty(self):
        self.refused("# nothing\n", "no figures")

    def test_missing_column(self):
        self.refused(COSTS.replace("\tA\ta", "\tA"), "7 columns")

    def test_empty_source(self):
        self.refused(COSTS.replace("\tA\ta\n", "\tA\t \n"), "7 columns")

    def test_bounds(self):
        self.refused(COSTS.replace("200\t100\t300", "200\t201\t300"), "does not hold")

    def test_text_for_a_number(self):
        self.refused(COSTS.replace("200\t100", "many\t100"), "must be numbers")

    def test_unknown_key(self):
        self.refused(COSTS.replace("pti_pair", "pti_tear"), "knows no pti_tear")

    def test_twice(self):
        self.refused(COSTS + "X\tpti_pair\t1\t1\t1\tA\tz\n", "twice")

    def test_missing_key(self):
        self.refused("".join(line for line in COSTS.splitlines(True) if "ibpb_direct" not in line),
                     "lacks ibpb_direct")


class Arithmetic(unittest.TestCase):
    def setUp(self):
        self.costs = model.parse_costs(COSTS)["X"]
        self.base = record(200.0)

    def estimate(self, kind, rec):
        return model.estimate(kind, rec, self.base, self.costs)

    def test_base(self):
        c = model.values(self.costs, "default")
        rec = record(200.0, faults=2.0, vm_exits=1.0)
        self.assertEqual(model.base_cycles(rec, c), 100 + 190 + 2 * 900 + 1100)

    def test_instructions_alone(self):
        self.assertEqual(self.estimate("asi", record(240.0))[:3], (20, 10, 40))

    def test_percent(self):
        self.assertAlmostEqual(self.estimate("asi", record(240.0))[3], 100 * 20 / 290)

    def test_writes_without_flush(self):
        rec = record(200.0, {"user.cr3_writes": [2.0, 2.0]})
        self.assertEqual(self.estimate("asi", rec)[:3], (400, 200, 600))

    def test_writes_with_flush(self):
        rec = record(200.0, {"user.cr3_writes": [2.0, 2.0], "user.flushes": [2.0, 2.0]})
        self.assertEqual(self.estimate("asi", rec)[:3],
                         (2 * (250 + 1000), 2 * (200 + 100), 2 * (400 + 4000)))

    def test_faults_of_all_classes(self):
        rec = record(200.0, {"user.exits_fault": [1.0, 0], "kvm.exits_fault": [0.5, 0]})
        self.assertEqual(self.estimate("asi", rec)[0], 1200)

    def test_pti(self):
        self.base = record(200.0, faults=1.0)
        self.assertEqual(self.estimate("pti", record(250.0))[:3], (800, 500, 880))

    def test_ibpb_counts_vm_exits(self):
        self.base = record(200.0, syscalls=0.0, vm_exits=2.0)
        self.assertEqual(self.estimate("ibpb", record(200.0))[0], 15000)
