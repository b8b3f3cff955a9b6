# SPDX-License-Identifier: GPL-2.0
"""vm/run with Bochs: the ways a guest can end, as far as a minute each allows."""

from vmrun_test import VmRunTest


class Bochs(VmRunTest):
    machine = "bochs"
    timeout = 600

    def test_success(self):
        with open(self.path("file"), "w", encoding="utf-8") as file:
            file.write("brought\n")
        script = ("cat /opt/in/file; echo err >&2; pwd; printf '[%s]' \"$@\"; "
                  "grep -c ^processor /proc/cpuinfo; cat /proc/cmdline")
        done = self.vm_run("sh", "-c", script, "sh", "a b", "", "c\nd", cwd="/usr",
                           options=("--copy", self.path("file") + ":/opt/in/", "--append", "a=b"))
        self.expect(done, 0)
        out = done.stdout
        self.assertTrue(out.startswith("brought\n/usr\n[a b][][c\nd]1\n"), out)
        self.assertTrue(out.endswith(" a=b\n"), out)
        self.assertEqual(done.stderr, "err\n")

    def test_status_and_binary_output(self):
        done = self.shell("printf '\\000\\377\\n\\r\\033\\021\\023'; exit 3", text=False)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertEqual(done.stdout, b"\0\xff\n\r\x1b\x11\x13")

    def test_panic(self):
        done = self.shell("echo before; sleep 2; echo c >/proc/sysrq-trigger; sleep 60")
        self.expect(done, 126, "CRASH", "sysrq triggered crash")
        self.assertEqual(done.stdout, "before\n")

    def test_reset(self):
        self.expect(self.shell("echo b >/proc/sysrq-trigger; sleep 60"), 126, "CRASH")

    def test_power_off_by_the_command(self):
        self.expect(self.shell("poweroff -f; sleep 60"), 127, "LOST")

    def test_splat(self):
        done = self.shell("echo 'WARNING: CPU: 0 PID: 1 at kernel/made_up.c:1' >/dev/kmsg")
        self.expect(done, 126, "made_up")

    def test_hang(self):
        done = self.shell("sleep 100000", options=("--timeout", "120"))
        self.expect(done, 124, "TIMEOUT")

    def test_two_cpus(self):
        done = self.shell("grep -c ^processor /proc/cpuinfo", options=("--cpus", "2"))
        self.expect(done, 0)
        self.assertEqual(done.stdout, "2\n")

    def test_wrong_cpu(self):
        self.expect(self.vm_run("true", options=("--cpu", "abacus")), 125)
