# SPDX-License-Identifier: GPL-2.0
"""Chooses rows, runs them side by side, prints their cases and sums up."""

import argparse
import os
import shlex
import signal
import sys
import threading

import ktap

from . import row as row_module, table

TABLES = ("vm/tests.table", "vm/dev.table", "vm/memory.table", "vm/bench.table")
# So much of a failed row's stderr is shown.
ERROR_LINES = 40
WORDS = {ktap.PASS: "ok  ", ktap.FAIL: "FAIL", ktap.SKIP: "skip"}

EPILOG = """\
What failed is listed once more at the end, and the last line is always "N
passed, N failed, N skipped". The exit status is 0 when nothing failed, 1 when
something did, 2 when the table or an option is wrong. Output, kernel messages
and verdict of each row stay in build/test-logs.
"""


class Slots:
    """
    Lets rows run side by side as long as the host has CPUs for them. One that
    wants more than there are runs alone.
    """

    def __init__(self, total):
        self.total = total
        self.free = total
        self.changed = threading.Condition()

    def take(self, wanted):
        wanted = min(wanted, self.total)
        with self.changed:
            self.changed.wait_for(lambda: self.free >= wanted)
            self.free -= wanted
        return wanted

    def give(self, taken):
        with self.changed:
            self.free += taken
            self.changed.notify_all()


class Runner:
    """Runs rows in threads and prints each when it is complete."""

    def __init__(self, top, logs, jobs, quiet):
        self.top = top
        self.logs = logs
        self.quiet = quiet
        self.slots = Slots(jobs)
        self.printing = threading.Lock()
        self.totals = {ktap.PASS: 0, ktap.FAIL: 0, ktap.SKIP: 0}
        self.failures = []
        self.processes = []
        self.stopped = False

    def show(self, outcome):
        row = outcome.row
        with self.printing:
            for case in outcome.cases:
                self.totals[case.outcome] += 1
                detail = f"  # {case.detail}" if case.detail else ""
                line = f"{WORDS[case.outcome]} {row.name}: {case.name}{detail}"
                if case.outcome == ktap.FAIL:
                    self.failures.append(line)
                if not self.quiet or case.outcome != ktap.PASS:
                    print(line)
            failed = outcome.count(ktap.FAIL)
            print(f"---- {row.name}: {outcome.count(ktap.PASS)} passed, {failed} failed, "
                  f"{outcome.count(ktap.SKIP)} skipped in {outcome.seconds:.0f} s"
                  + (f"; see {os.path.relpath(outcome.log, self.top)}.*" if failed else ""),
                  flush=True)
            if failed:
                self.show_errors(outcome)

    @staticmethod
    def show_errors(outcome):
        """What the row said last on stderr: logs of another machine are not at hand."""
        lines = row_module.read_text(outcome.log + ".err").splitlines()
        for line in lines[-ERROR_LINES:]:
            print(f"  | {line}", flush=True)

    def run_row(self, row, taken):
        try:
            if not self.stopped:
                self.show(row_module.run(row, self.top, self.logs, self.processes.append))
        except Exception as error:  # a bug in the runner must not pass as success
            with self.printing:
                self.totals[ktap.FAIL] += 1
                self.failures.append(f"FAIL {row.name}: (runner)  # {error!r}")
                print(self.failures[-1], flush=True)
        finally:
            self.slots.give(taken)

    def run(self, rows):
        threads = []
        for row in rows:
            taken = self.slots.take(row.weight)
            if self.stopped:
                break
            print(f"==== {row.name}", file=sys.stderr, flush=True)
            thread = threading.Thread(target=self.run_row, args=(row, taken))
            thread.start()
            threads.append(thread)
        for thread in threads:
            thread.join()

    def stop(self):
        self.stopped = True
        for process in self.processes:
            row_module.end(process)


def make_parser():
    parser = argparse.ArgumentParser(
        prog="scripts/test", epilog=EPILOG, allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Runs rows of vm/*.table and counts their test cases.")
    add = parser.add_argument
    add("rows", nargs="*", metavar="GLOB", help="names of rows (default: all that are not slow)")
    add("--tag", action="append", default=[], help="only rows with this tag; may be repeated")
    add("--all", action="store_true", help="the slow rows as well")
    add("--list", action="store_true", help="print the rows and stop")
    add("--dry-run", action="store_true", help="print the command of each row and stop")
    add("--quiet", action="store_true", help="no line for a case that passed")
    add("--jobs", type=int, metavar="N", default=min(2, os.cpu_count() or 1),
        help="CPUs of this host to use (default: 2)")
    add("--table", metavar="FILE", help="another table")
    return parser


def show_list(rows):
    for row in rows:
        kernel = "" if row.machine == "host" else f" kernel-{row.kernel}"
        print(f"{row.name:32} {row.machine:5} {row.cpus} CPU{kernel}  "
              f"[{' '.join(sorted(row.tags))}] {row.append}".rstrip())


def show_commands(rows, top, logs):
    for row in rows:
        print(shlex.join(row_module.make_command(row, top, os.path.join(logs, row.name))))


def main(argv, top):
    options = make_parser().parse_args(argv)
    logs = os.path.join(top, "build/test-logs")
    try:
        files = [options.table] if options.table else [
            os.path.join(top, name) for name in TABLES]
        rows = table.choose(table.read(*files), options.rows, options.tag, options.all)
    except (table.TableError, OSError) as error:
        print(f"scripts/test: {error}", file=sys.stderr)
        return 2
    if options.list or options.dry_run:
        if options.list:
            show_list(rows)
        else:
            show_commands(rows, top, logs)
        return 0
    if not rows:
        print("scripts/test: no row has these tags", file=sys.stderr)
        return 2
    os.makedirs(logs, exist_ok=True)
    return run_rows(Runner(top, logs, max(1, options.jobs), options.quiet), rows)


def run_rows(runner, rows):
    def interrupted(number, _frame):
        sys.exit(128 + number)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupted)
    try:
        runner.run(rows)
    finally:
        runner.stop()
    totals = runner.totals
    if runner.failures:
        print("", "All that failed:", *runner.failures, sep="\n")
    print(f"{totals[ktap.PASS]} passed, {totals[ktap.FAIL]} failed, "
          f"{totals[ktap.SKIP]} skipped", flush=True)
    return 1 if totals[ktap.FAIL] or not totals[ktap.PASS] else 0
