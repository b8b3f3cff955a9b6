# SPDX-License-Identifier: GPL-2.0
"""The operations, as people read them, in the order of the tables."""

TITLES = {
    "null": "null system call",
    "int80": "null system call, INT 0x80",
    "compat": "null system call, 32-bit program",
    "read": "read 4 KiB, page cache",
    "write": "write 4 KiB, page cache",
    "fill": "write 4 KiB, new in the page cache",
    "touch": "first touch of a page",
    "touch_huge": "first touch of a huge page",
    "copy": "copy of a page on write",
    "unmap": "munmap, per touched page",
    "alloc0": "page for the kernel",
    "alloc0_user": "page for users",
    "alloc0_uncleared": "page for the kernel, not cleared",
    "alloc0_user_uncleared": "page for users, not cleared",
    "alloc9": "huge page for the kernel",
    "alloc9_user": "huge page for users",
    "pipe": "pipe round trip, 2 processes",
    "ctx_thread": "context switch, threads",
    "ctx_process": "context switch, processes",
    "fork": "fork, exit, wait",
    "forkexec": "fork, exec, wait",
    "vmexit_kernel": "VM exit, in the kernel",
    "vmexit_mmio": "VM exit, coalesced write to a device",
    "vmexit_user": "VM exit, to user space",
    "unix": "unix socket, there and back",
    "udp": "UDP loopback, there and back",
    "tcp": "TCP loopback, there and back",
    "netlink": "netlink, a question and its answer",
    "packet": "packet to the ring of a packet socket",
    "msg": "System V message",
    "mq": "POSIX message",
    "tty_input": "input of a terminal",
    "tty_output": "output to a terminal",
    "getxattr": "extended attribute, tmpfs",
    "setxattr": "set an extended attribute, tmpfs",
    "bpf_lookup": "lookup in a BPF hash",
    "bpf_array": "lookup in a BPF array",
    "bpf_ring": "record in a BPF ring buffer",
    "key_read": "read a key",
    "big_key": "read a big key, 4 KiB",
    "cipher": "encrypt 64 bytes, cbc(aes)",
    "hash": "hash 64 bytes, sha256",
    "uring": "io_uring, an operation that does nothing",
    "tls": "TLS in the kernel, a record of 1 KiB",
    "zram": "write 4 KiB to zram",
    "brd": "write 4 KiB to a RAM disk",
    "fuse": "FUSE, read a symbolic link",
    "environ": "read /proc/<pid>/environ",
    "cmdline": "read /proc/<pid>/cmdline",
    "proc_mem": "read 4 KiB of /proc/<pid>/mem",
    "core": "fork, core dump of 1 MiB, wait",
    "swap": "page out to zram and in",
}

# In steady state these never need memory that is not mapped.
STEADY = ("null", "int80", "compat", "vmexit_kernel")

# Operations on 4 KiB and more.
LARGE = ("read", "write", "touch", "fork", "forkexec")

# The page allocator itself.
ALLOC = ("alloc0", "alloc0_user", "alloc9", "alloc9_user")

# The same operation of the guest program in a boot with init_on_alloc=0.
UNCLEARED = {"alloc0_uncleared": "alloc0", "alloc0_user_uncleared": "alloc0_user"}

# What these take depends on how the objects lie that a boot has allocated before, by a
# percent: so they have boots of their own, and of these the cheapest counts.
ALONE = ("fork", "forkexec")
ALONE_BOOTS = 3

# The table of memory, a run of its own; as an operation it is asked for by this name.
MEMORY = "memory"
MEMORY_TITLES = {
    "boot_us": "boot, from reset to the first process, 1,000 instructions",
    "used_kib": "memory in use then, KiB",
    "tables_kib": "page tables of restricted address spaces, KiB",
    "process_kib": "memory of a process that waits, KiB",
    "turn_page": "alternating demand, instructions per page",
    "turn_hide": "alternating demand, blocks made sensitive per GiB",
    "turn_show": "alternating demand, blocks made nonsensitive per GiB",
    "turn_shootdown": "alternating demand, shootdowns per GiB",
    "free_kib": "free memory afterwards, KiB",
    "parts_kib": "of it, in parts of blocks that are not sensitive, KiB",
    "parts_sensitive_kib": "of it, in parts of blocks that are sensitive, KiB",
}
# Of these a row follows with what isolation adds.
MEMORY_MORE = {
    "used_kib": "of it, more than with asi=off, KiB",
    "process_kib": "of a process, more than with asi=off, KiB",
}


def present(runs):
    """The operations that at least one run has, in order."""
    names = {name for run in runs.values() for name in run["ops"]}
    return [name for name in TITLES if name in names]
