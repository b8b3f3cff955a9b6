# SPDX-License-Identifier: GPL-2.0
"""An ELF file that puts the same bytes at many places of memory: for QEMU's loader."""

import struct

HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
PROGRAM = struct.Struct("<IIQQQQQQ")
IDENT = b"\x7fELF\x02\x01\x01"
EXECUTABLE, X86_64, LOAD, READ = 2, 62, 1, 4
MOST = 0xfffe


def spread(content, addresses, dense=range(0)):
    """The file: a segment an address, all with the same content, and one for `dense`.

    That has the content at each of its addresses, and zeroes between.
    """
    addresses = list(addresses)
    count = len(addresses) + bool(dense)
    if count > MOST:
        raise ValueError(f"an ELF file has at most {MOST} segments")
    end = HEADER.size + count * PROGRAM.size
    header = HEADER.pack(IDENT, EXECUTABLE, X86_64, 1, 0, HEADER.size, 0, 0,
                         HEADER.size, PROGRAM.size, count, 0, 0, 0)
    segments = [PROGRAM.pack(LOAD, READ, end, address, address, len(content),
                             len(content), 1) for address in addresses]
    filled = b""
    if dense:
        filled = content.ljust(dense.step, b"\0") * len(dense)
        segments.append(PROGRAM.pack(LOAD, READ, end + len(content), dense.start,
                                     dense.start, len(filled), len(filled), 1))
    return header + b"".join(segments) + content + filled
