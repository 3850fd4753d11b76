# SPDX-License-Identifier: MIT
"""What redirect.py changes in a linked file: the calls of each function, the addresses taken of it, the veneers.

Anything that leaves a doubt is a Failure: a call that only one of two ways of reading the code finds, a branch into the
middle of a function, functions that overlap.
"""
import bisect
from dataclasses import dataclass, field, replace

from redirect_elf import Code, PF_X, SHF_ALLOC
from redirect_machine import places

POOL = "redirect_veneers"  # a function of this name is room for veneers
NOT_DATA = {"SHT_NOBITS", "SHT_DYNSYM", "SHT_RELA", "SHT_REL", "SHT_HASH", "SHT_GNU_HASH", "SHT_STRTAB", "SHT_NOTE",
            "SHT_GNU_versym", "SHT_GNU_verneed", "SHT_GNU_verdef", "SHT_DYNAMIC"}


@dataclass
class Reference:
    """A place other than a call that leads to a function."""

    address: int
    text: str
    edits: list  # [(offset, bytes)] that lead it to the new function; None: it cannot be changed


@dataclass
class Plan:
    """What one pair changes."""

    old: str
    new: str
    sites: list = field(default_factory=list)       # sentences
    references: list = field(default_factory=list)  # of Reference
    changed: int = 0                                # number of references that are changed, too
    edits: list = field(default_factory=list)       # [(offset, bytes)]


def choose(elf, name, preferred):
    """The function of this name: of several, the only one with the preferred binding, or for NEW the only one that is
    not weak."""
    named = elf.by_name.get(name, [])
    defined = [s for s in named if s.section is not None]
    found = {(s.section, s.start): s for s in defined if s.kind in ("STT_FUNC", "STT_NOTYPE") and elf.is_code(s.section)}
    if not found:
        if any(s.kind == "STT_LOOS" for s in defined):
            raise elf.fail(f"{name} is an indirect function: its calls go through a table")
        if defined:
            raise elf.fail(f"{name} is not a function")
        raise elf.fail(f"{name} is not defined in this file" if named else f"no function {name}")
    best = list(found.values())
    if len(best) > 1:
        best = [s for s in best if s.bind == preferred] or [s for s in best if "STB_WEAK" not in (s.bind, preferred)]
    if len(best) != 1:
        raise elf.fail(f"{len(found)} functions are called {name}")
    return best[0]


def aliases(elf, old):
    """Other names of the function, whose calls cannot be told apart."""
    return sorted({s.name for s in elf.symbols if s.start == old.start and s.section == old.section is not None
                   and s.name not in ("", old.name) and s.kind in ("STT_FUNC", "STT_NOTYPE") and s.name[0] != "$"})


def checked(code, symbol):
    """The symbol with its size. Failure if other functions overlap with it, or if it lies inside one."""
    own = [f for f in code.functions if f.start == symbol.start]
    around = [f for f in code.around(symbol.start) if f.start != symbol.start]
    if around or not own:
        raise code.elf.fail(f"{symbol.name} is a place inside {around[0].name if around else 'other code'}, not a function")
    if len(own) > 1:
        raise code.elf.fail(f"functions {own[0].name} and {own[1].name} overlap")
    after = bisect.bisect_right(code.starts, symbol.start)
    if after < len(code.functions) and code.functions[after].start < own[0].end:
        raise code.elf.fail(f"functions {symbol.name} and {code.functions[after].name} overlap")
    return own[0]


def where(code, address):
    """The address in words."""
    names = code.around(address)
    return f"{names[-1].name}+{address - names[-1].start:#x}" if names else f"{address:#x}"


def calls(code, old, target, prefix):
    """The branches of this section to the function, after checks that all of them are found and none is in doubt.

    old: the function's range if it is in this section, else None."""
    found = [b for b in code.branches.values() if b.target == target and (b.is_call or not old or b.address not in old)]
    for b in code.branches.values() if old else ():
        if b.target in old and b.target != old.start and b.address not in old:
            raise code.elf.fail(f"{prefix}: the branch at {where(code, b.address)} leads into {old.name}, at "
                                f"+{b.target - old.start:#x}")
    for b in found:
        for function in code.around(b.address):
            instructions = code.decoded[function]
            if not any(at == b.address for at, *_ in instructions):
                raise code.elf.fail(f"{prefix}: {function.name} overlaps with other code, and decodes differently there")
            if code.elf.machine.step == 1 and any(m == ".byte" for _, _, m, _ in instructions):
                raise code.elf.fail(f"{prefix}: {function.name} calls it, and has bytes that do not decode")
    return found


def check_count(code, wanted, is_known=lambda address: False):
    """Count again, without decoding: bytes that look like a call but were not decoded as one show that the decoder lost
    synchronization, and calls that it missed would not be redirected."""
    fields = {b.field: b.address for b in code.branches.values()}
    for address, target in code.elf.machine.count(code.start, code.data, wanted):
        if address in code.branches or any(address + n in fields and fields[address + n] <= address for n in (1, 2)):
            continue
        if not is_known(address):
            raise undecoded(code.elf, where(code, address), wanted[target])


def undecoded(elf, place, name):
    return elf.fail(f"at {place} stands what looks like a call of {name}, undecoded")


def runs_into(code, old):
    """References to OLD by the function before it, if that does not end: its last instruction is no jump, and no call of a
    function that never returns."""
    before, machine = [f for f in code.functions if f.end <= old.start], code.elf.machine
    if not before:
        return
    last = max(before, key=lambda f: f.end)
    gap = machine.engine.disasm_lite(code.bytes(last.end, old.start - last.end), last.end)
    for instructions in (code.decoded[last], list(gap)):
        texts = [f"{mnemonic} {operands}" for _, _, mnemonic, operands in instructions]
        last_text = next((text for text in reversed(texts) if not machine.NOP.match(text)), "")
        if machine.ENDS.match(last_text) or machine.CALL.match(last_text):
            return
    yield Reference(old.start, f"{last.name} runs on into it", None)


class Veneers:
    """Jumps in unused bytes between functions, for calls that do not reach their new target."""

    def __init__(self, elf, codes):
        self.elf, self.made = elf, {}
        self.room = sorted(room for code in codes for room in self._pool(code) or self._gaps(code))

    def _pool(self, code):
        return [(f.start, f.end) for f in code.functions if f.name == POOL]

    def _gaps(self, code):
        """Ranges between functions that only fill up, and that no code runs into."""
        at, ends, targets = code.start, True, {b.target for b in code.branches.values()}
        for function, instructions in [*code.decoded.items(), (None, [])]:
            start = function.start if function else code.end
            if start > at and self._is_fill(code, at, start, ends) and not any(at <= t < start for t in targets):
                yield at, start
            if function and function.end > at:
                at = function.end
                ends = bool(instructions and self.elf.machine.ENDS.match(f"{instructions[-1][2]} {instructions[-1][3]}"))

    def _is_fill(self, code, start, end, ends):
        data, trap = code.bytes(start, end - start), self.elf.machine.TRAPS
        if any(low < end and start < high for low, high in code.tables):
            return False
        if any(data == one * (len(data) // len(one)) for one in trap):
            return True
        fill = list(self.elf.machine.engine.disasm_lite(data, start))
        return ends and all(self.elf.machine.FILL.match(m) for _, _, m, _ in fill)

    def place(self, branch, bytes_at, target):
        """(the address of a veneer that the branch reaches, [(address, bytes)] that make it), or None."""
        for at in self.made.get(target, ()):
            if branch.encode(bytes_at, at):
                return at, []
        for index, (start, end) in enumerate(self.room):
            at = -(-start // 4) * 4
            code = self.elf.machine.veneer(at, target, self.elf.is_fixed)
            if code and at + len(code) <= end and branch.encode(bytes_at, at):
                self.room[index] = (at + len(code), end)
                self.made.setdefault(target, []).append(at)
                return at, [(at, code)]
        return None


class Linked:
    """A linked file, decoded once for all pairs."""

    def __init__(self, elf, names):
        self.elf = elf
        self._check_relocations()
        self.codes = [Code(elf, i) for i in range(elf.section_count) if elf.is_code(i)]
        self.old = {name: self.function(name, "STB_WEAK") for name in names}
        self.wanted = {f.start: name for name, f in self.old.items()}
        if len(self.wanted) < len(self.old):
            raise elf.fail("two of the functions to redirect are the same")
        self.loads = [(code, load) for code in self.codes for f, instructions in code.decoded.items()
                      for load in elf.machine.loads(instructions, code.bytes(f.start, f.size), f.start, self.wanted, elf.is_fixed)]
        for code in self.codes:
            check_count(code, self.wanted)
        self._check_segments()
        self.veneers = None

    def _check_relocations(self):
        for i, s in enumerate(self.elf.sections):
            if s["sh_type"] in ("SHT_RELA", "SHT_REL") and not s["sh_flags"] & SHF_ALLOC and self.elf.is_code(
                    min(s["sh_info"], self.elf.section_count - 1)):
                raise self.elf.fail(f"keeps the relocations of its code ({s.name}), which would still name the old calls")

    def _check_segments(self):
        """Executable bytes of the file that are in no code section have no call."""
        executable = [s for s in self.elf.segments if s["p_type"] == "PT_LOAD" and s["p_flags"] & PF_X]
        if sum(segment["p_filesz"] for segment in executable) > len(self.elf.data):
            raise self.elf.fail("broken ELF file: segments of code overlap, or lie beyond its end")
        for segment in executable:
            start, size = segment["p_vaddr"], segment["p_filesz"]
            data = self.elf.data[segment["p_offset"]:segment["p_offset"] + size]
            for address, target in self.elf.machine.count(start, data, self.wanted):
                if not any(code.start <= address < code.end for code in self.codes):
                    raise undecoded(self.elf, f"{address:#x}, in no section of code,", self.wanted[target])

    def function(self, name, preferred):
        symbol = choose(self.elf, name, preferred)
        code = next(code for code in self.codes if code.section == symbol.section)
        return replace(symbol, size=checked(code, symbol).size)

    def aliases(self, name):
        return aliases(self.elf, self.old[name])

    def code_at(self, address):
        return next(code for code in self.codes if code.start <= address < code.end)

    def offset(self, address):
        code = self.code_at(address)
        return code.offset + address - code.start

    def plan(self, old_name, new_name):
        prefix = f"{old_name} -> {new_name}"
        old, new = self.old[old_name], self.function(new_name, "STB_GLOBAL")
        if old.start == new.start:
            raise self.elf.fail(f"{prefix}: they are the same function")
        plan = Plan(old_name, new_name)
        for code in self.codes:
            for branch in calls(code, old if old.section == code.section else None, old.start, prefix):
                if branch.address in new:
                    raise self.elf.fail(f"{prefix}: {new_name} itself calls {old_name}: it would call itself forever")
                self._redirect(plan, code, branch, new, prefix)
        if not plan.sites:
            raise self.elf.fail(f"{prefix}: found 0 direct calls")
        plan.references = [*self._loads(old, new), *self._pointers(old, new), *self._dynamic(old, new),
                           *runs_into(self.code_at(old.start), old)]
        return plan

    def _redirect(self, plan, code, branch, new, prefix):
        before, via = code.bytes(branch.field, branch.width), ""
        after = branch.encode(before, new.start)
        if after is None:
            self.veneers = self.veneers or Veneers(self.elf, self.codes)
            found = self.veneers.place(branch, before, new.start)
            if found is None:
                raise self.elf.fail(f"{prefix}: {plan.new} is out of reach of the call at {where(code, branch.address)}, "
                                    f"and no unused bytes in reach have room for a veneer (see docs/redirect.md)")
            at, made = found
            plan.edits += [(self.offset(address), data) for address, data in made]
            after, via = branch.encode(before, at), f" through a veneer at {at:#x}"
        plan.edits.append((self.offset(branch.field), after))
        kind = "call" if branch.is_call else "jump"
        plan.sites.append(f"{branch.address:#x} {where(code, branch.address)}: {kind}, {before.hex()} -> {after.hex()}{via}")

    def _loads(self, old, new):
        for code, load in self.loads:
            if load.target == old.start:
                edits = load.change(new.start)
                yield Reference(load.address, f"{load.address:#x} ({where(code, load.address)}) computes its address",
                                edits and [(self.offset(address), data) for address, data in edits])

    def _pointers(self, old, new):
        """Eight bytes that hold the address: in tables of pointers, packed ones too, and in literal pools; in data of
        a program with fixed addresses also four."""
        wanted, loads = old.start.to_bytes(8, "little"), [load for _, load in self.loads if load.target == old.start]
        for section, header in zip(self.elf.sections, self.elf.headers):
            if not header[2] & SHF_ALLOC or section["sh_type"] in NOT_DATA:
                continue
            contents = self.elf.data[header[4]:header[4] + header[5]]
            for at in places(contents, wanted):
                address = header[3] + at
                if not any(load.address <= address < load.address + load.size for load in loads):
                    is_pointer = address % 8 == 0 or section["sh_flags"] & 4
                    yield Reference(address, f"{section.name}+{at:#x} holds its address", [
                        (header[4] + at, new.start.to_bytes(8, "little"))] if is_pointer else None)
            if self.elf.is_fixed and old.start < 1 << 32:
                code = next((c for c in self.codes if self.elf.sections[c.section] is section), None)
                yield from self._short_pointers(section.name, header, old, new, code)

    def _short_pointers(self, name, header, old, new, code):
        """Four bytes that hold the address, apart from halves of pointers: aligned in data, and in literal pools of code."""
        contents, step = self.elf.data[header[4]:header[4] + header[5]], self.elf.machine.step if code else 4
        for at in places(contents, old.start.to_bytes(4, "little")):
            address = header[3] + at
            if address % step or contents[at:at + 8] == old.start.to_bytes(8, "little"):
                continue
            found = code.instruction(address) if step == 1 else None
            if found and found[2] != ".byte" and address + 4 <= found[0] + found[1]:
                continue  # _loads() has the operands of instructions
            is_data = not code or code.is_table(address)
            yield Reference(address, f"{name}+{at:#x} holds its address in four bytes", [
                (header[4] + at, new.start.to_bytes(4, "little"))] if is_data and new.start < 1 << 32 else None)

    def _dynamic(self, old, new):
        """What the dynamic linker is told: symbols that other files may call, and addresses that it writes."""
        exported = {}
        for section in self.elf.sections:
            if section["sh_type"] == "SHT_DYNSYM":
                exported = {i: s.name for i, s in enumerate(section.iter_symbols())
                            if s["st_value"] == old.start and isinstance(s["st_shndx"], int)}
                for name in exported.values():
                    yield Reference(old.start, f"other files may call it as {name}", None)
        for section, header in zip(self.elf.sections, self.elf.headers):
            if section["sh_type"] != "SHT_RELA" or not header[2] & SHF_ALLOC:
                continue
            for number, entry in enumerate(section.iter_relocations()):
                at = header[4] + number * 24 + 16
                if entry["r_info_type"] == self.elf.machine.RELATIVE and entry["r_addend"] == old.start:
                    yield Reference(entry["r_offset"], f"{entry['r_offset']:#x} gets its address ({section.name})",
                                    [(at, new.start.to_bytes(8, "little"))])
                elif entry["r_info_type"] in self.elf.machine.SYMBOLIC and entry["r_info_sym"] in exported:
                    yield Reference(entry["r_offset"], f"{entry['r_offset']:#x} gets its address ({section.name})", None)
