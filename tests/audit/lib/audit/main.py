# SPDX-License-Identifier: GPL-2.0
"""The command line of tests/audit/run, and the order of things."""

import argparse
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile

from . import checks, expect, output
from .errors import Malformed, Trouble
from .frames import Frames
from .image import Image
from .machine import Machine, Settings
from .pagetable import ADDRESS, PRESENT, RW, Space, Walker
from .regions import Regions
from .report import FAILED, PLANTED, Kind
from .verdict import WITHOUT_OWNER, Judge, hole_copies

EPILOG = """\
exit status: 0 all is as expect.tsv says, 1 something is not, 2 there is no verdict.
Better than expected counts as wrong: the table has to be updated.
"""
# Mapped alike everywhere, so that their TLB entries are right in any address space.
MAY_BE_GLOBAL = ("cpu_entry_area", "espfix")


class Audit:
    """All that came of one machine."""

    def __init__(self, saved, seed, expected):
        self.saved = saved
        self.seed = seed
        self.report = saved.report
        self.expected = expected
        self.levels = saved.levels
        self.image = Image(saved.image)
        self.walker = Walker(self.image)
        self.domains = self.report.domains()
        self.hole = self.report.holes[-1] if self.report.holes else None
        self.verdicts, self.checks, self.wrong = [], [], {}
        self.reach, self.of_users = {}, {}
        self.prepare()

    def space(self, root):
        return Space(self.walker, root, self.levels)

    def prepare(self):
        """The address spaces, from what the guest said about them."""
        pid = self.report.actors
        self.other = self.space(self.domains[pid["other"], "user"])
        self.guest = self.space(self.domains[pid["guest"], "kvm"])
        kernel_root = self.other.translate(self.report.symbols["init_top_pgt"])
        if kernel_root is None:
            raise Trouble("the kernel's topmost table is not mapped")
        self.unrestricted = self.space(kernel_root)
        self.regions = Regions.read(self.unrestricted, self.report.symbols)
        self.frames = Frames(self.report.frames, self.image.size, self.report.shared)
        self.tops = checks.topmost_tables(self.image, kernel_root)

    def unrestricted_of(self, restricted):
        """The table of the mm that a domain belongs to, or None."""
        user_half = checks.calm(self.image.table(restricted.root))[:256]
        found = self.tops.get(user_half, ())
        return self.space(found[0]) if found else None

    def pairs(self):
        """{name: (restricted, unrestricted)} of all domains."""
        result = {}
        for (pid, name), root in sorted(self.domains.items()):
            restricted = self.space(root)
            result[f"{pid}/{name}"] = restricted, self.unrestricted_of(restricted)
        return result

    def roots(self):
        """The addresses of all topmost tables there are."""
        found = {self.unrestricted.root, *self.domains.values()}
        return found.union(*self.tops.values())

    def put_back_hole(self):
        """For the control: in the saved memory, let the restricted table have it."""
        if not self.hole:
            raise Trouble("there is no hole to put back")
        table, index, _ = self.other.last_entry(self.hole.virt)
        source, at, level = self.unrestricted.last_entry(self.hole.virt)
        if level == 1:
            entry = source | PRESENT | RW
        else:
            entry = (self.image.table(source)[at] & ~ADDRESS
                     | self.unrestricted.translate(self.hole.virt))
        self.image.set_entry(table, index, entry)
        self.walker = Walker(self.image)
        self.prepare()

    def judge(self, pairs):
        names = [name for name in self.report.kinds]
        copies = self.image.find_secrets(self.seed, names)
        judge = Judge(self.unrestricted, self.other, self.guest)
        for name, kind in self.report.kinds.items():
            owner = (None, None)
            if name not in WITHOUT_OWNER and kind.pid:
                owner = pairs.get(f"{kind.pid}/user", owner)
            self.verdicts.append(judge.judge(kind, copies[name], *owner))
        if self.hole:
            found = hole_copies(self.image, self.hole)
            self.verdicts.append(judge.judge(Kind("hole", PLANTED, "0"), found))
        self.add_forgotten()

    def add_forgotten(self):
        """Kinds of the table that the guest did not speak of have failed."""
        judge = Judge(self.unrestricted, self.other, self.guest)
        known = {verdict.name for verdict in self.verdicts}
        for name in self.expected:
            if name not in known:
                self.verdicts.append(judge.judge(
                    Kind(name, FAILED, "the guest did not speak of it"), []))
        order = list(self.expected)
        self.verdicts.sort(key=lambda one: order.index(one.name) if one.name in order
                           else len(order))

    def compare(self):
        for verdict in self.verdicts:
            expected = self.expected.get(verdict.name)
            uses = [self.frames.name(found.copy.phys) for found in verdict.found]
            wrong = (expect.compare(expected, verdict, uses) if expected
                     else ["not in expect.tsv"])
            if wrong:
                self.wrong[verdict.name] = wrong

    def measure(self):
        """How much is within reach, and what of it belongs to users."""
        for name, space in (("unrestricted", self.unrestricted), ("other", self.other),
                            ("guest", self.guest)):
            self.reach[name] = self.frames.reached(space.leaves(), self.regions.name)
            kernel = (leaf for slot in space.half(kernel=True) for leaf in slot.leaves())
            self.of_users[name] = self.frames.of_users(kernel)

    def run(self):
        pairs = self.pairs()
        self.judge(pairs)
        self.measure()
        hole = [verdict for verdict in self.verdicts if verdict.name == "hole"]
        self.checks = [
            checks.check_users(self.of_users, self.frames),
            checks.check_negative(self.verdicts),
            checks.check_hole(hole[0] if hole else None, self.hole),
            checks.check_subset(pairs, self.walker),
            checks.check_cr3(self.saved.cr3, self.roots()),
            checks.check_inviting(pairs),
            checks.check_global(pairs, self.regions.name, MAY_BE_GLOBAL),
        ]
        self.compare()

    @property
    def good(self):
        return not self.wrong and not any(check.wrong for check in self.checks)


def make_parser():
    parser = argparse.ArgumentParser(
        prog="tests/audit/run", epilog=EPILOG, allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Plants a secret in each kind of place in a guest where data of users "
                    "lives, saves its memory and says who can reach which.")
    add = parser.add_argument
    add("--kernel", metavar="FILE", help="kernel image (default: that of build/kernel-run)")
    add("--cpu", metavar="MODEL", help="as for vm/run; max,-la57 has 4 levels")
    add("--cpus", default="1", metavar="N", help="number of CPUs (default: 1)")
    add("--mem", default="512M", metavar="SIZE", help="memory, at most 2G (default: 512M)")
    add("--append", default="asi=on", metavar="WORDS",
        help="kernel command line (default: asi=on)")
    add("--timeout", type=float, default=300, metavar="S", help="of the machine")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--ktap", action="store_true", help="print test results only")
    how.add_argument("--brief", action="store_true", help="print a few lines only")
    add("--json", metavar="FILE", help="write all that was found there")
    add("--write", metavar="FILE", help="write the coverage table there, if all is as expected")
    add("--control", choices=("leak",),
        help="leak: put the hidden block back in the saved memory; the audit has to fail")
    add("--expect", metavar="FILE", help="another table of what to expect")
    add("--keep", metavar="DIR", help="keep the saved memory and what the guest said there")
    add("--no-build", action="store_true", help="use the guest's program as it is")
    return parser


def build(top):
    done = subprocess.run(["make", "-s", "-C", os.path.join(top, "tests/audit/guest"),
                           "OUT=" + os.path.join(top, "build/audit")],
                          stdout=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise Trouble("the program for the guest cannot be built")


def look_at(options, top, work):
    """A machine from start to end; its Audit, and what was wrong with its end."""
    kernel = options.kernel or os.path.join(top, "build/kernel-run/arch/x86/boot/bzImage")
    expected = expect.read(options.expect or os.path.join(top, "tests/audit/expect.tsv"))
    seed = secrets.randbits(64)
    machine = Machine(Settings(top, work, kernel, options), seed)
    try:
        machine.start()
        machine.wait_until_ready()
        machine.report.check()
        saved = machine.save()
        machine.release()
        audit = Audit(saved, seed, expected)
        if options.control == "leak":
            audit.put_back_hole()
        audit.run()
        trouble = machine.finish()
    finally:
        machine.stop()
    audit.checks.append(checks.Check("machine", trouble, "the machine ended well"))
    return audit


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def show(audit, options):
    how = output.ktap if options.ktap else output.brief if options.brief else output.human
    print("\n".join(how(audit)), flush=True)
    if options.json:
        write(options.json, output.as_json(audit))
    if options.write and audit.good:
        write(options.write, output.document(audit, options.append,
                                             options.expect or "tests/audit/expect.tsv"))
    return 0 if audit.good else 1


def end_by_signal(number, _frame):
    """Lets the cleanup run."""
    sys.exit(128 + number)


def run(options, top):
    if not options.no_build:
        build(top)
    work = options.keep or tempfile.mkdtemp(prefix="audit.")
    try:
        if options.keep:
            os.makedirs(work)
        return show(look_at(options, top, work), options)
    finally:
        if not options.keep:
            shutil.rmtree(work, ignore_errors=True)


def main(argv, top):
    options = make_parser().parse_args(argv)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end_by_signal)
    try:
        return run(options, top)
    except (Trouble, Malformed, OSError) as error:
        if options.ktap:
            print(f"KTAP version 1\n1..1\nBail out! {error}")
        print(f"audit: {error}", file=sys.stderr)
        return 2
