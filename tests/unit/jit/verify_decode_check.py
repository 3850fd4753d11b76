#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compare the verifier's decoder with llvm-mc: every form of the encoder, and bit patterns near them.

llvm-mc disassembles everything that the decoder accepts to one instruction of the same length, whose text has the same
mnemonic class, registers, address, immediate and width.

A sample of the forms is compared; unit tests check that each is accepted or refused as it should be.

    verify_decode_check.py MACHINE FORMS_TOOL DECODE_TOOL [COUNT [SEED]]
"""
import random
import re
import subprocess
import sys
from collections import namedtuple

OFFSET = 0x12340
ZERO, CODE, NONE = 32, 254, 255
MEM, IMM, SIGNED, VECTOR, FLAGS, FLAG_ZERO = 1, 2, 4, 8, 16, 64
WHOLE, LOW_HALF, SHIFTED_RIGHT, OTHER_EXTEND = range(4)
CONDITIONS = 7
EQUAL, NOT_EQUAL, BELOW, NOT_BELOW, ABOVE, NOT_ABOVE, OTHER = range(CONDITIONS)
SHOWN = 30

Decoded = namedtuple("Decoded", "op length size d a b c base index disp imm scale bytes extend shift flags cond")


class Wrong(Exception):
    """The two decode different instructions."""


def expect(what, got, wanted):
    if got != wanted:
        raise Wrong(f"{what}: {got}, not {wanted}")


def to_signed(value, bits):
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def split_operands(text):
    """Operands at commas outside brackets."""
    return [part.strip() for part in re.split(r",\s*(?![^\[]*\])", text) if part.strip()]


# ---- AArch64 ----

A64_CONDITIONS = {"eq": EQUAL, "ne": NOT_EQUAL, "lo": BELOW, "hs": NOT_BELOW, "hi": ABOVE, "ls": NOT_ABOVE}
A64_INVERSE = dict(zip("eq ne hs lo mi pl vs vc hi ls ge lt gt le al nv".split(),
                       "ne eq lo hs pl mi vc vs ls hi lt ge le gt nv al".split()))
# The classes that each mnemonic may have. The first register is written unless the class is in A64_NO_RESULT.
A64_CLASSES = {
    "add": "add number", "adds": "add number use compare", "sub": "sub number", "subs": "sub number compare use",
    "and": "and number", "ands": "and number test use", "orr": "or number const move", "eor": "or number",
    "bic": "and", "orn": "number", "eon": "number",
    "mov": "const move or nop", "movn": "const", "movz": "const", "movk": "insert",
    "sbfm": "number move", "sbfx": "number move", "sbfiz": "number", "asr": "number", "bfm": "number",
    "bfxil": "number", "bfi": "number", "bfc": "number", "ubfm": "shl shr and field", "ubfx": "and field shr",
    "ubfiz": "field shl", "lsl": "shl number", "lsr": "shr div", "sxtb": "move", "sxth": "move", "sxtw": "move",
    "extr": "number", "ror": "number", "adr": "address",
    "madd": "number mul", "msub": "number", "smaddl": "number", "umaddl": "number", "smulh": "number",
    "umulh": "number", "udiv": "div", "sdiv": "number", "lslv": "number", "lsrv": "div", "asrv": "number",
    "rorv": "number", "rbit": "number", "clz": "number",
    "csel": "select", "csinc": "select set", "csinv": "number", "csneg": "number", "ccmp": "use", "ccmn": "use",
    "stp": "store_pair push", "ldp": "load_pair pop",
    "b": "jump branch", "bl": "call", "cbz": "branch_zero", "cbnz": "branch_zero", "tbz": "branch_bit",
    "tbnz": "branch_bit", "br": "jump_table", "blr": "call_to", "ret": "return", "brk": "trap", "nop": "nop",
    "bti": "pad pad_jump", "hint": "nop pad pad_jump",
    "fcmp": "use", "fccmp": "use", "scvtf": "use", "ucvtf": "use", "fcvtzs": "number", "fcvtzu": "number",
    "fmov": "nop use number", "dup": "use nop", "ins": "use nop", "umov": "number", "smov": "number",
    "ld1r": "load",
}
A64_CLASSES.update({m: "load literal" for m in ("ldr ldrb ldrh ldrsb ldrsh ldrsw ldur ldurb ldurh ldursb ldursh "
                                                "ldursw").split()})
A64_CLASSES.update({m + size: "load" for m in ("ldar", "ldaxr") for size in ("", "b", "h")})
A64_EXCHANGES = {"stlr", "stlxr", "ldaddal", "ldclral", "ldeoral", "ldsetal", "swpal", "casal"}
A64_CLASSES.update({m + size: "exchange" for m in A64_EXCHANGES for size in ("", "b", "h")} | {"dmb": "nop"})
A64_CLASSES.update({m: "store" for m in "str strb strh stur sturb sturh".split()})
A64_CLASSES.update({m: "nop" for m in ("fadd fsub fmul fdiv fmax fmin fabs fneg fsqrt frintn frintp frintm frintz "
                                       "fcvt fcsel cnt addv bsl bit movi orr.v").split()})
# Between vector registers; the mnemonics of general registers have a class of their own, too.
A64_VECTORS = set("""
    add sub mul neg abs and bic orr orn eor not mvn mov fneg fabs fsqrt fadd fsub fmul fdiv fmax fmin frintn frintp frintm
    frintz scvtf ucvtf fcvtzs fcvtzu fcvtn fcvtl fcvtn2 fcvtl2 fcmeq fcmge fcmgt cmeq cmgt cmge cmhi cmhs sqadd uqadd sqsub
    uqsub smin umin smax umax urhadd sqrdmulh sshl ushl addp umaxp zip1 zip2 uzp1 uzp2 trn1 trn2 rev64 rev32 rev16 cnt addv
    uminv saddlp uaddlp xtn xtn2 sqxtn sqxtn2 sqxtun sqxtun2 uqxtn uqxtn2 smull smull2 umull umull2 umlal umlal2 shl sshr
    ushr sshll sshll2 ushll ushll2 sxtl sxtl2 uxtl uxtl2 ext tbl movi mvni fmov fmla fmls sdot bsl bit bif dup ins""".split())
A64_NO_RESULT = set("compare test use store store_pair push jump branch branch_zero branch_bit jump_table call call_to "
                    "return trap nop pad pad_jump".split())
A64_REGISTER = re.compile(r"\b(?:([wx])(\d+|zr)|(w?sp))\b")
A64_SIZES = {"b": 1, "h": 2, "w": 4}


def a64_register(text):
    found = A64_REGISTER.search(text)
    if found is None:
        return None
    return 31 if found[3] else ZERO if found[2] == "zr" else int(found[2])


def a64_number(text):
    return int(text.lstrip("#"), 0)


def a64_access(mnemonic, operands, got):
    vector = re.match(r"[bhsdq]\d|\{", operands[0])
    stem = mnemonic.replace("ldur", "ldr").replace("stur", "str")
    wide = not vector and operands[0].startswith("x")
    if mnemonic == "ld1r":
        size = {"b": 1, "h": 2, "s": 4, "d": 8}[operands[0].strip("{ }")[-1]]
    elif vector:
        size = {"s": 4, "d": 8, "q": 16}[operands[0][0]]
    else:
        size = A64_SIZES.get(stem[-1], 8 if wide else 4) if stem not in ("ldr", "str") else 8 if wide else 4
    expect("bytes", got.bytes, size)
    flags = MEM if got.op != "literal" else 0
    flags |= VECTOR if vector else SIGNED if stem.startswith("ldrs") else 0
    expect("flags", got.flags, flags)
    if not vector:
        expect("size", got.size, 8 if wide else 4)


def a64_address(text, got):
    parts = [p.strip() for p in text.strip("[]!").split(",")]
    expect("base", got.base, a64_register(parts[0]))
    disp = a64_number(parts[1]) if len(parts) > 1 and parts[1].startswith("#") else 0
    index = a64_register(parts[1]) if len(parts) > 1 and not parts[1].startswith("#") else None
    expect("disp", got.disp, disp)
    expect("index", got.index, NONE if index is None else index)
    if index is not None:
        how = parts[2].split() if len(parts) > 2 else ["lsl"]
        expect("extend", got.extend, {"lsl": WHOLE, "uxtw": LOW_HALF}.get(how[0], OTHER_EXTEND))
        expect("scale", got.scale, a64_number(how[1]) if len(how) > 1 else 0)


def a64_immediate(mnemonic, operands, got):
    if mnemonic == "adds" and got.op == "compare":  # for a negated immediate
        got = got._replace(imm=-got.imm)
    """The immediate of arithmetic and moves."""
    width = 8 * got.size
    last = operands[-1]
    if got.op in ("shl", "shr", "and", "field") and mnemonic in ("ubfm", "ubfx", "ubfiz", "lsl", "lsr"):
        return a64_bit_field(mnemonic, [a64_number(o) for o in operands[2:]], width, got)
    if not got.flags & IMM:
        return None
    if got.op == "const" or got.op == "insert":
        value = a64_number(operands[-1] if not last.startswith("lsl") else operands[-2])
        shift = int(last.split("#")[1]) if last.startswith("lsl") else 0
        if got.op == "insert":
            expect("shift", got.shift, shift)
            shift = 0
        value = ~(value << shift) if mnemonic == "movn" else value << shift
        return expect("imm", got.imm, to_signed(value & ((1 << width) - 1), 64))
    shift = int(last.split("#")[1]) if last.startswith("lsl") else 0
    value = a64_number(operands[-2] if shift or last.startswith("lsl") else last) << shift
    return expect("imm", got.imm, to_signed(value & ((1 << width) - 1), 64))


def a64_bit_field(mnemonic, n, width, got):
    """Compare the manual's pseudocode for the numbers with the decoder's result."""
    if mnemonic == "ubfm":
        immr, imms = n
    elif mnemonic == "ubfx":
        immr, imms = n[0], n[0] + n[1] - 1
    elif mnemonic == "ubfiz":
        immr, imms = (width - n[0]) % width, n[1] - 1
    else:
        immr, imms = (n[0], width - 1) if mnemonic == "lsr" else ((width - n[0]) % width, width - 1 - n[0])
    mask = (1 << width) - 1
    for value in (mask, 0x123456789abcdef1 & mask, 0x8000000080000001 & mask, 1):
        field = value >> immr & ((1 << (imms - immr + 1)) - 1) if imms >= immr else (
            (value & ((1 << (imms + 1)) - 1)) << (width - immr))
        if got.op == "field":
            if field >> got.shift or not field >> (got.shift - 1) and value == mask:
                raise Wrong(f"a field of {got.shift} bits, of {value:#x} it is {field:#x}")
            continue
        if got.op == "and":
            seen = value & got.imm
        elif got.extend == LOW_HALF:
            seen = (value & 0xffffffff) << got.imm & mask
        else:
            seen = (value << got.imm if got.op == "shl" else value >> got.imm) & mask
        expect("result", seen, field)


def a64_last_register(mnemonic, operands, got):
    """Extension and shift of a third operand."""
    how = operands[-1].split()
    if got.flags & IMM:
        return
    if got.op in ("add", "sub", "and", "or", "compare", "test") and how[0] in A64_EXTENDS:
        wanted = OTHER_EXTEND if mnemonic == "bic" else A64_EXTENDS[how[0]]
        narrow = got.size == 4 and how[0] == "lsl" and got.extend == LOW_HALF  # with 32 bits these are two names of one
        expect("extend", wanted if narrow else got.extend, wanted)
        expect("shift", got.shift, int(how[1].lstrip("#")) if len(how) > 1 else 0)


A64_EXTENDS = {"lsl": WHOLE, "uxtx": WHOLE, "uxtw": LOW_HALF, "lsr": SHIFTED_RIGHT}
A64_EXTENDS.update({how: OTHER_EXTEND for how in "asr ror uxtb uxth sxtb sxth sxtw sxtx".split()})
A64_VECTOR = re.compile(r"\b[bhsdqv]\d+\b")


def a64_registers(mnemonic, operands, got):
    texts = [o for o in operands if A64_REGISTER.search(o) and not o.startswith("[")]
    seen = [a64_register(o) for o in texts]
    written = [got.d] if got.d != NONE else []
    read = [r for r in (got.a, got.b) if r != NONE]
    (written if got.op in ("load_pair", "pop") else read).extend([got.c] if got.c != NONE else [])
    results = 0 if mnemonic in A64_READS else 2 if mnemonic == "ldp" else 1
    if not A64_REGISTER.search(operands[0]) if operands else True:
        results = 0
    if got.op == "exchange":
        return a64_exchange(mnemonic, seen, written, read)
    dropped = got.op in ("compare", "test", "use") and results == 1
    if dropped:
        expect("the result", seen[0], ZERO)
    expect("written", sorted(written), [] if dropped else sorted(seen[:results]))
    sources = seen[results:]
    if mnemonic in ("movk", "bfm", "bfi", "bfxil", "bfc"):
        sources = sources + seen[:1]
    expect("read", sorted(r for r in read if r != ZERO), sorted(r for r in sources if r != ZERO))
    if got.op in ("number", "add", "sub", "and", "or", "mul", "div", "compare", "test", "select") and results == 1:
        if mnemonic == "bfc":
            sources = [ZERO] + sources
        order = [r for r in (got.a, got.b, got.c) if r != NONE]
        expect("order", order[:len(sources)], sources[:len(order)])
    if texts and got.op not in ("branch_bit", "call_to", "jump_table", "return", "push", "pop") and mnemonic != "dup":
        width = 8 if texts[0].startswith("x") or texts[0] == "sp" else 4
        expect("size", got.size, width)


def a64_exchange(mnemonic, seen, written, read):
    stem = mnemonic.rstrip("bh")
    result = {"stlr": [], "stlxr": seen[:1], "casal": seen[:1]}.get(stem, seen[1:])
    sources = {"stlr": seen, "stlxr": seen[1:], "casal": seen}.get(stem, seen[:1])
    expect("written", written, result)
    expect("read", sorted(r for r in read if r != ZERO), sorted(r for r in sources if r != ZERO))


A64_READS = set("str strb strh stur sturb sturh stp cbz cbnz tbz tbnz br blr ret ccmp ccmn scvtf ucvtf dup b bl brk "
                "nop hint bti fcmp fccmp".split())


def a64_flags(mnemonic, got):
    sets = mnemonic in ("adds", "subs", "ands", "ccmp", "ccmn", "fcmp", "fccmp")
    if got.op not in ("compare", "test"):
        expect("flags that change", bool(got.flags & FLAGS), sets)
    elif not sets:
        raise Wrong("no comparison")


def a64_conditions(mnemonic, operands, got):
    if got.op == "set":
        expect("condition", got.cond, A64_CONDITIONS.get(A64_INVERSE[operands[-1]], OTHER))
    elif got.op == "select":
        expect("imm", got.imm, int(mnemonic == "csinc"))
        expect("condition", got.cond, A64_CONDITIONS.get(operands[-1], OTHER))
    elif mnemonic.startswith("b."):
        expect("condition", got.cond, A64_CONDITIONS.get(mnemonic[2:], OTHER))
    elif got.op in ("branch_zero", "branch_bit"):
        expect("condition", got.cond, NOT_EQUAL if "n" in mnemonic else EQUAL)


def a64_compare(text, got):
    text = text.split("//")[0].strip()
    mnemonic, _, rest = text.partition("\t")
    operands = split_operands(rest)
    if mnemonic in ("uxtb", "uxth"):
        operands += ["#0", "#8" if mnemonic == "uxtb" else "#16"]
        mnemonic = "ubfx"
    elif mnemonic == "asr" and operands[2] == "#0":
        mnemonic = "sbfx"
    stem = mnemonic.split(".")[0]
    if got.op == "number" and stem == "mov" and A64_VECTOR.match(operands[1]):
        stem = "umov"
    if got.op == "use" and stem == "mov" and A64_VECTOR.match(operands[0]):
        stem = "ins"
    if operands and A64_VECTOR.match(operands[0].lstrip("{ ")) and got.op == "nop" and stem in A64_VECTORS:
        stem = "movi"
    if got.op not in A64_CLASSES.get(stem, "").split():
        raise Wrong(f"the class {got.op}")
    memory = next((o for o in operands if o.startswith("[")), None)
    if memory is not None and got.op not in ("push", "pop"):
        a64_address(memory, got)
    if got.op in ("load", "store", "literal"):
        a64_access(mnemonic, operands, got)
    if got.op == "exchange":
        expect("bytes", got.bytes, A64_SIZES.get(mnemonic[-1], 8 if operands[-2].startswith("x") else 4))
        expect("flags", got.flags, MEM)
    if got.op in ("load_pair", "store_pair"):
        vector = operands[0].startswith("q")
        expect("bytes", got.bytes, 16 if vector else 8)
        expect("flags", got.flags, MEM | (VECTOR if vector else 0))
    if got.op in ("push", "pop"):
        expect("text", text, "stp\tx29, x30, [sp, #-16]!" if got.op == "push" else "ldp\tx29, x30, [sp], #16")
    if got.op in ("jump", "branch", "branch_zero", "branch_bit", "call", "address", "literal"):
        expect("target", got.imm, OFFSET + a64_number(operands[-1]))
    elif got.op != "mov":
        a64_immediate(mnemonic, operands, got)
    a64_conditions(mnemonic, operands, got)
    a64_flags(mnemonic, got)
    a64_registers(mnemonic, operands, got)
    if operands:
        a64_last_register(mnemonic, operands, got)
    if got.op == "pad":
        expect("text", operands[-1] in ("c", "#34"), True)
    if got.op == "pad_jump":
        expect("text", operands[-1] in ("j", "#36"), True)


# ---- x86-64 ----

X86_NAMES = [
    "al cl dl bl spl bpl sil dil r8b r9b r10b r11b r12b r13b r14b r15b".split(),
    "ax cx dx bx sp bp si di r8w r9w r10w r11w r12w r13w r14w r15w".split(),
    "eax ecx edx ebx esp ebp esi edi r8d r9d r10d r11d r12d r13d r14d r15d".split(),
    "rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15".split(),
]
X86_REGISTERS = {name: (number, 1 << log2) for log2, names in enumerate(X86_NAMES) for number, name in enumerate(names)}
X86_WIDTHS = {"byte": 1, "word": 2, "dword": 4, "qword": 8, "xmmword": 16}
X86_CONDITIONS = {"e": EQUAL, "ne": NOT_EQUAL, "b": BELOW, "ae": NOT_BELOW, "a": ABOVE, "be": NOT_ABOVE}
X86_CC = "o no b ae e ne be a s ns p np l ge le g".split()
# Mnemonic: class between registers, class with memory as the last operand, class with memory as the first.
X86_CLASSES = {
    "add": "add add update", "or": "or or update", "adc": "number number update", "sbb": "number number update",
    "and": "and and update", "sub": "sub sub update", "xor": "or or update", "cmp": "compare compare compare",
    "test": "test test test", "mov": "move load store", "movabs": "const - -", "movzx": "move load -",
    "movsx": "move load -", "movsxd": "move load -", "lea": "- lea -", "imul": "mul mul -", "not": "number - update",
    "neg": "number - update", "mul": "mul_wide mul_wide mul_wide", "div": "divide divide divide",
    "idiv": "divide divide divide", "cdq": "number - -", "cqo": "number - -", "rol": "number - update",
    "ror": "number - update", "shl": "shl - update", "shr": "shr - update", "sar": "number - update",
    "btc": "number - update", "bsf": "number number -", "bsr": "number number -", "tzcnt": "number number -",
    "lzcnt": "number number -", "popcnt": "number number -", "shlx": "number number -", "sarx": "number number -",
    "shrx": "div number -", "rorx": "number number -", "andn": "number number -", "push": "push - -",
    "pop": "pop - -", "call": "call_to - call_to", "jmp": "jump_table - -", "ret": "return - -", "ud2": "trap - -",
    "nop": "nop - nop", "endbr64": "pad - -", "mfence": "nop - -",
    "xchg": "- - exchange", "lock xadd": "- - exchange", "lock cmpxchg": "- - exchange",
    "lock add": "- - exchange", "lock or": "- - exchange", "lock and": "- - exchange", "lock sub": "- - exchange",
    "lock xor": "- - exchange",
    "ucomiss": "use load -", "ucomisd": "use load -", "cvtsi2ss": "use load -", "cvtsi2sd": "use load -",
    "cvttss2si": "number number -", "cvttsd2si": "number number -",
}
X86_CLASSES.update({f"cmov{cc}": "select select -" for cc in X86_CC})
X86_CLASSES.update({f"set{cc}": "set - -" for cc in X86_CC})
X86_CLASSES.update({f"j{cc}": "branch - -" for cc in X86_CC})
X86_CLASSES.update({m + s: "nop load -" for s in ("ss", "sd") for m in "add mul sub min div max sqrt round".split()})
X86_CLASSES.update({m: "nop load -" for m in "cvtss2sd cvtsd2ss movaps andps andnps orps xorps".split()})
X86_CLASSES.update({m: "nop load store" for m in "movss movsd movups".split()})
# Vectors: with VEX a v comes before each.
X86_VECTORS = set(("paddb paddw paddd paddq psubb psubw psubd psubq paddsb paddsw paddusb paddusw psubsb psubsw psubusb "
                   "psubusw pmullw pmulhw pmulhuw pmulhrsw pmulld pmuludq pmuldq pmaddwd pmaddubsw pavgb pavgw pminub "
                   "pminuw pminud pminsb pminsw pminsd pmaxub pmaxuw pmaxud pmaxsb pmaxsw pmaxsd pcmpeqb pcmpeqw pcmpeqd "
                   "pcmpeqq pcmpgtb pcmpgtw pcmpgtd pcmpgtq pand pandn por pxor packsswb packuswb packssdw packusdw "
                   "punpcklbw punpcklwd punpckldq punpcklqdq punpckhbw punpckhwd punpckhdq punpckhqdq pshufb psllw pslld "
                   "psllq psrlw psrld psrlq psraw psrad addps addpd subps subpd mulps mulpd divps divpd minps minpd maxps "
                   "maxpd shufps shufpd palignr pblendw insertps pabsb pabsw pabsd pmovsxbw pmovsxwd pmovsxdq pmovzxbw "
                   "pmovzxwd pmovzxdq sqrtps sqrtpd cvtdq2ps cvttps2dq cvtdq2pd cvttpd2dq cvtps2pd cvtpd2ps movddup pshufd "
                   "pshuflw pshufhw roundps roundpd").split())
X86_VECTORS |= {f"cmp{how}p{size}" for size in "sd" for how in (
    "|eq|lt|le|unord|neq|nlt|nle|ord|eq_uq|nge|ngt|false|neq_oq|ge|gt|true|eq_os|lt_oq|le_oq|unord_s|neq_us|nlt_uq|nle_uq|"
    "ord_s|eq_us|nge_uq|ngt_uq|false_os|neq_os|ge_oq|gt_oq|true_us").split("|")}
X86_VECTOR_CLASSES = {m: "nop load -" for m in X86_VECTORS}
X86_ONLY_VEX = [how + "231p" + size for how in ("fmadd", "fnmadd") for size in "sd"] + ["pdpbusd"]
X86_VECTOR_CLASSES.update({"ptest": "use load -", "pmovmskb": "number - -", "movmskps": "number - -",
                           "movmskpd": "number - -", "pextrw": "number - -"})
X86_VECTOR_CLASSES.update({m: "number - store" for m in "pextrb pextrd pextrq".split()})
X86_VECTOR_CLASSES.update({m: "use load -" for m in "pinsrb pinsrw pinsrd pinsrq".split()})
X86_CLASSES.update(X86_VECTOR_CLASSES)
X86_VECTOR_CLASSES.update({m: "nop load -" for m in X86_ONLY_VEX})
X86_CLASSES.update({"v" + m: c for m, c in X86_VECTOR_CLASSES.items()})
X86_MEMORY = re.compile(r"(?:(\w+) ptr )?\[(.*)\]")
X86_WRITES_ALSO = set("add or adc sbb and sub xor imul rol ror shl shr sar not neg btc".split())
X86_READS_FIRST = X86_WRITES_ALSO | {f"cmov{cc}" for cc in X86_CC} | {"bsf", "bsr"}
X86_KEEPS_FLAGS = (set("xchg mfence mov movabs movzx movsx movsxd lea push pop call jmp ret ud2 nop endbr64 cdq cqo shlx sarx shrx "
                       "rorx cvtsi2ss cvtsi2sd cvttss2si cvttsd2si movd movq".split())
                   | {m for m, c in X86_CLASSES.items() if c.startswith(("nop", "select", "set", "branch"))}
                   | {v + m for v in ("", "v") for m in X86_VECTOR_CLASSES if m != "ptest"})

# Some flags may be what they were before: shifts by 0 and rotations keep them, products leave them undefined.
# popcnt clears the others, which the decoder leaves open.
X86_SETS_SOME_FLAGS = set("rol ror shl shr sar not btc mul imul div idiv bsf bsr tzcnt lzcnt popcnt andn".split())
X86_SETS_ZERO_FLAG = set("bsf bsr tzcnt lzcnt popcnt andn".split())


def x86_address(text, width, length, got):
    base, index, scale, disp = NONE, NONE, 0, 0
    for sign, term in re.findall(r"([+-]?)\s*([^\s+-]+)", text):
        if "*" in term:
            factor, register = term.split("*")
            scale, index = {"1": 0, "2": 1, "4": 2, "8": 3}[factor], X86_REGISTERS[register][0]
        elif term == "rip":
            base = CODE
        elif term in ("riz", "eiz"):
            raise Wrong("an index that is none")
        elif term in X86_REGISTERS:
            number, size = X86_REGISTERS[term]
            expect("width of an address", size, 8)
            base, index = (number, index) if base == NONE else (base, number)
        else:
            disp += int(term, 0) * (-1 if sign == "-" else 1)
    if base == CODE:
        disp += OFFSET + length
    if got.op == "address":
        expect("imm", got.imm, disp)
        expect("base", base, CODE)
        return
    expect("memory", (got.base, got.index, got.scale, got.disp), (base, index, scale, disp))
    if width is not None and got.op != "nop":
        expect("bytes", got.bytes, X86_WIDTHS[width])


def x86_immediate(mnemonic, operands, got):
    last = operands[-1] if operands else ""
    if not re.fullmatch(r"-?(0x)?[0-9a-f]+", last):
        if mnemonic in ("shl", "shr") and got.flags & IMM:
            expect("imm", got.imm, 1)
        return
    value = int(last, 0)
    if got.op in ("shl", "shr"):
        expect("imm", got.imm, value & (8 * got.size - 1))
    elif got.flags & IMM:
        cut = value & ((1 << 8 * got.size) - 1)
        expect("imm", got.imm, to_signed(cut, 64) if got.size == 8 else cut)
    elif got.op not in ("number", "update", "exchange", "load", "nop", "use", "store"):
        raise Wrong("the immediate is lost")


def x86_classes(mnemonic, operands, got):
    where = next((n for n, o in enumerate(operands) if "[" in o), None)
    kinds = X86_CLASSES.get(mnemonic)
    vector = [bool(re.match(r"xmm\d", o)) for o in operands]
    if mnemonic in ("movd", "movq"):
        kinds = "use load store" if vector[0] else "number load store"
    elif mnemonic == "imul" and len(operands) == 1:
        kinds = "mul_wide mul_wide mul_wide"
    elif mnemonic == "imul" and len(operands) == 3:
        kinds = "mul number -"
    if kinds is None:
        raise Wrong("a mnemonic that programs do not have")
    kind = kinds.split()[0 if where is None else 2 if where == 0 else 1]
    allowed = {kind}
    if mnemonic in ("mov", "xor") and where is None:
        allowed |= {"const"}
    if mnemonic in ("shl", "shr") and where is None and operands[-1] == "cl":
        allowed = {"number" if mnemonic == "shl" else "div"}
    if mnemonic in ("call", "jmp") and where is None and operands[0] not in X86_REGISTERS:
        allowed = {"call" if mnemonic == "call" else "jump"}
    if mnemonic == "lea" and "rip" in operands[1]:
        allowed = {"address"}
    if got.op not in allowed:
        raise Wrong(f"the class {got.op}, not {allowed}")
    return where


def x86_registers(mnemonic, operands, where, got):
    seen = [X86_REGISTERS.get(o) for o in operands]
    written, read = set(), set()
    implicit = {"mul_wide": ({0, 2}, {0}), "divide": ({0, 2}, {0, 2}), "pop": ({5}, set()), "push": (set(), {5})}
    if got.op in implicit:
        written, read = map(set, implicit[got.op])
        read |= {r[0] for r in seen if r}
        if got.op == "pop":
            read = set()
    elif mnemonic in ("cdq", "cqo"):
        written, read = {2}, {0}
        expect("size", got.size, 4 if mnemonic == "cdq" else 8)
    else:
        no_result = got.op in ("compare", "test", "use", "call_to", "jump_table", "store", "update", "exchange")
        for n, register in enumerate(seen):
            if register is None:
                continue
            if n == 0 and not no_result:
                written.add(register[0])
                if mnemonic in X86_READS_FIRST and not (mnemonic == "imul" and len(operands) == 3):
                    read.add(register[0])
            else:
                read.add(register[0])
    if mnemonic in ("xchg", "lock xadd"):
        written = set(read)
    elif mnemonic == "lock cmpxchg":
        written, read = {0}, read | {0}
    if got.op == "const":
        read = set()
    got_written = {got.d} | ({got.c} if got.op in ("mul_wide", "divide") else set())
    got_read = {got.a, got.b} | ({got.c} if got.op != "mul_wide" else set())
    expect("written", got_written - {NONE}, written)
    expect("read", got_read - {NONE}, read)
    if got.op in ("sub", "compare", "test") and where is None and len(seen) > 1 and seen[1]:
        expect("order", (got.a, got.b), (seen[0][0], seen[1][0]))
    if got.op == "div":
        expect("order", (got.a, got.b), (seen[-2][0], seen[-1][0] if mnemonic == "shrx" else 1))
    if got.op in ("compare", "test") and where == 0:
        expect("left", (got.a, got.b), (NONE, NONE))


def x86_size(mnemonic, operands, got):
    first = X86_REGISTERS.get(operands[0]) if operands else None
    memory = X86_MEMORY.fullmatch(operands[0]) if operands else None
    if mnemonic in ("bsf", "bsr", "lock cmpxchg"):
        expect("size", got.size, 8)
    elif first and got.op not in ("call_to", "jump_table", "push", "pop"):
        expect("size", got.size, first[1])
    elif memory and got.op not in ("call_to", "nop"):
        expect("size", got.size, X86_WIDTHS[memory[1]])
    elif got.op == "use" and len(operands) > 1 and operands[1] in X86_REGISTERS:
        expect("size", got.size, X86_REGISTERS[operands[1]][1])
    if got.op in ("move",) and operands[1] in X86_REGISTERS:
        expect("bytes", got.bytes, X86_REGISTERS[operands[1]][1])
        expect("sign", bool(got.flags & SIGNED), mnemonic.startswith("movs"))
    if got.op == "load" and not got.flags & VECTOR:
        expect("sign", bool(got.flags & SIGNED), mnemonic.startswith("movs"))


def x86_flags(mnemonic, where, got):
    if where is not None and got.op not in ("lea", "address", "nop"):
        expect("MEM", bool(got.flags & MEM), True)
    elif where is None:
        expect("MEM", bool(got.flags & MEM), False)
    if got.op in ("load", "store"):
        vector = mnemonic not in ("mov", "movzx", "movsx", "movsxd")
        expect("VECTOR", bool(got.flags & VECTOR), vector)
        if vector:
            expect("registers", (got.d, got.a), (NONE, NONE))
    keeps = mnemonic in X86_KEEPS_FLAGS
    if got.op in ("compare", "test"):
        expect("FLAGS", bool(got.flags & FLAGS), False)
    else:
        expect("FLAGS", bool(got.flags & FLAGS), not keeps and mnemonic not in X86_SETS_SOME_FLAGS)
        expect("FLAG_ZERO", bool(got.flags & FLAG_ZERO), mnemonic in X86_SETS_ZERO_FLAG)


def x86_compare(text, got):
    text = text.split("#")[0].strip().removeprefix("{vex}\t")
    mnemonic, _, rest = text.partition("\t")
    operands = split_operands(rest)
    where = x86_classes(mnemonic, operands, got)
    if where is not None:
        memory = X86_MEMORY.fullmatch(operands[where])
        if got.op != "nop":
            x86_address(memory[2], memory[1], got.length, got)
    if got.op in ("jump", "branch", "call"):
        expect("target", got.imm, OFFSET + got.length + int(operands[0]))
    else:
        x86_immediate(mnemonic, operands, got)
        x86_registers(mnemonic, operands, where, got)
        x86_size(mnemonic, operands, got)
    condition = re.fullmatch(r"(?:j|set|cmov)(\w+)", mnemonic)
    if condition and mnemonic != "jmp":
        expect("condition", got.cond, X86_CONDITIONS.get(condition[1], OTHER))
    x86_flags(mnemonic, where, got)


# ---- Both ----

MACHINES = {
    "aarch64": (a64_compare, ["--arch=aarch64", "-mattr=+bti,+v8.5a"]),
    "x86_64": (x86_compare, ["--arch=x86-64", "-mattr=+bmi,+bmi2,+lzcnt,+popcnt,+sse4.2,+avx,+fma,+avxvnni",
                             "--output-asm-variant=1"]),
}


def memory_order(machine, code):
    octets = [code[n:n + 2] for n in range(0, len(code), 2)]
    return "".join(octets[::-1] if machine == "aarch64" else octets)


def forms(machine, tool):
    lines = subprocess.run([tool], capture_output=True, text=True, check=True).stdout.splitlines()
    pairs = (line.removeprefix("~ ").removeprefix("= ").split(" ", 1) for line in lines if not line.startswith("- "))
    return {memory_order(machine, code) for code, _ in pairs}


def mutations(machine, codes, count, chance):
    """Codes with a few bits changed, or all of them; for x86-64 also with bytes inserted or appended."""
    for _ in range(count):
        octets = bytearray.fromhex(chance.choice(codes))
        if chance.random() < 0.1:
            octets = bytearray(chance.randbytes(len(octets)))
        for _ in range(chance.choice((1, 1, 1, 2, 3, 5))):
            octets[chance.randrange(len(octets))] ^= 1 << chance.randrange(8)
        if machine == "x86_64":
            if chance.random() < 0.3:
                octets.insert(chance.randrange(min(3, len(octets))),
                              chance.choice((0x66, 0xf2, 0xf3, 0x40, 0x41, 0x48, 0x4f, 0x0f, 0x64, 0x67, 0xf0, 0xc4)))
            octets += chance.randbytes(8)
        yield bytes(octets[:16]).hex()


def decode(machine, tool, codes):
    out = subprocess.run([tool, machine, str(OFFSET)], input="\n".join(codes) + "\n", capture_output=True, text=True,
                         check=True).stdout.splitlines()
    if len(out) != len(codes):
        raise SystemExit(f"{len(codes)} codes, {len(out)} lines")
    for line in out:
        fields = line.split()
        yield None if fields == ["-"] else Decoded(fields[0], *map(int, fields[1:]))


def disassemble(codes, flags):
    """The text of each; None for a code that is not an instruction."""
    lines = "\n".join(" ".join("0x" + code[n:n + 2] for n in range(0, len(code), 2)) for code in codes)
    done = subprocess.run(["llvm-mc", "--disassemble", *flags], input=lines + "\n", capture_output=True, text=True)
    bad = {int(n) - 1 for n in re.findall(r"^<stdin>:(\d+):\d+: warning: invalid", done.stderr, re.M)}
    lines = re.sub(r"^\s*lock\s+", "lock ", done.stdout, flags=re.M)  # the prefix may have a line of its own
    texts = iter(line.strip() for line in lines.splitlines()
                 if line.strip() and not line.strip().startswith((".", "#", "//")))
    found = [None if n in bad else next(texts, None) for n in range(len(codes))]
    if next(texts, None) is not None:
        raise SystemExit("llvm-mc sees more instructions than there are")
    return found


def texts_of(machine, codes):
    """Without aliases, except for accesses: there llvm-mc 14 prints a shift by 0 as a shift by the access size."""
    flags = MACHINES[machine][1]
    texts = disassemble(codes, flags)
    if machine == "aarch64":
        plain = disassemble(codes, flags + ["-M", "no-aliases"])
        texts = [other if text is None or "[" not in text else text for text, other in zip(texts, plain)]
    return texts


def main(machine, forms_tool, decode_tool, count="10000", seed="1"):
    compare = MACHINES[machine][0]
    chance = random.Random(int(seed))
    known = sorted(forms(machine, forms_tool))
    known = chance.sample(known, min(len(known), int(count)))
    codes = known + list(mutations(machine, known, int(count), chance))
    decoded = list(decode(machine, decode_tool, codes))
    accepted = [(code[:2 * got.length], got) for code, got in zip(codes, decoded) if got is not None]
    of_forms = sum(got is not None for got in decoded[:len(known)])
    wrong = 0
    for (code, got), text in zip(accepted, texts_of(machine, [code for code, _ in accepted])):
        try:
            if text is None:
                raise Wrong("llvm-mc does not know it")
            compare(text, got)
        except Wrong as why:
            wrong += 1
            if wrong <= SHOWN:
                print(f"# {code} {text!r}: {why}; {got}")
    print(f"# forms: {of_forms} accepted, {len(known) - of_forms} refused; "
          f"mutations: {len(accepted) - of_forms} accepted, "
          f"{len(codes) - len(known) - len(accepted) + of_forms} refused")
    print(f"{'not ok' if wrong else 'ok'} 1 - the decoder agrees with llvm-mc")
    print("1..1")
    return 1 if wrong or of_forms < 0.9 * len(known) else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
