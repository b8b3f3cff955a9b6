# SPDX-License-Identifier: GPL-2.0
"""vm/run with QEMU: every way a guest can end."""

import json
import os
import pty
import signal
import socket
import subprocess
import time

from vmrun import qemu
from vmrun_test import TOP, VM_RUN, VmRunTest


class Endings(VmRunTest):
    """Success is success, and nothing else is."""

    def test_success(self):
        done = self.shell("echo out; echo err >&2")
        self.expect(done, 0)
        self.assertEqual((done.stdout, done.stderr), ("out\n", "err\n"))

    def test_status(self):
        self.expect(self.shell("exit 3"), 3)

    def test_killed_command(self):
        self.expect(self.shell("kill -SEGV $$"), 128 + 11)

    def test_no_such_command(self):
        done = self.vm_run("/no/such/program")
        self.expect(done, 127, "/no/such/program")
        self.assertNotIn("LOST", done.stderr)

    def test_panic(self):
        # What was written last may be lost with the machine: give it time.
        done = self.shell("echo before; sleep 2; echo c >/proc/sysrq-trigger; sleep 60")
        self.expect(done, 126, "CRASH", "sysrq triggered crash")
        self.assertEqual(done.stdout, "before\n")

    def test_panic_that_hangs(self):
        done = self.shell("echo c >/proc/sysrq-trigger", options=("--append", "panic=0"))
        self.expect(done, 126, "CRASH", "panicked")

    def test_hang(self):
        # A busy host boots slowly: what "too long" is depends on it.
        begin = time.monotonic()
        self.expect(self.vm_run("true"), 0)
        limit = round(10 + 3 * (time.monotonic() - begin))
        begin = time.monotonic()
        done = self.shell("echo before; sleep 10000", options=("--timeout", str(limit)))
        self.expect(done, 124, "TIMEOUT", f"{limit} s")
        # Where it was: all CPUs sleep, and the symbols of the kernel are found.
        self.assertRegex(done.stderr, r"CPU 0: \w*halt\+0x.*, halted\n +default_idle\+")
        self.assertEqual(done.stdout, "before\n")
        self.assertLess(time.monotonic() - begin, limit + 20)

    def test_power_off_by_the_command(self):
        self.expect(self.shell("echo o >/proc/sysrq-trigger; sleep 60"), 127, "LOST")

    def test_reboot_by_the_command(self):
        self.expect(self.shell("busybox reboot -f; sleep 60"), 127, "LOST")

    def test_reset_by_the_kernel(self):
        self.expect(self.shell("echo b >/proc/sysrq-trigger; sleep 60"), 126, "CRASH")

    def test_reset_without_a_word(self):
        path = self.path("qmp")
        process = subprocess.Popen([VM_RUN, "--qmp", path, "--", "sh", "-c",
                                    "echo ready; sleep 1000"], cwd=TOP, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(process.kill)
        self.assertEqual(process.stdout.readline(), "ready\n")
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)
            client.sendall(b'{"execute":"qmp_capabilities"}{"execute":"system_reset"}')
            err = process.communicate(timeout=60)[1]
        self.assertEqual(process.returncode, 126)
        self.assertIn("without a word", err)

    def test_init_killed(self):
        # Zeroes over the code of the first process: it dies of SIGSEGV.
        script = ("while read -r range mode rest; do case $mode in r-xp) "
                  "dd if=/dev/zero of=/proc/1/mem bs=4096 count=16 conv=notrunc "
                  "oflag=seek_bytes seek=$((0x${range%-*})) 2>/dev/null; break;; esac; "
                  "done </proc/1/maps; sleep 60")
        self.expect(self.shell(script), 126, "Attempted to kill init")

    def test_kernel_that_is_none(self):
        with open(self.path("kernel"), "wb") as file:
            file.write(b"no kernel" * 1000)
        done = self.vm_run("true", options=("--kernel", self.path("kernel"), "--timeout", "20"))
        self.assertIn(done.returncode, (124, 125, 126))
        self.assertTrue(done.stderr.startswith("vm/run: "), done.stderr)

    def test_wrong_cpu(self):
        self.expect(self.vm_run("true", options=("--cpu", "abacus")), 125, "abacus")

    def test_directory_the_guest_lacks(self):
        # /run is a file system of the guest's own.
        directory = f"/run/vm-run-test.{os.getpid()}"
        os.mkdir(directory)
        self.addCleanup(os.rmdir, directory)
        self.expect(self.vm_run("true", cwd=directory), 125, directory)


class Complaints(VmRunTest):
    """A kernel that complains fails the run."""

    SPLAT = "echo 'WARNING: CPU: 0 PID: 1 at kernel/made_up.c:1' >/dev/kmsg"

    def test_splat(self):
        self.expect(self.shell(self.SPLAT), 126, "CRASH", "made_up")

    def test_splat_below_the_console_level(self):
        self.expect(self.shell("echo '<7>BUG: made up' >/dev/kmsg"), 126, "made up")

    def test_splat_outranks_the_status(self):
        self.expect(self.shell(self.SPLAT + "; exit 3"), 126, "made_up")

    def test_splat_followed_by_much(self):
        script = (self.SPLAT + "; i=0; while [ $i -lt 3000 ]; do i=$((i+1)); "
                  "echo \"<7>line $i\"; done >/dev/kmsg")
        self.expect(self.shell("sysctl -qw kernel.printk_devkmsg=on 2>/dev/null; " + script),
                    126, "made_up")

    def test_allowed_splat(self):
        self.expect(self.shell(self.SPLAT, options=("--allow-splat", "made_up")), 0)

    def test_taint(self):
        self.expect(self.shell("echo 1024 >/proc/sys/kernel/tainted"), 126, "tainted: C")

    def test_allowed_taint(self):
        self.expect(self.shell("echo 1024 >/proc/sys/kernel/tainted",
                               options=("--allow-taint", "C")), 0)

    def test_real_oops(self):
        done = self.shell("mount -t debugfs d /sys/kernel/debug 2>/dev/null; "
                          "echo 'WRITE_KERN' >/sys/kernel/debug/provoke-crash/DIRECT "
                          "2>/dev/null || echo c >/proc/sysrq-trigger; sleep 60")
        self.expect(done, 126, "CRASH")


class Output(VmRunTest):
    """What the command prints arrives whole and unchanged."""

    def test_binary(self):
        script = ("i=0; while [ $i -lt 256 ]; do printf \"\\\\$(printf %o $i)\"; "
                  "i=$((i+1)); done")
        done = self.shell(script, text=False)
        self.assertEqual(done.stdout, bytes(range(256)))

    def test_long_line(self):
        done = self.shell("head -c 1000000 /dev/zero | tr '\\0' x")
        self.assertEqual(done.stdout, "x" * 1000000)

    def test_no_newline_at_the_end(self):
        self.assertEqual(self.shell("printf abc").stdout, "abc")

    def test_output_of_a_killed_background_process(self):
        done = self.shell("(sleep 1000; echo late) & echo early")
        self.expect(done, 0)
        self.assertEqual(done.stdout, "early\n")

    def test_closed_output_ends_the_guest(self):
        process = subprocess.Popen([VM_RUN, "--", "sh", "-c", "while echo y; do :; done"],
                                   cwd=TOP, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.assertEqual(process.stdout.read(2), b"y\n")
        process.stdout.close()
        self.assertEqual(process.wait(60), 128 + signal.SIGPIPE)

    def test_verdict_printed_by_the_command(self):
        done = self.shell("printf 'V\\0\\0\\0\\001x'; echo o >/proc/sysrq-trigger; sleep 60")
        self.expect(done, 127, "LOST")


class Environment(VmRunTest):
    """What the command finds."""

    def test_arguments(self):
        arguments = ["a b", "", "c\nd", "'\"", "$HOME", "--", "-x", "é"]
        done = self.vm_run("printf", "[%s]", *arguments)
        self.assertEqual(done.stdout, "".join(f"[{word}]" for word in arguments))

    def test_directory_and_environment(self):
        done = self.shell("pwd; id -u; echo $HOME; cat /etc/hostname /proc/sys/kernel/hostname "
                          "| tail -1; ulimit -c", cwd=os.path.join(TOP, "vm"))
        self.assertEqual(done.stdout, f"{TOP}/vm\n0\n/root\nasi-vm\n0\n")

    def test_mounts(self):
        done = self.shell("cut -d' ' -f2,3 /proc/mounts")
        for mount in ("/ overlay", "/proc proc", "/sys sysfs", "/dev devtmpfs",
                      "/dev/pts devpts", "/dev/shm tmpfs", "/run tmpfs",
                      "/sys/kernel/debug debugfs", "/sys/kernel/tracing tracefs",
                      "/sys/fs/cgroup cgroup2"):
            self.assertIn(mount, done.stdout.splitlines())

    def test_controllers(self):
        done = self.shell("cat /sys/fs/cgroup/cgroup.subtree_control")
        self.assertLessEqual({"cpu", "memory", "pids"}, set(done.stdout.split()))

    def test_loopback(self):
        done = self.shell("cat /sys/class/net/lo/flags")
        self.assertEqual(int(done.stdout, 16) & 1, 1)

    def test_root_is_writable_and_the_host_is_not(self):
        name = os.path.join(TOP, f"build/vm-run-test.{os.getpid()}")
        done = self.shell(f"echo x >{name} && cat {name} && echo y >>/etc/passwd && "
                          "tail -1 /etc/passwd")
        self.assertEqual(done.stdout, "x\ny\n")
        self.assertFalse(os.path.exists(name))

    def test_files_are_those_of_the_host(self):
        names = [os.path.join(TOP, "vm/run"), "/usr/bin/qemu-system-x86_64", "/bin/bash"]
        here = subprocess.run(["sha256sum", *names], stdout=subprocess.PIPE, check=True, text=True)
        self.assertEqual(self.vm_run("sha256sum", *names).stdout, here.stdout)

    def test_copy(self):
        with open(self.path("file"), "w", encoding="utf-8") as file:
            file.write("brought\n")
        done = self.vm_run("cat", "/opt/new/place",
                           options=("--copy", self.path("file") + ":/opt/new/place"))
        self.assertEqual(done.stdout, "brought\n")

    def test_root_of_its_own(self):
        with open(self.path("file"), "w", encoding="utf-8") as file:
            file.write("brought\n")
        done = self.shell("cut -d' ' -f1,2 /proc/mounts | grep ' /$'; cat /there; "
                          "ls /usr/bin/qemu-system-x86_64", cwd="/usr",
                          options=("--root", "initramfs", "--copy",
                                   self.path("file") + ":/there"))
        self.assertEqual(done.stdout, "rootfs /\nbrought\n", done.stderr)
        self.assertNotEqual(done.returncode, 0)

    def test_cpus_and_command_line(self):
        done = self.shell("nproc; cat /proc/cmdline",
                          options=("--cpus", "3", "--append", "a=b", "--append", "c"))
        lines = done.stdout.splitlines()
        self.assertEqual(lines[0], "3")
        self.assertTrue(lines[1].endswith(" a=b c"), lines[1])


class Machine(VmRunTest):
    """Options that are about the machine and the report."""

    def test_disk(self):
        done = self.shell("cat /sys/block/vda/size; echo x >/dev/vda && sync && head -n 1 /dev/vda",
                          options=("--disk", "4M"))
        self.assertEqual(done.stdout, f"{4 << 11}\nx\n", done.stderr)

    def test_report_and_dmesg(self):
        done = self.shell("exit 5", options=("--report", self.path("r"), "--dmesg",
                                             self.path("d")))
        self.expect(done, 5)
        report = json.loads(self.read("r"))
        self.assertEqual((report["verdict"], report["status"]), ("exit", 5))
        self.assertIn("Linux version", self.read("d"))

    def test_report_of_a_crash(self):
        self.shell("echo c >/proc/sysrq-trigger", options=("--report", self.path("r")))
        report = json.loads(self.read("r"))
        self.assertEqual((report["verdict"], report["status"]), ("crash", 126))

    def test_icount_counts_instructions(self):
        # Two runs of a loop agree to a thousandth: real time never does.
        script = ("use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC); $x = 0; "
                  "$t = clock_gettime(CLOCK_MONOTONIC); $x += $_ for 1..300000; "
                  "printf '%.9f', clock_gettime(CLOCK_MONOTONIC) - $t;")
        first, second = (float(self.vm_run("perl", "-e", script, options=("--icount",)).stdout)
                         for _ in range(2))
        self.assertLess(abs(first - second) / first, 0.001, (first, second))

    def connect(self, attempt):
        """The socket that attempt() makes, as soon as it can."""
        for _ in range(200):
            try:
                client = attempt()
                break
            except OSError:
                time.sleep(0.1)
        else:
            self.fail("nobody listens")
        self.addCleanup(client.close)
        client.settimeout(20)
        return client

    def test_qmp(self):
        path = self.path("qmp")
        process = subprocess.Popen([VM_RUN, "--qmp", path, "--timeout", "60", "--", "sleep", "50"],
                                   cwd=TOP, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)

        def attempt():
            client = socket.socket(socket.AF_UNIX)
            self.addCleanup(client.close)
            client.connect(path)
            return client
        client = self.connect(attempt)
        self.assertIn(b"QMP", client.recv(4096))

    def test_gdb_waits_and_says_how_to_attach(self):
        process = subprocess.Popen([VM_RUN, "--gdb", "--keep", self.path("k"), "--", "true"],
                                   cwd=TOP, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        client = self.connect(lambda: socket.create_connection(("localhost", 1234)))
        # All registers; behind the first sixteen is RIP, of the first instruction of all.
        client.sendall(b"$g#67")
        reply = b""
        while b"#" not in reply:
            reply += client.recv(4096)
        self.assertRegex(reply, rb"\$[0-9a-f]{256}f0ff(00){6}")
        self.assertEqual(self.read("k/console.log"), "")
        process.terminate()
        said = process.communicate(timeout=20)[1]
        self.assertEqual(process.returncode, 128 + signal.SIGTERM)
        self.assertIn("vm/run: waiting for a debugger on port 1234", said)
        self.assertIn(f"gdb {TOP}/build/kernel-run/vmlinux -ex 'target remote :1234'", said)

    def test_kept_files(self):
        self.expect(self.vm_run("true", options=("--keep", self.path("keep"))), 0)
        self.assertIn("console.log", os.listdir(self.path("keep")))

    def test_terminated_vm_run_takes_the_guest_along(self):
        process = subprocess.Popen([VM_RUN, "--keep", self.path("k"), "--", "sleep", "1000"],
                                   cwd=TOP, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(3)
        process.terminate()
        self.assertEqual(process.wait(20), 128 + signal.SIGTERM)
        self.assertEqual(self.users_of(self.path("k")), [])

    def test_killed_vm_run_takes_the_guest_along(self):
        process = subprocess.Popen([VM_RUN, "--keep", self.path("k"), "--", "sleep", "1000"],
                                   cwd=TOP, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(3)
        process.kill()
        process.wait()
        time.sleep(1)
        self.assertEqual(self.users_of(self.path("k")), [])

    @staticmethod
    def users_of(directory):
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    if directory.encode() in file.read():
                        found.append(pid)
            except OSError:
                continue
        return found

    def test_shell(self):
        ours, theirs = pty.openpty()
        process = subprocess.Popen([VM_RUN, "--shell", "--", "sh", "-c",
                                    "tty; echo ready; read x; exit $x"], cwd=TOP,
                                   stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        seen = b""
        while b"ready" not in seen:
            seen += os.read(ours, 4096)
        os.write(ours, b"7\n")
        self.assertEqual(process.wait(60), 7)
        self.assertIn(b"/dev/ttyS0", seen)

    def test_accel_auto_says_what_it_took(self):
        done = self.vm_run("true", options=("--accel", "auto", "--timeout", "200"))
        self.expect(done, 0, "vm/run: using ")

    def test_what_kvm_is_tried_with(self):
        """The tiny guest is right: emulation runs it to its end."""
        self.assertEqual(qemu.probe("tcg", "max", self.work), "")
        self.assertIn("nonsense", qemu.probe("tcg", "nonsense", self.work))

    def test_two_at_once(self):
        first = subprocess.Popen([VM_RUN, "--", "sh", "-c", "sleep 1; echo one"], cwd=TOP,
                                 stdout=subprocess.PIPE, text=True)
        second = self.shell("sleep 1; echo two")
        self.assertEqual(second.stdout, "two\n")
        self.assertEqual(first.communicate(timeout=120)[0], "one\n")
        self.assertEqual(first.returncode, 0)
