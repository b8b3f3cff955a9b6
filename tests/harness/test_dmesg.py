# SPDX-License-Identifier: GPL-2.0
"""Which kernel messages fail a run, and how records are decoded."""

import unittest

from vmrun import dmesg

BAD = (
    "------------[ cut here ]------------",
    "WARNING: CPU: 0 PID: 71 at arch/x86/mm/asi/switch.c:104 asi_enter+0x41/0x90",
    "WARNING: possible circular locking dependency detected",
    "WARNING: suspicious RCU usage",
    "WARNING: inconsistent lock state",
    "WARNING: bad unlock balance detected!",
    "INFO: possible recursive locking detected",
    "INFO: trying to register non-static key.",
    "INFO: task kworker/0:1:12 blocked for more than 122 seconds.",
    "BUG: kernel NULL pointer dereference, address: 0000000000000010",
    "BUG: unable to handle page fault for address: ffff888000000000",
    "BUG: sleeping function called from invalid context at mm/util.c:1",
    "BUG: scheduling while atomic: init/1/0x00000002",
    "BUG: KASAN: use-after-free in asi_destroy+0x10/0x20",
    "BUG: Bad page state in process cat  pfn:01234",
    "BUG: Bad rss-counter state mm:0000000000000000 type:MM_ANONPAGES val:1",
    "BUG: workqueue lockup - pool cpus=0",
    "kernel BUG at mm/slub.c:100!",
    "Oops: Oops: 0000 [#1] PREEMPT SMP NOPTI",
    "Oops: general protection fault, maybe for address 0x0: 0000 [#1]",
    "UBSAN: shift-out-of-bounds in lib/test.c:3:4",
    "UBSAN: array-index-out-of-bounds in lib/test.c:3:4",
    "rcu: INFO: rcu_preempt self-detected stall on CPU",
    "rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:",
    "watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [cat:99]",
    "watchdog: CPU1: Watchdog detected hard LOCKUP on cpu 1",
    "Kernel panic - not syncing: sysrq triggered crash",
    "refcount_t: underflow; use-after-free.",
    "list_add corruption. prev->next should be next",
    "Call Trace:",
    "irq 9: nobody cared (try booting with the \"irqpoll\" option)",
    "traps: PANIC: double fault, error_code: 0x0",
    "DEBUG_LOCKS_WARN_ON(lock->magic != lock)",
    "[ 0.1] x: WARNING: CPU: 0",
)

GOOD = (
    "Linux version 6.12.117-asi (asi@linux-asi)",
    "rcu: Preemptible hierarchical RCU implementation.",
    "rcu: RCU calculated value of scheduler-enlistment delay is 25 jiffies.",
    "rcu: RCU event tracing is enabled.",
    "Spectre V2 : Mitigation: Retpolines",
    "traps: prog[77] general protection ip:401000 sp:7ffe error:0 in prog[401000+1000]",
    "prog[78]: segfault at 0 ip 0000000000401000 sp 00007ffe error 4 in prog",
    "random: crng init done",
    "debug: unmapping init [mem 0xffffffff82c00000-0xffffffff82dfffff]",
    "x86/mm: Checked W+X mappings: passed, no W+X pages found.",
    "clocksource: tsc: mask: 0xffffffffffffffff max_cycles: 0x0",
    "Running RCU Tasks wait API self tests",
    "DEBUG: a note",
    "hello warning: in small letters",
)


class Splats(unittest.TestCase):
    def test_complaints_are_found(self):
        for text in BAD:
            self.assertEqual(dmesg.splats([text], []), [text], text)

    def test_the_rest_is_not(self):
        for text in GOOD:
            self.assertEqual(dmesg.splats([text], []), [], text)

    def test_allowed(self):
        self.assertEqual(dmesg.splats(BAD[1:4], [r"possible circular", "RCU"]), [BAD[1]])

    def test_a_panic_that_is_expected_is_no_end(self):
        console = b"[ 1.0] fine\n[ 2.0] Kernel panic - not syncing: on purpose\n"
        self.assertTrue(dmesg.panicked(console, []))
        self.assertTrue(dmesg.panicked(console, ["by accident"]))
        self.assertFalse(dmesg.panicked(console, ["on purpose"]))
        self.assertFalse(dmesg.panicked(b"[ 1.0] fine\n", []))
        again = console + b"---[ end Kernel panic - not syncing: Fatal ]---\n"
        self.assertTrue(dmesg.panicked(again, ["on purpose"]))

    def test_allowing_one_allows_no_other(self):
        self.assertEqual(len(dmesg.splats(BAD[1:], ["asi_destroy"])), len(BAD) - 2)

    def test_allowing_a_line_excuses_its_report(self):
        report = [BAD[0], "x at fault", BAD[1], "Call Trace:", "---[ end trace 0 ]---"]
        self.assertEqual(dmesg.split(report + [BAD[1]], ["x at"]),
                         ([BAD[1]], [report[0], report[2], report[3]]))

    def test_failed_allocation_with_its_trace(self):
        report = ["cat: vmalloc error: size 16384, vm_struct allocation failed",
                  "CPU: 0 UID: 0", "Call Trace:"]
        self.assertEqual(dmesg.splats(report, []), ["Call Trace:"])
        self.assertEqual(dmesg.split(report + [" f+0x1/0x2", "Call Trace:"], ["vmalloc error"]),
                         (["Call Trace:"], ["Call Trace:"]))
        self.assertEqual(dmesg.splats(report[:2] + [BAD[0], BAD[1]], ["vmalloc error"]),
                         [BAD[0], BAD[1]])
        self.assertEqual(dmesg.splats(report + [BAD[9]], ["vmalloc error"]), [BAD[9]])

    def test_backtrace_by_nmi(self):
        report = ["[    1.0] NMI backtrace for cpu 3", "CPU: 3 UID: 0", "RIP: 0010:f+0x1",
                  "Call Trace:"]
        self.assertEqual(dmesg.split(report * 2, []), ([], []))
        self.assertEqual(dmesg.splats(report + ["Call Trace:"], []), ["Call Trace:"])
        self.assertEqual(dmesg.splats(report[:2] + [BAD[1]] + report, []), [BAD[1]])
        self.assertEqual(dmesg.splats(report[:3] + [BAD[0], "Call Trace:"], []),
                         [BAD[0], "Call Trace:"])
        self.assertEqual(dmesg.splats(["NMI backtrace for cpu 1 skipped: idling at f+0x1",
                                       "Call Trace:"], []), ["Call Trace:"])

    def test_report_without_an_end(self):
        report = [BAD[0], "x at fault"] + ["line"] * dmesg.BLOCK_MAX + [BAD[1]]
        self.assertEqual(dmesg.splats(report, ["x at"]), [BAD[1]])

    def test_report_that_follows_another_at_once(self):
        self.assertEqual(dmesg.splats([BAD[0], "x at fault", BAD[0], BAD[1]], ["x at"]),
                         [BAD[0], BAD[1]])

    REPORT = [BAD[0], "x at fault", BAD[1], "Call Trace:", "---[ end trace 0 ]---"]

    def test_two_views_of_one_report(self):
        records = [f"[    1.0] {line}" for line in self.REPORT]
        self.assertEqual(dmesg.merge(records, self.REPORT, [])[0],
                         [records[0], records[2], records[3]])

    def test_record_that_ends_within_an_excused_report(self):
        for end in range(len(self.REPORT)):
            found, excused = dmesg.merge(self.REPORT[:end], self.REPORT, ["x at"])
            self.assertEqual(found, [], end)
            self.assertIn(BAD[1], excused)

    def test_excusing_one_report_hides_no_other(self):
        other = [BAD[0], "WARNING: CPU: 0 at y", "Call Trace:", "---[ end trace 0 ]---"]
        found, _ = dmesg.merge(self.REPORT, self.REPORT + other, ["x at"])
        self.assertEqual(found, ["WARNING: CPU: 0 at y"])


class Taints(unittest.TestCase):
    def test_clean(self):
        self.assertEqual(dmesg.taints(0, ""), "")

    def test_warned(self):
        self.assertEqual(dmesg.taints(1 << 9, ""), "W")

    def test_several(self):
        self.assertEqual(dmesg.taints(1 << 9 | 1 << 7, ""), "DW")

    def test_allowed(self):
        self.assertEqual(dmesg.taints(1 << 9 | 1 << 12, "O"), "W")

    def test_kunit_is_harmless(self):
        self.assertEqual(dmesg.taints(1 << 18, ""), "")

    def test_unknown_bit(self):
        self.assertEqual(dmesg.taints(1 << 40, ""), "(40)")


class Decode(unittest.TestCase):
    def test_record(self):
        self.assertEqual(dmesg.decode(b"6,339,5140900,-;hello world\n SUBSYSTEM=pci\n"),
                         (5.1409, 6, "hello world"))

    def test_escapes(self):
        self.assertEqual(dmesg.decode(b"4,1,0,-;a\\x0ab\\x5c\n")[2], "a\nb\\")

    def test_semicolon_in_the_text(self):
        self.assertEqual(dmesg.decode(b"4,1,0,c;a;b\n")[2], "a;b")

    def test_lines(self):
        self.assertEqual(dmesg.lines([b"4,1,1500000,-;a\\x0ab\n"]),
                         ["[    1.500000] a", "[    1.500000] b"])

    def test_splat_in_the_second_line_of_a_record(self):
        lines = dmesg.lines([b"4,1,0,-;first\\x0aWARNING: CPU: 0\n"])
        self.assertEqual(len(dmesg.splats(lines, [])), 1)
