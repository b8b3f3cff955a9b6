# SPDX-License-Identifier: GPL-2.0
"""The operations, as people read them, in the order of the tables."""

TITLES = {
    "null": "null system call",
    "int80": "null system call, INT 0x80",
    "compat": "null system call, 32-bit program",
    "read": "read 4 KiB, page cache",
    "write": "write 4 KiB, page cache",
    "touch": "first touch of a page",
    "pipe": "pipe round trip, 2 processes",
    "ctx_thread": "context switch, threads",
    "ctx_process": "context switch, processes",
    "fork": "fork, exit, wait",
    "forkexec": "fork, exec, wait",
    "vmexit_kernel": "VM exit, in the kernel",
    "vmexit_user": "VM exit, to user space",
    "unix": "unix socket, there and back",
    "tcp": "TCP loopback, there and back",
    "msg": "System V message",
    "getxattr": "extended attribute, tmpfs",
    "bpf_lookup": "lookup in a BPF hash",
    "key_read": "read a key",
}

# In steady state these never need memory that is not mapped.
STEADY = ("null", "int80", "compat", "vmexit_kernel")

# Operations on 4 KiB and more.
LARGE = ("read", "write", "touch", "fork", "forkexec")


def present(runs):
    """The operations that at least one run has, in order."""
    names = {name for run in runs.values() for name in run["ops"]}
    return [name for name in TITLES if name in names]
