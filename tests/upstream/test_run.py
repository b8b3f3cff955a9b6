# SPDX-License-Identifier: GPL-2.0
"""The whole runner, with a machine that only pretends: every way it has to fail."""

import contextlib
import io
import os
import tempfile
import unittest

from upstream.main import main

# A test of the pretended machine is told by a word behind its program how to
# behave with asi=on; with asi=off it always passes.
MACHINE = """\
#!/usr/bin/env python3
import json, sys

def option(name):
    return sys.argv[sys.argv.index(name) + 1]

mode = option("--append")
enters = 1
messages = []

def state():
    enabled = int(mode == "asi=on")
    print(f"=== state enabled={enabled} user={enabled} user.enters={enters * enabled}")

def end(kind, status, reason):
    with open(option("--report"), "w") as file:
        json.dump({"verdict": kind, "status": status, "reason": reason, "details": []}, file)
    with open(option("--dmesg"), "w") as file:
        file.writelines(f"{line}\\n" for line in messages)
    sys.exit(status)

state()
clock = 10
for line in open(sys.argv[-1]):
    name, _, _, _, command = line.rstrip("\\n").split("\\t")
    word = command.split()[1] if mode == "asi=on" else "passes"
    print(f"=== begin {name} {clock}.00")
    if word == "crashes":
        end("crash", 126, "the guest's kernel panicked")
    if word == "warns":
        messages.append(f"[{clock + 2:5}.000000] WARNING: CPU: 0 PID: 1 at x.c:1")
    if word == "warns-late":
        messages.append("[99999.000000] WARNING: CPU: 0 PID: 1 at y.c:1")
    print("=== end %s %d.00 %d" % (name, clock + 5, word == "fails"))
    clock += 10
    if word == "vanishes":
        end("lost", 127, "the guest went away without a verdict")
enters = 1 if "idle" in line else 2
state()
print("=== done")
if "unread" in line and mode == "asi=on":
    end("lost", 127, "the verdict says kmsg=9, not 8")
end("crash" if messages else "exit", 126 if messages else 0, "the guest's kernel complained")
"""


class Run(unittest.TestCase):
    """Tests a, b, ... that behave as the words say."""

    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.top = temporary.name
        self.write("vm/run", MACHINE, 0o755)

    def write(self, path, text, mode=0o644):
        path = os.path.join(self.top, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)

    def run_tests(self, *words, built=None):
        """Runs a test for each word; returns the status and {name: line of KTAP}."""
        names = "abcdefgh"[:len(words)]
        self.write("tests/upstream/list.tsv", "".join(
            f"x86\t{name}\tfull\t1\t-\t./{name} {word}\t-\n" for name, word in zip(names, words)))
        for name in names if built is None else built:
            self.write(f"build/upstream/x86/{name}", "", 0o755)
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            status = main(["--no-build"], self.top)
        lines = [line for line in output.getvalue().splitlines() if "ok " in line]
        return status, {line.split("ok ", 1)[1].split()[1]: line for line in lines}

    def failed(self, *words, **options):
        status, lines = self.run_tests(*words, **options)
        failed = {name for name, line in lines.items() if line.startswith("not ok")}
        self.assertEqual(status, 1 if failed else 0)
        return failed

    def test_all_pass(self):
        self.assertEqual(self.failed("passes", "passes"), set())

    def test_fails_with_on(self):
        self.assertEqual(self.failed("passes", "fails", "passes"), {"x86/b"})

    def test_crash_costs_one_test(self):
        self.assertEqual(self.failed("passes", "crashes", "passes"), {"x86/b"})

    def test_all_crash(self):
        """Too many machines are lost: what was not run has not passed."""
        words = ["crashes"] * 8
        _, lines = self.run_tests(*words)
        self.assertTrue(all(lines[f"x86/{name}"].startswith("not ok") for name in "abcdefgh"))
        self.assertIn("takes the machine along", lines["x86/f"])
        self.assertIn("was not run", lines["x86/g"])

    def test_rest_is_run_elsewhere(self):
        """A machine that is lost between tests is no test's failure, but one."""
        self.assertEqual(self.failed("vanishes", "passes"), {"x86/(on)"})
        self.assertEqual(self.failed("vanishes", "fails"), {"x86/(on)", "x86/b"})

    def test_complaint(self):
        self.assertEqual(self.failed("warns", "passes"), {"x86/a"})

    def test_complaint_between_tests(self):
        self.assertEqual(self.failed("passes", "warns-late"), {"x86/(on)"})

    def test_messages_lost(self):
        self.assertEqual(self.failed("passes", "unread"), {"x86/(on)"})

    def test_never_entered(self):
        self.assertEqual(self.failed("idle"), {"x86/(on)"})

    def test_not_built(self):
        self.assertEqual(self.failed("passes", "passes", built="a"), {"x86/b"})

    def test_not_listed(self):
        self.assertEqual(self.failed("passes", built="az"), {"x86/(list)"})

    def test_no_machine(self):
        self.write("vm/run", "#!/bin/sh\nexit 125\n", 0o755)
        self.assertLessEqual({"x86/a", "x86/(off)", "x86/(on)"}, self.failed("passes"))
