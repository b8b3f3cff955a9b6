# SPDX-License-Identifier: GPL-2.0
"""Runs one row and finds its cases."""

import glob
import json
import os
import signal
import subprocess
import time

import ktap
import verbose

# What vm/run needs beyond the guest's own time: compiling, cleaning up.
SPARE = 60


class Outcome:
    """What came of a row."""

    def __init__(self, row, cases, seconds, log):
        self.row = row
        self.cases = cases
        self.seconds = seconds
        self.log = log

    def count(self, outcome):
        return sum(case.outcome == outcome for case in self.cases)


def copies(pattern, top):
    """The --copy options of one line; what matches no file is left to fail."""
    source, colon, dest = pattern.partition(":")
    found = sorted(glob.glob(os.path.join(top, source))) or [source]
    return [word for path in found for word in ("--copy", path + colon + dest)]


def vm_command(row, top, log):
    """The vm/run that a row stands for."""
    kernel = os.path.join(top, f"build/kernel-{row.kernel}/arch/x86/boot/bzImage")
    command = [os.path.join(top, "vm/run"), "--machine", row.machine, "--cpus", row.cpus,
               "--timeout", f"{row.timeout:g}", "--kernel", kernel,
               "--report", log + ".json", "--dmesg", log + ".dmesg"]
    for option, value in (("--cpu", row.cpu), ("--mem", row.mem), ("--append", row.append)):
        if value:
            command += [option, value]
    for copy in row.copy:
        command += copies(copy, top)
    for regex in row.allow:
        command += ["--allow-splat", regex]
    return command + row.options + ["--", *row.command]


def make_command(row, top, log):
    return row.command if row.machine == "host" else vm_command(row, top, log)


def execute(row, top, log, started):
    """Runs it with its output in files; returns its status, None for a timeout."""
    for suffix in (".json", ".dmesg"):
        if os.path.exists(log + suffix):
            os.unlink(log + suffix)
    command = make_command(row, top, log)
    verbose.show(command)
    with open(log + ".out", "wb") as out, open(log + ".err", "wb") as err:
        try:
            process = subprocess.Popen(command, cwd=top, stdout=out, stderr=err,
                                       stdin=subprocess.DEVNULL, start_new_session=True)
        except OSError as error:
            err.write(f"{error}\n".encode())
            return 127
        started(process)
        try:
            return process.wait(row.timeout + SPARE)
        except subprocess.TimeoutExpired:
            end(process)
            return None


def end(process):
    """Ends what execute() started: vm/run takes its machine along."""
    if process.poll() is not None:
        return
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def read_text(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def last_line(log):
    lines = [line for line in read_text(log + ".err").splitlines() if line.strip()]
    said = [line for line in lines if line.startswith("vm/run:")]
    return (said or lines[-1:] or ["it said nothing"])[0]


def machine_trouble(row, status, log):
    """Why the run as a whole failed, apart from what its command found; or ""."""
    if status is None:
        return f"no end within {row.timeout + SPARE:g} s"
    if row.machine == "host":
        return ""
    report = read_text(log + ".json")
    if not report:
        return last_line(log)
    report = json.loads(report)
    if report["verdict"] == "exit":
        return ""
    details = "; ".join(report["details"][:3])
    return f"{report['verdict'].upper()}: {report['reason']}" + (f": {details}" if details else "")


def find_cases(row, status, log):
    """The cases of a finished run; a run that went wrong has a failed one."""
    trouble = machine_trouble(row, status, log)
    if row.results == "ktap":
        cases = ktap.parse(read_text(log + ".out"))
    elif row.results == "kunit":
        cases = ktap.parse_dmesg(read_text(log + ".dmesg"))
    else:
        good = status == 0 and not trouble
        return [ktap.Case("(status)", ktap.PASS if good else ktap.FAIL,
                          "" if good else trouble or f"status {status}: {last_line(log)}")]
    if trouble:
        cases.append(ktap.Case("(machine)", ktap.FAIL, trouble))
    elif status and all(case.outcome != ktap.FAIL for case in cases):
        cases.append(ktap.Case("(status)", ktap.FAIL, f"status {status}: {last_line(log)}"))
    return cases


def run(row, top, logs, started):
    log = os.path.join(logs, row.name)
    begin = time.monotonic()
    status = execute(row, top, log, started)
    return Outcome(row, find_cases(row, status, log), time.monotonic() - begin, log)
