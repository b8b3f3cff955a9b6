# SPDX-License-Identifier: GPL-2.0
"""The documents: tables and picture."""

import unittest
import xml.dom.minidom

from benchlib import chart, model, report
from benchlib.ops import MEMORY_TITLES, TITLES
from samples import COSTS, all_met, record, run

TABLES = model.parse_costs(COSTS)


def rows(text, title):
    """The cells of the rows of the operation `title`, in all tables."""
    return [[cell.strip() for cell in line.strip("|").split("|")]
            for line in text.splitlines() if line.startswith(f"| {title} |")]


class Report(unittest.TestCase):
    def setUp(self):
        self.text = report.render(all_met(), TABLES)

    def test_table(self):
        self.assertEqual(report.table(["a", "b"], [["c", "1"]]),
                         "| a | b |\n| --- | ---: |\n| c | 1 |\n")

    def test_instructions(self):
        self.assertEqual(rows(self.text, "null system call")[0][1:],
                         ["237.0", "237.0", "241.0", "265.0", "270.0", "260.0"])

    def test_differences(self):
        self.assertEqual(rows(self.text, "read 4 KiB, page cache")[1][1:],
                         ["+0.0 (+0.00 %)", "+4.0 (+0.20 %)", "+12.0 (+0.60 %)",
                          "+15.0 (+0.75 %)", "+30.0 (+1.50 %)"])

    def test_pages_that_are_not_cleared(self):
        """Rows of instructions, and no targets."""
        runs = all_met()
        for one, low in (("base", 700.0), ("on", 735.0)):
            runs[one]["ops"]["alloc0_uncleared"] = record(low)
        text = report.instruction_table(runs) + report.difference_table(runs)
        found = rows(text, TITLES["alloc0_uncleared"])
        self.assertEqual([row[-2] for row in found], ["735.0", "+35.0 (+5.00 %)"])
        self.assertNotIn(TITLES["alloc0_uncleared"], report.target_table(runs))

    def test_events(self):
        for row in rows(self.text, "null system call")[2:4]:
            self.assertEqual(row[2], "0.00020")
            self.assertEqual(row[-1], "0")
        for title in ("asi_sensitive=off", "asi=on"):
            self.assertEqual(self.text.count(f"## Events per operation, {title}\n"), 1)

    def test_memory(self):
        runs = all_met()
        self.assertEqual(report.memory_table(runs), "")
        runs["base"]["memory"] = {"boot_us": 1234.0}
        runs["on"]["memory"] = {"boot_us": 2345.0, "turn_hide": 12.5}
        text = report.memory_table(runs)
        self.assertIn("| what | unpatched | asi=on |", text)
        self.assertEqual(rows(text, MEMORY_TITLES["boot_us"])[0][1:], ["1,234.0", "2,345.0"])
        self.assertEqual(rows(text, MEMORY_TITLES["turn_hide"])[0][1:], ["–", "12.5"])

    def test_memory_of_isolation(self):
        """What there is more than with asi=off, where isolation is on."""
        runs = all_met()
        for name, used in (("base", 16700.0), ("off", 16720.0), ("bare", 16800.0),
                           ("on", 17100.0), ("pti", 16790.0)):
            runs[name]["memory"] = {"used_kib": used}
        found = rows(report.memory_table(runs), "of it, more than with asi=off, KiB")
        self.assertEqual([row[1:] for row in found], [["–", "–", "+80.0", "+380.0", "–"]])
        del runs["off"]
        found = rows(report.memory_table(runs), "of it, more than with asi=off, KiB")
        self.assertEqual([row[1:] for row in found], [["–", "–", "–", "–"]])

    def test_only_reasons_that_occur_are_columns(self):
        one = run(9, null=record(1.0, {"user.exits_fault": [0.5, 0.5]}),
                  read=record(1.0, {"kvm.exits_pm": [0.5, 0.5], "kvm.exits_mm": [0.0, 0.0]}))
        self.assertEqual(report.event_columns(one),
                         ["enters", "exits", "exits_fault", "exits_pm", "cr3_writes", "flushes"])

    def test_model_row(self):
        row = rows(self.text, "null system call")[4]
        self.assertTrue(row[2].startswith("16 (8 … 33), +"), row)

    def test_model_is_marked(self):
        self.assertIn("a model, not a measurement", self.text)
        self.assertIn("Nothing in these tables was measured", self.text)

    def test_targets_listed(self):
        self.assertIn("at most +40 | +33.0 | met |", self.text)
        self.assertIn("not measured", self.text)

    def test_every_row_has_the_columns_of_its_header(self):
        width = None
        for line in self.text.splitlines():
            if not line.startswith("|"):
                width = None
                continue
            width = width or line.count("|")
            self.assertEqual(line.count("|"), width, line)

    def test_without_the_unpatched_kernel(self):
        runs = all_met()
        del runs["base"]
        text = report.render(runs, TABLES)
        self.assertNotIn("more than on the unpatched", text)
        self.assertNotIn("Cost model", text)

    def test_skip_shown_with_its_reason(self):
        runs = all_met()
        runs["on"]["ops"]["vmexit_user"] = {"skip": "there is no usable /dev/kvm"}
        self.assertIn("VM exit, to user space (asi=on): there is no usable /dev/kvm",
                      report.render(runs, TABLES))

    def test_missing_cell(self):
        runs = {"base": run(null=record(1.0)), "on": run(read=record(5.0))}
        self.assertEqual(rows(report.instruction_table(runs), "read 4 KiB, page cache"),
                         [["read 4 KiB, page cache", "–", "5.0"]])

    def test_small_numbers_keep_digits(self):
        self.assertEqual([report.event(v) for v in (0, 0.00024, 0.25, 12.0)],
                         ["0", "0.00024", "0.250", "12.000"])


class Chart(unittest.TestCase):
    def test_well_formed(self):
        dom = xml.dom.minidom.parseString(chart.render(all_met()))
        self.assertEqual(dom.documentElement.tagName, "svg")

    def test_bars(self):
        svg = chart.render(all_met())
        for name in ("out", "off", "bare", "on", "pti"):
            self.assertEqual(svg.count(f'fill="{chart.COLOURS[name]}"'), 3, name)

    def test_nothing_to_compare(self):
        runs = all_met()
        del runs["base"]
        self.assertEqual(chart.render(runs), "")

    def test_nice_steps(self):
        self.assertEqual([chart.nice_step(span) for span in (5, 10, 16.5, 45, 130)],
                         [1, 2, 5, 10, 50])

    def test_scale_has_zero_and_all(self):
        scale = chart.Scale([-3.0, 12.0])
        self.assertLessEqual(scale.low, -3.0)
        self.assertGreaterEqual(scale.high, 12.0)
        self.assertIn(0.0, [round(tick, 9) for tick in scale.ticks()])

    def test_bars_stay_on_the_plot(self):
        scale = chart.Scale([0.0, 14.2])
        self.assertEqual(scale.x(0), chart.LABEL_WIDTH)
        self.assertLessEqual(scale.x(14.2), chart.LABEL_WIDTH + chart.PLOT_WIDTH)

    def test_all_zero(self):
        self.assertIn("</svg>", chart.render({"base": run(null=record(5.0)),
                                              "out": run(null=record(5.0))}))
