# SPDX-License-Identifier: GPL-2.0
"""What is compared, and one boot of it."""

import os
import shlex
import subprocess
import sys

from benchlib.boot import CPU
from benchlib.configs import REPO, Config, check_state
from benchlib.errors import Trouble

from . import programs
from .samples import read, records

GUEST = os.path.join(REPO, "vm/guest/workloads")
MEMORY = "2G"
TIMEOUT = 1800

CONFIGS = (
    Config("off", "asi=off", "kernel-run", "asi=off", {"asi": "0", "pti": "0"}),
    Config("on", "asi=on", "kernel-run", "asi=on",
           {"asi": "1", "user": "1", "kvm": "1", "sensitive": "1", "pti": "0"}),
    Config("mapped", "asi=on asi_sensitive=off", "kernel-run", "asi=on asi_sensitive=off",
           {"asi": "1", "user": "1", "kvm": "1", "sensitive": "0", "pti": "0"}),
    Config("pti", "pti=on", "kernel-run", "asi=off pti=on", {"asi": "0", "pti": "1"}),
)
NAMES = tuple(config.name for config in CONFIGS)
# Where exits are looked for.
NOWHERE, TRACE, FAULT_LOG = range(3)


def select(names):
    return programs.choose("configuration", CONFIGS, names)


def command(config, workloads, quick, runs, sites):
    """The command that boots `config` and runs the workloads."""
    argv = [os.path.join(REPO, "vm/run"), "--machine", "qemu", "--cpu", CPU, "--cpus", "1",
            "--icount", "--mem", MEMORY, "--timeout", str(TIMEOUT), "--root", "initramfs",
            "--kernel", os.path.join(REPO, config.image), "--append", config.command_line,
            "--copy", f"{GUEST}:/workloads"]
    for dest, source in sorted(programs.files(workloads).items()):
        argv += ["--copy", f"{source}:{dest}"]
    units = [f"{one.name}={one.quick if quick else one.units}" for one in workloads]
    return [*argv, "--", "env", "CFLAGS=" + " ".join(programs.CFLAGS),
            "sh", "/workloads", str(runs), str(sites), *units]


def boot(config, workloads, options, sites=NOWHERE):
    """The records of one boot, by the name of the workload; raises Trouble."""
    argv = command(config, workloads, options.quick, options.runs, sites)
    if options.verbose:
        print("+ " + shlex.join(argv), file=sys.stderr)
    done = subprocess.run(argv, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL,
                          check=False, cwd=REPO)
    if done.returncode:
        raise Trouble(f"configuration {config.name!r}: vm/run ended with status "
                      f"{done.returncode}")
    run = read(done.stdout.decode(errors="replace"))
    check_state(config, run["state"])
    return {"release": run["release"], "ops": records(run), "sites": run["sites"],
            "faults": run["faults"], "callers": run["callers"]}
