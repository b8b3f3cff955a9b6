# SPDX-License-Identifier: GPL-2.0
"""One run of the guest program in a virtual machine."""

import os
import shlex
import subprocess
import sys

from .configs import PROGRAM, REPO, check_state
from .errors import Trouble
from .parse import parse

# Without string instructions that move bytes: the emulator counts each
# repetition as an instruction, and a copy of 4 KiB would count 4096 and hide
# what is around it. Without them the kernel's copies are unrolled loops.
CPU = "max,-erms,-fsrm"
TIMEOUT = 900
# The module is not of the kernel's tree.
TAINT = "O"
# The clock must count instructions: 1000 in a microsecond of the guest's time.
PER_US = (990, 1010)


def command(config, only, windows, memory=False):
    """The command that boots `config` and runs the guest program."""
    guest = [os.path.join(REPO, PROGRAM), "--clock", "tsc",
             "--module", os.path.join(REPO, config.module)]
    if memory:
        guest += ["--memory"]
    if only:
        guest += ["--only", ",".join(only)]
    if windows:
        guest += ["--windows", str(windows)]
    return [os.path.join(REPO, "vm/run"), "--machine", "qemu", "--cpu", CPU, "--cpus", "1",
            "--icount", "--timeout", str(TIMEOUT), "--allow-taint", TAINT,
            "--kernel", os.path.join(REPO, config.image),
            "--append", config.command_line, "--", *guest]


def run(config, only=(), windows=0, verbose=False, memory=False):
    """The parsed record of one run; raises Trouble."""
    argv = command(config, only, windows, memory)
    if verbose:
        print("+ " + shlex.join(argv), file=sys.stderr)
    done = subprocess.run(argv, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL,
                          check=False, cwd=REPO)
    text = done.stdout.decode(errors="replace")
    if done.returncode:
        sys.stderr.write(text)
        raise Trouble(f"configuration {config.name!r}: vm/run ended with status "
                      f"{done.returncode}: {shlex.join(argv)}")
    record = parse(text)
    check_state(config, record["state"])
    if not PER_US[0] <= record["clock_per_us"] <= PER_US[1]:
        raise Trouble(f"configuration {config.name!r}: the guest's clock runs at "
                      f"{record['clock_per_us']} a microsecond, so it does not count "
                      "instructions")
    return record
