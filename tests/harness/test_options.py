# SPDX-License-Identifier: GPL-2.0
"""Wrong options end with 125 and one line, before anything is started."""

import os
import subprocess

from vmrun_test import VmRunTest


class Options(VmRunTest):
    def setUp(self):
        super().setUp()
        # Nothing boots here: any file will do for a kernel.
        with open(self.path("kernel"), "wb"):
            pass
        self.kernel = ("--kernel", self.path("kernel"))

    def refuse(self, *arguments, word):
        done = self.run_options(*arguments)
        self.expect(done, 125, word)
        self.assertTrue(done.stderr.startswith("vm/run: "), done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertEqual(done.stdout, "")

    def dry_run(self, *arguments):
        done = self.run_options("--dry-run", *self.kernel, *arguments, "--", "true")
        self.expect(done, 0)
        return done.stdout

    def test_unknown_option(self):
        self.refuse("--bogus", "--", "true", word="--bogus")

    def test_no_abbreviations(self):
        self.refuse("--mach", "qemu", "--", "true", word="--mach")

    def test_unknown_machine(self):
        self.refuse("--machine", "vax", "--", "true", word="vax")

    def test_no_command(self):
        self.refuse(*self.kernel, word="COMMAND")

    def test_empty_command(self):
        self.refuse(*self.kernel, "--", "", word="COMMAND")

    def test_command_without_dashes(self):
        self.refuse(*self.kernel, "true", word="--")

    def test_no_such_kernel(self):
        self.refuse("--kernel", "/no/such/kernel", "--", "true", word="/no/such/kernel")

    def test_no_such_copy(self):
        self.refuse(*self.kernel, "--copy", "/no/such/file", "--", "true", word="/no/such/file")

    def test_relative_copy_destination(self):
        self.refuse(*self.kernel, "--copy", "/etc/passwd:x", "--", "true", word="absolute")

    def test_bad_size(self):
        self.refuse(*self.kernel, "--mem", "lots", "--", "true", word="lots")

    def test_bad_disk(self):
        self.refuse(*self.kernel, "--disk", "0", "--", "true", word="--disk")

    def test_bad_hotplug(self):
        self.refuse(*self.kernel, "--hotplug", "some", "--", "true", word="--hotplug")

    def test_hotplug(self):
        self.assertIn("-m 512M ", self.dry_run("--mem", "512M"))
        self.assertIn("-m 512M,slots=4,maxmem=1536M",
                      self.dry_run("--mem", "512M", "--hotplug", "1G"))

    def test_device(self):
        said = self.dry_run("--device", "virtio-balloon-pci,free-page-reporting=on",
                            "--device", "edu")
        self.assertIn("-device virtio-balloon-pci,free-page-reporting=on -device edu ", said)

    def test_netdev(self):
        said = self.dry_run("--device", "virtio-net-pci,netdev=n0",
                            "--netdev", "hubport,id=n0,hubid=0")
        self.assertIn("-netdev hubport,id=n0,hubid=0 -device virtio-net-pci,netdev=n0 ", said)

    def test_chardev(self):
        said = self.dry_run("--device", "virtserialport,chardev=p0",
                            "--chardev", "null,id=p0")
        self.assertIn("-chardev null,id=p0 -device virtserialport,chardev=p0 ", said)

    def test_disk(self):
        keep = self.path("keep")
        self.assertIn("if=virtio", self.dry_run("--disk", "3M", "--keep", keep))
        self.assertEqual(os.path.getsize(os.path.join(keep, "disk")), 3 << 20)

    def test_bad_cpus(self):
        self.refuse(*self.kernel, "--cpus", "0", "--", "true", word="--cpus")

    def test_bad_timeout(self):
        self.refuse(*self.kernel, "--timeout", "-1", "--", "true", word="--timeout")

    def test_bad_splat_pattern(self):
        self.refuse(*self.kernel, "--allow-splat", "(", "--", "true", word="--allow-splat")

    def test_icount_wants_one_cpu(self):
        self.refuse(*self.kernel, "--icount", "--cpus", "2", "--", "true", word="--cpus 1")

    def test_icount_without_kvm(self):
        self.refuse(*self.kernel, "--icount", "--accel", "kvm", "--", "true", word="kvm")

    def test_two_lines_for_the_kernel(self):
        self.refuse(*self.kernel, "--append", "a\nb", "--", "true", word="one line")

    def test_long_command_line(self):
        self.refuse(*self.kernel, "--append", "x" * 2048, "--", "true", word="2047")

    def test_kept_directory_exists(self):
        self.refuse(*self.kernel, "--keep", self.work, "--", "true", word="--keep")

    def test_qmp_directory_missing(self):
        self.refuse(*self.kernel, "--qmp", "/no/such/dir/qmp", "--", "true", word="--qmp")

    def test_bochs_cannot(self):
        for option in (["--accel", "kvm"], ["--icount"], ["--qmp", "/tmp/q"], ["--shell"],
                       ["--gdb"], ["--root", "host"], ["--disk", "1M"],
                       ["--device", "edu"], ["--netdev", "user,id=n0"],
                       ["--chardev", "null,id=p0"], ["--hotplug", "1G"]):
            self.refuse("--machine", "bochs", *option, "--", "true", word=option[0])

    def test_bochs_topology(self):
        self.refuse("--machine", "bochs", *self.kernel, "--cpus", "2,threads=2", "--", "true",
                    word="--cpus")

    def test_help(self):
        done = self.run_options("--help")
        self.expect(done, 0)
        for option in ("--machine", "--icount", "--qmp", "--copy", "--allow-splat"):
            self.assertIn(option, done.stdout)

    def test_dry_run_shows_the_command(self):
        text = self.dry_run("--cpu", "max,-la57", "--cpus", "4,threads=2", "--mem", "2G",
                            "--append", "asi=on", "--append", "pti=off")
        for word in ("qemu-system-x86_64", "-cpu max,-la57", "-smp 4,threads=2", "-m 2048M",
                     "asi=on pti=off", "-accel tcg", "readonly=on"):
            self.assertIn(word, text)

    def test_unknown_root(self):
        self.refuse(*self.kernel, "--root", "moon", "--", "true", word="moon")

    def test_root(self):
        self.assertIn("-virtfs", self.dry_run())
        self.assertIn("-virtfs", self.dry_run("--root", "host"))
        self.assertNotIn("-virtfs", self.dry_run("--root", "initramfs"))
        self.dry_run("--machine", "bochs", "--root", "initramfs")

    def config_of(self, *arguments):
        """What a guest would be told, as text."""
        keep = self.path("keep" + str(len(os.listdir(self.work))))
        self.dry_run("--keep", keep, *arguments)
        with open(os.path.join(keep, "initramfs"), "rb") as archive:
            return subprocess.run(["cpio", "-i", "--quiet", "--to-stdout", "vmrun/config"],
                                  stdin=archive, check=True, capture_output=True,
                                  text=True).stdout

    def test_the_guest_is_told_its_root(self):
        self.assertIn("root=host\n", self.config_of())
        self.assertIn("root=initramfs\n", self.config_of("--root", "initramfs"))

    def test_dry_run_icount(self):
        self.assertIn("-icount shift=0,sleep=off", self.dry_run("--icount"))

    def test_dry_run_gdb(self):
        text = self.dry_run("--gdb")
        self.assertIn(" -s -S ", text)
        self.assertIn("nokaslr", text)

    def qemu_says(self, version):
        """A qemu-system-x86_64 of that version, found first."""
        path = self.path("qemu-system-x86_64")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\necho 'QEMU emulator version {version}'\n")
        os.chmod(path, 0o755)
        before = os.environ["PATH"]
        self.addCleanup(os.environ.__setitem__, "PATH", before)
        os.environ["PATH"] = f"{self.work}:{before}"

    def test_old_qemu_has_one_thread(self):
        for version in ("7.2.22 (Debian 1:7.2+dfsg-7)", "8.0.5"):
            self.qemu_says(version)
            self.assertIn("-accel tcg,thread=single ", self.dry_run("--cpus", "2"))
            self.assertIn("-accel tcg ", self.dry_run())

    def test_new_qemu_has_a_thread_for_each_cpu(self):
        for version in ("8.1.0", "10.0.2 (Debian 1:10.0.2+ds-2)"):
            self.qemu_says(version)
            self.assertIn("-accel tcg ", self.dry_run("--cpus", "4"))

    def test_command_on_demand(self):
        self.qemu_says("10.0")
        self.addCleanup(os.environ.pop, "V")
        for value, shown in (("0", False), ("1", True)):
            os.environ["V"] = value
            done = self.run_options(*self.kernel, "--", "true")
            self.assertEqual(done.returncode, 126, done.stderr)
            self.assertEqual(done.stderr.startswith("+ qemu-system-x86_64 -name "), shown,
                             done.stderr)

    def test_dry_run_bochs(self):
        self.assertTrue(self.dry_run("--machine", "bochs").startswith("bochs -q -f "))

    def test_dry_run_leaves_nothing(self):
        before = set(os.listdir("/tmp"))
        self.dry_run()
        left = [name for name in set(os.listdir("/tmp")) - before if name.startswith("vm-run.")]
        self.assertEqual(left, [])

    def test_kept_dry_run_makes_the_files(self):
        keep = self.path("keep")
        self.dry_run("--keep", keep)
        self.assertIn("initramfs", os.listdir(keep))
