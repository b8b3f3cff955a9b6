# SPDX-License-Identifier: GPL-2.0
"""Boots the guest, waits until it is ready, saves its memory, and ends it."""

import os
import re
import subprocess
import threading
import time

from . import elf, secret
from .errors import Trouble
from .qmp import Qmp
from .report import Report

DISK_MB = 64
# For the kind "swiotlb": an interface that asks the kernel where it may read, and a
# kernel that never lets it read a page where it is. In pieces of 2 KiB. The second
# interface, on the same wire, writes to whole pages that the driver has for it: for
# "virtio-net". Without the properties the network core would have them.
NICS = ("virtio-net-pci,iommu_platform=on,disable-legacy=on", "virtio-net-pci,mrg_rxbuf=off,"
        "host_mtu=9000", "e1000", "vmxnet3")
# For the kinds of their names: a device for each, as who is caught has locked it.
OTHERS = ("qemu-xhci", "usb-tablet", "usb-mouse", "usb-kbd",
          "virtserialport,chardev=port,name=audit")
# For "before-boot": where in memory the secret is when the machine is switched on, so
# often that some of it is in each small part that the kernel leaves free at boot, and
# at no particular place of a page. The kernel and its initial data overwrite some. Near
# the end of 512 MiB, where boot takes memory by the byte, it is in what is left of pages,
# too.
BEFORE_BOOT = range(0x100000, 0x1e200000, 0x4060)
BEFORE_BOOT_DENSE = range(0x1e200000, 0x1ff00000, 0x220)
# Larger than all that is ever bounced here: what was copied stays.
BOUNCE = "swiotlb=16384,force"
# For "before-boot": memory that is kept for a kernel for crash dumps. Not whole blocks: the
# kernel adds what is missing of the last.
CRASH = "crashkernel=33M"
PAGE = 4096
PAUSE = 0.02
CR3 = re.compile(r"\bCR3=([0-9a-f]+)")
CR4 = re.compile(r"\bCR4=([0-9a-f]+)")
LA57 = 1 << 12


class Settings:
    """Which machine, and where its files go."""

    def __init__(self, top, work, kernel, options):
        self.top = top
        self.work = work
        self.kernel = kernel
        self.options = options

    def path(self, name):
        return os.path.join(self.work, name)

    def modules(self):
        """Where the modules of the kernel are, if they are beside it."""
        return os.path.join(os.path.dirname(os.path.abspath(self.kernel)), "../../..")


class Saved:
    """What was taken from a machine."""

    def __init__(self, report, image, cr3, cr4):
        self.report = report
        self.image = image
        self.cr3 = cr3
        self.levels = 5 if cr4 & LA57 else 4


class Machine:
    """One run of vm/run."""

    def __init__(self, settings, seed):
        self.settings = settings
        self.seed = seed
        self.report = Report()
        self.trouble = None
        self.process = None
        self.reader = None

    def command(self):
        settings, options = self.settings, self.settings.options
        return [os.path.join(settings.top, "vm/run"), "--kernel", settings.kernel,
                "--mem", options.mem, "--cpus", options.cpus,
                *(["--cpu", options.cpu] if options.cpu else []),
                "--append", f"{options.append} {BOUNCE} {CRASH}",
                *self.wire(), "--chardev", "file,id=port,path=/dev/null",
                *(word for device in OTHERS for word in ("--device", device)),
                "--device", f"loader,file={settings.path('before-boot')}",
                "--timeout", f"{options.timeout:g}",
                "--disk", f"{DISK_MB}M", "--keep", settings.path("vm"),
                "--qmp", settings.path("qmp"),
                "--copy", settings.path("secret-initrd") + ":/audit-initrd", "--",
                os.path.join(settings.top, "build/audit/plant"), f"{self.seed:016x}",
                os.path.join(settings.top, "build/asictl"), "/dev/vda",
                settings.path("secret-9p"), settings.modules()]

    @staticmethod
    def wire():
        """The network cards, all on one."""
        words = []
        for number, card in enumerate(NICS):
            words += ["--netdev", f"hubport,id=wire{number},hubid=0",
                      "--device", f"{card},romfile=,netdev=wire{number}"]
        return words

    def write(self, name, content):
        with open(self.settings.path(name), "wb") as file:
            file.write(content)

    def write_secrets(self):
        for kind in ("initrd", "9p"):
            self.write("secret-" + kind, secret.secret(self.seed, kind).ljust(PAGE, b"."))
        self.write("before-boot", elf.spread(secret.secret(self.seed, "before-boot"),
                                             BEFORE_BOOT, BEFORE_BOOT_DENSE))

    def start(self):
        self.write_secrets()
        with open(self.settings.path("stderr"), "wb") as errors:
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=errors, text=True, errors="replace")
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        try:
            for line in self.process.stdout:
                self.report.line(line)
        except Trouble as trouble:
            self.trouble = trouble

    def said(self):
        """Why it ended before its time."""
        with open(self.settings.path("stderr"), encoding="utf-8", errors="replace") as file:
            lines = [line for line in file.read().splitlines() if line.strip()]
        ours = [line for line in lines if line.startswith("vm/run: ")]
        text = " ".join((ours or lines or ["it said nothing"])[:1])
        return f"the machine ended before it was ready: {text}"

    def wait_until_ready(self):
        while not self.report.ready:
            if self.trouble:
                raise self.trouble
            if self.process.poll() is not None:
                self.reader.join()
                if self.report.ready:
                    break
                raise Trouble(self.said())
            time.sleep(PAUSE)

    def save(self):
        """Stop, save and go on: the guest notices nothing."""
        path = self.settings.path("memory")
        qmp = Qmp(self.settings.path("qmp"))
        try:
            qmp.command("stop")
            registers = qmp.human("info registers")
            size = qmp.command("query-memory-size-summary")["base-memory"]
            qmp.command("pmemsave", val=0, size=size, filename=os.path.abspath(path))
            qmp.command("cont")
        finally:
            qmp.close()
        cr3, cr4 = CR3.search(registers), CR4.search(registers)
        if not cr3 or not cr4:
            raise Trouble("QEMU does not show CR3 and CR4")
        return Saved(self.report, path, int(cr3[1], 16), int(cr4[1], 16))

    def release(self):
        """Tell the guest to end, by its mailbox."""
        with open(self.settings.path("vm/disk"), "r+b") as file:
            file.seek((DISK_MB << 20) - PAGE)
            file.write(b"x")

    def finish(self):
        """Wait for the end; why it is a bad one, or ""."""
        status = self.process.wait()
        if not status:
            return ""
        with open(self.settings.path("stderr"), encoding="utf-8", errors="replace") as file:
            lines = file.read().strip().splitlines()
        return f"vm/run: status {status}: " + " ".join(line.strip() for line in lines[:2])

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait()
