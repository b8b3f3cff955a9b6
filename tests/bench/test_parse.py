# SPDX-License-Identifier: GPL-2.0
"""The guest program's output: what is understood and what is refused."""

import unittest

from benchlib.errors import Trouble
from benchlib.parse import counter_sum, measured, parse
from samples import MEMORY, OUTPUT


class Parse(unittest.TestCase):
    def refused(self, text, words):
        with self.assertRaises(Trouble) as caught:
            parse(text)
        self.assertIn(words, str(caught.exception))

    def test_header(self):
        run = parse(OUTPUT)
        self.assertEqual(run["release"], "6.12.1-asi")
        self.assertEqual(run["clock_per_us"], 1000.0)
        self.assertEqual(run["state"], {"pti": "0", "asi": "1", "sensitive": "1", "kvm": "1",
                                        "user": "1"})
        self.assertEqual(run["counters"], 2)

    def test_result(self):
        null = parse(OUTPUT)["ops"]["null"]
        self.assertEqual((null["ops"], null["min"], null["median"]), (31000, 237.0, 237.5))
        self.assertEqual((null["syscalls"], null["faults"]), (1.0, 0.0))
        self.assertEqual(null["counters"]["user.exits"], [0.00024, 0.0])

    def test_skip_keeps_its_reason(self):
        run = parse(OUTPUT)
        self.assertEqual(run["ops"]["int80"]["skip"],
                         "this kernel does not take 32-bit system calls")
        self.assertIsNone(measured(run, "int80"))

    def test_memory(self):
        run = parse(MEMORY)
        self.assertEqual(run["memory"], {"boot_us": 123456.0, "turn_hide": 12.5})
        self.assertEqual(parse(OUTPUT)["memory"], {})
        self.refused(MEMORY.replace("12.50", "many"), "not a number")

    def test_unknown_operation_is_not_measured(self):
        self.assertIsNone(measured(parse(OUTPUT), "pipe"))
        self.assertIsNone(measured(None, "null"))

    def test_empty(self):
        self.refused("", "no result")

    def test_cut_off(self):
        self.refused(OUTPUT.replace("done 2\n", ""), "cut off")

    def test_lost_line(self):
        self.refused("".join(line for line in OUTPUT.splitlines(True)
                             if not line.startswith("skip")), "1 results arrived")

    def test_foreign_line(self):
        self.refused(OUTPUT + "Segmentation fault\n", "means nothing")

    def test_other_format(self):
        self.refused(OUTPUT.replace("asibench 1", "asibench 2"), "format 1")

    def test_missing_word(self):
        self.refused(OUTPUT.replace("237.00 237.50", "237.00"), "wrong number of words")

    def test_not_a_number(self):
        self.refused(OUTPUT.replace("237.50", "fast"), "not a number")

    def test_counter_before_result(self):
        self.refused("asibench 1\ncounter null user.exits 1 1\ndone 0\n", "before the result")

    def test_counter_without_class(self):
        self.refused(OUTPUT.replace("user.exits ", "exits "), "not class.counter")

    def test_events_of_a_skipped_one(self):
        self.refused(OUTPUT.replace("done", "events int80 1 0 0 0\ndone"), "before the result")


class CounterSum(unittest.TestCase):
    RECORD = {"counters": {"user.exits": [0.5, 0.25], "kvm.exits": [0.25, 0.0],
                           "user.exits_fault": [9.0, 9.0], "kvm.enters": [-0.001, 0.0]}}

    def test_sums_classes(self):
        self.assertEqual(counter_sum(self.RECORD, "exits"), 0.75)

    def test_steady(self):
        self.assertEqual(counter_sum(self.RECORD, "exits", steady=True), 0.25)

    def test_absent_is_zero(self):
        self.assertEqual(counter_sum(self.RECORD, "flushes"), 0.0)

    def test_noise_below_zero_is_zero(self):
        self.assertEqual(counter_sum(self.RECORD, "enters"), 0.0)
