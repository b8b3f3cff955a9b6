# SPDX-License-Identifier: GPL-2.0
"""The configuration of Bochs, and the disk it boots from."""

import os
import re
import shlex
import shutil
import subprocess

from .errors import Trouble
from .options import PATIENCE

PROGRAM = "bochs"
CHANNEL = "ttyS1"
TTY = ""
# In its log, when the guest resets itself; the first reset is a HARDWARE one.
RESET = re.compile(rb"Reset\(SOFTWARE\)|reset cpu")
# Bochs has no means to calibrate against: the loop count is given, and the
# time stamp counter runs with the instructions, not with the clock.
# noxsave: it reports the size of a compacted XSAVE area wrongly, on which Linux
# warns and does without XSAVE anyway.
# vdso32=0: its SYSRET leaves the attributes of SS alone, as AMD's does, which Linux
# makes up for on AMD only. A 32-bit program that returns that way to a stack
# segment of 16 bits dies. Without a vDSO its system calls are INT $0x80.
APPEND = ("console=ttyS0,115200 panic=-1 loglevel=5 log_buf_len=1M "
          "tsc=unstable lpj=100000 noxsave vdso32=0 " + PATIENCE)
# Its CPUID names eight cores, whatever the number of CPUs, on which Linux warns
# at the first look and goes on.
KNOWN_SPLATS = [r"WARNING: .* parse_legacy\+"]
BIOS = "/usr/share/bochs/BIOS-bochs-latest"
VGA_BIOS = "/usr/share/bochs/VGABIOS-lgpl-latest"

CONFIG = """\
config_interface: textconfig
display_library: term
romimage: file={bios}
vgaromimage: file={vga_bios}
cpu: model={cpu}, count={cpus}, ips=50000000, reset_on_triple_fault=0
memory: guest={mem}, host={mem}
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=cdrom, path="{work}/boot.iso", status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev="{work}/console.log"
com2: enabled=1, mode=file, dev="{work}/channel"
log: "{work}/bochs.log"
panic: action=fatal
error: action=ignore
clock: sync=none
"""

# GRUB's complaints go where the kernel's do.
GRUB = """\
serial --unit=0 --speed=115200
terminal_output serial
linux /vmlinuz {append}
initrd /initramfs
boot
"""


def append(options):
    return " ".join([APPEND, options.append]).strip()


def write_config(options, work):
    with open(os.path.join(work, "bochsrc"), "w", encoding="utf-8") as file:
        file.write(CONFIG.format(bios=BIOS, vga_bios=VGA_BIOS, cpu=options.cpu,
                                 cpus=options.cpu_count, mem=options.mem_mb, work=work))
    # Debian's build starts in its debugger: "c" lets the machine run.
    with open(os.path.join(work, "commands"), "w", encoding="utf-8") as file:
        file.write("c\n")


def write_disk(options, work):
    tree = os.path.join(work, "iso")
    os.makedirs(os.path.join(tree, "boot/grub"))
    shutil.copyfile(options.kernel, os.path.join(tree, "vmlinuz"))
    shutil.copyfile(os.path.join(work, "initramfs"), os.path.join(tree, "initramfs"))
    words = " ".join(shlex.quote(word) for word in append(options).split())
    with open(os.path.join(tree, "boot/grub/grub.cfg"), "w", encoding="utf-8") as file:
        file.write(GRUB.format(append=words))
    command = ["grub-mkrescue", "-o", os.path.join(work, "boot.iso"),
               "--install-modules=linux normal iso9660 biosdisk serial terminal",
               "--fonts=", "--locales=", "--themes=", tree]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    except OSError as error:
        raise Trouble(f"cannot make the boot disk: {error}; `make setup` installs "
                      "grub-mkrescue") from None
    if done.returncode:
        raise Trouble("grub-mkrescue failed:\n" + done.stdout.decode(errors="replace"))


def prepare(options, work):
    write_config(options, work)
    write_disk(options, work)


def where(_options, _work):
    """Bochs has no monitor that another program could ask."""
    return []


def command(_options, work):
    return [PROGRAM, "-q", "-f", os.path.join(work, "bochsrc"),
            "-rc", os.path.join(work, "commands")]
