# SPDX-License-Identifier: MIT
"""What redirect.py changes in a relocatable file: the relocations that name the old function, before the linker runs.

The linker makes veneers where they are needed. Calls inside one section that the assembler resolved are changed in the
code itself. NEW may be missing in the file: it becomes an undefined symbol, which the link must resolve.
"""
import struct
from dataclasses import replace

from redirect_elf import SHF_ALLOC, Code
from redirect_plan import Plan, Reference, aliases, calls, check_count, checked, choose, runs_into, where

ENTRY = struct.Struct("<QQq")
# They describe functions, and do not lead to them.
DESCRIPTIONS = (".eh_frame", ".debug", ".llvm", ".stack_sizes", "__patchable_function_entries", ".note")


class Object:
    """A relocatable file, decoded once for all pairs."""

    def __init__(self, elf, names):
        self.elf, self.added = elf, []
        if any(s["sh_type"] == "SHT_REL" for s in elf.sections):
            raise elf.fail("has relocations without addends")
        self.codes = {i: Code(elf, i) for i in range(elf.section_count) if elf.is_code(i)}
        self.fields = {i: {b.field: b for b in code.branches.values()} for i, code in self.codes.items()}
        self.relocations = [(i, *one) for i, s in enumerate(elf.sections) if s["sh_type"] == "SHT_RELA"
                            for one in self._relocations(i)]
        self.relocated = {(section, offset) for _, section, _, offset, *_ in self.relocations}
        self.old = {name: self._old(name) for name in names}

    def _relocations(self, number):
        """(the changed section, offset of the entry in the file, r_offset, type, symbol, addend)"""
        header, contents = self.elf.headers[number], self.elf.contents(number)
        if header[6] != self.elf.symtab or header[7] >= self.elf.section_count or len(contents) % ENTRY.size:
            raise self.elf.fail(f"broken ELF file: relocations {self.elf.sections[number].name}")
        for at in range(0, len(contents), ENTRY.size):
            offset, info, addend = ENTRY.unpack_from(contents, at)
            if info >> 32 >= len(self.elf.symbols) or offset >= max(1, self.elf.headers[header[7]][5]):
                raise self.elf.fail(f"broken ELF file: a relocation of {self.elf.sections[number].name}")
            yield header[7], header[4] + at, offset, info & 0xFFFFFFFF, self.elf.symbols[info >> 32], addend

    def _old(self, name):
        """The symbol to redirect; an undefined one stands for a function of another file."""
        named = self.elf.by_name.get(name, [])
        if named and all(s.section is None for s in named):
            return named[0]
        symbol = choose(self.elf, name, "STB_WEAK")
        return replace(symbol, size=checked(self.codes[symbol.section], symbol).size)

    def _new(self, name):
        """(the symbol, or None if it is new, its number in the symbol table)"""
        named = self.elf.by_name.get(name)
        if named and all(s.section is None for s in named):
            return named[0], named[0].index
        if named:
            symbol = choose(self.elf, name, "STB_GLOBAL")
            checked(self.codes[symbol.section], symbol)
            return symbol, symbol.index
        if name not in self.added:
            self.added.append(name)
        return None, len(self.elf.symbols) + self.added.index(name)

    def aliases(self, name):
        return aliases(self.elf, self.old[name])

    def plan(self, old_name, new_name):
        prefix, old = f"{old_name} -> {new_name}", self.old[old_name]
        new, number = self._new(new_name)
        is_same = new is not None and new.section is not None and (new.section, new.start) == (old.section, old.start)
        if is_same or number == old.index:
            raise self.elf.fail(f"{prefix}: they are the same function")
        plan = Plan(old_name, new_name)
        for _, section, entry, offset, kind, symbol, addend in self.relocations:
            lead = self._leads(section, offset, kind, symbol, addend, old)
            if lead is not None:
                self._change(plan, section, (entry, offset, kind, addend, lead), old, new, number, prefix)
        if old.section is not None:
            self._resolved(plan, old, new, prefix)
            plan.references += runs_into(self.codes[old.section], old)
        if not plan.sites:
            raise self.elf.fail(f"{prefix}: found 0 direct calls")
        return plan

    def _bias(self, section, offset, kind):
        """What the addend contains besides the distance from the symbol: x86_64 counts from the instruction's end."""
        if kind not in self.elf.machine.PC_RELATIVE or section not in self.codes:
            return 0
        branch = self.fields[section].get(offset)
        if branch:
            return branch.base - offset
        found = self.codes[section].instruction(offset)
        return found[0] + found[1] - offset if found else 4

    def _leads(self, section, offset, kind, symbol, addend, old):
        """How far into the function the relocation leads; None: to something else."""
        is_near = old.section is not None and symbol.section == old.section  # the section itself, or another name
        if not is_near and symbol.index != old.index or not self.elf.headers[section][2] & SHF_ALLOC:
            return None
        if self.elf.sections[section].name.startswith(DESCRIPTIONS):
            return None
        lead = addend + self._bias(section, offset, kind) + (symbol.start - old.start if is_near else 0)
        if symbol.index != old.index and (lead < 0 or lead >= max(1, old.size)):
            return None
        is_own = section == old.section and offset in old
        return None if is_own and lead != 0 else lead

    def _change(self, plan, section, relocation, old, new, number, prefix):
        entry, offset, kind, addend, lead = relocation
        branch = self.fields.get(section, {}).get(offset) if kind in self.elf.machine.CALLS else None
        if branch and not branch.is_call and section == old.section and branch.address in old:
            return  # a loop
        code = self.codes.get(section)
        place = where(code, offset) if code else f"{self.elf.sections[section].name}+{offset:#x}"
        edits = [(entry + 8, struct.pack("<QQ", number << 32 | kind, addend_of(self._bias(section, offset, kind), lead)))]
        if code and not branch and not code.around(offset):
            raise self.elf.fail(f"{prefix}: {place} names {plan.old}, outside of any function")
        if branch and lead:
            raise self.elf.fail(f"{prefix}: the branch at {place} leads into {plan.old}, at +{lead:#x}")
        if not branch:
            is_known = kind in self.elf.machine.ANY and lead == 0
            plan.references.append(Reference(offset, f"{place} takes its address", edits if is_known else None))
            return
        if new is not None and new.section == section and branch.address in self._range(new):
            raise self.elf.fail(f"{prefix}: {plan.new} itself calls {plan.old}: it would call itself forever")
        calls_it = "call" if branch.is_call else "jump"
        plan.sites.append(f"{self.elf.sections[section].name}+{branch.address:#x} {place}: {calls_it}, relocation")
        plan.edits += edits

    def _range(self, symbol):
        return checked(self.codes[symbol.section], symbol)

    def _resolved(self, plan, old, new, prefix):
        """Calls within the function's own section that have no relocation."""
        code, section = self.codes[old.section], old.section
        check_count(code, {old.start: plan.old},
                    lambda address: any((section, address + n) in self.relocated for n in (0, 1, 2)))
        for branch in calls(code, old, old.start, prefix):
            if (section, branch.field) in self.relocated:
                continue
            before = code.bytes(branch.field, branch.width)
            after = branch.encode(before, new.start) if new is not None and new.section == section else None
            if after is None:
                raise self.elf.fail(f"{prefix}: the call at {where(code, branch.address)} has no relocation, and {plan.new} "
                                    "is not in its reach in the same section: compile with -ffunction-sections")
            if branch.address in self._range(new):
                raise self.elf.fail(f"{prefix}: {plan.new} itself calls {plan.old}: it would call itself forever")
            plan.sites.append(f"{self.elf.sections[section].name}+{branch.address:#x} {where(code, branch.address)}: "
                              f"{'call' if branch.is_call else 'jump'}, {before.hex()} -> {after.hex()}")
            plan.edits.append((code.offset + branch.field, after))


def addend_of(bias, lead):
    return (lead - bias) & ((1 << 64) - 1)
