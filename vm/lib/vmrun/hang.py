# SPDX-License-Identifier: GPL-2.0
"""Where the CPUs of a QEMU guest are that says nothing more."""

import bisect
import re
import socket
import time

# Where the table of interrupts is mapped, whatever KASLR chose for the kernel:
# CPU_ENTRY_AREA_RO_IDT. Before that the CPU has one of these.
IDT = 0xfffffe0000000000
EARLY_IDTS = ("idt_table", "bringup_idt_table")
FIRST_GATE = "asm_exc_divide_error"
ALIGNMENT = 2 << 20
STACK_WORDS = 512
SHOWN = 24
SECONDS = 10
# A CPU that goes round is somewhere else each time.
SAMPLES = 4
BETWEEN = 0.3


class Symbols:
    """What a System.map says of text."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            rows = [line.split() for line in file]
        pairs = sorted((int(address, 16), name) for address, kind, name in rows if kind in "tT")
        self.addresses = [address for address, _ in pairs]
        self.names = [name for _, name in pairs]
        self.all = {name: int(address, 16) for address, _, name in rows}
        self.end = self.all["_etext"]
        self.shift = 0

    def find_shift(self, monitor):
        """What KASLR added, by the table of interrupts."""
        base = register(monitor.ask("info registers"), "IDT")
        gate = monitor.words(IDT, 2) if base == IDT else []
        shifts = [base - self.all.get(name, 0) for name in EARLY_IDTS]
        if len(gate) == 2:
            shifts = [gate_target(*gate) - self.all[FIRST_GATE]]
        self.shift = next((shift for shift in shifts if shift % ALIGNMENT == 0), 0)

    def name(self, address):
        """SYMBOL+0xOFFSET, or "" where there is no text of the kernel."""
        address -= self.shift
        i = bisect.bisect_right(self.addresses, address) - 1
        if i < 0 or address >= self.end:
            return ""
        return f"{self.names[i]}+{address - self.addresses[i]:#x}"


class Monitor:
    """QEMU's monitor for people."""

    PROMPT = b"(qemu) "

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(SECONDS)
        self.socket.connect(path)
        self.answer()

    def answer(self):
        data = b""
        while not data.endswith(self.PROMPT):
            new = self.socket.recv(65536)
            if not new:
                raise OSError("the machine has ended")
            data += new
        return data.decode(errors="replace")

    def ask(self, line):
        self.socket.sendall(line.encode() + b"\n")
        return self.answer()

    def words(self, address, count):
        """`count` words of 64 bits at a virtual address, as far as there are any."""
        _echo, _, text = self.ask(f"x /{count}gx {address:#x}").partition("\n")
        return [int(word, 16) for word in re.findall(r" (0x[0-9a-f]{16})\b", text)]


def gate_target(low, high):
    return (low & 0xffff) | (low >> 48 << 16) | (high & 0xffffffff) << 32


def register(text, name):
    match = re.search(rf"\b{name}\s*=\s*([0-9a-f]+)", text)
    return int(match.group(1), 16) if match else 0


def describe_cpu(monitor, symbols, number):
    monitor.ask(f"cpu {number}")
    text = monitor.ask("info registers")
    rip, rsp = register(text, "RIP"), register(text, "RSP")
    lines = [f"CPU {number}: {symbols.name(rip) or hex(rip)}, CR3 {register(text, 'CR3'):#x}, "
             f"interrupts {'on' if register(text, 'RFL') & 0x200 else 'off'}"
             f"{', halted' if 'HLT=1' in text else ''}"]
    if symbols.name(rip):
        names = (symbols.name(word) for word in monitor.words(rsp, STACK_WORDS))
        lines += ["  " + name for name in names if name][:SHOWN]
    return lines + ["  " + line.strip() for line in text.splitlines()
                    if re.match(r"R(AX|SI|8 |12|IP)", line)]


def sample(monitor, symbols, number):
    """Where the CPU is at this time and at others, the machine running in between."""
    found = []
    for _ in range(SAMPLES):
        monitor.ask("cont")
        time.sleep(BETWEEN)
        monitor.ask("stop")
        monitor.ask(f"cpu {number}")
        rip = register(monitor.ask("info registers"), "RIP")
        found.append(symbols.name(rip) or hex(rip))
    return f"CPU {number} later: {', '.join(found)}"


def describe(monitor_path, map_path, cpus):
    """Lines for people: registers, and text addresses on the stacks, callers among them."""
    try:
        symbols = Symbols(map_path)
        monitor = Monitor(monitor_path)
        monitor.ask("stop")
        symbols.find_shift(monitor)
        lines = [line for number in range(cpus)
                 for line in describe_cpu(monitor, symbols, number)]
        lines += [sample(monitor, symbols, number) for number in range(cpus)]
        monitor.socket.close()
        return lines
    except (OSError, ValueError, KeyError) as error:
        return [f"it cannot be found out: {error}"]
