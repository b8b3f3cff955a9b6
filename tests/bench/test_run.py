# SPDX-License-Identifier: GPL-2.0
"""bench/run itself: selections, what is missing, exit status."""

import json
import os
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

from benchlib import boot, configs, main
from benchlib.errors import Trouble
from samples import all_met, record, run

RUN = os.path.join(configs.REPO, "bench/run")


def bench(*args):
    return subprocess.run([sys.executable, RUN, *args], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, check=False, timeout=60)


class Select(unittest.TestCase):
    def test_all(self):
        self.assertEqual([c.name for c in configs.select("")],
                         ["base", "out", "off", "bare", "on", "pti"])

    def test_part_in_the_order_of_the_table(self):
        self.assertEqual([c.name for c in configs.select("on,base")], ["base", "on"])

    def test_wrong_name(self):
        with self.assertRaises(Trouble):
            configs.select("on,of")

    def test_missing_kernels_name_their_targets(self):
        with tempfile.TemporaryDirectory() as empty, self.assertRaises(Trouble) as caught:
            configs.check_images(configs.select(""), empty)
        for config in configs.CONFIGS:
            self.assertIn(config.image, str(caught.exception))
            self.assertIn(f"make {config.kernel}", str(caught.exception))


class State(unittest.TestCase):
    ON = {"asi": "1", "sensitive": "1", "user": "1", "kvm": "1", "pti": "0"}

    def refused(self, name, state):
        with self.assertRaises(Trouble):
            configs.check_state(configs.select(name)[0], state)

    def test_right(self):
        configs.check_state(configs.select("on")[0], self.ON)

    def test_off_though_asked_for(self):
        self.refused("on", {**self.ON, "asi": "0"})

    def test_class_off(self):
        self.refused("on", {**self.ON, "user": "0"})

    def test_class_absent(self):
        self.refused("on", {"asi": "1", "sensitive": "1", "user": "1", "pti": "0"})

    def test_sensitive_memory_must_be_what_the_column_says(self):
        self.refused("on", {**self.ON, "sensitive": "0"})
        self.refused("bare", self.ON)
        configs.check_state(configs.select("bare")[0], {**self.ON, "sensitive": "0"})

    def test_unpatched_that_is_not(self):
        self.refused("base", {"asi": "0", "pti": "0"})

    def test_pti_that_is_off(self):
        self.refused("pti", {"asi": "0", "pti": "0"})


class Command(unittest.TestCase):
    def test_boot(self):
        argv = boot.command(configs.select("on")[0], ["null", "read"], 5)
        self.assertIn("--icount", argv)
        self.assertEqual(argv[argv.index("--append") + 1], "nokaslr asi=on asi_sensitive=on")
        self.assertEqual(argv[argv.index("--") + 2:],
                         ["--clock", "tsc", "--module",
                          os.path.join(configs.REPO, "build/bench/kernel-run/asibench_alloc.ko"),
                          "--only", "null,read", "--windows", "5"])

    def test_memory(self):
        argv = boot.command(configs.select("base")[0], [], 0, memory=True)
        self.assertEqual(argv[-1], "--memory")
        self.assertIn("build/bench/kernel-base/", argv[-2])

    def boots(self, *ops):
        """The boots that these operations take, and the operations of the result."""
        options = main.make_parser().parse_args([])
        config = configs.select("on")[0]
        done = []

        def fake(config, only=(), *_args, memory=False, **_more):
            done.append(("memory" if memory else ",".join(only), config.command_line))
            return run(**{op: record(1.0) for op in only})

        with mock.patch.object(boot, "run", fake):
            result = main.run_config(config, list(ops), options)
        return done, set(result["ops"])

    def test_boots(self):
        line = "nokaslr asi=on asi_sensitive=on"
        self.assertEqual(self.boots("null", "memory"),
                         ([("null", line), ("memory", line), ("null", line)], {"null"}))
        self.assertEqual(self.boots("alloc0", "alloc0_uncleared"),
                         ([("alloc0", line), ("alloc0", line + " init_on_alloc=0")],
                          {"alloc0", "alloc0_uncleared"}))
        self.assertEqual(self.boots("alloc0_user_uncleared"),
                         ([("alloc0_user", line + " init_on_alloc=0")],
                          {"alloc0_user_uncleared"}))
        self.assertEqual(self.boots("read", "fork"),
                         ([("read", line), *[("fork", line)] * 3], {"read", "fork"}))
        self.assertEqual(self.boots(),
                         ([("", line),
                           ("alloc0,alloc0_user", line + " init_on_alloc=0"),
                           *[("fork,forkexec", line)] * 3, ("memory", line)],
                          {"alloc0_uncleared", "alloc0_user_uncleared", "fork", "forkexec"}))

    def test_the_cheapest_boot_counts(self):
        options = main.make_parser().parse_args([])
        records = [run(fork=record(cost)) for cost in (3.0, 1.0, 2.0)]
        with mock.patch.object(boot, "run", side_effect=records):
            result = main.run_config(configs.select("on")[0], ["fork"], options)
        self.assertEqual(result["ops"]["fork"]["min"], 1.0)

    def test_memory_is_asked_for_as_an_operation(self):
        self.assertEqual(main.select_ops("null,memory"), ["null", "memory"])
        done = bench("--only", "nothing")
        self.assertEqual(done.returncode, 2)
        self.assertIn("memory", done.stderr)


class ExitStatus(unittest.TestCase):
    def run_on(self, runs, *args):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump({"format": 1, "runs": runs}, file)
            file.flush()
            # A part is asked for, so that the documents stay as they are.
            return bench("--from-results", file.name, "--only", "null", *args)

    def test_check_met(self):
        done = self.run_on(all_met(), "--check")
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_check_missed(self):
        runs = all_met()
        runs["on"]["ops"]["null"]["min"] = runs["on"]["null_again"] = 290.0
        done = self.run_on(runs, "--check")
        self.assertEqual(done.returncode, 1)
        self.assertIn("target missed: null system call, on", done.stderr)

    def test_memory_left_out_says_so(self):
        runs = all_met()
        runs["on"]["memory"] = {"turn_hide": 1.0, "turn_show": 1.0}
        done = self.run_on(runs, "--check")
        self.assertEqual(done.returncode, 1)
        self.assertIn("shootdowns per GiB, on: not measured, target", done.stderr)

    def test_left_out_says_why(self):
        runs = all_met()
        runs["on"]["ops"]["alloc0"] = {"skip": "the module is not there"}
        runs["off"]["ops"]["alloc0"] = {"skip": "the module is not there"}
        done = self.run_on(runs, "--check")
        self.assertEqual(done.returncode, 1)
        self.assertIn("instructions against off: not measured: the module is not there, target",
                      done.stderr)

    def test_missed_without_check(self):
        runs = all_met()
        runs["on"]["ops"]["null"]["min"] = 290.0
        self.assertEqual(self.run_on(runs).returncode, 0)

    def test_wrong_operation(self):
        done = bench("--only", "nul")
        self.assertEqual(done.returncode, 2)
        self.assertIn("no operation 'nul'", done.stderr)

    def test_wrong_configuration(self):
        self.assertEqual(bench("--configs", "maybe").returncode, 2)

    def test_results_missing(self):
        done = bench("--from-results", "/nonexistent.json")
        self.assertEqual(done.returncode, 2)
        self.assertEqual(len(done.stderr.splitlines()), 1)

    def test_results_of_another_format(self):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            file.write('{"format": 99}')
            file.flush()
            self.assertEqual(bench("--from-results", file.name).returncode, 2)
