# SPDX-License-Identifier: GPL-2.0
"""stat and top on a terminal: drawn in place, given back as it was."""

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

from tap import Suite
from tool import TIMEOUT

suite = Suite()
tests = suite.tests

ENTER = b"\x1b[?1049h\x1b[?25l"
LEAVE = b"\x1b[?25h\x1b[?1049l"
# What each command has on every page.
VERBS = {"stat": "COUNTER", "top": "INSTRUCTION"}


class Terminal:
    """A pseudo terminal with a program that has it as its controlling one."""

    def __init__(self, tool, args, root, rows=24, cols=80, term="vt100"):
        self.master, self.slave = pty.openpty()
        self.output = b""
        self.resize(rows, cols)
        self.before = termios.tcgetattr(self.slave)
        self.process = subprocess.Popen(
            [tool.program, *args, "--sysroot", root], stdin=self.slave, stdout=self.slave,
            stderr=self.slave, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
            env={"PATH": os.environ["PATH"], "TERM": term})

    def resize(self, rows, cols):
        """The kernel sends SIGWINCH to who has the terminal."""
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))

    def read(self):
        """What is there, after waiting a little for it; False if nothing is."""
        if not select.select([self.master], [], [], 0.05)[0]:
            return False
        self.output += os.read(self.master, 1 << 16)
        return True

    def wait_for(self, condition):
        """Reads until condition() holds."""
        end = time.monotonic() + TIMEOUT
        while not condition():
            self.read()
            assert time.monotonic() < end, self.output[-2000:]

    def pages(self):
        """Each complete page: its lines without control sequences."""
        return [[re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", line) for line in page.split("\n")]
                for page in re.findall(r"\x1b\[H(.*?)\x1b\[J", 
                                       self.output.decode("ascii").replace("\r", ""), re.S)]

    def wait_page(self, condition=bool):
        """The next page for which condition(page) holds."""
        seen = len(self.pages())
        self.wait_for(lambda: any(condition(p) for p in self.pages()[seen:]))
        return [p for p in self.pages()[seen:] if condition(p)][0]

    def key(self, keys):
        os.write(self.master, keys)

    def mode(self):
        return termios.tcgetattr(self.slave)

    def end(self):
        """The status of the program; the terminal has to be as it was."""
        self.process.wait(timeout=TIMEOUT)
        while self.read():
            pass
        assert self.mode() == self.before, "the mode of the terminal was not restored"
        assert self.output.count(ENTER) == self.output.count(LEAVE), self.output[-300:]
        return self.process.returncode

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.master)
        os.close(self.slave)


@contextlib.contextmanager
def terminal(tool, *args, root=None, **options):
    term = Terminal(tool, args, root or tool.root("on"), **options)
    try:
        yield term
    finally:
        term.close()


@suite("terminal: drawn in place again and again, q ends it")
def quit_key(tool):
    for verb, word in VERBS.items():
        with terminal(tool, verb, "-i", "0.05") as term:
            page = term.wait_page(lambda p: "second" in " ".join(p))
            assert page[0].startswith(f"asictl {verb}, every 0.05 s; q quits"), page
            assert len(page[0]) == 80, page[0]
            assert any(word in line for line in page), page
            assert term.mode()[3] & (termios.ICANON | termios.ECHO) == 0
            term.key(b"xq")
            assert term.end() == 0, term.output[-300:]
            assert term.output.startswith(ENTER) and term.output.endswith(LEAVE)


@suite("terminal: the first page is there before the interval is over")
def first_page(tool):
    for verb, word in VERBS.items():
        with terminal(tool, verb, "-i", "1000") as term:
            page = term.wait_page()
            assert any(word in line for line in page), page
            term.key(b"q")
            assert term.end() == 0


@suite("terminal: a signal ends it as it should, and the terminal is as before")
def signals(tool):
    for verb in VERBS:
        for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            with terminal(tool, verb, "-i", "1000") as term:
                term.wait_page()
                term.process.send_signal(sig)
                assert term.end() == -sig, (verb, sig, term.output[-300:])
        with terminal(tool, verb, "-i", "1000") as term:
            term.wait_page()
            term.key(b"\x03")
            assert term.end() == -signal.SIGINT


@suite("terminal: stopped it gives the terminal back, continued it takes it again")
def stop_and_go(tool):
    with terminal(tool, "stat", "-i", "1000") as term:
        term.wait_page()
        term.process.send_signal(signal.SIGTSTP)
        _, status = os.waitpid(term.process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status), status
        while term.read():
            pass
        assert term.mode() == term.before and term.output.endswith(LEAVE), term.output[-300:]
        term.process.send_signal(signal.SIGCONT)
        term.wait_page()
        assert term.output.count(ENTER) == 2, term.output
        term.key(b"q")
        assert term.end() == 0


@suite("terminal: another size is drawn at once, and nothing beyond it")
def resized(tool):
    for verb in VERBS:
        with terminal(tool, verb, "-i", "1000") as term:
            term.wait_page()
            for rows, cols in ((8, 30), (3, 11), (1, 1), (60, 200)):
                seen = len(term.pages())
                term.resize(rows, cols)
                term.wait_for(lambda seen=seen: len(term.pages()) > seen)
                page = term.pages()[-1]
                assert len(page) <= rows and all(len(line) <= cols for line in page), page
                assert len(page[0]) == cols, page
                if rows == 8 and verb == "stat":
                    assert re.match(r"\.\.\. and \d+ more lines$", page[-1]), page
            term.key(b"q")
            assert term.end() == 0


@suite("terminal: after COUNT times the last page stays")
def counted(tool):
    for verb, word in VERBS.items():
        with terminal(tool, verb, "-i", "0.02", "-n", "2") as term:
            assert term.end() == 0
            rest = term.output.split(LEAVE)[1].decode()
            assert rest.startswith(("Per second, ", "Faults per second, ")), rest
            assert word in rest, rest
            assert len(term.pages()) == 2, term.pages()


@suite("terminal: an error that ends it is to be read when the terminal is back")
def error_after(tool):
    for verb in VERBS:
        root = tool.fresh("on")
        with terminal(tool, verb, "-i", "0.05", root=root) as term:
            term.wait_page()
            os.rename(f"{root}/sys", f"{root}/gone")
            assert term.end() == 1
            rest = term.output.split(LEAVE)[1].decode()
            assert re.fullmatch(r"asictl: .+\r\nHint: .+\r\n", rest), rest


@suite("terminal: it is not touched when there is nothing to draw")
def nothing_to_draw(tool):
    for verb in VERBS:
        with terminal(tool, verb, "-i", "0.05", root=tool.root("absent")) as term:
            assert term.end() == 2
            assert b"\x1b" not in term.output and b"Hint: boot" in term.output, term.output


@suite("terminal: an error that does not end it is on the page")
def error_within(tool):
    root = tool.fresh("on")
    path = os.path.join(root, "sys/kernel/asi/classes/user/stats/enters")
    os.unlink(path)
    os.symlink("exits", path)
    with terminal(tool, "stat", "-i", "0.05", root=root) as term:
        page = term.wait_page(lambda p: "second" in " ".join(p))
        assert any(line.startswith("Error: 1 counters cannot be read") for line in page), page
        assert any(line.startswith("Hint: ") for line in page), page
        term.key(b"q")
        assert term.end() == 1


@suite("terminal: one that cannot be drawn on, and JSON, get lines")
def plain(tool):
    for args, term_name in ((["-n", "1"], "dumb"), (["-n", "1"], ""), (["-n", "1", "-j"], "vt100")):
        for verb in VERBS:
            with terminal(tool, verb, "-i", "0.02", *args, term=term_name) as term:
                assert term.end() == 0
                assert b"\x1b" not in term.output, term.output


@suite("terminal: without an interval stat prints once")
def once(tool):
    with terminal(tool, "stat") as term:
        assert term.end() == 0
        assert b"\x1b" not in term.output and b"COUNTER" in term.output, term.output


@suite("terminal: without an interval top draws the totals every two seconds")
def top_totals(tool):
    with terminal(tool, "top") as term:
        page = term.wait_page()
        assert page[0].startswith("asictl top, every 2 s; q quits"), page
        assert page[1].startswith("Faults since the log was cleared: 72, at 6 sites"), page
        assert term.wait_page()[1] == page[1]
        term.key(b"Q")
        assert term.end() == 0
