# SPDX-License-Identifier: GPL-2.0
"""The whole audit of a machine made by hand: what it finds, and each way to fail."""

import json
import os
import tempfile

from audit import expect, output, secret
from audit.errors import Trouble
from audit.machine import Saved
from audit.main import Audit
from audit.pagetable import GLOBAL, PRESENT, USER
from audit.report import Report
from memory import DATA, LARGE, MIB, Memory, MemoryTest, indexes

SEED = 77
# Where the direct map, vmalloc and vmemmap begin, by the number of levels.
BASES = {4: (0xffff888000000000, 0xffffc90000000000, 0xffffea0000000000),
         5: (0xff11000000000000, 0xffa0000000000000, 0xffd4000000000000)}
KERNEL = 0xffffffff81000000
VARIABLES = 0x10000
HOLE, MAGIC = 4 * MIB, 0x6173692d686f6c65
# A block with data of users.
USERS = 6 * MIB
ANON, SECRETMEM, PIPE = 0x20100, 0x21100, 0x22100
PIDS = {"other": 10, "guest": 11, "anon": 12, "secretmem": 13, "pipe": 14}
EXPECT = """\
anon\tmemory\treachable\treachable\treachable\treachable\tso it is
secretmem\tsecret memory\town\thidden\thidden\town\tso it is
pipe\ta pipe\treachable\treachable\treachable\treachable\tso it is
zram\tzram\tn/a\tn/a\tn/a\tn/a\tis off
hole\ta hole\treachable\thidden\thidden\t-\tso it is
"""


class Machine:
    """Processes, each with an unrestricted and a restricted table, and secrets."""

    def __init__(self, levels, seed=SEED):
        self.memory = Memory(16 * MIB, levels)
        self.seed = seed
        self.bases = BASES[levels]
        self.report = Report()
        self.kernel_root = self.memory.new_table()
        self.direct = self.memory.new_table()
        self.make_kernel()
        self.roots, self.domains = {}, {}
        for name, pid in PIDS.items():
            self.make_process(name, pid)
        self.make_report()

    def make_kernel(self):
        """Memory of 16 MiB in the direct map; two blocks of it are hidden."""
        memory = self.memory
        for block in range(8):
            entry = block * 2 * MIB | LARGE
            memory.map(self.kernel_root, self.bases[0] + block * 2 * MIB, entry, level=2)
            memory.map(self.direct, self.bases[0] + block * 2 * MIB,
                       entry if block * 2 * MIB not in (HOLE, USERS) else 1 << 9, level=2)
        memory.map(self.kernel_root, KERNEL, VARIABLES | DATA)
        self.symbols = {"init_top_pgt": KERNEL - 0x1000, "page_offset_base": KERNEL,
                        "vmalloc_base": KERNEL + 8, "vmemmap_base": KERNEL + 16,
                        "_text": KERNEL, "_end": KERNEL + 0x1000}
        memory.map(self.kernel_root, KERNEL - 0x1000, self.kernel_root | DATA)
        for number, value in enumerate(self.bases):
            memory.put(VARIABLES + 8 * number, value.to_bytes(8, "little"))
        memory.put(HOLE, b"".join((MAGIC + i).to_bytes(8, "little") for i in range(512)))
        # secretmem: neither table has it, and the last level is shared.
        for root in (self.kernel_root, self.direct):
            memory.map(root, self.bases[0], 0, level=2)
        for page in range(512):
            present = page * 4096 != SECRETMEM & ~4095
            memory.map(self.kernel_root, self.bases[0] + page * 4096, page * 4096 | DATA if present else 0)
        shared = memory.table_for(self.kernel_root, self.bases[0], 1)
        memory.map(self.direct, self.bases[0], shared | 0x63, level=2)

    def make_process(self, name, pid):
        memory = self.memory
        user, restricted = memory.new_table(), memory.new_table()
        place = {"anon": ANON, "secretmem": SECRETMEM}.get(name, 0x30000 + pid * 4096)
        memory.map(user, 0x400000, place & ~4095 | DATA | USER)
        for index in range(512):
            entry = memory.entry(self.kernel_root if index >= 256 else user, index)
            memory.entry(user, index, entry)
            memory.entry(restricted, index, memory.entry(self.direct, index)
                         if memory.entry(self.direct, index) else entry)
        self.roots[name] = user
        self.domains[pid, "kvm" if name == "guest" else "user"] = restricted

    def make_report(self):
        for line in self.lines():
            self.report.line(line + "\n")
        for name, at in (("anon", ANON), ("secretmem", SECRETMEM), ("pipe", PIPE)):
            self.memory.put(at, secret.secret(self.seed, name))

    def lines(self):
        """What the program in the guest would say."""
        lines = [f"audit actor {name} {PIDS[name]}" for name in ("other", "guest")]
        lines += [f"audit kind {name} planted {PIDS[name]}"
                  for name in ("anon", "secretmem", "pipe")]
        lines += ["audit kind zram missing no zram in this kernel",
                  f"audit hole 1 phys=0x{HOLE:x} virt=0x{self.bases[0] + HOLE:x} restricted=0 "
                  f"unrestricted=1 magic=0x{MAGIC:x}",
                  "audit frames 0 64 0x80", f"audit frames 64 {16 * MIB // 4096} 0x400",
                  f"audit frames {USERS >> 12} 512 0x1000"]
        lines += [f"audit symbol {name} 0x{value:x}" for name, value in self.symbols.items()]
        listed = [{"pid": pid, "comm": "plant", "class": name, "pgd_phys": f"0x{root:x}"}
                  for (pid, name), root in self.domains.items()]
        lines += ["audit domains " + line
                  for line in json.dumps({"domains": listed}, indent=1).splitlines()]
        return lines + ["audit ready"]


class Whole(MemoryTest):
    def setUp(self):
        super().setUp()
        self.machine = Machine(self.levels)
        self.memory = self.machine.memory
        self.direct = BASES[self.levels][0]
        self.expect = EXPECT
        self.leak = False

    def audit(self):
        with tempfile.TemporaryDirectory() as work:
            path = os.path.join(work, "memory")
            table = os.path.join(work, "expect.tsv")
            with open(path, "wb") as file:
                file.write(self.memory.data)
            with open(table, "w", encoding="utf-8") as file:
                file.write(self.expect)
            self.machine.report.check()
            saved = Saved(self.machine.report, path, self.machine.roots["other"],
                          1 << 12 if self.levels == 5 else 0)
            audit = Audit(saved, SEED, expect.read(table))
            if self.leak:
                audit.put_back_hole()
            audit.run()
        self.addCleanup(audit.image.close)
        for how in (output.human, output.brief, output.ktap):
            self.assertTrue(how(audit))
        return audit

    def wrong(self):
        """Names of all that is not as it should be."""
        audit = self.audit()
        names = set(audit.wrong) | {"check:" + check.name for check in audit.checks if check.wrong}
        self.assertEqual(audit.good, not names)
        return names

    def restricted(self, name):
        return self.machine.domains[PIDS[name], "kvm" if name == "guest" else "user"]

    def test_all_is_well(self):
        audit = self.audit()
        self.assertEqual((audit.wrong, [c.wrong for c in audit.checks if c.wrong]), ({}, []))

    def test_words(self):
        words = {verdict.name: tuple(verdict.words.values()) for verdict in self.audit().verdicts}
        self.assertEqual(words["anon"], ("reachable",) * 4)
        self.assertEqual(words["secretmem"], ("own", "hidden", "hidden", "own"))
        self.assertEqual(words["hole"], ("reachable", "hidden", "hidden", "-"))

    def test_control_leak(self):
        self.leak = True
        self.assertEqual(self.wrong(), {"hole", "check:hole"})

    def test_hole_is_there_in_one_domain(self):
        table = self.memory.table_for(self.restricted("guest"), self.direct + HOLE, 2)
        self.memory.entry(table, HOLE >> 21, HOLE | LARGE)
        self.assertIn("check:hole", self.wrong())

    def test_hole_by_another_door(self):
        self.memory.map(self.machine.kernel_root, KERNEL + 0x1000, HOLE | DATA)
        self.assertEqual(self.wrong(), {"hole", "check:hole"})

    def test_secret_in_the_user_half_of_another(self):
        for name in ("other", "guest"):
            self.memory.map(self.machine.roots[name], 0x401000, SECRETMEM & ~4095 | DATA | USER)
            self.assertEqual(self.wrong(), {"secretmem"})

    def test_hole_without_its_contents(self):
        self.memory.put(HOLE, bytes(64))
        self.assertIn("check:hole", self.wrong())

    def test_copy_of_the_hole(self):
        self.memory.put(0x23000, bytes(self.memory.data[HOLE:HOLE + 32]))
        self.assertEqual(self.wrong(), {"hole", "check:hole"})

    def test_secret_that_is_nowhere(self):
        self.memory.put(PIPE, bytes(32))
        self.assertEqual(self.wrong(), {"pipe", "check:negative-control"})

    def test_secret_that_nobody_maps(self):
        self.memory.put(PIPE, bytes(32))
        self.memory.put(SECRETMEM + 0x100, secret.secret(SEED, "pipe"))
        self.assertEqual(self.wrong(), {"pipe", "check:negative-control"})

    def test_half_a_secret_is_enough(self):
        self.memory.put(PIPE, bytes(16))
        self.assertEqual(self.wrong(), set())

    def test_worse_than_expected(self):
        self.expect = EXPECT.replace("a pipe\treachable\treachable", "a pipe\treachable\thidden")
        audit = self.audit()
        self.assertEqual(audit.wrong, {"pipe": ["other: reachable, and should be hidden"]})

    def test_better_than_expected(self):
        self.expect = EXPECT.replace("secret memory\town\thidden", "secret memory\town\treachable")
        audit = self.audit()
        self.assertEqual(list(audit.wrong), ["secretmem"])
        self.assertIn("update the table", audit.wrong["secretmem"][0])

    def test_kind_that_the_table_lacks(self):
        self.expect = EXPECT.replace("pipe\ta pipe", "pipes\ta pipe")
        self.assertEqual(self.wrong(), {"pipe", "pipes"})

    def test_kind_that_could_not_be_planted(self):
        self.machine.report.line("audit kind anon failed no memory\n")
        self.assertEqual(self.wrong(), {"anon"})

    def test_kind_that_is_not_available(self):
        self.machine.report.line("audit kind pipe missing no pipes here\n")
        self.assertEqual(self.wrong(), {"pipe"})

    def test_kind_that_is_available_at_last(self):
        self.machine.report.line("audit kind zram planted 12\n")
        self.memory.put(0x24000, secret.secret(SEED, "zram"))
        self.assertEqual(self.wrong(), {"zram"})

    def test_subset(self):
        table = self.memory.table_for(self.machine.direct, self.direct, 2)
        self.memory.entry(table, 1, 10 * MIB | LARGE)
        self.assertEqual(self.wrong(), {"check:subset"})

    def test_users_memory_that_the_unrestricted_table_lacks(self):
        self.memory.map(self.restricted("anon"), 1 << 50, 0x25000 | DATA | USER)
        self.memory.map(self.restricted("anon"), 1 << 45, 0x25000 | DATA | USER)
        self.assertIn("check:subset", self.wrong())

    def test_domain_of_an_unknown_process(self):
        self.memory.entry(self.machine.roots["anon"], 0, 0)
        self.assertIn("check:subset", self.wrong())

    def test_absent_entry_that_names_a_frame(self):
        table = self.memory.table_for(self.machine.direct, self.direct + HOLE, 2)
        self.memory.entry(table, HOLE >> 21, HOLE | LARGE & ~PRESENT)
        self.assertEqual(self.wrong(), {"check:absent-entries"})

    def test_global_page(self):
        self.memory.map(self.machine.kernel_root, KERNEL, VARIABLES | DATA | GLOBAL)
        self.assertEqual(self.wrong(), {"check:global"})

    def test_no_domain(self):
        del self.machine.domains[PIDS["guest"], "kvm"]
        self.machine.report = Report()
        self.machine.make_report()
        with self.assertRaises(Trouble):
            self.audit()

    def test_document_has_no_addresses(self):
        text = output.document(self.audit(), "asi=on", "expect.tsv")
        self.assertNotIn("0x", text)
        self.assertIn("| a pipe | reachable |", text)
        self.assertIn("| zram | not available |", text)
        self.assertIn("| direct map | 0 | 0 |\n", text)

    def test_brief_names_what_is_left(self):
        """When most is hidden, the rest is listed; until then, what is hidden."""
        audit = self.audit()
        self.assertIn("Out of reach is only: secretmem.", " ".join(output.brief(audit)))
        for verdict in audit.verdicts[:2]:
            verdict.words.update(other="hidden", guest="hidden")
        self.assertIn("Still within reach: pipe.", " ".join(output.brief(audit)))

    def test_json(self):
        data = json.loads(output.as_json(self.audit()))
        self.assertEqual(data["kinds"]["anon"]["copies"][0]["physical"], f"0x{ANON:x}")
        self.assertEqual(data["kinds"]["anon"]["copies"][0]["mapped"]["other"][0]["region"],
                         "direct map")
        self.assertEqual(data["counts"], {"planted": 3, "not_available": 1, "found": 3,
                                          "other": 2, "guest": 2})

    def test_memory_within_reach(self):
        reach = self.audit().reach
        self.assertEqual(reach["unrestricted"]["direct map"]["anonymous"], 512)
        self.assertNotIn("anonymous", reach["other"]["direct map"])


    def use(self, frame, flags, *more):
        """Have the guest say what a page is used for."""
        for line in (f"audit frames {frame} 1 {flags:#x}", *more):
            self.machine.report.line(line + "\n")

    def test_page_of_users_that_is_mapped(self):
        self.use(5, 1 << 12)
        audit = self.audit()
        self.assertEqual([check.wrong for check in audit.checks if check.wrong],
                         ["other: 1 pages (anonymous), 0x5000; guest: 1 pages (anonymous), 0x5000"])
        self.assertIn("Of 513 pages of users and guests, its kernel half maps: of another process "
                      "1, of a guest 1.", output.brief(audit))

    def test_page_of_users_that_one_table_maps(self):
        """The tables of the direct map are shared; give one domain one of its own."""
        restricted = self.restricted("guest")
        path = indexes(self.direct, self.levels)
        self.memory.entry(restricted, path[0], 0)
        self.memory.map(restricted, self.direct + USERS, USERS | LARGE, level=2)
        audit = self.audit()
        wrong = {check.name: check.wrong for check in audit.checks if check.wrong}
        self.assertEqual(wrong, {"users": "guest: 512 pages (anonymous), 0x600000, 0x601000, "
                                          "0x602000, ..."})

    def test_page_of_users_outside_of_the_direct_map(self):
        self.memory.map(self.machine.kernel_root, KERNEL + 0x1000, USERS + 0x5000 | DATA)
        self.assertEqual(self.wrong(), {"check:users"})

    def test_each_class_of_user_data(self):
        for bit in (17, 12, 13, 14, 5, 11):
            self.use(5, 1 << bit)
            self.assertEqual(self.wrong(), {"check:users"})
        for bit in (10, 7, 26, 32):
            self.use(5, 1 << bit)
            self.assertEqual(self.wrong(), set())

    def test_page_that_may_be_shared(self):
        self.use(5, 1 << 11, "audit shared kvm-run 5")
        audit = self.audit()
        self.assertEqual([check.wrong for check in audit.checks if check.wrong], [])
        self.assertIn("maps none but kvm-run", audit.checks[0].note)
        self.assertIn("Of 512 pages of users and guests, its kernel half maps: of another process "
                      "0, of a guest 0.", output.brief(audit))

    def test_page_that_may_not_be_shared(self):
        self.use(5, 1 << 11, "audit shared anything 5")
        self.assertEqual(self.wrong(), {"check:users"})

    def test_machine_without_users(self):
        self.use(0, 0, f"audit frames {USERS >> 12} 512 0x400")
        self.assertEqual(self.wrong(), {"check:users"})

    def test_pages_in_the_user_half_do_not_count(self):
        for name in ("other", "guest"):
            self.memory.map(self.machine.roots[name], 0x401000, USERS | DATA | USER)
        self.assertEqual(self.wrong(), set())


class WholeFive(Whole):
    levels = 5
