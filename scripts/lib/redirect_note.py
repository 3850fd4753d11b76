# SPDX-License-Identifier: MIT
"""The note in which redirect.py records its changes, and undoing them.

The note is JSON: the size, the digest and two fields of the original file, the redirected pairs, and each change. The
original is rebuilt from it, and must have the recorded digest: a file that was changed since is refused.
"""
import hashlib
import json
import struct

from redirect_elf import NOTE, SECTION_COUNT_FIELD, SECTION_TABLE_FIELD

OWNER, KIND, VERSION = b"Halyard\0", 0x52454449, 1
HEAD = struct.Struct("<III8s")


def write(elf, pairs, edits, added):
    """The note's contents. pairs: [(old, new, how)], edits: [(offset, bytes)]"""
    text = json.dumps({
        "version": VERSION, "size": len(elf.data), "sha256": hashlib.sha256(elf.data).hexdigest(),
        "section_table": elf.section_table, "section_count": elf.section_count, "pairs": pairs, "added": list(added),
        "changes": [[at, elf.data[at:at + len(new)].hex(), new.hex()] for at, new in sorted(edits)],
    }, separators=(",", ":"), sort_keys=True).encode()
    return HEAD.pack(len(OWNER), len(text), KIND, OWNER) + text


def read(elf):
    """(the note's bytes, its record), or None twice if the file has none."""
    found = [i for i, s in enumerate(elf.sections) if s.name == NOTE]
    if not found:
        return None, None
    contents = elf.contents(found[0])
    try:
        owner, size, kind, name = HEAD.unpack_from(contents)
        if len(found) > 1 or (owner, kind, name) != (len(OWNER), KIND, OWNER) or HEAD.size + size != len(contents):
            raise ValueError("not a note of this program")
        return contents, checked(json.loads(contents[HEAD.size:]))
    except (ValueError, KeyError, TypeError, struct.error, RecursionError) as error:
        raise elf.fail(f"its note {NOTE} is broken: {error}") from error


def checked(record):
    """The record with its changes decoded; ValueError, KeyError or TypeError if a part is missing or of another type."""
    if record["version"] != VERSION:
        raise ValueError(f"version {record['version']}")
    for name, limit in (("size", 1 << 62), ("section_table", 1 << 62), ("section_count", 1 << 16)):
        if type(record[name]) is not int or not 0 <= record[name] < limit:
            raise ValueError(f"{name} {record[name]}")
    record["pairs"] = [(str(old), str(new), str(how)) for old, new, how in record["pairs"]]
    record["sha256"], record["added"] = str(record["sha256"]), [str(name) for name in record["added"]]
    record["changes"] = [(int(at), bytes.fromhex(old), bytes.fromhex(new)) for at, old, new in record["changes"]]
    return record


def changed_since(elf):
    return elf.fail("was changed after it was redirected: that cannot be undone")


def original(elf, record):
    """The bytes of the file before it was redirected."""
    data = bytearray(elf.data[:record["size"]])
    for at, old, new in record["changes"]:
        if at < 0 or data[at:at + len(new)] != new or len(old) != len(new):
            raise changed_since(elf)
        data[at:at + len(old)] = old
    if len(data) >= 64:
        struct.pack_into("<Q", data, SECTION_TABLE_FIELD, record["section_table"])
        struct.pack_into("<H", data, SECTION_COUNT_FIELD, record["section_count"])
    if hashlib.sha256(data).hexdigest() != record["sha256"]:
        raise changed_since(elf)
    return bytes(data)
