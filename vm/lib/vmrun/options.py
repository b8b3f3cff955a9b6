# SPDX-License-Identifier: GPL-2.0
"""The command line of vm/run."""

import argparse
import os
import re
import shutil

from .errors import TROUBLE, Trouble

REPO = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
KERNEL = os.path.join(REPO, "build/kernel-run/arch/x86/boot/bzImage")

# The path of a socket is no longer than that.
SOCKET_PATH_MAX = 107

# An emulated CPU stands still while a busy host runs something else: what looks
# like a stall after 20 s is none. One that lasts runs into --timeout.
PATIENCE = ("watchdog_thresh=60 rcupdate.rcu_cpu_stall_timeout=120 "
            "workqueue.watchdog_thresh=120")

DEFAULTS = {
    "qemu": {"cpu": "max", "mem": "1G", "timeout": 300.0, "root": "host"},
    "bochs": {"cpu": "corei7_icelake_u", "mem": "512M", "timeout": 900.0,
              "root": "initramfs"},
}

EPILOG = """\
exit status:
  that of COMMAND (128 + N when signal N killed it), or
  124 timeout   125 trouble with the harness   126 the guest crashed, or its
  kernel complained   127 the guest went away without a verdict
With one of these four, a line on stderr starts with "vm/run:" and says why.

A kernel that warns fails the run even when COMMAND succeeds; --allow-splat
REGEX excepts lines that are expected, as that of a panic when another kernel takes over.

In --shell, Ctrl-a x ends the machine, Ctrl-a c is QEMU's monitor, Ctrl-a a
sends Ctrl-a.
"""


class Parser(argparse.ArgumentParser):
    """Wrong options are trouble with the harness, not status 2."""

    def error(self, message):
        self.exit(TROUBLE, f"vm/run: {message} (vm/run --help shows the options)\n")


def make_parser():
    parser = Parser(
        prog="vm/run", allow_abbrev=False, epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="vm/run [OPTION]... -- COMMAND [ARG]...",
        description="Boots a kernel in a virtual machine and runs COMMAND in it as root.")
    add = parser.add_argument
    add("--machine", choices=sorted(DEFAULTS), default="qemu",
        help="qemu (AMD-like; the default) or bochs (Intel-like; slow)")
    add("--cpu", metavar="MODEL",
        help="CPU model (qemu: max; bochs: corei7_icelake_u, corei7_skylake_x, ryzen)")
    add("--accel", choices=("tcg", "kvm", "auto"), default="tcg",
        help="auto takes kvm when a probe shows that it works (default: tcg)")
    add("--cpus", default="1", metavar="N",
        help="number of CPUs; with QEMU also a topology, like 4,threads=2")
    add("--mem", metavar="SIZE", help="memory (qemu: 1G, bochs: 512M)")
    add("--kernel", metavar="FILE", default=KERNEL,
        help="kernel image (default: that of build/kernel-run)")
    add("--append", metavar="WORDS", action="append", default=[],
        help="more words for the kernel command line")
    add("--root", choices=("host", "initramfs"),
        help="what / is in the guest: the host's, read-only below a layer in memory "
             "(qemu), or busybox and --copy alone (bochs)")
    add("--disk", metavar="SIZE", help="an empty disk, /dev/vda, gone after the run")
    add("--device", metavar="DEVICE", action="append", default=[],
        help="one more of QEMU's devices, with its properties")
    add("--netdev", metavar="BACKEND", action="append", default=[],
        help="one more of QEMU's network backends, for a --device with netdev=")
    add("--chardev", metavar="BACKEND", action="append", default=[],
        help="one more of QEMU's character backends, for a --device with chardev=")
    add("--hotplug", metavar="SIZE", help="room for memory that --qmp adds later")
    add("--timeout", metavar="S", type=float,
        help="seconds of real time (qemu: 300, bochs: 900; 0: none)")
    add("--icount", action="store_true",
        help="guest time is the count of instructions, the same in every run")
    add("--qmp", metavar="SOCKET", help="offer QEMU's machine protocol there")
    add("--copy", metavar="SRC[:DEST]", action="append", default=[],
        help="copy a file or directory into the guest; a DEST that ends with / "
             "is a directory to put it in")
    add("--dry-run", action="store_true", help="print the machine's command only")
    add("--shell", action="store_true",
        help="the terminal becomes the guest's; COMMAND defaults to a shell")
    add("--gdb", action="store_true", help="wait for a debugger before the first instruction")
    add("--allow-splat", metavar="REGEX", action="append", default=[],
        help="kernel messages that must not fail the run")
    add("--allow-taint", metavar="LETTERS", default="",
        help="taint flags that must not fail the run")
    add("--dmesg", metavar="FILE", help="write all kernel messages there")
    add("--report", metavar="FILE", help="write the verdict there, as JSON")
    add("--keep", metavar="DIR", help="make the working files in DIR and keep them")
    add("command", nargs="*", metavar="COMMAND", help=argparse.SUPPRESS)
    return parser


def split_command(argv):
    """Everything behind the first `--` is COMMAND's, whatever it looks like."""
    if "--" in argv:
        at = argv.index("--")
        return argv[:at], argv[at + 1:]
    return argv, []


def check_size(option, size):
    """In MiB."""
    match = re.fullmatch(r"([0-9]+)([MG]?)", size)
    if not match or not int(match.group(1)):
        raise Trouble(f"{option} {size}: expected a size such as 512M or 2G")
    return int(match.group(1)) * (1024 if match.group(2) == "G" else 1)


def check_cpus(cpus, machine):
    pattern = r"[1-9][0-9]*(,(sockets|dies|cores|threads|maxcpus)=[1-9][0-9]*)*"
    if machine == "bochs":
        pattern = r"[1-9][0-9]*"
    if not re.fullmatch(pattern, cpus):
        raise Trouble(f"--cpus {cpus}: expected a number")
    return int(cpus.split(",")[0])


def check_bochs(options):
    """What the other machine cannot do is said before anything is started."""
    for name, used in (
            ("--accel " + options.accel, options.accel == "kvm"),
            ("--root " + options.root, options.root == "host"), ("--disk", options.disk),
            ("--device", options.device), ("--netdev", options.netdev),
            ("--chardev", options.chardev),
            ("--hotplug", options.hotplug),
            ("--icount", options.icount), ("--qmp", options.qmp),
            ("--shell", options.shell), ("--gdb", options.gdb)):
        if used:
            raise Trouble(f"{name} does not work with --machine bochs")


def check_qemu(options):
    if not options.icount:
        return
    if options.cpu_count != 1:
        raise Trouble("--icount needs --cpus 1: instructions of one CPU are the clock")
    if options.accel == "kvm":
        raise Trouble("--icount does not work with --accel kvm")
    options.accel = "tcg"


def parse_copy(text):
    source, _, dest = text.partition(":")
    if not os.path.lexists(source):
        raise Trouble(f"--copy {text}: there is no {source}")
    source = os.path.abspath(source)
    dest = dest or source
    if dest.endswith("/"):
        dest += os.path.basename(source)
    if not dest.startswith("/"):
        raise Trouble(f"--copy {text}: the destination must be an absolute path")
    return source, os.path.normpath(dest)


def check_files(options):
    if not os.path.isfile(options.kernel):
        raise Trouble(f"there is no kernel {options.kernel}; `make build` builds it")
    options.kernel = os.path.abspath(options.kernel)
    if options.qmp:
        if len(os.path.abspath(options.qmp)) > SOCKET_PATH_MAX:
            raise Trouble(f"--qmp {options.qmp}: too long for a socket's path")
        if not os.path.isdir(os.path.dirname(os.path.abspath(options.qmp))):
            raise Trouble(f"--qmp {options.qmp}: there is no such directory")


def check_machine(options):
    program = {"qemu": "qemu-system-x86_64", "bochs": "bochs"}[options.machine]
    if not shutil.which(program):
        raise Trouble(f"{program} is not installed; `make setup` installs it")


def parse(argv):
    """Returns the options, checked; raises Trouble."""
    ours, command = split_command(argv)
    options = make_parser().parse_args(ours)
    if options.command:
        raise Trouble(f"unexpected {options.command[0]!r}; COMMAND comes behind --")
    options.command = command
    for name, value in DEFAULTS[options.machine].items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    if options.shell and not command:
        options.command = ["bash", "-l"] if options.root == "host" else ["sh", "-l"]
    if not options.command or not options.command[0]:
        raise Trouble("there is no COMMAND; it comes behind --")
    if options.shell or options.gdb:
        options.timeout = 0
    if options.timeout < 0:
        raise Trouble(f"--timeout {options.timeout:g}: expected seconds")
    options.mem_mb = check_size("--mem", options.mem)
    options.disk_mb = check_size("--disk", options.disk) if options.disk else 0
    options.hotplug_mb = (check_size("--hotplug", options.hotplug) if options.hotplug
                          else 0)
    options.cpu_count = check_cpus(options.cpus, options.machine)
    options.append = " ".join(options.append)
    if "\n" in options.append:
        raise Trouble("--append: a kernel command line is one line")
    for regex in options.allow_splat:
        try:
            re.compile(regex)
        except re.error as error:
            raise Trouble(f"--allow-splat {regex}: {error}") from None
    options.copy = [parse_copy(text) for text in options.copy]
    (check_bochs if options.machine == "bochs" else check_qemu)(options)
    check_files(options)
    check_machine(options)
    return options
