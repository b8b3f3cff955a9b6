# SPDX-License-Identifier: GPL-2.0
"""The order of things: options, files, machine, verdict."""

import json
import os
import shlex
import shutil
import signal
import sys
import tempfile
import time

import verbose

from . import bochs, dmesg, initramfs, options as options_module, qemu
from .errors import TROUBLE, Trouble
from .session import Session

MACHINES = {"qemu": qemu, "bochs": bochs}


def end_by_signal(number, _frame):
    """Lets the cleanup run; the status is what a shell makes of the signal."""
    sys.exit(128 + number)


def make_work(options):
    """The directory for this run's files, and whether it goes away after."""
    if options.keep:
        try:
            os.makedirs(options.keep)
        except OSError as error:
            raise Trouble(f"--keep {options.keep}: {error.strerror}") from None
        return os.path.abspath(options.keep), False
    return tempfile.mkdtemp(prefix="vm-run."), True


def prepare(session, options, machine, work):
    initramfs.make(os.path.join(work, "initramfs"), session.config(), options.command,
                   os.getcwd(), options.copy, options.root == "initramfs")
    machine.prepare(options, work)


def write_results(options, session, verdict, seconds):
    if options.dmesg:
        with open(options.dmesg, "w", encoding="utf-8") as file:
            file.writelines(line + "\n" for line in dmesg.lines(session.decoder.records))
    if options.report:
        with open(options.report, "w", encoding="utf-8") as file:
            json.dump({"verdict": verdict.kind, "status": verdict.status,
                       "reason": verdict.reason, "details": verdict.details,
                       "seconds": round(seconds, 1)}, file)
            file.write("\n")


def run_in(options, machine, work):
    if machine is qemu:
        qemu.choose_accel(options, work)
    session = Session(options, machine, work)
    command = machine.command(options, work)
    if options.dry_run and not options.keep:
        print(shlex.join(command))
        return 0
    prepare(session, options, machine, work)
    if options.dry_run:
        print(shlex.join(command))
        return 0
    if options.gdb:
        print(qemu.gdb_hint(options), file=sys.stderr)
    verbose.show(command)
    begin = time.monotonic()
    verdict = session.run(command)
    write_results(options, session, verdict, time.monotonic() - begin)
    session.explain(verdict)
    return verdict.status


def run(argv):
    options = options_module.parse(argv)
    machine = MACHINES[options.machine]
    if len(machine.append(options)) > 2047:
        raise Trouble("--append: the kernel takes 2047 characters at most")
    work, temporary = make_work(options)
    try:
        return run_in(options, machine, work)
    finally:
        if temporary:
            shutil.rmtree(work, ignore_errors=True)


def main(argv):
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end_by_signal)
    try:
        return run(argv)
    except BrokenPipeError:
        return 128 + signal.SIGPIPE
    except Trouble as error:
        print(f"vm/run: {error}", file=sys.stderr)
        return TROUBLE
    except OSError as error:
        print(f"vm/run: {error}", file=sys.stderr)
        return TROUBLE
