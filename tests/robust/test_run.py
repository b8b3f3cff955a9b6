# SPDX-License-Identifier: GPL-2.0
"""tests/robust/run as a whole, with a vm/run that boots nothing."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
FAKE = """#!/usr/bin/env python3
import json, signal, sys, time
words = sys.argv[sys.argv.index("--append") + 1]
report = sys.argv[sys.argv.index("--report") + 1]
mode = "on" if "asi=on" in words.split() else "off"
plan = json.loads(sys.argv[-1])[mode]
if "later" in plan and any(number in report for number in ("-2-", "-3-")):
    plan["said"] = plan["later"]
if plan.get("waits"):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    print("waits", flush=True)
    time.sleep(60)
print(plan["said"])
if plan.get("verdict"):
    json.dump({"verdict": plan["verdict"], "reason": "it broke", "details": ["here"],
               "status": 0}, open(report, "w"))
"""
GOOD = "KTAP version 1\n1..1\n# measure 5 at-least 1 m\nok 1 works"


class Run(unittest.TestCase):
    def setUp(self):
        self.top = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.top)
        for part in ("tests/robust", "tests/lib", "vm/lib"):
            shutil.copytree(os.path.join(TOP, part), os.path.join(self.top, part))
        with open(os.path.join(self.top, "vm/run"), "w", encoding="utf-8") as file:
            file.write(FAKE)
        os.chmod(os.path.join(self.top, "vm/run"), 0o755)

    def run_it(self, *options, off=None, on=None):
        modes = {"off": {"said": GOOD, "verdict": "exit"},
                 "on": {"said": GOOD, "verdict": "exit"}}
        modes["off"].update(off or {})
        modes["on"].update(on or {})
        done = subprocess.run(
            [sys.executable, os.path.join(self.top, "tests/robust/run"), *options, "--",
             "program", json.dumps(modes)], capture_output=True, text=True, check=False)
        self.assertEqual(done.stderr, "")
        return done.returncode, [line for line in done.stdout.splitlines()
                                 if line.startswith("not ok")]

    def test_good(self):
        self.assertEqual(self.run_it(), (0, []))

    def test_worse(self):
        self.assertEqual(
            self.run_it(on={"said": GOOD.replace("measure 5", "measure 3")}),
            (1, ["not ok 13 m # off 5, on 3; at least 4; of 5/3, 5/3, 5/3"]))

    def test_worse_once(self):
        self.assertEqual(
            self.run_it(on={"said": GOOD.replace("measure 5", "measure 3"), "later": GOOD}),
            (0, []))

    def test_fails_later(self):
        status, wrong = self.run_it(on={"said": GOOD.replace("measure 5", "measure 3"),
                                        "later": GOOD.replace("ok 1", "not ok 1")})
        self.assertEqual((status, len(wrong)), (1, 2))
        self.assertIn("asi=on (2): works", wrong[0])

    def test_program_fails(self):
        status, wrong = self.run_it(off={"said": GOOD.replace("ok 1", "not ok 1")})
        self.assertEqual((status, len(wrong)), (1, 1))
        self.assertIn("not ok 1 asi=off: works", wrong[0])

    def test_all_is_skipped(self):
        for said in "KTAP version 1\n1..0 # SKIP no memory", GOOD + " # SKIP no memory":
            status, wrong = self.run_it(on={"said": said}, off={"said": said})
            self.assertEqual((status, len(wrong)), (1, 2))
            self.assertIn("the machine # nothing was tested", wrong[0])

    def test_machine_crashes(self):
        self.assertEqual(self.run_it(on={"verdict": "crash"}),
                         (1, ["not ok 4 asi=on: the machine # it broke: here"]))

    def test_no_verdict(self):
        status, wrong = self.run_it(on={"verdict": ""})
        self.assertEqual(status, 1)
        self.assertTrue(wrong[0].startswith("not ok 4 asi=on: the machine #"), wrong)

    def test_truncated(self):
        status, wrong = self.run_it(on={"said": "KTAP version 1\n1..2\nok 1 works"})
        self.assertEqual((status, len(wrong)), (1, 2))

    def test_one_mode(self):
        self.assertEqual(self.run_it("--mode", "on", off={"verdict": "crash"}), (0, []))

    def test_unknown_request(self):
        status, wrong = self.run_it(on={"said": "# host explode\n" + GOOD})
        self.assertEqual(status, 1)
        self.assertIn("host explode", wrong[0])

    def wait_for(self, word, name):
        """Until a file of the machine has the word."""
        path = os.path.join(self.top, "build/robust", name)
        end = time.monotonic() + 20
        while time.monotonic() < end:
            if os.path.exists(path):
                with open(path, encoding="utf-8") as file:
                    if word in file.read():
                        return
            time.sleep(0.05)
        self.fail(f"{name} does not have \"{word}\"")

    def test_machine_ends_with_the_runner(self):
        with subprocess.Popen(
                [sys.executable, os.path.join(self.top, "tests/robust/run"), "--mode", "off",
                 "--", "program", json.dumps({"off": {"waits": True}})],
                stdout=subprocess.DEVNULL) as runner:
            try:
                self.wait_for("waits", "program-off.out")
                runner.terminate()
                self.assertEqual(runner.wait(20), 143)
            finally:
                runner.kill()
        self.wait_for("ended", "program-off.err")
