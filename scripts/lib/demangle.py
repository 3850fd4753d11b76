# SPDX-License-Identifier: MIT
"""Names of C++ and Rust functions, as they are written in the source, in any text of the guest."""
import re
import shutil
import subprocess

MANGLED = re.compile(r"_(?:Z[A-Za-z0-9_.$]{3,}|R[A-Z][A-Za-z0-9_]{3,})")
TOOLS = ("llvm-cxxfilt", "llvm-cxxfilt-14", "c++filt")
HASH = re.compile(r"::h[0-9a-f]{16}$")  # rustc's, one for each version of a function


def demangle(text):
    """The text with its mangled names replaced; unchanged if no tool for it is installed, or if a name is cut."""
    names = sorted(set(MANGLED.findall(text)))
    tool = next((tool for tool in TOOLS if shutil.which(tool)), None)
    if not names or tool is None:
        return text
    done = subprocess.run([tool], input="\n".join(names) + "\n", capture_output=True, text=True)
    plain = done.stdout.splitlines()
    if done.returncode != 0 or len(plain) != len(names):
        return text
    known = {name: HASH.sub("", readable).replace(";", ":") for name, readable in zip(names, plain)}
    return MANGLED.sub(lambda match: known[match[0]], text)
