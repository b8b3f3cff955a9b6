# SPDX-License-Identifier: GPL-2.0
"""The command line, and the order of things."""

import argparse
import json
import os
import sys

from . import boot, chart, configs, model, report
from .checks import check_all, failed
from .errors import Trouble
from .ops import ALONE, ALONE_BOOTS, MEMORY, TITLES, UNCLEARED
from .parse import measured

RESULTS = "build/bench/results.json"
DOCUMENT = "docs/PERFORMANCE.md"
PICTURE = "docs/performance.svg"
FORMAT = 1
KNOWN_OPS = ", ".join([*TITLES, MEMORY])

EPILOG = """\
exit status:
  0 done (with --check: and every target is met), 1 with --check: a target is
  missed, 2 something is missing or went wrong; one line says what

A run of a part (--only, --configs) prints its tables and leaves the documents
alone; --write writes them all the same.
"""


def make_parser():
    parser = argparse.ArgumentParser(
        prog="bench/run", allow_abbrev=False, epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Counts the instructions of operations on several kernels.")
    add = parser.add_argument
    add("--only", metavar="OP,...", default="", help="these operations: " + KNOWN_OPS)
    add("--configs", metavar="NAME,...", default="",
        help="these configurations: " + ", ".join(configs.NAMES))
    add("--windows", metavar="N", type=int, default=0, help="windows per operation (31)")
    add("--check", action="store_true", help="fail when a target is missed")
    add("--no-repeat", action="store_true", help="leave the second boots out")
    add("--from-results", metavar="FILE",
        help="boot nothing; make tables of an earlier run's results")
    add("--results", metavar="FILE", default=RESULTS, help=f"where to write them ({RESULTS})")
    add("--write", action="store_true", help="write the documents after a partial run too")
    add("--verbose", "-v", action="store_true", help="show the commands")
    return parser


def select_ops(names):
    wanted = [name for name in names.split(",") if name]
    for name in wanted:
        if name not in TITLES and name != MEMORY:
            raise Trouble(f"no operation {name!r}; there are: {KNOWN_OPS}")
    return wanted


def say(words):
    print(words, file=sys.stderr, flush=True)


def run_uncleared(config, ops, options):
    """A run of those `ops` that take a boot without init_on_alloc, under their names."""
    run = boot.run(config.with_append("init_on_alloc=0"), [UNCLEARED[op] for op in ops],
                   options.windows, options.verbose)
    return {**run, "ops": {op: run["ops"][UNCLEARED[op]] for op in ops}}


def run_alone(config, ops, options):
    """A run of `ops` with the cheapest record of several boots for each."""
    runs = [boot.run(config, ops, options.windows, options.verbose)
            for _ in range(ALONE_BOOTS)]
    return {**runs[0], "ops": {op: min((one["ops"][op] for one in runs),
                                       key=lambda record: record["min"]) for op in ops}}


def run_config(config, ops, options):
    """One configuration: all operations, and the first again in a second boot."""
    say(f"bench: {config.name}: {config.kernel}, {config.command_line}")
    here = [op for op in ops if op not in (MEMORY, *UNCLEARED, *ALONE)]
    uncleared = [op for op in UNCLEARED if not ops or op in ops]
    alone = [op for op in ALONE if not ops or op in ops]
    runs = []
    if not ops or here:
        runs.append(boot.run(config, here, options.windows, options.verbose))
    if uncleared:
        runs.append(run_uncleared(config, uncleared, options))
    if alone:
        runs.append(run_alone(config, alone, options))
    if not ops or MEMORY in ops:
        runs.append(boot.run(config, verbose=options.verbose, memory=True))
    run = {**runs[0], "ops": {op: record for one in runs for op, record in one["ops"].items()},
           "memory": runs[-1]["memory"]}
    if measured(run, "null") and not options.no_repeat:
        again = boot.run(config, ["null"], options.windows, options.verbose)
        run["null_again"] = again["ops"]["null"]["min"]
    return run


def run_all(options):
    selected = configs.select(options.configs)
    ops = select_ops(options.only)
    configs.check_images(selected)
    if not os.path.isfile(os.path.join(configs.REPO, configs.PROGRAM)):
        raise Trouble(f"{configs.PROGRAM} is missing; `make bench-programs` builds it")
    return {config.name: run_config(config, ops, options) for config in selected}


def load(path, version=FORMAT):
    try:
        with open(path, encoding="utf-8") as file:
            results = json.load(file)
    except (OSError, ValueError) as error:
        raise Trouble(f"{path}: {error}") from None
    if results.get("format") != version:
        raise Trouble(f"{path}: this program knows format {version} of the results")
    return results


def save(path, text):
    path = os.path.join(configs.REPO, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(path + ".new", path)


def write_documents(runs, costs):
    save(DOCUMENT, report.render(runs, costs))
    picture = chart.render(runs)
    if picture:
        save(PICTURE, picture)
    say(f"bench: wrote {DOCUMENT}" + (f" and {PICTURE}" if picture else ""))


def show(runs):
    print(report.instruction_table(runs))
    print(report.difference_table(runs))
    print(report.target_table(runs))
    print(report.event_table(runs))
    print(report.memory_table(runs))


def why_not(check, runs):
    """What the guest said when it left out what a target is computed from."""
    reasons = [runs[config]["ops"].get(op, {}).get("skip") for config, op in check.needs]
    return ": ".join(["not measured", *[reason for reason in reasons if reason][:1]])


def verdict(runs):
    """The exit status of --check; says what is missed."""
    missed = failed(check_all(runs), runs)
    for check in missed:
        say(f"bench: target missed: {check.what}: {check.measured or why_not(check, runs)}, "
            f"target {check.target}")
    return 1 if missed else 0


def run(options):
    costs = model.load_costs()
    partial = bool(options.only or options.configs)
    if options.from_results:
        runs = load(options.from_results)["runs"]
    else:
        runs = run_all(options)
        save(options.results, json.dumps({"format": FORMAT, "runs": runs}, indent=1,
                                         sort_keys=True) + "\n")
    show(runs)
    if options.write or not partial:
        write_documents(runs, costs)
    return verdict(runs) if options.check else 0


def main(argv):
    options = make_parser().parse_args(argv)
    try:
        return run(options)
    except Trouble as error:
        say(f"bench: {error}")
        return 2
    except KeyboardInterrupt:
        return 130
