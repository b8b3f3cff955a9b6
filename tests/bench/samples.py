# SPDX-License-Identifier: GPL-2.0
"""Results as a guest would give them, made up for the tests."""


def record(low, counters=None, **more):
    """One operation."""
    return {"ops": 1000, "min": low, "median": low + 1, "syscalls": 1.0, "vm_exits": 0.0,
            "faults": 0.0, "switches": 0.0, "counters": counters or {}, **more}


def run(counters=0, **ops):
    """One configuration."""
    return {"release": "6.12.0-test", "clock": "tsc", "clock_per_us": 1000.0,
            "state": {}, "counters": counters, "ops": ops, "memory": {}}


def all_met():
    """Every configuration, with every target that has data met."""
    quiet = {"user.exits": [0.0002, 0.0]}
    runs = {
        "base": run(null=record(237.0), read=record(2000.0)),
        "out": run(null=record(237.0), read=record(2000.0)),
        "off": run(20, null=record(241.0), read=record(2004.0)),
        "bare": run(20, null=record(265.0, quiet), read=record(2012.0, quiet)),
        "on": run(20, null=record(270.0, quiet), read=record(2015.0, quiet)),
        "pti": run(20, null=record(260.0), read=record(2030.0)),
    }
    for one in runs.values():
        one["null_again"] = one["ops"]["null"]["min"]
    return runs


OUTPUT = """\
asibench 1
kernel 6.12.1-asi
clock tsc 1000.0
state pti=0 asi=1 sensitive=1 kvm=1 user=1
counters 2
result null 31000 237.00 237.50
events null 1.00 0.00 0.00 0.00
counter null user.exits 0.00024 0.00000
counter null user.exits_fault 0.00012 0.00000
skip int80 this kernel does not take 32-bit system calls
done 2
"""

MEMORY = """\
asibench 1
kernel 6.12.1-asi
clock tsc 1000.0
state pti=0 asi=1 sensitive=1
counters 2
memory boot_us 123456.00
memory turn_hide 12.50
done 0
"""

COSTS = """\
# a comment
X\tcr3_write_noflush\t200\t100\t300\tA\ta
X\tcr3_write_flush\t250\t200\t400\tA\tb
X\ttlb_refill_per_entry\t20\t10\t40\tA\tc
X\ttlb_refill_entries\t50\t10\t100\tA\td
X\tsyscall_pair\t190\t120\t210\tA\te
X\tpti_pair\t400\t250\t440\tA\tf
X\tpf_kernel\t800\t600\t1100\tA\tg
X\tpf_user\t900\t710\t1100\tA\th
X\tvm_roundtrip_hw\t1100\t784\t1300\tA\ti
X\tibpb_direct\t4500\t1500\t5600\tA\tj
X\tibpb_retrain\t3000\t1000\t6000\tA\tk
X\tcycles_per_instruction\t0.5\t0.25\t1\tA\tl
"""
