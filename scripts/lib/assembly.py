# SPDX-License-Identifier: MIT
"""Compile C# with mcs, and make the result the same bytes each time: mcs writes the time and a random number into it.

    assembly.py OUTPUT ARGUMENT...      arguments of mcs, without -out
"""
import hashlib
import os
import struct
import subprocess
import sys
from pathlib import Path

PE_AT, TIME = 0x3C, 8
ROOT_VERSION = 12  # in the metadata: the length of its version, then the version
STREAM_HEADER = 8


def guids(data):
    """Offset and size of the stream of GUIDs: the first is the module's."""
    root = data.index(b"BSJB")
    length, = struct.unpack_from("<I", data, root + ROOT_VERSION)
    at = root + ROOT_VERSION + 4 + length
    _, count = struct.unpack_from("<HH", data, at)
    at += 4
    for _ in range(count):
        offset, size = struct.unpack_from("<II", data, at)
        end = data.index(0, at + STREAM_HEADER)
        if data[at + STREAM_HEADER:end] == b"#GUID":
            return root + offset, size
        at += STREAM_HEADER + (end - at - STREAM_HEADER + 4) // 4 * 4
    raise ValueError("no stream of GUIDs")


def settle(data):
    """The time becomes 0, and the module's GUID a hash of everything else."""
    struct.pack_into("<I", data, struct.unpack_from("<I", data, PE_AT)[0] + TIME, 0)
    at, _ = guids(data)
    data[at:at + 16] = bytes(16)
    data[at:at + 16] = hashlib.sha256(data).digest()[:16]
    return data


def main(arguments):
    output = Path(arguments[0])
    draft = output.with_name(f".{output.name}.{os.getpid()}")  # mcs names the assembly after -out, without its suffix
    draft.mkdir(parents=True)
    made = draft / output.name
    try:
        done = subprocess.run(["mcs", *arguments[1:], f"-out:{made}"], capture_output=True, text=True)
        if done.returncode != 0:
            sys.stderr.write(done.stdout + done.stderr)
            return 1
        data = settle(bytearray(made.read_bytes()))
        made.write_bytes(data)
        os.replace(made, output)
    finally:
        for file in draft.iterdir():
            file.unlink()
        draft.rmdir()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
