# SPDX-License-Identifier: GPL-2.0
"""
The answers of /dev/asi, for a file of a dump: what linux/asi.h says, written once more,
so that a change there is noticed. tools/asictl/device.h has the form of the file.

A line "dev/asi answers NAME" of a dump stands for ANSWERS[NAME].
"""

import struct

MAX_STEPS = 12
WORD, SYMBOL, TEXT, MODULE = 32, 128, 128, 64
NONSENSITIVE, DECORATED = 0, 1
NONE, OUT, IN, ANY, GRANTED, OTHER = range(6)
PASSED, FAILED, SKIPPED = 1, 2, 3
OK, FAULT, HIDDEN = 1, 2, 4
ON, PLAIN, DECO, LIVE, LOCKED = 1, 2, 4, 8, 16
SEQUENCE_MODULE = 1
RELAXED, TENSE, INTERRUPT = 1, 2, 3
MAX_ENTRIES = 4096

READ, WRITE = 2, 1
INFO, DESCRIBE, RUN, ATTACH, FAULTS, GRANT = 0x00, 0x01, 0x02, 0x10, 0x20, 0x30
DIRECTIONS = {INFO: READ, DESCRIBE: READ | WRITE, RUN: READ | WRITE, ATTACH: WRITE,
              FAULTS: READ | WRITE, GRANT: READ | WRITE}


def text(value, size):
    """A field of fixed size; bytes may be anything, and need no end."""
    data = value if isinstance(value, bytes) else value.encode("ascii")
    return data[:size].ljust(size, b"\0")


def info(flags=ON | PLAIN | DECO, sequences=0, version=1, reason="", reserved=0):
    return struct.pack("=4I", version, flags, sequences, 256) + text(reason, TEXT) + (
        struct.pack("=4Q", *[reserved] * 4))


def describe(number, name, purpose, steps, tables=3, flags=0, cpus=1, nr_steps=None):
    """@steps are name, expected with either kind of page table."""
    data = struct.pack("=5I", number, flags, tables, len(steps) if nr_steps is None else nr_steps,
                       cpus) + bytes(12) + text(name, WORD) + text(purpose, TEXT)
    for step, plain, decorated in steps:
        data += text(step, WORD) + struct.pack("=4I", plain, decorated, 0, 0)
    return data + bytes((MAX_STEPS - len(steps)) * (WORD + 16))


def step(name, expected, actual=None, cr3=None, flags=OK, page=0, ip=0, symbol="", obj=""):
    actual = expected if actual is None else actual
    cr3 = actual if cr3 is None else cr3
    return text(name, WORD) + struct.pack("=4I", expected, actual, cr3, flags) + bytes(24) + (
        struct.pack("=2Q", page, ip)) + text(symbol, SYMBOL) + text(obj, SYMBOL)


STEP_SIZE = len(step("", 0))


def run(number, table, result=PASSED, steps=(), failed=0, reason="", nr_steps=None):
    data = struct.pack("=6I", number, table, 0, result,
                       len(steps) if nr_steps is None else nr_steps, failed) + bytes(8)
    data += bytes(MODULE) + text(reason, TEXT) + b"".join(steps)
    return data + bytes((MAX_STEPS - len(steps)) * STEP_SIZE)


def attach(pid, name="user"):
    return struct.pack("=iI", pid, 0) + text(name, WORD) + bytes(16)


def grant(domain, kind=1, address=0, length=0, name=""):
    return struct.pack("=2I2QI", domain, kind, address, length, 0) + bytes(12) + text(name, SYMBOL)


def fault(count, symbol, page=0, memory="sensitive", phase=RELAXED, ip=0x1, obj=""):
    return struct.pack("=3Q2I", ip, page, count, phase, 0) + text(memory, WORD) + (
        text(symbol, SYMBOL) + text(obj, SYMBOL))


def faults(nr=0, total=None, lost=0, domain=0, at=0, most=0):
    return struct.pack("=2IQ4IQ", domain, 0, at, most, nr, nr if total is None else total, 0, lost)


SIZES = {INFO: len(info()), DESCRIBE: len(describe(0, "", "", ())), RUN: len(run(0, 0)),
         ATTACH: len(attach(1)), FAULTS: len(faults()), GRANT: len(grant(0))}


def request(number):
    return DIRECTIONS[number] << 30 | SIZES[number] << 16 | 0xA6 << 8 | number


def answer(number, payload, error=0, array=b""):
    """One answer of the file; @array is what the kernel wrote beside the structure."""
    data = struct.pack("=4I", request(number), error, len(payload), len(array)) + payload + array
    return data + bytes(-len(data) % 8)


def looked(*entries, **more):
    """The kernel was asked for the faults of the domain that is attached."""
    return answer(FAULTS, faults(len(entries), **more), array=b"".join(entries))


# Name, purpose, steps with the state expected of either kind of page table, and the rest.
SEQUENCES = (
    ("enter-exit", "Enter the domain, relax, leave it.",
     (("before", OUT, OUT), ("entered", IN, IN), ("relaxed", IN, IN), ("left", OUT, OUT)), {}),
    ("printk", "Print a message of the kernel in the domain.",
     (("entered", IN, IN), ("printed", IN, GRANTED), ("left", OUT, OUT)), {}),
    ("read-unmapped", "Read memory that the domain does not map.",
     (("entered", IN, IN), ("read", OUT, OUT), ("left", OUT, OUT)), {}),
    ("schedule", "Two tasks of one CPU switch to each other in the domain, relaxed.",
     (("entered", IN, IN), ("switched back", OUT, OUT)), {"tables": 1, "cpus": 2}),
    ("module-load", "Load a module, enter the domain and read the module's text.",
     (("entered", IN, IN), ("read the module", IN, OUT)), {"flags": SEQUENCE_MODULE}),
)
ENTER_EXIT, PRINTK, READ_UNMAPPED, SCHEDULE, MODULE_LOAD = range(len(SEQUENCES))

LEFT_PRINTK = {"flags": OK | FAULT, "page": 0xffff888003a52000, "ip": 0xffffffff8110d3c4,
               "symbol": "serial8250_console_write+0x84", "obj": "direct slab"}
LEFT_FURTHER = {"flags": OK | FAULT, "page": 0xffffc90000a2a000, "ip": 0xffffffff8110d4f9,
                "symbol": "prb_reserve+0x1b9", "obj": "vmalloc"}
LEFT_SYMBOL = {"flags": OK | FAULT, "page": 0xffffffff82e3a000, "ip": 0xffffffff8110d4f9,
               "symbol": "vprintk_store+0x1b9", "obj": "image console_owner+0x0"}
LEFT_MODULE = {"flags": OK | FAULT, "page": 0xffffffffc0412000, "ip": 0xffffffff8110d500,
               "symbol": "module_load+0x20[asi_dev]", "obj": "modules crc7_be+0x0[crc7]"}
LEFT_READ = {"flags": OK | FAULT, "page": 0xffff888004200000, "ip": 0xffffffffc0402123,
             "symbol": "read_unmapped+0x23[asi_dev]", "obj": "direct page"}


def described(sequences=SEQUENCES):
    return [answer(DESCRIBE, describe(number, name, purpose, steps, **more))
            for number, (name, purpose, steps, more) in enumerate(sequences)]


def steps_of(number, table, **changes):
    """As expected, but for those in @changes: by name, with _ for a blank."""
    steps = []
    for name, *expected in SEQUENCES[number][2]:
        more = {"actual": IN if expected[table] == GRANTED else expected[table],
                **changes.get(name.replace(" ", "_"), {})}
        steps.append(step(name, expected[table], **more))
    return steps


def ran(number, table, changes=None, **more):
    return answer(RUN, run(number, table, steps=steps_of(number, table, **(changes or {})), **more))


def all_ran(printk, left=LEFT_READ):
    return [
        ran(ENTER_EXIT, NONSENSITIVE), ran(ENTER_EXIT, DECORATED), ran(PRINTK, NONSENSITIVE),
        printk, ran(READ_UNMAPPED, NONSENSITIVE, {"read": left}),
        ran(READ_UNMAPPED, DECORATED, {"read": left}), ran(SCHEDULE, NONSENSITIVE),
        answer(RUN, run(MODULE_LOAD, NONSENSITIVE, SKIPPED, reason="no module was named")),
        answer(RUN, run(MODULE_LOAD, DECORATED, SKIPPED, reason="no module was named")),
    ]


def machine(printk, flags=ON | PLAIN | DECO | LIVE, left=LEFT_READ):
    return [answer(INFO, info(flags, len(SEQUENCES))), *described(), *all_ran(printk, left)]


def attached(grant_error=0):
    payload = grant(0, 4, 0xffff888104a21000, 4096)
    return [answer(ATTACH, attach(4711, "kvm")), answer(GRANT, payload, grant_error)]


def printk_left(left):
    return ran(PRINTK, DECORATED, {"printed": {"actual": OUT, **left}})


EPERM, EBUSY = 1, 16
HIDDEN_FAULT = {"flags": OK | HIDDEN}
UNKNOWN = ("zeroing", "What nobody knows yet.", (("entered", IN, IN), ("stunned", 7, 8)),
           {"tables": 7, "flags": 6})


def newer():
    """Another version, an unknown sequence, unknown states, flags and results."""
    steps = (step("entered", IN), step("stunned", 7, 9, 10, flags=0x81, symbol="?", obj="pmem"))
    return [answer(INFO, info(0xffff, len(SEQUENCES) + 1, version=2, reserved=5)),
            *described((*SEQUENCES, UNKNOWN)), *all_ran(printk_left(LEFT_PRINTK)),
            answer(RUN, run(5, NONSENSITIVE, PASSED, steps, reason="because")),
            answer(RUN, run(5, DECORATED, 9, steps)), *attached(),
            looked(fault(7, "memset_erms+0x7", 0x1000, "pmem", 9, obj="pmem namespace0.0"),
                   total=5000, lost=2 ** 64 - 1)]


def broken():
    """Names that hurt, numbers that cannot be, an answer that ends too early."""
    ugly = b"\x1b[2J" + b"\xff" * 200
    steps = tuple(step(ugly, 0xffffffff, 0xfffffffe, 6, 0xffffffff, 2 ** 64 - 1, 1, ugly, ugly)
                  for _ in range(3))
    return [answer(INFO, info(ON | PLAIN | DECO, 2, reason=ugly)),
            answer(DESCRIBE, describe(0, ugly, ugly, ((ugly, 9, 9),), 0xffffffff, 0xffffffff,
                                      0xffffffff, nr_steps=99)),
            answer(DESCRIBE, describe(1, "printk", "", ())),
            answer(RUN, run(0, NONSENSITIVE, FAILED, steps, 77, ugly, nr_steps=0xffffffff)),
            answer(RUN, run(0, DECORATED, 0, steps, reason=ugly)),
            answer(RUN, run(1, NONSENSITIVE)),
            answer(RUN, run(1, DECORATED), 99999),
            answer(ATTACH, attach(4711, "kvm"), EBUSY),
            answer(GRANT, grant(0))[:-9]]


# Three looks at the same domain.
LOOKS = [looked(
    fault(40 * n, "rep_movs_alternative+0x42", 0xffff888104a21000, ip=0xffffffff8164a1c2,
          obj="direct page"),
    fault(5 * n, "rep_movs_alternative+0x42", 0, ip=0xffffffff8164a1c2),
    fault(2, "clear_page_erms+0x7", 0xffffe90000a40000, "window", ip=0xffffffff812f3017,
          obj="window"),
    fault(1, "kvm_read_guest_page+0x51[kvm]", 0xffff888120000000, phase=INTERRUPT,
          ip=0xffffffffc0412a31, obj="direct page"),
    fault(n, "?", 0xffff888003a01000, "other", ip=0xffffffffc0900010)) for n in (1, 2, 3)]


ANSWERS = {
    "on": machine(printk_left(LEFT_PRINTK)) + attached() + LOOKS,
    "granted": [answer(INFO, info(ON | PLAIN | DECO, len(SEQUENCES))), *described(),
                answer(GRANT, grant(2, 4, 0xffff888003a52000, 4096)),
                answer(GRANT, grant(2, 2, 0x1a5c0, 4, "printk_context")),
                printk_left(LEFT_FURTHER)],
    "no-grant": machine(printk_left(LEFT_PRINTK), ON | PLAIN | DECO) + attached(EPERM),
    "locked-down": [*machine(printk_left(HIDDEN_FAULT), ON | PLAIN | DECO | LOCKED, HIDDEN_FAULT),
                    answer(ATTACH, attach(4711, "kvm"), EPERM),
                    answer(GRANT, grant(2, 1), EPERM)],
    "driver-fails": machine(ran(PRINTK, DECORATED, {
        "entered": {"cr3": OUT, "flags": 0}, "printed": {"actual": OTHER, "flags": 0},
        "left": {"actual": NONE, "flags": 0}}, result=FAILED, failed=3, reason="a bug")),
    "newer": newer(),
    "broken": broken(),
}
