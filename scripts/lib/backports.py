# SPDX-License-Identifier: MIT
"""Go for tests: a newer version than Debian 12's, from its backports, unpacked into the build directory.

The user's system stays unchanged: apt gets its own list of sources and state folder, both in build/go, and the packages
are unpacked there. The mirror comes from apt's own settings.

    backports.py    get Go unless a new enough version is here, and print its path
"""
import argparse
import re
import shutil
import subprocess
import sys
from pathlib import Path

from builder import locked
from tree import ROOT, Failure

FOLDER = ROOT / "build/go"
PACKAGES = ["golang-1.23-go", "golang-1.23-src"]
GO_LEAST = (1, 21)  # knows GOOS=wasip1
LIMIT_S = 600


def go_version(go):
    """The version as (1, 21) or so; (0,) if it is not Go."""
    try:
        text = subprocess.run([str(go), "version"], capture_output=True, text=True).stdout
    except OSError:
        return (0,)
    match = re.search(r"\bgo(\d+)\.(\d+)", text)
    return (int(match[1]), int(match[2])) if match else (0,)


def find_go():
    """The newest Go that is here, or None if none is new enough."""
    there = [go for usr in (Path("/usr/lib"), FOLDER / "root/usr/lib") for go in usr.glob("go-1.*/bin/go")]
    best = max([*there, *filter(None, [shutil.which("go")])], key=go_version, default=None)
    return best if best and go_version(best) >= GO_LEAST else None


def mirror():
    """(address, name) of the running release, from apt's own settings."""
    listing = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)",
                              "Created-By: Packages"], capture_output=True, text=True).stdout
    release = re.search(r"^VERSION_CODENAME=(\w+)", Path("/etc/os-release").read_text(), re.M)
    for line in listing.splitlines():
        uri, name, component = line.split(" ")
        if release and name == release[1] and component == "main":
            return uri, name
    raise Failure("apt knows no mirror of this release")


def call_apt(folder, source, *words):
    """Run apt-get in folder/packages with `source` as its only line of sources.list, and with lists of its own."""
    for name in ("lists/partial", "archives/partial", "packages"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "sources.list").write_text(source)
    options = {"Dir::Etc::sourcelist": folder / "sources.list", "Dir::Etc::sourceparts": "/dev/null",
               "Dir::State::lists": folder / "lists", "Dir::Cache": folder, "APT::Sandbox::User": "root",
               "Acquire::Retries": 2}
    apt = ["apt-get", "-qq", *(word for option in options.items() for word in ("-o", "=".join(map(str, option))))]
    for command in ([*apt, "update"], [*apt, *words]):
        subprocess.run(command, cwd=folder / "packages", check=True, capture_output=True, text=True, timeout=LIMIT_S)


def why(error):
    """The last line of what a failed command printed."""
    return (getattr(error, "stderr", None) or str(error)).strip().splitlines()[-1]


def unpack(folder):
    """Download the packages and unpack them below folder/root."""
    (folder / "new").mkdir(parents=True, exist_ok=True)
    uri, name = mirror()
    call_apt(folder, f"deb {uri} {name}-backports main\n", "download", *PACKAGES)
    for package in (folder / "packages").glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", str(package), str(folder / "new")], check=True, timeout=LIMIT_S)
    (folder / "new").rename(folder / "root")  # so that the folder is complete or missing
    shutil.rmtree(folder / "packages")


def ensure_go():
    """Get Go if possible. If not, the tests that need it are skipped and report why."""
    if find_go():
        return
    print(f"test: getting {' '.join(PACKAGES)} from backports into {FOLDER}", file=sys.stderr, flush=True)
    try:
        with locked(FOLDER):
            if not find_go():  # another process may have got it while we waited for the lock
                unpack(FOLDER)
    except (OSError, Failure, subprocess.SubprocessError) as error:
        print(f"test: no Go from backports: {why(error)}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    ensure_go()
    print(find_go() or "none")
