# SPDX-License-Identifier: GPL-2.0
"""The command line of tests/robust/run, and both machines."""

import argparse
import os
import shlex

import children
import ktap

from . import compare, machine

MODES = ("off", "on")
# Of each machine, when one measure was worse: an odd number.
ROUNDS = 3
EPILOG = """\
A program prints KTAP, and among it lines such as
  # measure 431 at-least 9 page tables
for what must not be worse with asi=on than with asi=off, here by more than 9. What
is measured has to do with chance: if only that is worse, both machines run twice more,
and of three the one in the middle counts. With
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


def show_machine(printer, done, which):
    """The program's own results, and the machine's; one in which all was skipped fails."""
    cases = ktap.parse(done.text)
    for case in cases:
        printer.show(case.outcome != ktap.FAIL, f"{which}: {case.name}",
                     case.detail, case.outcome == ktap.SKIP)
    nothing = all(case.outcome == ktap.SKIP for case in cases)
    troubles = done.troubles + ["nothing was tested"] * nothing
    printer.show(not troubles, f"{which}: the machine", "; ".join(troubles))


def by_mode(rounds):
    """All with asi=off, and all with asi=on."""
    return [list(founds) for founds in zip(*rounds)]


def main(argv, top):
    options = make_parser().parse_args(argv)
    options.kernel = options.kernel or os.path.join(
        top, "build/kernel-run/arch/x86/boot/bzImage")
    out = os.path.join(top, "build/robust")
    os.makedirs(out, exist_ok=True)
    name = os.path.join(out, options.name or os.path.basename(options.command[0]))
    processes = []
    children.end_with_us(processes)
    printer = Printer()

    def run_machine(mode, number):
        files = name if number == 1 else f"{name}-{number}"
        done = machine.Machine(mode, top, files, options)
        done.run(processes.append)
        show_machine(printer, done, f"asi={mode}" if number == 1 else f"asi={mode} ({number})")
        return compare.read(done.text)

    modes = [options.mode] if options.mode else MODES
    rounds = [[run_machine(mode, 1) for mode in modes]]
    if options.mode:
        return printer.finish()
    if not printer.bad and any(not good for _, good, _ in compare.judge(*by_mode(rounds))):
        rounds += [[run_machine(mode, number) for mode in modes]
                   for number in range(2, ROUNDS + 1)]
    for what, good, detail in compare.judge(*by_mode(rounds)):
        printer.show(good, what, detail)
    return printer.finish()
