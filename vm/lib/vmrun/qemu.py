# SPDX-License-Identifier: GPL-2.0
"""The command line of QEMU, and whether KVM works."""

import functools
import os
import re
import subprocess
import sys

from . import hang
from .errors import Trouble
from .options import PATIENCE, SOCKET_PATH_MAX

PROGRAM = "qemu-system-x86_64"
CHANNEL = "virtio"
TTY = "ttyS0"
# The socket of its monitor for people.
MONITOR = "monitor"
# -no-reboot ends QEMU instead.
RESET = None
KNOWN_SPLATS = []
# panic=-1: reset at once, which -no-reboot turns into the end of QEMU.
# loglevel=5: warnings reach the console, the boot's chatter does not.
# no_timer_check: on a busy host the emulated timer misses the ten ticks that
# Linux waits for, and it panics.
APPEND = ("console=ttyS0,115200 panic=-1 loglevel=5 log_buf_len=4M no_timer_check "
          + PATIENCE)
# The source of a boot sector that writes 0x10 to the debug-exit port, and the
# status that QEMU makes of it.
PROBE = os.path.join(os.path.dirname(os.path.realpath(__file__)), "probe.S")
PROBE_STATUS = 0x10 << 1 | 1
PROBE_TIMEOUT = 10
# The first QEMU whose CPUs can be threads. An older one translates a page
# without its lock: when another CPU patches the page meanwhile, the old
# instructions stay. Linux then dies by an int3 that it took back long ago.
THREADS_SINCE = (8, 1)
# Memory modules that may be added.
SLOTS = 4


def assemble_probe(disk):
    """Returns "" or why there is none."""
    command = ["gcc", "-m32", "-nostdlib", "-static", "-no-pie", "-Wl,--build-id=none",
               "-Wl,-Ttext=0x7c00", "-Wl,--oformat=binary", "-o", disk, PROBE]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, check=False,
                              capture_output=True, text=True)
    except OSError as error:
        return f"gcc: {error.strerror}"
    return done.stderr.strip().splitlines()[0] if done.returncode else ""


def probe(accelerator, cpu, work):
    """Runs a tiny guest; returns "" or why that does not work."""
    if accelerator == "kvm" and not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "/dev/kvm cannot be opened"
    disk = os.path.join(work, "probe.img")
    reason = assemble_probe(disk)
    if reason:
        return reason
    command = [PROGRAM, "-accel", accelerator, "-cpu", cpu, "-m", "16", "-nodefaults",
               "-no-user-config", "-display", "none", "-no-reboot",
               "-device", "isa-debug-exit,iobase=0xf4,iosize=1",
               "-drive", f"file={disk},format=raw,if=floppy,readonly=on"]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, check=False,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                              timeout=PROBE_TIMEOUT)
    except subprocess.TimeoutExpired:
        return f"a tiny guest did not end within {PROBE_TIMEOUT} s"
    if done.returncode == PROBE_STATUS:
        return ""
    said = done.stderr.decode(errors="replace").strip().splitlines()
    return said[0] if said else f"QEMU ended with status {done.returncode}"


def choose_accel(options, work):
    """Settles what --accel kvm and auto mean here, and says it."""
    if options.accel == "tcg":
        return
    reason = probe("kvm", options.cpu, work)
    if reason and options.accel == "kvm":
        raise Trouble(f"--accel kvm with --cpu {options.cpu} does not work here: {reason}")
    options.accel = "tcg" if reason else "kvm"
    print(f"vm/run: using {options.accel}" + (f" ({reason})" if reason else ""),
          file=sys.stderr)


@functools.cache
def version():
    """The version of QEMU as two numbers; (0, 0) when it does not say."""
    try:
        said = subprocess.run([PROGRAM, "--version"], stdin=subprocess.DEVNULL, text=True,
                              capture_output=True, check=False).stdout
    except OSError:
        return 0, 0
    numbers = re.search(r"version (\d+)\.(\d+)", said)
    return (int(numbers[1]), int(numbers[2])) if numbers else (0, 0)


def threads(cpus):
    """How many threads emulate that many CPUs."""
    return cpus if cpus == 1 or version() >= THREADS_SINCE else 1


def accel(options):
    if options.accel == "tcg" and threads(options.cpu_count) < options.cpu_count:
        return "tcg,thread=single"
    return options.accel


def console(options, work):
    log = os.path.join(work, "console.log")
    if options.shell:
        return ["-chardev", f"stdio,id=console,mux=on,signal=off,logfile={log}",
                "-serial", "chardev:console", "-mon", "chardev=console,mode=readline"]
    monitor = os.path.join(work, MONITOR)
    return ["-serial", f"file:{log}", "-monitor", f"unix:{monitor},server=on,wait=off"
            if len(monitor) <= SOCKET_PATH_MAX else "none"]


def root(options):
    """Without its user the device is left out: it does not survive a suspend."""
    if options.root != "host":
        return []
    return ["-virtfs", "local,path=/,mount_tag=root,security_model=none,readonly=on,"
                       "multidevs=remap"]


def disk(options, work):
    if not options.disk:
        return []
    return ["-drive", f"file={os.path.join(work, 'disk')},format=raw,if=virtio"]


def memory(options):
    """Modules that are added later go into slots above."""
    size = f"{options.mem_mb}M"
    if options.hotplug_mb:
        size += f",slots={SLOTS},maxmem={options.mem_mb + options.hotplug_mb}M"
    return size


def append(options):
    words = [APPEND]
    if options.icount or options.gdb:
        words.append("nokaslr")
    return " ".join(words + [options.append]).strip()


def command(options, work):
    """The whole command, as a list; `work` holds its files."""
    channel = os.path.join(work, "channel")
    # The clock of the board follows the guest's, so that two runs read the
    # same date; the seed gives its random numbers the same values.
    clock = (["-icount", "shift=0,sleep=off", "-seed", "1",
              "-rtc", "base=2024-01-01T00:00:00,clock=vm"] if options.icount else [])
    return [
        PROGRAM, "-name", "vm-run", "-nodefaults", "-no-user-config",
        "-accel", accel(options), "-cpu", options.cpu, "-smp", options.cpus,
        "-m", memory(options), "-display", "none", "-nic", "none", "-no-reboot",
        *clock, *console(options, work),
        "-device", "virtio-serial-pci",
        "-chardev", f"file,id=channel,path={channel}",
        "-device", "virtserialport,chardev=channel,name=vmrun",
        *root(options), *disk(options, work),
        *(word for netdev in options.netdev for word in ("-netdev", netdev)),
        *(word for chardev in options.chardev for word in ("-chardev", chardev)),
        *(word for device in options.device for word in ("-device", device)),
        *(["-qmp", f"unix:{options.qmp},server=on,wait=off"] if options.qmp else []),
        *(["-s", "-S"] if options.gdb else []),
        "-kernel", options.kernel, "-initrd", os.path.join(work, "initramfs"),
        "-append", append(options),
    ]


def where(options, work):
    """What the CPUs of a guest do that does not end, as lines."""
    if options.shell:
        return []
    return hang.describe(os.path.join(work, MONITOR),
                         os.path.join(kernel_dir(options), "System.map"), options.cpu_count)


def kernel_dir(options):
    return options.kernel.split("/arch/x86/boot/")[0]


def prepare(options, work):
    """The disk takes room when it is written to only."""
    if options.disk:
        with open(os.path.join(work, "disk"), "wb") as file:
            file.truncate(options.disk_mb << 20)


def gdb_hint(options):
    return (f"vm/run: waiting for a debugger on port 1234; attach with\n"
            f"  gdb {kernel_dir(options)}/vmlinux -ex 'target remote :1234' -ex 'hbreak start_kernel' -ex c")
