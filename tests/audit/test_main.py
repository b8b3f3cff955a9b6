# SPDX-License-Identifier: GPL-2.0
"""The program, with a machine that only pretends: every way that a run can go."""

import contextlib
import io
import json
import os
import tempfile
import unittest

from audit.main import main
from test_audit import EXPECT

HERE = os.path.dirname(os.path.realpath(__file__))
# In place of vm/run. A word behind --append says what goes wrong.
MACHINE = """\
#!/usr/bin/env python3
import json, os, socket, sys, time
sys.dont_write_bytecode = True
sys.path[:0] = [HERE, os.path.join(HERE, "lib")]
from test_audit import Machine

def option(name):
    return sys.argv[sys.argv.index(name) + 1]

# The audit adds words of its own behind that one.
how = option("--append").split()[0]
if how == "dies":
    sys.exit("vm/run: CRASH: it panicked")
os.mkdir(option("--keep"))
disk = option("--keep") + "/disk"
with open(disk, "wb") as file:
    file.truncate(32 << 20)
machine = Machine(4, int(sys.argv[sys.argv.index("--") + 2], 16))
if how == "forgets":
    machine.memory.put(0x22100, bytes(32))
server = socket.socket(socket.AF_UNIX)
server.bind(option("--qmp"))
server.listen()
print("Bail out! of others", *machine.lines(), sep="\\n", flush=True)
if how == "leaves":
    sys.exit("vm/run: LOST: it went away")
connection = server.accept()[0].makefile("rw")

def say(**message):
    print(json.dumps(message), file=connection, flush=True)

said = []
say(QMP={})
for line in connection:
    command = json.loads(line)
    said.append(command["execute"])
    say(event="STOP")
    if said[-1] == "human-monitor-command":
        say(**{"return": "RAX=0 CR0=1 CR3=%016x CR4=000006f0" % machine.roots["other"]})
    elif said[-1] == "query-memory-size-summary":
        say(**{"return": {"base-memory": len(machine.memory.data)}})
    elif how == "refuses" and said[-1] == "pmemsave":
        say(error={"desc": "no space"})
    elif said[-1] == "pmemsave":
        with open(command["arguments"]["filename"], "wb") as file:
            file.write(machine.memory.data)
        say(**{"return": {}})
    else:
        say(**{"return": {}})
    if said[-1] == "cont":
        break
if said[1:2] != ["stop"] or said.index("pmemsave") < said.index("stop"):
    sys.exit("the machine ran while its memory was saved")
while open(disk, "rb").seek(-4096, 2) and open(disk, "rb").read()[-4096:] == bytes(4096):
    time.sleep(0.05)
sys.exit("vm/run: CRASH: the guest's kernel complained" if how == "warns" else 0)
"""


class Run(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.top = temporary.name
        os.mkdir(self.path("vm"))
        self.write("vm/run", MACHINE.replace("HERE", repr(HERE)))
        os.chmod(self.path("vm/run"), 0o755)
        self.write("expect", EXPECT)

    def path(self, name):
        return os.path.join(self.top, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return file.read()

    def run_audit(self, how, *options):
        """Returns status, output and errors."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = main(["--no-build", "--append", how, "--expect", self.path("expect"),
                           *options], self.top)
        return status, out.getvalue(), err.getvalue()

    def test_good(self):
        status, out, err = self.run_audit("well")
        self.assertEqual((status, err), (0, ""), out)
        self.assertIn("Audit: all is as", out)

    def test_written(self):
        self.run_audit("well", "--json", self.path("json"), "--write", self.path("doc"))
        self.assertEqual(json.loads(self.read("json"))["counts"]["planted"], 3)
        self.assertIn("| a pipe |", self.read("doc"))

    def test_the_document_is_the_same_each_time(self):
        for name in ("one", "two"):
            self.run_audit("well", "--write", self.path(name))
        self.assertEqual(self.read("one"), self.read("two"))

    def test_a_failure_writes_no_document(self):
        self.assertEqual(self.run_audit("forgets", "--write", self.path("doc"))[0], 1)
        self.assertFalse(os.path.exists(self.path("doc")))

    def test_ktap(self):
        status, out, _ = self.run_audit("forgets", "--ktap")
        lines = out.splitlines()
        self.assertEqual((status, lines[:2]), (1, ["KTAP version 1", f"1..{len(lines) - 2}"]))
        failed = [line.split()[3] for line in lines if line.startswith("not ok")]
        self.assertEqual(failed, ["check:negative-control", "pipe"])
        self.assertTrue([line for line in lines if line.endswith("# SKIP no zram in this kernel")])

    def test_control(self):
        status, out, _ = self.run_audit("well", "--brief", "--control", "leak")
        self.assertEqual(status, 1)
        self.assertIn("within reach of: other, guest", out)

    def test_kernel_that_complains(self):
        status, out, _ = self.run_audit("warns")
        self.assertEqual(status, 1)
        self.assertIn("FAIL machine: vm/run: status 1: vm/run: CRASH", out)

    def no_verdict(self, how, why):
        for options in ((), ("--ktap",)):
            status, out, err = self.run_audit(how, *options)
            self.assertEqual(status, 2)
            self.assertIn(why, err)
            self.assertEqual("Bail out!" in out, bool(options))

    def test_machine_that_dies(self):
        self.no_verdict("dies", "CRASH: it panicked")

    def test_machine_that_leaves_before_it_is_saved(self):
        self.no_verdict("leaves", "QEMU's monitor")

    def test_memory_that_cannot_be_saved(self):
        self.no_verdict("refuses", "pmemsave: no space")

    def test_kept(self):
        self.run_audit("well", "--keep", self.path("kept"))
        self.assertTrue(os.path.getsize(self.path("kept/memory")))
        self.assertEqual(self.run_audit("well", "--keep", self.path("kept"))[0], 2)
