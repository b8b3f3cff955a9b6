# SPDX-License-Identifier: GPL-2.0
"""An ELF file that puts the same bytes at many places of memory: for QEMU's loader."""

import struct

HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
PROGRAM = struct.Struct("<IIQQQQQQ")
IDENT = b"\x7fELF\x02\x01\x01"
EXECUTABLE, X86_64, LOAD, READ = 2, 62, 1, 4
MOST = 0xfffe


def spread(content, addresses):
    """The file: a segment an address, all with the same content."""
    addresses = list(addresses)
    if len(addresses) > MOST:
        raise ValueError(f"an ELF file has at most {MOST} segments")
    end = HEADER.size + len(addresses) * PROGRAM.size
    header = HEADER.pack(IDENT, EXECUTABLE, X86_64, 1, 0, HEADER.size, 0, 0,
                         HEADER.size, PROGRAM.size, len(addresses), 0, 0, 0)
    segments = (PROGRAM.pack(LOAD, READ, end, address, address, len(content),
                             len(content), 1) for address in addresses)
    return header + b"".join(segments) + content
