# SPDX-License-Identifier: GPL-2.0
"""The command line of bench/tuning: one boot, and the tables of docs/TUNING.md."""

import argparse
import json
import os

from benchlib import configs
from benchlib.errors import Trouble
from benchlib.main import load, save, say

from . import exits, machine, programs
from .main import installed

RESULTS = "build/bench/tuning.json"
DOCUMENT = "docs/TUNING.md"
REMEDIES = os.path.join(configs.REPO, "bench/remedies.tsv")
FORMAT = 1


def make_parser():
    names = ", ".join(one.name for one in programs.TUNING)
    parser = argparse.ArgumentParser(
        prog="bench/tuning", allow_abbrev=False,
        epilog="exit status: 0 done, 2 something is missing or went wrong. A run of a part "
               "(--only, --quick) prints the tables and leaves the document alone.",
        description="Lists where real programs leave a restricted address space.")
    add = parser.add_argument
    add("--only", metavar="NAME,...", default="", help="these workloads: " + names)
    add("--quick", action="store_true", help="few units: tries the tool")
    add("--from-results", metavar="FILE", help="boot nothing; tables of an earlier run")
    add("--results", metavar="FILE", default=RESULTS, help=f"where to write them ({RESULTS})")
    add("--verbose", "-v", action="store_true", help="show the commands")
    parser.set_defaults(runs=1)
    return parser


def measure(options):
    """The results of a boot, in the form of the file they go to."""
    workloads, left_out = installed(programs.select(options.only, programs.TUNING))
    if not workloads:
        raise Trouble("nothing to run; `scripts/packages workloads` installs the programs")
    (config,) = machine.select("on")
    configs.check_images([config])
    say(f"tuning: {config.command_line}")
    found = machine.boot(config, workloads, options, machine.FAULT_LOG)
    return {"format": FORMAT, "left_out": left_out, "run": found}


def replace(document, tables):
    """The text of the document with other tables in it."""
    for name, text in tables.items():
        begin, end = f"<!-- begin {name} -->\n", f"<!-- end {name} -->\n"
        if document.count(begin) != 1 or document.count(end) != 1:
            raise Trouble(f"{DOCUMENT} has no place for the table {name!r}")
        head, rest = document.split(begin)
        if end not in rest:
            raise Trouble(f"{DOCUMENT}: the table {name!r} ends before it begins")
        document = head + begin + "\n" + text + "\n" + end + rest.split(end)[1]
    return document


def write(tables):
    with open(os.path.join(configs.REPO, DOCUMENT), encoding="utf-8") as file:
        document = file.read()
    save(DOCUMENT, replace(document, tables))
    say(f"tuning: wrote the tables of {DOCUMENT}")


def run(options):
    remedies = exits.load_remedies(REMEDIES)
    if options.from_results:
        results = load(options.from_results, FORMAT)
    else:
        results = measure(options)
        save(options.results, json.dumps(results, indent=1, sort_keys=True) + "\n")
    tables = exits.tables(results, remedies)
    if options.only or options.quick:
        print("\n".join(tables.values()))
    else:
        write(tables)
    return 0


def main(argv):
    options = make_parser().parse_args(argv)
    try:
        return run(options)
    except Trouble as error:
        say(f"tuning: {error}")
        return 2
    except KeyboardInterrupt:
        return 130
