# SPDX-License-Identifier: GPL-2.0
"""The command line of bench/workloads, and the order of things."""

import argparse
import json
from concurrent.futures import ThreadPoolExecutor

from benchlib import configs, model
from benchlib.errors import Trouble
from benchlib.main import load, save, say

from . import machine, programs, report

RESULTS = "build/bench/workloads.json"
DOCUMENT = "docs/WORKLOADS.md"
FORMAT = 1


def make_parser():
    parser = argparse.ArgumentParser(
        prog="bench/workloads", allow_abbrev=False,
        epilog="exit status: 0 done, 2 something is missing or went wrong. A run of a part "
               "(--only, --configs, --quick) leaves the document alone; --write writes it "
               "all the same.",
        description="Counts instructions and events of real programs in virtual machines.")
    add = parser.add_argument
    add("--only", metavar="NAME,...", default="",
        help="these workloads: " + ", ".join(programs.NAMES))
    add("--configs", metavar="NAME,...", default="",
        help="these configurations: " + ", ".join(machine.NAMES))
    add("--runs", metavar="N", type=int, default=1, help="timed runs in each boot (1)")
    add("--jobs", metavar="N", type=int, default=1, help="machines at a time (1)")
    add("--quick", action="store_true", help="few units: tries the tool, measures nothing")
    add("--no-repeat", action="store_true", help="leave the second boots out")
    add("--from-results", metavar="FILE", help="boot nothing; tables of an earlier run")
    add("--results", metavar="FILE", default=RESULTS, help=f"where to write them ({RESULTS})")
    add("--write", action="store_true", help="write the document after a partial run too")
    add("--verbose", "-v", action="store_true", help="show the commands")
    return parser


def installed(workloads):
    """Those that this host can run, and {name: reason} of the others."""
    left_out = {one.name: "not installed: " + ", ".join(programs.missing(one))
                for one in workloads if programs.missing(one)}
    for name, reason in left_out.items():
        say(f"workloads: {name} is left out: {reason}")
    return [one for one in workloads if one.name not in left_out], left_out


def run_all(options):
    """The results of all boots, in the form of the file they go to."""
    selected = machine.select(options.configs)
    workloads, left_out = installed(programs.select(options.only))
    if not workloads:
        raise Trouble("nothing to run; `scripts/packages workloads` installs the programs")
    configs.check_images(selected)
    boots = [(config, again) for config in selected
             for again in ((False,) if options.no_repeat else (False, True))]

    def boot(one):
        config, again = one
        say(f"workloads: {config.command_line}" + (", again" if again else ""))
        wanted = not again and config.name in report.SITES_OF
        return machine.boot(config, workloads, options,
                            machine.TRACE if wanted else machine.NOWHERE)

    with ThreadPoolExecutor(options.jobs) as pool:
        try:
            done = list(pool.map(boot, boots))
        except Trouble:
            pool.shutdown(cancel_futures=True)
            raise
    results = {"format": FORMAT, "left_out": left_out, "runs": {}, "again": {}}
    for (config, again), found in zip(boots, done):
        results["again" if again else "runs"][config.name] = found
    return results


def run(options):
    costs = model.load_costs()
    if options.runs < 1 or options.jobs < 1:
        raise Trouble("--runs and --jobs are at least 1")
    if options.from_results:
        results = load(options.from_results, FORMAT)
    else:
        results = run_all(options)
        save(options.results, json.dumps(results, indent=1, sort_keys=True) + "\n")
    text = report.render(results, costs)
    if options.write or not (options.only or options.configs or options.quick):
        save(DOCUMENT, text)
        say(f"workloads: wrote {DOCUMENT}")
    else:
        print(text)
    return 0


def main(argv):
    options = make_parser().parse_args(argv)
    try:
        return run(options)
    except Trouble as error:
        say(f"workloads: {error}")
        return 2
    except KeyboardInterrupt:
        return 130
