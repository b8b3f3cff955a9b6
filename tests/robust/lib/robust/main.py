# SPDX-License-Identifier: GPL-2.0
"""The command line of tests/robust/run, and both machines."""

import argparse
import os
import shlex

import children
import ktap

from . import compare, machine

MODES = ("off", "on")
EPILOG = """\
A program prints KTAP, and among it lines such as
  # measure 431 at-least 9 page tables
for what must not be worse with asi=on than with asi=off, here by more than 9. With
--qmp it may ask for
  # host add NAME MIB      a memory module, hot-plugged
  # host remove NAME       to take it out, when the guest lets it go
  # host drop NAME         to forget what was in a module that is out
  # host balloon MIB       to let the machine have so much memory
What was said stays in build/robust/NAME-MODE.*.
"""


def make_parser():
    parser = argparse.ArgumentParser(
        prog="tests/robust/run", epilog=EPILOG, allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="tests/robust/run [OPTION]... -- COMMAND [ARG]...",
        description="Runs COMMAND in a machine with asi=off and in one with asi=on. All "
                    "must pass in both; prints KTAP.")
    add = parser.add_argument
    add("--append", default="", metavar="WORDS", help="more words for the kernel")
    add("--kernel", metavar="FILE", help="kernel image (default: that of build/kernel-run)")
    add("--machine", default=[], type=shlex.split, metavar="OPTIONS",
        help="more options for vm/run, in one word")
    add("--mode", choices=MODES, help="this machine only, and no comparison")
    add("--qmp", action="store_true", help="the program asks things of this host")
    add("--timeout", type=float, default=300, metavar="S", help="of each machine")
    add("--name", metavar="NAME", help="of the files (default: that of COMMAND)")
    add("command", nargs="+", metavar="COMMAND", help=argparse.SUPPRESS)
    return parser


class Printer:
    """Results, numbered; how many there are is known at the end."""

    def __init__(self):
        self.number = 0
        self.bad = 0
        print("KTAP version 1", flush=True)

    def show(self, good, name, detail="", skip=False):
        self.number += 1
        self.bad += not good
        if skip:
            detail = f"SKIP {detail}"
        print(("ok" if good else "not ok") + f" {self.number} {name}"
              + (f" # {detail}" if detail else ""), flush=True)

    def finish(self):
        print(f"1..{self.number}", flush=True)
        return 1 if self.bad else 0


def show_machine(printer, done):
    """The program's own results, and the machine's."""
    for case in ktap.parse(done.text):
        printer.show(case.outcome != ktap.FAIL, f"asi={done.mode}: {case.name}",
                     case.detail, case.outcome == ktap.SKIP)
    printer.show(not done.troubles, f"asi={done.mode}: the machine",
                 "; ".join(done.troubles))


def main(argv, top):
    options = make_parser().parse_args(argv)
    options.kernel = options.kernel or os.path.join(
        top, "build/kernel-run/arch/x86/boot/bzImage")
    out = os.path.join(top, "build/robust")
    os.makedirs(out, exist_ok=True)
    name = options.name or os.path.basename(options.command[0])
    processes = []
    children.end_with_us(processes)
    printer = Printer()
    measures = []
    for mode in [options.mode] if options.mode else MODES:
        done = machine.Machine(mode, top, os.path.join(out, name), options)
        done.run(processes.append)
        show_machine(printer, done)
        measures.append(compare.read(done.text))
    if len(measures) == 2:
        for what, good, detail in compare.judge(*measures):
            printer.show(good, what, detail)
    return printer.finish()
