# SPDX-License-Identifier: GPL-2.0
"""The command line of tests/upstream/run, and the order of things."""

import argparse
import concurrent.futures
import fnmatch
import os
import shutil
import subprocess
import sys

import children

from . import compare, machine, report, table

MODES = ("off", "on")
# Some tests want a second CPU. Emulation is quicker without.
CPUS = {"quick": "1", "full": "2"}
EPILOG = """\
What a test prints, what the kernel says and which machine ran it stay in
build/upstream/run-SET/SUITE-MODE.N.*; results.tsv there has one line for each
test and mode. The exit status is 1 when a test that passes with asi=off does
not pass with asi=on, 2 when nothing could be compared.
"""


def make_parser():
    parser = argparse.ArgumentParser(
        prog="tests/upstream/run", epilog=EPILOG, allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Runs the kernel's own selftests with asi=off and with asi=on and "
                    "compares. Prints KTAP and a line of counts.")
    add = parser.add_argument
    add("tests", nargs="*", metavar="GLOB", help="SUITE/NAME of tests (default: all of the set)")
    add("--quick", action="store_const", const="quick", dest="set", default="full",
        help="the quick ones only")
    add("--full", action="store_const", const="full", dest="set",
        help="all but those that are left out (default)")
    add("--kernel", metavar="FILE", help="kernel image (default: that of build/kernel-run)")
    add("--cpus", metavar="N", help="number of CPUs of each machine (default: 2; quick: 1)")
    add("--jobs", type=int, default=os.cpu_count(), metavar="N",
        help="machines at a time (default: number of CPUs)")
    add("--patience", type=float, default=1.0, metavar="X",
        help="multiply all times that tests may take")
    add("--no-build", action="store_true", help="use the suites as they are")
    add("--out", metavar="DIR", help="where to keep what is said and the results")
    add("--only", choices=MODES, metavar="MODE",
        help="run off or on only and say how each test ends, without a comparison")
    add("--list", action="store_true", help="print the chosen tests only")
    return parser


def choose(tests, options):
    """The tests to run; a name given in full is run even if it is left out."""
    chosen = []
    for test in tests:
        if options.tests:
            if str(test) in options.tests:
                chosen.append(test)
                continue
            if not any(fnmatch.fnmatchcase(str(test), glob) for glob in options.tests):
                continue
        if test.set == "quick" or test.set == options.set:
            chosen.append(test)
    return chosen


def by_group(tests, together):
    """The tests of each machine, in the order of list.tsv."""
    groups = {}
    for test in tests:
        groups.setdefault(test.group(together), []).append(test)
    return groups


def run_all(groups, modes, settings, jobs):
    """Every group in every mode; the longest first, so that none is left alone."""
    runs = [machine.Run(settings, group, mode, tests)
            for group, tests in groups.items() for mode in modes]
    runs.sort(key=lambda run: -sum(test.seconds for test in run.tests))
    with concurrent.futures.ThreadPoolExecutor(max(1, jobs)) as pool:
        for future in [pool.submit(run.run) for run in runs]:
            future.result()
    return {(run.group, run.mode): run for run in runs}


class Printer:
    """KTAP and the counts."""

    def __init__(self, total):
        self.number = 0
        self.counts = {compare.GOOD: 0, compare.BAD: 0, compare.NOTHING: 0}
        print(f"KTAP version 1\n1..{total}", flush=True)

    def show(self, name, verdict):
        self.number += 1
        self.counts[verdict.kind] += 1
        for note in verdict.notes:
            print(f"# {note}")
        word = "not ok" if verdict.kind == compare.BAD else "ok"
        rest = f" # {verdict.detail}" if verdict.detail else ""
        if verdict.kind == compare.NOTHING:
            rest = f" # SKIP {verdict.detail}"
        print(f"{word} {self.number} {name}{rest}", flush=True)

    def sum_up(self):
        print(f"{self.counts[compare.GOOD]} passed, {self.counts[compare.BAD]} failed, "
              f"{self.counts[compare.NOTHING]} skipped")
        return 1 if self.counts[compare.BAD] else 0


def run_of(runs, test, mode):
    return next((run for run in runs.values() if run.mode == mode and test in run.tests), None)


def result_of(runs, test, mode):
    run = run_of(runs, test, mode)
    return run.results.get(str(test)) if run else None


def write_results(path, tests, runs, modes):
    """One line for each test and mode, for programs to read."""
    with open(path, "w", encoding="utf-8") as file:
        file.write("# test\tset\tmode\toutcome\tstatus\tseconds\tparts passed"
                   "\tparts failed\tcomplaints\n")
        for test in tests:
            for mode in modes:
                result = result_of(runs, test, mode) or compare.not_run()
                parts = [outcome for _, outcome in result.subtests()]
                file.write("\t".join(str(value) for value in (
                    test, test.set, mode, result.outcome, result.status,
                    f"{result.seconds:.1f}", parts.count(report.PASS),
                    parts.count(report.FAIL), len(result.complaints))) + "\n")


def judge(test, runs):
    """The verdict on one test."""
    if not run_of(runs, test, "off"):
        if test.set == "out":
            return compare.Verdict(compare.NOTHING, test.reason)
        return compare.Verdict(compare.BAD, "cannot be built here, see "
                               f"build/upstream/{test.suite}.log")
    off, on = (result_of(runs, test, mode) for mode in MODES)
    if not off or not on:
        notes = [f"asi={mode}: {trouble}" for mode in MODES
                 for trouble in run_of(runs, test, mode).troubles]
        return compare.Verdict(compare.BAD, "was not run: too many machines were lost", notes)
    return compare.compare(off, on)


def machine_verdicts(groups, runs, tests, top):
    """What must hold for the comparison to mean anything: [(name, verdict)]."""
    verdicts = []
    for suite in sorted({test.suite for chosen in groups.values() for test in chosen}):
        forgotten = table.unlisted(tests, suite, os.path.join(top, "build/upstream", suite))
        verdicts.append((f"{suite}/(list)", compare.Verdict(
            compare.BAD if forgotten else compare.GOOD,
            "not in list.tsv: " + " ".join(forgotten) if forgotten else "")))
    for group in groups:
        off, on = (runs[group, mode] for mode in MODES)
        states = {"off": compare.check_off(off.states),
                  "on": compare.check_on(on.suites, on.states)}
        wrong = compare.check_machines(off, on)
        for mode in MODES:
            verdict = compare.Verdict(compare.BAD, wrong[mode]) if wrong[mode] else states[mode]
            verdicts.append((f"{group}/({mode})", verdict))
    return verdicts


def compare_all(shown, groups, runs, tests, top):
    """Prints everything; returns the exit status."""
    verdicts = machine_verdicts(groups, runs, tests, top)
    verdicts += [(str(test), judge(test, runs)) for test in shown]
    printer = Printer(len(verdicts))
    for name, verdict in verdicts:
        printer.show(name, verdict)
    return printer.sum_up()


def tell_all(tests, runs, mode):
    """How each test ended, when there is nothing to compare with."""
    for run in runs.values():
        for trouble in run.troubles:
            print(f"# {run.group}: {trouble}")
    for test in tests:
        result = result_of(runs, test, mode) or compare.not_run()
        why = "" if result.outcome == report.PASS else f"  {result.reason()}"
        print(f"{result.outcome:8}{result.seconds:7.1f}  {test}{why}")
        for line in result.complaints[:5]:
            print(f"{'':17}kernel: {line}")
    return 0


def build(options, top, tests):
    """Builds what the tests need and makes room; returns the programs of each suite, or None."""
    whole = options.set == "full" and not options.tests
    if not options.no_build:
        targets = {test.suite if whole else test.target for test in tests}
        done = subprocess.run([os.path.join(top, "tests/upstream/build"), *sorted(targets)],
                              check=False)
        if done.returncode:
            return None
    built = {}
    for suite in sorted({test.suite for test in tests}):
        directory = os.path.join(top, "build/upstream", suite)
        built[suite] = table.programs(directory)
        if not built[suite]:
            print(f"run: nothing is built in {directory}", file=sys.stderr)
            return None
    shutil.rmtree(options.out, ignore_errors=True)
    os.makedirs(options.out)
    return built


def main(argv, top):
    options = make_parser().parse_args(argv)
    tests = table.read(os.path.join(top, "tests/upstream/list.tsv"))
    chosen = choose(tests, options)
    if options.list or not chosen:
        print("\n".join(map(str, chosen)) or "run: no such test")
        return 0 if chosen else 2
    options.out = os.path.abspath(
        options.out or os.path.join(top, f"build/upstream/run-{options.set}"))
    built = build(options, top, chosen)
    if not built:
        return 2
    kernel = options.kernel or os.path.join(top, "build/kernel-run/arch/x86/boot/bzImage")
    cpus = options.cpus or CPUS[options.set]
    settings = machine.Settings(top, options.out, kernel, cpus, options.patience)
    children.end_with_us(settings.processes)
    runnable = [test for test in chosen if test.program in built[test.suite]]
    groups = by_group(runnable, options.set == "quick")
    modes = [options.only] if options.only else MODES
    runs = run_all(groups, modes, settings, options.jobs)
    write_results(os.path.join(options.out, "results.tsv"), runnable, runs, modes)
    if options.only:
        return tell_all(chosen, runs, options.only)
    whole = options.set == "full" and not options.tests
    left_out = [test for test in tests if test.set == "out" and whole]
    return compare_all(chosen + left_out, groups, runs, tests, top)
