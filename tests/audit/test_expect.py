# SPDX-License-Identifier: GPL-2.0
"""expect.tsv, what the guest says, and the kinds that both have to agree on."""

import glob
import os
import re
import tempfile
import unittest

from audit import expect
from audit.errors import Trouble
from audit.frames import OTHER, Frames, class_of, user_pages
from audit.pagetable import Leaf
from audit.regions import Regions
from audit.report import Report
from audit.verdict import NOT_AVAILABLE, REACHABLE, WITHOUT_OWNER

HERE = os.path.dirname(os.path.realpath(__file__))
COVERAGE = os.path.join(HERE, "../../docs/COVERAGE.md")
LINE = "a\twhat\treachable\thidden\thidden\town\twhy\n"


class Reading(unittest.TestCase):
    def read(self, text):
        with tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            return expect.read(file.name)

    def refuse(self, text):
        with self.assertRaises(Trouble):
            self.read(text)

    def test_line(self):
        one = self.read("# words\n\n" + LINE)["a"]
        self.assertEqual((one.what, one.words["owner"], one.available), ("what", "own", True))

    def test_refused(self):
        self.refuse(LINE + LINE)
        self.refuse(LINE.replace("hidden", "gone", 1))
        self.refuse(LINE.replace("hidden", "n/a", 1))
        self.refuse(LINE.replace("\twhy", ""))
        self.refuse(LINE.replace("why", ""))

    def test_copies(self):
        one = self.read(LINE.replace("why", "why\t1 slab, 2 kernel"))["a"]
        self.assertEqual(one.copies, {"slab": 1, "kernel": 2})
        for text in ("slab", "0 slab", "1 slab,2 kernel", ""):
            self.refuse(LINE.replace("why", "why\t" + text))

    def test_too_few_copies(self):
        one = self.read(LINE.replace("why", "why\t1 slab, 2 kernel"))["a"]
        self.assertFalse(expect.compare_copies(one, ["slab", *["kernel, pipes"] * 2]))
        self.assertEqual(len(expect.compare_copies(one, ["kernel, pipes", "reserved"])), 2)


class Ours(unittest.TestCase):
    """The table and the program in the guest have the same kinds."""

    def setUp(self):
        self.table = expect.read(os.path.join(HERE, "expect.tsv"))

    def test_same_kinds(self):
        planted = set()
        for path in glob.glob(os.path.join(HERE, "guest/*.c")):
            with open(path, encoding="utf-8") as file:
                planted.update(re.findall(r'^\t\{ "([^"]+)", plant_\w+ \},$', file.read(), re.M))
        self.assertEqual(planted | {"hole"}, set(self.table))

    def test_at_least_25_kinds_are_planted(self):
        self.assertGreater(sum(one.available for one in self.table.values()), 25)

    def test_the_unrestricted_table_has_everything(self):
        self.assertFalse([one.name for one in self.table.values()
                          if one.words["unrestricted"] == "hidden"])

    def test_owners(self):
        self.assertEqual({one.name for one in self.table.values() if one.words["owner"] == "-"},
                         set(WITHOUT_OWNER))


class Document(unittest.TestCase):
    """docs/COVERAGE.md is of today's table: what changes that has to write it anew."""

    def setUp(self):
        self.table = expect.read(os.path.join(HERE, "expect.tsv")).values()
        with open(COVERAGE, encoding="utf-8") as file:
            self.text = file.read()

    def test_same_rows(self):
        cells = [row.split(" | ") for row in re.findall(r"^\| (.*) \|$", self.text, re.M)]
        self.assertEqual([row for row in cells if len(row) == 6][1:],
                         [[one.what, *(NOT_AVAILABLE if word == expect.NA else word
                                       for word in one.words.values()), one.why]
                          for one in self.table], "run: make audit")

    def test_same_counts(self):
        # A block hidden by hand is no kind of place.
        kinds = [one for one in self.table if one.available and one.name != "hole"]
        reached = [sum(one.words[column] == REACHABLE for one in kinds)
                   for column in ("other", "guest")]
        found = re.search(r"Of (\d+) kinds, the restricted table of another process reaches "
                          r"(\d+), that of a guest (\d+)\.", " ".join(self.text.split()))
        self.assertEqual([int(number) for number in found.groups()],
                         [len(kinds), *reached], "run: make audit")


class Saying(unittest.TestCase):
    def test_lines_of_others_are_ignored(self):
        report = Report()
        report.line("Bail out! no\n")
        self.assertFalse(report.ready)

    def test_not_understood(self):
        for line in ("audit kind a lost 3", "audit what ever", "audit hole 1 phys=zz"):
            with self.assertRaises(Trouble):
                Report().line(line + "\n")

    def test_incomplete(self):
        report = Report()
        report.line("audit ready\n")
        self.assertTrue(report.ready)
        with self.assertRaises(Trouble):
            report.check()

    def test_the_lister_is_left_out(self):
        report = Report()
        report.line('audit domains {"domains": [{"pid": 3, "comm": "asictl", "class": "user", '
                    '"pgd_phys": "0x1000"}, {"pid": 4, "comm": "sh", "class": "user", '
                    '"pgd_phys": "0x2000"}]}\n')
        self.assertEqual(report.domains(), {(4, "user"): 0x2000})


class Pages(unittest.TestCase):
    def test_classes(self):
        frames = Frames([(0, 2, 1 << 12), (2, 1, 1 << 10), (3, 1, 0)], 5 * 4096)
        self.assertEqual([frames.name(4096 * i) for i in range(6)],
                         ["anonymous", "anonymous", "free", OTHER, "no memory", "no memory"])
        self.assertEqual(user_pages(frames.in_all()), 2)

    def test_a_page_counts_once(self):
        frames = Frames([(0, 8, 1 << 12)], 8 * 4096)
        leaves = [Leaf(0, 0, 1, 0, 0), Leaf(1 << 63, 0, 1, 0, 0), Leaf(4096, 4096, 1, 0, 0),
                  Leaf(0, 0, 2, 0, 0)]
        reach = frames.reached(leaves[:3], lambda virt: "high" if virt >> 63 else "low")
        self.assertEqual({name: sum(counts.values()) for name, counts in reach.items()},
                         {"low": 2, "high": 1, "all": 2})
        self.assertEqual(sum(frames.reached(leaves, str)["all"].values()), 8)

    def test_the_first_bit_decides(self):
        self.assertEqual(class_of(1 << 10 | 1 << 12), class_of(1 << 10))


class Places(unittest.TestCase):
    BASES = {"page_offset_base": 0xffff888000000000, "vmalloc_base": 0xffffc90000000000,
             "vmemmap_base": 0xffffea0000000000}

    def test_names(self):
        name = Regions(self.BASES).name
        for virt, expected in ((0x400000, "user half"), (0xffff888000001000, "direct map"),
                               (0xffffc90000001000, "vmalloc"), (0xffffea0000000040, "vmemmap"),
                               (0xfffffe0000001000, "cpu_entry_area"),
                               (0xffffff0000001000, "espfix"),
                               (0xffffffff81000000, "kernel image"),
                               (0xffffffffc0001000, "modules"), (0xffffffffff5fb000, "fixmap"),
                               (0xffff800000000000, "below the direct map")):
            self.assertEqual(name(virt), expected)

    def test_odd_order(self):
        with self.assertRaises(Trouble):
            Regions({**self.BASES, "vmalloc_base": 0xffff800000000000})
