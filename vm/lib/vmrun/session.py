# SPDX-License-Identifier: GPL-2.0
"""Runs the machine, watches it until it ends, and finds the verdict."""

import ctypes
import os
import pty
import re
import secrets
import signal
import subprocess
import sys
import termios
import threading
import time

from . import dmesg
from .channel import Decoder, Garbled
from .errors import CRASHED, LOST, TIMEOUT, TROUBLE

PAUSE = 0.02
# After a panic the guest resets within a moment, unless it hangs there.
PANIC_GRACE = 3
# From the verdict to the power-off.
OFF_GRACE = {"qemu": 30, "bochs": 180}
# How many of the last console lines explain a failure.
TAIL = 30
PR_SET_PDEATHSIG = 1

libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent():
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Tail:
    """Reads what is added to a file."""

    def __init__(self, path):
        self.path = path
        self.file = None

    def read(self):
        if not self.file:
            try:
                self.file = open(self.path, "rb")
            except FileNotFoundError:
                return b""
        return self.file.read()


class Verdict:
    """How a run ended: `kind` is exit, timeout, trouble, crash or lost."""

    STATUS = {"timeout": TIMEOUT, "trouble": TROUBLE, "crash": CRASHED, "lost": LOST}

    def __init__(self, kind, reason="", status=None, details=()):
        self.kind = kind
        self.reason = reason
        self.status = self.STATUS[kind] if status is None else status
        self.details = list(details)


class Session:
    """One machine from its start to its end."""

    def __init__(self, options, machine, work):
        self.options = options
        self.machine = machine
        self.work = work
        self.nonce = secrets.token_hex(16)
        self.decoder = Decoder(self.nonce, self.sink(1), self.sink(2))
        self.channel = Tail(self.path("channel"))
        self.console_tail = Tail(self.path("console.log"))
        self.machine_tail = Tail(self.path("bochs.log"))
        self.console = b""
        self.garbled = ""
        self.excused = []
        self.panic_at = None
        self.verdict_at = None
        self.ended = ""
        self.where = []
        self.process = None

    def path(self, name):
        return os.path.join(self.work, name)

    def config(self):
        """What the guest's first process is told."""
        rows = columns = 0
        if self.options.shell and os.isatty(1):
            columns, rows = os.get_terminal_size(1)
        return {"nonce": self.nonce, "channel": self.machine.CHANNEL,
                "root": self.options.root,
                "tty": self.machine.TTY if self.options.shell else "",
                "rows": rows, "columns": columns}

    @staticmethod
    def sink(fd):
        def write(data):
            while data:
                data = data[os.write(fd, data):]
        return write

    # Running

    def start(self, command):
        kwargs = {"preexec_fn": die_with_parent}
        if self.options.shell:
            return subprocess.Popen(command, stderr=open(self.path("stderr"), "wb"), **kwargs)
        kwargs["start_new_session"] = True
        if self.options.machine == "bochs":
            return self.start_on_pty(command, kwargs)
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                stderr=open(self.path("stderr"), "wb"), **kwargs)

    def start_on_pty(self, command, kwargs):
        """Bochs draws its screen on a terminal; nobody looks at it."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen(command, stdin=theirs, stdout=theirs,
                                   stderr=open(self.path("stderr"), "wb"),
                                   env={**os.environ, "TERM": "xterm"}, **kwargs)
        os.close(theirs)

        def discard():
            try:
                while os.read(ours, 65536):
                    pass
            except OSError:
                pass
        threading.Thread(target=discard, daemon=True).start()
        return process

    def run(self, command):
        """Runs `command` to its end; returns the Verdict."""
        saved = termios.tcgetattr(0) if self.options.shell and os.isatty(0) else None
        self.process = self.start(command)
        try:
            self.watch()
        finally:
            self.stop()
            if saved:
                termios.tcsetattr(0, termios.TCSADRAIN, saved)
        self.read()
        return self.judge()

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def read(self):
        if not self.garbled:
            try:
                self.decoder.feed(self.channel.read())
            except Garbled as error:
                self.garbled = str(error)
        new = self.console_tail.read()
        if new:
            # Whole lines: the rest of the last one is still to come.
            start = self.console.rfind(b"\n") + 1
            self.console += new
            if not self.options.shell and dmesg.panicked(
                    self.console[start:self.console.rfind(b"\n") + 1],
                    self.options.allow_splat):
                self.panic_at = self.panic_at or time.monotonic()
        # Bochs has no -no-reboot: a guest that was reset would boot again and
        # might succeed the second time.
        if self.machine.RESET and self.machine.RESET.search(self.machine_tail.read()):
            self.ended = "reset"
        if self.decoder.verdict and not self.verdict_at:
            self.verdict_at = time.monotonic()

    def watch(self):
        limit = self.options.timeout
        begin = time.monotonic()
        while self.process.poll() is None:
            self.read()
            now = time.monotonic()
            if self.panic_at and now - self.panic_at > PANIC_GRACE:
                self.ended = "panic"
            elif self.verdict_at and now - self.verdict_at > OFF_GRACE[self.options.machine]:
                self.ended = "off"
            elif limit and now - begin > limit and not self.verdict_at:
                self.ended = "timeout"
            elif self.decoder.trouble:
                self.ended = "trouble"
            elif self.garbled:
                self.ended = "garbled"
            if self.ended == "timeout":
                self.where = self.machine.where(self.options, self.work)
            if self.ended:
                return
            time.sleep(PAUSE)

    # Judging

    def console_lines(self):
        # Firmware and boot loader clear the screen on the same line.
        text = re.sub(rb"\x1b\[[0-9;]*[A-Za-z]|[\r\0]", b"", self.console)
        return text.decode(errors="replace").splitlines()

    def complaints(self):
        """Splats from the guest's own record and, for what came later, the console."""
        records = dmesg.lines(self.decoder.records)
        console = [] if self.options.shell else self.console_lines()
        found, self.excused = dmesg.merge(records, console, self.options.allow_splat
                                          + self.machine.KNOWN_SPLATS)
        return found

    def judge(self):
        if self.decoder.trouble:
            return Verdict("trouble", "the guest could not be prepared: " + self.decoder.trouble)
        if self.panic_at:
            return Verdict("crash", "the guest's kernel panicked", details=self.complaints()[:3])
        if self.garbled:
            return Verdict("lost", "the guest's report is garbled: " + self.garbled)
        if self.decoder.verdict:
            return self.judge_report()
        return self.judge_silence()

    def judge_report(self):
        wrong = self.decoder.mismatch()
        if wrong:
            return Verdict("lost", "the guest's report is incomplete: " + wrong)
        report = self.decoder.verdict
        complaints = self.complaints()
        if complaints:
            return Verdict("crash", "the guest's kernel complained", details=complaints)
        # An excused warning leaves its mark.
        warned = "W" if any("WARNING:" in line for line in self.excused) else ""
        letters = dmesg.taints(report["taint"], self.options.allow_taint + warned)
        if letters:
            return Verdict("crash", f"the guest's kernel is tainted: {letters}")
        if report["lost"]:
            return Verdict("lost", "kernel messages were overwritten before they were read")
        if self.ended == "reset":
            return Verdict("crash", "the guest was reset instead of powered off")
        if self.ended == "off":
            return Verdict("crash", "the guest did not power off after its verdict")
        return Verdict("exit", status=report["status"])

    def judge_silence(self):
        if self.ended == "timeout":
            return Verdict("timeout", f"no verdict within {self.options.timeout:g} s",
                           details=self.complaints())
        said = self.machine_output()
        status = self.process.returncode
        # QEMU reports its own trouble by its status; that of Bochs is always 1.
        if self.options.machine == "qemu" and status:
            how = f"signal {-status}" if status < 0 else f"status {status}"
            return Verdict("trouble", f"QEMU ended with {how}", details=said[-5:])
        if self.options.machine == "bochs" and not self.console:
            return Verdict("trouble", "Bochs ended before the kernel said anything",
                           details=said[-5:])
        # The first process could not open the channel to say it there.
        for line in self.console_lines():
            if line.startswith("vm-init: "):
                return Verdict("trouble", "the guest could not be prepared: " + line)
        complaints = self.complaints()
        if complaints:
            return Verdict("crash", "the guest's kernel complained and ended", details=complaints)
        off = any(re.search(r"reboot: |soft power off", line)
                  for line in self.console_lines()[-5:] + said)
        if off or self.options.shell:
            return Verdict("lost", "the guest went away without a verdict")
        return Verdict("crash", "the guest was reset without a word (a triple fault?)",
                       details=[line for line in said if "exception" in line][-3:])

    def machine_output(self):
        lines = []
        for name in ("stderr", "bochs.log"):
            try:
                with open(self.path(name), "r", errors="replace", encoding="utf-8") as file:
                    lines += file.read().splitlines()
            except FileNotFoundError:
                continue
        return lines

    def explain(self, verdict):
        """Says on stderr why the status is not COMMAND's."""
        if verdict.kind == "exit":
            return
        out = [f"vm/run: {verdict.kind.upper()}: {verdict.reason}"]
        out += ["  " + line for line in verdict.details[:20]]
        if self.where:
            out += ["vm/run: where it was, and what of the kernel's text is on the stacks:"]
            out += ["  " + line for line in self.where]
        if not self.options.shell:
            lines = self.console_lines()[-TAIL:]
            out += [f"vm/run: the last {len(lines)} lines of the console:"] if lines else [
                "vm/run: the console is empty"]
            out += ["  | " + line for line in lines]
        print("\n".join(out), file=sys.stderr)
