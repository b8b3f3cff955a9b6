# SPDX-License-Identifier: GPL-2.0
"""The targets: met, missed, not measured."""

import unittest

from benchlib.checks import check_all, failed
from benchlib.ops import ALLOC, MEMORY_TITLES, TITLES
from samples import all_met, record, run


def missed(runs):
    return [check.what for check in failed(check_all(runs), runs)]


class Checks(unittest.TestCase):
    def assert_missed(self, runs, words):
        self.assertEqual(len(missed(runs)), 1, missed(runs))
        self.assertIn(words, missed(runs)[0])

    def test_all_met(self):
        self.assertEqual(missed(all_met()), [])

    def test_configured_out_must_be_equal(self):
        for low in (238.0, 236.0):
            runs = all_met()
            runs["out"]["ops"]["null"]["min"] = runs["out"]["null_again"] = low
            self.assert_missed(runs, "null system call, out")

    def test_off_limit(self):
        for low, count in ((243.0, 0), (243.1, 1)):
            runs = all_met()
            runs["off"]["ops"]["null"]["min"] = runs["off"]["null_again"] = low
            self.assertEqual(len(missed(runs)), count)

    def test_on_limit(self):
        for low, count in ((277.0, 0), (278.0, 1)):
            runs = all_met()
            runs["off"]["ops"]["null"]["min"] = runs["off"]["null_again"] = 243.0
            runs["on"]["ops"]["null"]["min"] = runs["on"]["null_again"] = low
            wrong = [what for what in missed(runs) if "against unpatched" in what]
            self.assertEqual(len(wrong), count, wrong)

    def test_on_against_off(self):
        for low, count in ((274.0, 0), (275.0, 1)):
            runs = {"on": run(null=record(low)), "off": run(null=record(240.0))}
            wrong = [what for what in missed(runs) if "against off" in what]
            self.assertEqual(len(wrong), count, wrong)

    def test_steady_exits(self):
        runs = all_met()
        runs["on"]["ops"]["null"]["counters"]["user.exits"] = [1.0, 1.0]
        self.assert_missed(runs, "exits per operation")

    def test_rare_exits_that_are_not_ticks(self):
        runs = all_met()
        runs["on"]["ops"]["null"]["counters"]["user.exits"] = [0.01, 0.0]
        self.assert_missed(runs, "exits per operation")

    def test_kvm_exits_count_too(self):
        runs = all_met()
        runs["on"]["ops"]["vmexit_kernel"] = record(3000.0, {"kvm.exits": [1.0, 1.0]})
        self.assert_missed(runs, "VM exit, in the kernel")

    def test_without_counters_exits_are_not_measured(self):
        runs = all_met()
        runs["on"]["counters"] = 0
        self.assert_missed(runs, "exits per operation")

    def test_repeat(self):
        runs = all_met()
        runs["base"]["null_again"] += 0.75
        self.assert_missed(runs, "second boot")

    def test_repeat_not_done(self):
        runs = all_met()
        del runs["base"]["null_again"]
        self.assert_missed(runs, "second boot")

    def test_percent_is_a_goal_only(self):
        runs = all_met()
        runs["on"]["ops"]["read"]["min"] = 2100.0
        self.assertEqual(missed(runs), [])
        verdicts = [check.verdict for check in check_all(runs) if "read" in check.what]
        self.assertEqual(verdicts, ["met", "**missed**"])

    def allocator(self, config, low, against="base"):
        """What a page misses that the other kernel gives for 1000."""
        return missed({against: run(alloc0=record(1000.0)), config: run(alloc0=record(low))})

    def test_allocator(self):
        for config, good, bad in (("out", 1010.0, 1011.0), ("off", 1005.0, 1006.0),
                                  ("on", 1030.0, 1031.0)):
            self.assertEqual(self.allocator(config, good), [])
            self.assertEqual(self.allocator(config, bad),
                             [f"page for the kernel, {config}: instructions against unpatched"])

    def test_allocator_of_one_kernel(self):
        self.assertEqual(self.allocator("on", 1040.0, "off"), [])
        self.assertEqual(self.allocator("on", 1041.0, "off"),
                         ["page for the kernel, on: instructions against off"])

    def test_allocator_without_the_module_fails(self):
        skip = {"skip": "the module is not there"}
        wrong = missed({"off": run(alloc0=skip), "on": run(alloc0=skip)})
        self.assertEqual(wrong, ["page for the kernel, on: instructions against off"])

    def test_every_page_has_targets(self):
        for op in ALLOC:
            what = [check.what for check in check_all({})
                    if check.what.startswith(TITLES[op] + ",")]
            self.assertEqual(len(what), 4, op)

    def turned(self, **values):
        """What a demand that alternates misses, with these values instead."""
        runs = {"base": run(), "on": run()}
        runs["base"]["memory"] = {"turn_page": 6000.0}
        runs["on"]["memory"] = {"turn_page": 6600.0, "turn_hide": 512.0, "turn_show": 512.0,
                                "turn_shootdown": 128.0, **values}
        return missed(runs)

    def test_conversions_at_their_limits(self):
        self.assertEqual(self.turned(), [])

    def test_conversions_beyond_their_limits(self):
        for key, value in (("turn_hide", 512.1), ("turn_show", 512.1),
                           ("turn_shootdown", 128.1), ("turn_page", 6601.0)):
            wrong = self.turned(**{key: value})
            self.assertEqual(len(wrong), 1, wrong)
            self.assertTrue(wrong[0].startswith(MEMORY_TITLES[key] + ", on"), wrong)

    def test_few_conversions_have_few_shootdowns(self):
        self.assertEqual(self.turned(turn_hide=0.0, turn_shootdown=0.0), [])
        self.assertEqual(len(self.turned(turn_hide=100.0, turn_shootdown=26.0)), 1)

    def test_conversions_that_the_kernel_does_not_count_fail(self):
        self.assertEqual(len(self.turned(turn_show=None)), 1)

    def test_conversions_are_measured_with_the_table_of_memory_only(self):
        runs = all_met()
        self.assertEqual(missed(runs), [])
        verdicts = {check.verdict for check in check_all(runs)
                    if check.what.startswith("alternating demand")}
        self.assertEqual(verdicts, {"not measured"})

    def test_what_was_not_asked_for_fails_nothing(self):
        self.assertEqual(missed({"on": run(20, read=record(2000.0))}), [])

    def test_skipped_by_the_guest_fails(self):
        runs = all_met()
        runs["on"]["ops"]["int80"] = {"skip": "no"}
        self.assert_missed(runs, "INT 0x80")
