# SPDX-License-Identifier: GPL-2.0
"""Runs asictl on dumps."""

import json
import os
import shutil
import subprocess
import sys
import tempfile

import dump
from tap import Skip

TOP = os.path.realpath(os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../.."))
TIMEOUT = 120
STATUSES = (0, 1, 2, 3)


def build(out, *variables):
    """Builds the tool; its messages are no test results."""
    done = subprocess.run(
        ["make", "-C", os.path.join(TOP, "tools/asictl"), f"OUT={out}", *variables],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        sys.exit(f"{done.stdout}tests/asictl/run: asictl does not build, see above")
    return os.path.join(out, "asictl")


class Result:
    def __init__(self, args, status, stdout, stderr):
        self.args = args
        self.status = status
        self.stdout = stdout
        self.stderr = stderr

    def show(self):
        """Everything, in the form of the expected outputs."""
        return (f"$ asictl {' '.join(self.args)}\n{self.stdout}"
                f"[standard error]\n{self.stderr}[exit status {self.status}]\n")

    def json(self):
        """The only object, valid and without a key given twice."""
        assert not self.stderr, f"--json, and yet on standard error: {self.stderr}"
        return parse_json(self.stdout)

    def last_line(self):
        lines = (self.stdout + self.stderr).splitlines()
        return lines[-1] if lines else ""


def parse_json(text):
    def no_twins(pairs):
        keys = [key for key, _ in pairs]
        assert len(keys) == len(set(keys)), f"a key twice in {keys}"
        return dict(pairs)

    try:
        value = json.loads(text, object_pairs_hook=no_twins)
    except ValueError as error:
        raise AssertionError(f"no JSON: {error}: {text!r}") from None
    assert isinstance(value, dict), f"not an object: {text!r}"
    return value


class Tool:
    """
    @program  the asictl to test
    @out      where programs are built
    @scratch  directory that is deleted in the end
    @update   write expected outputs instead of comparing with them
    @need     programs of others without which a test fails; of those that are not
              in it, it is skipped
    """

    def __init__(self, program, out, scratch, update=False, need=()):
        self.program = program
        self.out = out
        self.scratch = scratch
        self.update = update
        self.need = need
        self.roots = {}

    def with_program(self, program):
        return Tool(program, self.out, self.scratch, need=self.need)

    def other(self, name, hint):
        """The path of a program of others, from PATH or where ours are built."""
        path = shutil.which(name) or shutil.which(name, path=self.out)
        if path:
            return path
        assert name not in self.need, f"there is no {name}: {hint}"
        raise Skip(f"there is no {name}: {hint}")

    def fresh(self, name):
        """A new tree of dump @name, which the test may change."""
        root = tempfile.mkdtemp(prefix=f"{name}.", dir=self.scratch)
        os.chmod(root, 0o755)
        dump.expand(name, root)
        return root

    def root(self, name):
        """The tree of dump @name, which stays as it is."""
        if name not in self.roots:
            self.roots[name] = self.fresh(name)
        return self.roots[name]

    def run(self, args, root=None, prefix=(), **options):
        """Runs asictl; @prefix are words to put before it."""
        words = [*prefix, self.program, *args]
        if root:
            words += ["--sysroot", root]
        done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=TIMEOUT,
                              env={"PATH": os.environ["PATH"], "LC_ALL": "C"}, **options)
        assert done.returncode in STATUSES, (
            f"exit status {done.returncode} of asictl {args}: "
            f"{os.fsdecode(done.stdout + done.stderr)}")
        return Result([os.fsdecode(arg) for arg in args], done.returncode,
                      done.stdout.decode("ascii"), done.stderr.decode("ascii"))

    def on(self, name, *args, **options):
        return self.run(args, self.root(name), **options)
