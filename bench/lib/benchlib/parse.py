# SPDX-License-Identifier: GPL-2.0
"""The output of the guest program; its format is described in guest/main.c."""

from .errors import Trouble

FORMAT = "1"


def number(text, line):
    try:
        return float(text)
    except ValueError:
        raise Trouble(f"the guest printed {line!r}: {text!r} is not a number") from None


class Parser:
    """Takes line after line; the result is `run`, a dictionary for JSON."""

    def __init__(self):
        self.run = {"release": "", "clock": "", "clock_per_us": 0.0, "state": {},
                    "counters": 0, "ops": {}, "memory": {}}
        self.version = None
        self.done = None

    def op(self, name, line):
        if "min" not in self.run["ops"].get(name, {}):
            raise Trouble(f"the guest printed {line!r} before the result of {name}")
        return self.run["ops"][name]

    def take_asibench(self, words, line):
        if words != [FORMAT]:
            raise Trouble(f"the guest printed {line!r}; this program knows format {FORMAT}")
        self.version = words[0]

    def take_kernel(self, words, _line):
        self.run["release"] = " ".join(words)

    def take_clock(self, words, line):
        kind, per_us = words
        self.run["clock"] = kind
        self.run["clock_per_us"] = number(per_us, line)

    def take_state(self, words, _line):
        self.run["state"] = dict(word.split("=", 1) for word in words)

    def take_counters(self, words, line):
        (count,) = words
        self.run["counters"] = int(number(count, line))

    def take_skip(self, words, _line):
        name, *reason = words
        self.run["ops"][name] = {"skip": " ".join(reason)}

    def take_result(self, words, line):
        name, ops, low, mid = words
        self.run["ops"][name] = {"ops": int(number(ops, line)), "min": number(low, line),
                                 "median": number(mid, line), "counters": {}}

    def take_events(self, words, line):
        name, *values = words
        syscalls, vm_exits, faults, switches = (number(value, line) for value in values)
        self.op(name, line).update(syscalls=syscalls, vm_exits=vm_exits,
                                   faults=faults, switches=switches)

    def take_counter(self, words, line):
        name, counter, mean, steady = words
        if "." not in counter:
            raise Trouble(f"the guest printed {line!r}: {counter!r} is not class.counter")
        self.op(name, line)["counters"][counter] = [number(mean, line), number(steady, line)]

    def take_memory(self, words, line):
        key, value = words
        self.run["memory"][key] = number(value, line)

    def take_done(self, words, line):
        (count,) = words
        self.done = int(number(count, line))

    def take(self, line):
        word, *rest = line.split()
        handler = getattr(self, "take_" + word, None)
        if not handler:
            raise Trouble(f"the guest printed {line!r}, which means nothing")
        try:
            handler(rest, line)
        except ValueError:
            raise Trouble(f"the guest printed {line!r}: wrong number of words") from None

    def finish(self):
        if self.version is None:
            raise Trouble("the guest printed no result")
        if self.done is None:
            raise Trouble("the guest's output is cut off")
        if self.done != len(self.run["ops"]):
            raise Trouble(f"the guest ran {self.done} benchmarks and "
                          f"{len(self.run['ops'])} results arrived")
        return self.run


def parse(text, parser=None):
    """The record of one run of the guest program; raises Trouble."""
    parser = parser or Parser()
    for line in text.splitlines():
        if line.strip():
            parser.take(line)
    return parser.finish()


def measured(run, op):
    """The record of `op`, or None when it was skipped or not asked for."""
    record = run["ops"].get(op) if run else None
    return record if record and "min" in record else None


def counter_sum(record, counter, steady=False):
    """Events per operation, of all classes together; noise below zero is zero."""
    total = sum(values[1 if steady else 0]
                for name, values in record["counters"].items()
                if name.split(".", 1)[1] == counter)
    return max(total, 0.0)
