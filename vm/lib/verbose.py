# SPDX-License-Identifier: GPL-2.0
"""Shows commands when V=1 asks for it, as run() in scripts/lib.sh does."""

import os
import shlex


def show(command):
    """Print a command that is about to run; to TRACE_FD, where a caller wants the
    standard error for himself."""
    if os.environ.get("V") not in (None, "", "0"):
        line = "+ " + shlex.join(command) + "\n"
        os.write(int(os.environ.get("TRACE_FD", 2)), line.encode(errors="surrogateescape"))
