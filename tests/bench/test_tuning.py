# SPDX-License-Identifier: GPL-2.0
"""bench/tuning: what the guest prints, the tables, and the document they go to."""

import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

from benchlib import configs
from benchlib.errors import Trouble
from test_workloads import OUTPUT
from worklib import exits, machine, programs, samples, tuning

RUN = os.path.join(configs.REPO, "bench/tuning")

# 75 of 100 units copy, for two callers, 25 touch something else; the start exits too.
FAULTS = """\
fault fio_tmpfs 0 5 sensitive clear_page_rep+0x4
fault fio_tmpfs 100 5 sensitive clear_page_rep+0x4
fault fio_tmpfs 100 75 sensitive rep_movs+0x4a
fault fio_tmpfs 100 25 window other+0x1
caller fio_tmpfs 0 2 rep_movs+0x4a rep_movs<_copy_to_iter<pipe_read
caller fio_tmpfs 10 2 rep_movs+0x4a rep_movs<_copy_to_iter<pipe_read
caller fio_tmpfs 10 6 rep_movs+0x4a rep_movs<_copy_to_iter<vfs_read
caller fio_tmpfs 10 3 rep_movs+0x4a rep_movs<__alloc_pages_noprof<write
"""
REMEDIES = """\
# A comment.
rep_movs<_copy_to_iter\tsensitive\ta window
rep_movs\t*\tsomething else
"""
DOCUMENT = "".join(f"text\n<!-- begin {name} -->\nold\n<!-- end {name} -->\nmore\n"
                   for name in ("reasons", "top ten", "workloads"))


def results():
    run = samples.read(OUTPUT.replace("done 1\n", FAULTS + "done 1\n"))
    return {"format": 1, "left_out": {},
            "run": {"ops": samples.records(run), "faults": run["faults"], "release": "x",
                    "sites": {}, "callers": run["callers"]}}


def remedies(text=REMEDIES):
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as file:
        file.write(text)
        file.flush()
        return exits.load_remedies(file.name)


class Sites(unittest.TestCase):
    def setUp(self):
        run = results()["run"]
        self.found = exits.sites_of(run["faults"]["fio_tmpfs"], run["callers"]["fio_tmpfs"])

    def test_start_is_subtracted_and_callers_are_told_apart(self):
        self.assertEqual({(site.symbol, site.chain): value for site, value in self.found.items()},
                         {("rep_movs+0x4a", "_copy_to_iter<vfs_read"): (50, 0.5),
                          ("rep_movs+0x4a", "write"): (25, 0.25),
                          ("other+0x1", "-"): (25, 0.25)})

    def test_words(self):
        self.assertEqual([site.words() for site, _ in exits.ordered(self.found)],
                         ["`rep_movs+0x4a` from `_copy_to_iter`, `vfs_read`", "`other+0x1`",
                          "`rep_movs+0x4a` from `write`"])

    def test_nothing(self):
        self.assertEqual(exits.sites_of([], []), {})

    def test_line_that_is_none(self):
        with self.assertRaises(Trouble):
            samples.read(OUTPUT.replace("done 1\n", "fault fio_tmpfs 1 2\ndone 1\n"))


class Remedies(unittest.TestCase):
    def test_first_that_fits(self):
        for site, words in (
                (exits.Site("rep_movs+0x4a", "sensitive", "_copy_to_iter<x"), "a window"),
                (exits.Site("rep_movs+0x4a", "hole", "_copy_to_iter<x"), "something else"),
                (exits.Site("rep_movs+0x4a", "sensitive", "-"), "something else"),
                (exits.Site("other+0x1", "sensitive", "-"), exits.NOT_LOOKED_AT)):
            self.assertEqual(exits.remedy(site, remedies()), words)

    def test_table_is_wrong(self):
        for text in ("one\ttwo\n", "(\t*\twords\n"):
            with self.assertRaises(Trouble) as caught:
                remedies(text)
            self.assertIn(":1: ", str(caught.exception))

    def test_ours_is_right(self):
        found = exits.load_remedies(tuning.REMEDIES)
        self.assertTrue(all(one.words for one in found))


class Tables(unittest.TestCase):
    def setUp(self):
        self.tables = exits.tables(results(), remedies())

    def test_top(self):
        first, second = self.tables["top ten"].splitlines()[2:4]
        self.assertEqual(first, "| 1 | `rep_movs+0x4a` from `_copy_to_iter`, `vfs_read` | "
                         "sensitive | fio_tmpfs 500 (50 %) | a window |")
        self.assertIn(exits.NOT_LOOKED_AT, second)

    def test_workload(self):
        self.assertIn("| `other+0x1` | window | 25 | 250 | 25.0 % |", self.tables["workloads"])

    def test_reasons(self):
        self.assertIn("| fio random read, tmpfs | read of 4 KiB | 2,000 | 1,000 |",
                      self.tables["reasons"])

    def test_many_are_one_row(self):
        many = {exits.Site(f"f{number}+0x1", "other", "-"): (1, 0.5) for number in range(13)}
        text = exits.workload_table(programs.WORKLOADS[0], many)
        self.assertIn("| 3 more |  | 3 | 1,500 | 23.1 % |", text)

    def test_every_row_has_the_columns_of_its_header(self):
        for text in self.tables.values():
            widths = {line.count("|") for line in text.splitlines() if line.startswith("|")}
            self.assertEqual(len(widths), 1, text)


class Document(unittest.TestCase):
    def test_replace(self):
        text = tuning.replace(DOCUMENT, exits.tables(results(), remedies()))
        self.assertNotIn("old", text)
        self.assertEqual(text.count("more\n"), 3)
        self.assertIn("a window", text)
        self.assertEqual(tuning.replace(text, exits.tables(results(), remedies())), text)

    def test_no_place(self):
        for text in ("", DOCUMENT + DOCUMENT,
                     "<!-- end reasons -->\n<!-- begin reasons -->\n"):
            with self.assertRaises(Trouble):
                tuning.replace(text, {"reasons": "x"})

    def test_ours_has_a_place_for_each(self):
        with open(os.path.join(configs.REPO, tuning.DOCUMENT), encoding="utf-8") as file:
            text = file.read()
        for name in exits.tables(results(), []):
            tuning.replace(text, {name: "x"})


class Run(unittest.TestCase):
    def test_guest_is_asked_for_the_log(self):
        with mock.patch.object(programs, "files", return_value={}):
            argv = machine.command(machine.select("on")[0], [programs.SPAWN], True, 1,
                                   machine.FAULT_LOG)
        self.assertEqual(argv[argv.index("/workloads"):],
                         ["/workloads", "1", "2", f"spawn={programs.SPAWN.quick}"])

    def test_a_part_is_printed(self):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file, \
             contextlib.redirect_stdout(io.StringIO()) as printed:
            json.dump(results(), file)
            file.flush()
            self.assertEqual(tuning.main(["--from-results", file.name, "--quick"]), 0)
        self.assertIn("rep_movs+0x4a", printed.getvalue())

    def test_trouble(self):
        for option, value, words in (("--only", "x", "no workload 'x'"),
                                     ("--from-results", "/nonexistent", "No such file")):
            done = subprocess.run([sys.executable, RUN, option, value], text=True, check=False,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
            self.assertEqual(done.returncode, 2, option)
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
            self.assertIn(words, done.stderr)
