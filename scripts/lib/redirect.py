# SPDX-License-Identifier: MIT
"""Redirect every direct call of one function to another, in a program or an object file of either machine.

    scripts/redirect [options] ELF OLD=NEW...
    scripts/redirect --undo ELF

For functions of a compiler's runtime that must be replaced by our own. Every call and tail call of OLD is found by
decoding the code, and counted a second time without decoding; both must agree. It is all or nothing: any doubt is an
error, and then the file stays as it was and the status is 1. An address taken of OLD is such a doubt, until --addresses
says to change it or --direct-only says to leave it. A note section records the changes: a second run changes
nothing, and --undo restores the file byte for byte. docs/redirect.md explains how to use it safely.

A branch from inside OLD to its own start is a loop, not a call, unless it is a call instruction. Of several functions
with one name, the weak one is OLD and the strong one is NEW.
"""
import argparse
import os
import stat
import sys
import tempfile

import packages
from tree import Failure

REFUSE, CHANGE, LEAVE = "refuse", "change", "leave"  # what happens to addresses taken of OLD


def contents(path):
    """The file's bytes. Failure for a device or a pipe, which may have no end, and for a file with several names: the new
    file would be under one of them only."""
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
        raise Failure(f"{path}: is not a regular file")
    if stat.S_ISREG(status.st_mode) and status.st_nlink > 1:
        raise Failure(f"{path}: has {status.st_nlink} names (hard links), and only one of them would change: copy the file")
    with open(path, "rb") as stream:
        return stream.read()


def rebuild(path, data):
    """(the file before it was redirected, the pairs that were redirected: [(old, new, addresses)])"""
    import redirect_note
    from redirect_elf import Elf
    elf = Elf(path, data)
    note, record = redirect_note.read(elf)
    if record is None:
        return elf, []
    before = Elf(path, redirect_note.original(elf, record))
    if before.extended([(at, new) for at, _, new in record["changes"]], note, record["added"]) != data:
        raise redirect_note.changed_since(elf)
    return before, record["pairs"]


def all_pairs(elf, before, wanted, addresses):
    """The recorded pairs and the wanted ones; Failure if they contradict each other."""
    pairs = {old: (new, how) for old, new, how in before}
    for old, new in wanted:
        if old in pairs and pairs[old][0] != new:
            raise elf.fail(f"{old} is redirected to {pairs[old][0]} already: --undo first")
        pairs[old] = (new, addresses)
    for old, (new, _) in pairs.items():
        if new in pairs and new != old:
            raise elf.fail(f"{new} is to replace {old}, and to be replaced")
    return [(old, new, how) for old, (new, how) in pairs.items()]


def check_overlap(elf, edits):
    """No byte is changed twice."""
    at = 0
    for offset, data in sorted(edits):
        if offset < at:
            raise elf.fail(f"two changes at offset {offset:#x} contradict each other")
        at = offset + len(data)


def plans_of(elf, pairs):
    """(the program, the plan of each pair) with the edits of addresses, where they are wanted."""
    from redirect_object import Object
    from redirect_plan import Linked
    program = (Linked if elf.is_linked else Object)(elf, [old for old, _, _ in pairs])
    plans = []
    for old, new, addresses in pairs:
        plan = program.plan(old, new)
        if addresses == CHANGE:
            fixed = [r.text for r in plan.references if r.edits is None]
            if fixed:
                raise elf.fail(f"{old} -> {new}: found {len(plan.sites)} direct calls, and {len(fixed)} addresses of {old} "
                               f"that cannot be changed: {'; '.join(fixed[:8])}")
            plan.edits += [edit for r in plan.references for edit in r.edits]
            plan.changed = len(plan.references)
        elif plan.references and addresses == REFUSE:
            raise elf.fail(f"{old} -> {new}: found {len(plan.sites)} direct calls, and {len(plan.references)} other "
                           f"references that would still reach {old} (--addresses changes them, --direct-only leaves "
                           f"them): {'; '.join(r.text for r in plan.references[:8])}")
        plans.append(plan)
    check_overlap(elf, [edit for plan in plans for edit in set(plan.edits)])
    return program, plans


def check_undo(elf, after):
    """The new file can be undone. In a file whose tables overlap, the note may be where something else is read."""
    try:
        is_same = rebuild(elf.path, after)[0].data == elf.data
    except Failure:
        is_same = False
    if not is_same:
        raise elf.fail("broken ELF file: its tables contradict each other, so that a change could not be undone")


def replace_file(path, data):
    """Other processes see the old file or the new one, and never a part."""
    status = os.stat(path)
    if not status.st_mode & 0o222 or not os.access(path, os.W_OK):
        raise Failure(f"{path}: is read-only")
    try:
        write_beside(os.path.realpath(path), status, data)
    except OSError as error:
        raise Failure(f"{path}: cannot be written: {error.strerror}") from error


def write_beside(path, status, data):
    draft = tempfile.NamedTemporaryFile(dir=os.path.dirname(path), prefix=".redirect-", delete=False)
    try:
        with draft:
            draft.write(data)
            draft.flush()
            os.fsync(draft.fileno())
        os.chown(draft.name, status.st_uid, status.st_gid)
        os.chmod(draft.name, stat.S_IMODE(status.st_mode))  # after the owner: that resets bits of the mode
        os.replace(draft.name, path)
    except BaseException:
        os.unlink(draft.name)
        raise


def redirect(path, pairs, addresses=REFUSE, expect=None, dry_run=False):
    """Redirect all pairs, or none. Returns (the program, its plans, whether the file changed)."""
    import redirect_note
    data = contents(path)
    elf, before = rebuild(path, data)
    pairs_now = all_pairs(elf, before, pairs, addresses)
    program, plans = plans_of(elf, pairs_now)
    wanted = {old for old, _ in pairs}
    count = sum(len(plan.sites) for plan in plans if plan.old in wanted)
    if expect is not None and count != expect:
        counts = ", ".join(f"{plan.old} {len(plan.sites)}" for plan in plans if plan.old in wanted)
        raise elf.fail(f"found {count} direct calls, and {expect} are expected ({counts})")
    edits = sorted({edit for plan in plans for edit in plan.edits})
    added = getattr(program, "added", [])
    after = elf.extended(edits, redirect_note.write(elf, pairs_now, edits, added), added)
    check_undo(elf, after)
    if after != data and not dry_run:
        replace_file(path, after)
    return program, [plan for plan in plans if plan.old in wanted], after != data


def undo(path, dry_run=False):
    """Restore the file of before. Returns the pairs that were redirected; none: nothing to undo."""
    data = contents(path)
    elf, pairs = rebuild(path, data)
    if pairs and not dry_run:
        replace_file(path, elf.data)
    return pairs


def say(text):
    print(f"redirect: {text}")


def report(args, program, plans, is_changed):
    for plan in plans:
        count = len(plan.sites)
        done = count if is_changed and not args.dry_run else 0
        say(f"{plan.old} -> {plan.new}: found {count}, patched {done}" +
            (f", {plan.changed} addresses" if plan.changed else ""))
        if args.verbose:
            for name in program.aliases(plan.old):
                say(f"  {plan.old} is also called {name}")
            for site in plan.sites:
                say(f"  {site}")
        if args.verbose or not plan.changed:
            for reference in plan.references:
                say(f"  {reference.text}: {'changed' if plan.changed else 'left as it is'}")
    if not is_changed:
        say(f"{args.elf}: redirected already, nothing to change")
    elif args.dry_run:
        say(f"{args.elf}: not written (--dry-run)")


def parse(arguments):
    parser = argparse.ArgumentParser(prog="scripts/redirect", description=__doc__.splitlines()[0],
                                     epilog="docs/redirect.md shows how to replace the functions of a runtime safely.")
    others = parser.add_mutually_exclusive_group()
    others.add_argument("--addresses", dest="addresses", action="store_const", const=CHANGE, default=REFUSE,
                        help="change addresses taken of OLD, too")
    others.add_argument("--direct-only", dest="addresses", action="store_const", const=LEAVE,
                        help="leave addresses taken of OLD as they are")
    parser.add_argument("--expect", metavar="N", type=int, help="fail unless the pairs have N direct calls in all")
    parser.add_argument("--dry-run", action="store_true", help="do everything except writing the file")
    parser.add_argument("--verbose", action="store_true", help="list each call")
    parser.add_argument("--undo", action="store_true", help="restore the file as it was before it was redirected")
    parser.add_argument("--delete-on-failure", action="store_true",
                        help="for builds: delete the file if it cannot be redirected, so that no build uses it")
    parser.add_argument("elf", metavar="ELF", help="the file to change: a program, a library or an object file")
    parser.add_argument("pairs", nargs="*", metavar="OLD=NEW", help="functions of the file")
    args = parser.parse_intermixed_args(arguments)  # options between ELF and the pairs, too
    if args.undo != (not args.pairs):
        parser.error("--undo takes no pair" if args.pairs else "give at least one pair OLD=NEW, or --undo")
    for option, is_given in (("--expect", args.expect is not None), ("--addresses", args.addresses == CHANGE),
                             ("--direct-only", args.addresses == LEAVE)):
        if args.undo and is_given:
            parser.error(f"--undo takes no {option}")
    return args


def run(args):
    packages.ensure(packages.REDIRECT, say="redirect")
    if args.undo:
        pairs = undo(args.elf, args.dry_run)
        for old, new, _ in pairs:
            say(f"{old} -> {new}: {'not written (--dry-run)' if args.dry_run else 'undone'}")
        if not pairs:
            say(f"{args.elf}: not redirected, nothing to undo")
        return
    pairs = [tuple(pair.split("=")) for pair in args.pairs]
    if any(len(pair) != 2 or not all(pair) for pair in pairs):
        raise Failure("each pair is OLD=NEW")
    if len({old for old, _ in pairs}) != len(pairs):
        raise Failure("a function is redirected twice")
    report(args, *redirect(args.elf, pairs, args.addresses, args.expect, args.dry_run))


def main(arguments):
    args = parse(arguments)
    try:
        run(args)
    except (Failure, OSError) as failure:
        print(f"redirect: {failure}", file=sys.stderr)
        if args.delete_on_failure and os.path.isfile(args.elf):
            os.unlink(args.elf)
            print(f"redirect: {args.elf}: deleted", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
