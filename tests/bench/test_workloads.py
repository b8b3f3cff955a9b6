# SPDX-License-Identifier: GPL-2.0
"""bench/workloads: what the guest prints, the tables, and what may be missing."""

import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

from benchlib import configs, model
from benchlib.errors import Trouble
from samples import COSTS
from worklib import machine, main, programs, report, samples, sites

RUN = os.path.join(configs.REPO, "bench/workloads")
TABLES = model.parse_costs(COSTS)

# 1000 units: 4000 instructions, one exit by a fault and one by a switch each.
OUTPUT = """\
workloads 1
kernel 6.12.1-asi
state pti=0 kvm=1 user=1 asi=1 sensitive=1
sample fio_tmpfs timed 0
value busy 1000000
value faults 50
value switches 7
value shootdowns 0
value user.exits 30
value user.exits_fault 30
value syscalls 0
value vm_exits 0
sample fio_tmpfs timed 1000
value busy 5000000
value faults 2050
value switches 7
value shootdowns 0
value user.exits 2030
value user.exits_fault 1030
value syscalls 0
value vm_exits 0
sample fio_tmpfs traced 0
value busy 1000000
value syscalls 100
value vm_exits 0
sample fio_tmpfs traced 100
value busy 1900000
value syscalls 300
value vm_exits 0
site fio_tmpfs 0 5 fault clear<alloc
site fio_tmpfs 100 5 fault clear<alloc
site fio_tmpfs 100 75 fault copy<read<vfs_read
site fio_tmpfs 100 25 sched schedule<wait
done 1
"""


def one(busy=4000.0, **counters):
    """The record of a workload."""
    return {"ops": 1000, "min": busy, "median": busy, "max": busy, "faults": 0.0,
            "switches": 0.0, "shootdowns": 0.0, "syscalls": 1.0, "vm_exits": 0.0,
            "counters": {f"user.{key}": [value, value] for key, value in counters.items()}}


def results(**more):
    run = samples.read(OUTPUT)
    on = one(5000.0, exits=1.0, exits_fault=1.0, enters=1.0, cr3_writes=2.0, flushes=2.0)
    return {"format": 1, "left_out": {"nginx": "not installed: nginx"}, "again": {
                "off": {"ops": {"fio_tmpfs": one(4040.0)}}},
            "runs": {"off": {"release": "6.12.1", "ops": {"fio_tmpfs": one()}, "sites": {}},
                     "on": {"release": "6.12.1", "ops": {"fio_tmpfs": on},
                            "sites": run["sites"]}}, **more}


class Parse(unittest.TestCase):
    def refused(self, text, words):
        with self.assertRaises(Trouble) as caught:
            samples.records(samples.read(text))
        self.assertIn(words, str(caught.exception))

    def test_record(self):
        run = samples.read(OUTPUT)
        self.assertEqual(run["state"]["sensitive"], "1")
        record = samples.records(run)["fio_tmpfs"]
        self.assertEqual(record["min"], 4000)
        self.assertEqual(record["faults"], 2)
        self.assertEqual(record["syscalls"], 2)
        self.assertEqual(record["counters"], {"user.exits": [2, 2], "user.exits_fault": [1, 1]})

    def test_nothing(self):
        self.refused("", "no result")

    def test_other_format(self):
        self.refused(OUTPUT.replace("workloads 1", "workloads 2"), "format ['2']")

    def test_cut_off(self):
        self.refused(OUTPUT.replace("done 1\n", ""), "cut off")

    def test_one_is_missing(self):
        self.refused(OUTPUT.replace("done 1", "done 2"), "1 results arrived")

    def test_unknown_line(self):
        self.refused(OUTPUT + "hello\n", "means nothing")

    def test_value_that_is_none(self):
        self.refused(OUTPUT.replace("busy 5000000", "busy much"), "wrong number")

    def test_value_without_sample(self):
        self.refused("workloads 1\nvalue busy 1\n", "before a sample")

    def test_without_counterpart(self):
        at = OUTPUT.index("sample fio_tmpfs traced 100")
        self.refused(OUTPUT[:at] + "done 1\n", "counterpart")

    def test_compared_with_the_wrong_run(self):
        self.refused(OUTPUT.replace("timed 0", "timed 10"), "compares 1000 units with 10")

    def test_did_nothing(self):
        self.refused(OUTPUT.replace("busy 5000000", "busy 900000"), "did nothing")


class Sites(unittest.TestCase):
    def test_start_is_subtracted(self):
        self.assertEqual(sites.per_unit(samples.read(OUTPUT)["sites"]["fio_tmpfs"]),
                         {"fault copy<read<vfs_read": 0.75, "sched schedule<wait": 0.25})

    def test_rows(self):
        rows = sites.rows(samples.read(OUTPUT)["sites"]["fio_tmpfs"])
        self.assertEqual(rows[0], ["fault: `copy` from `read`, `vfs_read`", "0.750", "75.0 %"])

    def test_many(self):
        rows = sites.rows([[1, 1, f"fault f{number}"] for number in range(10)])
        self.assertEqual(len(rows), sites.SHOWN + 1)
        self.assertEqual(rows[-1], ["4 more", "4.000", "40.0 %"])

    def test_rare_ones_are_one_row(self):
        rows = sites.rows([[1, 1000, "fault f"], [1, 1, "fault g"], [1, 1, "fault h"]])
        self.assertEqual([row[0] for row in rows], ["fault: `f`", "2 more"])

    def test_none(self):
        self.assertEqual(sites.rows([]), [])
        self.assertEqual(sites.shares([]), [])

    def test_causes(self):
        found = {place: sites.kind(place) for place in (
            "fault rep_movs_alternative<_copy_to_iter", "fault clear_page_rep<x",
            "fault ext4_sb_block_valid<copy_x", "sched schedule<copy_x", "mm copy_x")}
        self.assertEqual(list(found.values()), [name for name, _ in sites.KINDS])

    def test_shares(self):
        self.assertEqual(sites.shares([[4, 3, "fault clear_page"], [4, 1, "sched x"]]),
                         [0, 75, 0, 25, 0])


class Report(unittest.TestCase):
    def setUp(self):
        self.text = report.render(results(), TABLES)

    def lines(self, words):
        return [line for line in self.text.splitlines() if words in line]

    def test_instructions(self):
        self.assertIn("| 4,000.0 | 5,000.0 (+25.00 %) |",
                      self.lines("| fio random read, tmpfs | read of 4 KiB")[0])

    def test_target_missed(self):
        # 1000 instructions, 2 writes with flush, 1 fault; of 4000 and a system call.
        added = 1000 * 0.5 + 2 * (250 + 50 * 20) + 800
        best = 1000 * 0.5 + 2 * 200 + 800
        base = 4000 * 0.5 + 190
        self.assertIn(f"| {100 * added / base:+.1f} % | {100 * best / base:+.1f} % | **missed** |",
                      self.lines("below 1 %")[0])

    def test_target_met(self):
        found = results()
        found["runs"]["on"]["ops"]["fio_tmpfs"] = one(4010.0)
        self.text = report.render(found, TABLES)
        self.assertIn("| met |", self.lines("below 1 %")[0])

    def test_repeat(self):
        self.assertIn("| +1.00 % | – |", self.text)
        self.assertIn("at most 1.00 %, exits by 0.00 %", self.text)

    def test_repeat_of_exits(self):
        self.assertEqual(report.apart(one(exits=2.0), one(exits=1.5)), (0, -25))

    def test_left_out(self):
        self.assertIn("nginx, GET of 4 KiB: not installed: nginx", self.text)

    def test_model_is_marked(self):
        self.assertIn("a model, not a measurement", self.text)

    def test_every_row_has_the_columns_of_its_header(self):
        width = None
        for line in self.text.splitlines():
            width = (width or line.count("|")) if line.startswith("|") else None
            if width:
                self.assertEqual(line.count("|"), width, line)

    def test_without_the_base(self):
        found = results()
        del found["runs"]["off"]
        self.assertNotIn("## Cost model", report.render(found, TABLES))


class Machine(unittest.TestCase):
    def test_command(self):
        with mock.patch.object(programs, "files", return_value={"/usr/bin/fio": "/x/fio"}):
            argv = machine.command(machine.select("on")[0], programs.select("fio_tmpfs"),
                                   True, 2, machine.TRACE)
        self.assertIn("--icount", argv)
        self.assertIn("/x/fio:/usr/bin/fio", argv)
        self.assertEqual(argv[argv.index("--append") + 1], "nokaslr asi=on")
        quick = programs.BY_NAME["fio_tmpfs"].quick
        self.assertEqual(argv[argv.index("/workloads"):],
                         ["/workloads", "2", "1", f"fio_tmpfs={quick}"])

    def test_hidden_or_not_is_checked(self):
        state = {"asi": "1", "user": "1", "kvm": "1", "pti": "0", "sensitive": "0"}
        configs.check_state(machine.select("mapped")[0], state)
        with self.assertRaises(Trouble):
            configs.check_state(machine.select("on")[0], state)

    def test_wrong_names(self):
        for select in (machine.select, programs.select):
            with self.assertRaises(Trouble):
                select("nothing")

    def test_guest_has_a_function_for_each(self):
        with open(machine.GUEST, encoding="utf-8") as file:
            text = file.read()
        for name in (one.name for one in programs.TUNING):
            for part in ("setup", "run", "stop"):
                self.assertIn(f"\n{part}_{name}()", text)


class Programs(unittest.TestCase):
    def test_libraries_come_along(self):
        found = dict(programs.with_libraries("/bin/sh", "/bin/sh"))
        self.assertTrue(any("libc" in path for path in found), found)

    def test_compiler_has_its_headers_and_sources(self):
        there = {dest for _, dest in programs.compiler_files()}
        self.assertIn("/src/main.c", there)
        self.assertIn("/usr/include/stdio.h", there)
        self.assertIn("/src/linux/asi.h", there)

    def test_missing_is_left_out_with_its_reason(self):
        with mock.patch.object(programs, "find", lambda name: None if name == "ab" else "/x"), \
             contextlib.redirect_stderr(io.StringIO()) as said:
            workloads, left_out = main.installed(programs.select("compile,nginx"))
        self.assertEqual([one.name for one in workloads], ["compile"])
        self.assertEqual(left_out, {"nginx": "not installed: ab"})
        self.assertIn("nginx is left out", said.getvalue())


class ExitStatus(unittest.TestCase):
    def run_it(self, *args):
        return subprocess.run([sys.executable, RUN, *args], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, check=False, timeout=60)

    def test_tables_of_earlier_results(self):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(results(), file)
            file.flush()
            done = self.run_it("--from-results", file.name, "--only", "fio_tmpfs")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("# Workloads", done.stdout)

    def test_trouble(self):
        for option, value, words in (("--only", "x", "no workload 'x'"),
                                     ("--configs", "x", "no configuration 'x'"),
                                     ("--runs", "0", "at least 1"),
                                     ("--from-results", "/nonexistent", "No such file")):
            done = self.run_it(option, value)
            self.assertEqual(done.returncode, 2, option)
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
            self.assertIn(words, done.stderr)
