# SPDX-License-Identifier: MIT
"""Indices of memories and tables in every form: the verifier of machine code accepts what the compiler makes of them.

    indices.py BUILD

An index is an i64 that cannot exceed 32 bits, cut to an i32. The compiler knows that it cannot, and may leave out the
cut; the verifier must be able to follow. Each expression is a module, with a function for each kind of access, and is
compiled for both machines in eight ways.
"""
import subprocess
import sys
import tempfile
from pathlib import Path

import tap

FIRST, SECOND = "(local.get 0)", "(local.get 1)"
SHORT, OTHER = f"(i64.and {FIRST} (i64.const 0xffff))", f"(i64.and {SECOND} (i64.const 0xffff))"
WORD = f"(i64.and {FIRST} (i64.const 0xffffffff))"
LOW = f"(i32.wrap_i64 {FIRST})"


def constant(operation, left, *numbers):
    return {f"{operation} {number}": f"(i64.{operation} {left} (i64.const {number}))" for number in numbers}


EXPRESSIONS = {
    **{name: f"(i64.{name} {FIRST})" for name in ("popcnt", "clz", "ctz")},
    **{f"{name} of memory": f"(i64.{name} (i64.load (i32.const 8)))" for name in ("popcnt", "clz", "ctz")},
    **constant("rem_u", FIRST, 1000, 4096, 4294967295),
    **constant("div_u", FIRST, 10000000000, 4294967297, 4294967296),
    **constant("shr_u", FIRST, 33, 32),
    **constant("shr_u", SHORT, 1, 3),
    **constant("add", SHORT, 1, 5, 100000),
    **constant("sub", f"(i64.or {SHORT} (i64.const 0x10000))", 3),
    **constant("mul", SHORT, 3, 8, 24, 100),
    **constant("shl", SHORT, 1, 2, 3, 4, 5),
    **constant("or", SHORT, 7),
    **constant("xor", SHORT, 1),
    **constant("mul", f"(i64.ctz {FIRST})", 100),
    **constant("shl", f"(i64.ctz {FIRST})", 2),
    **{f"{name} of two": f"(i64.{name} {SHORT} {OTHER})" for name in ("add", "mul", "or", "xor")},
    **{f"{name} by a variable": f"(i64.{name} {WORD} {SECOND})" for name in ("div_u", "rem_u", "shr_u")},
    "shr_s by a variable": f"(i64.shr_s (i64.and {FIRST} (i64.const 0x7fffffff)) {SECOND})",
    "sum of counts": f"(i64.add (i64.popcnt {FIRST}) (i64.clz {SECOND}))",
    "select": f"(select {SHORT} (i64.const 77) (i32.wrap_i64 {SECOND}))",
    "comparison": f"(i64.extend_i32_u (i64.eq {FIRST} {SECOND}))",
    "signed, 16 bits": f"(i64.extend16_s (i64.and {FIRST} (i64.const 0x7fff)))",
    "signed, 32 bits": f"(i64.extend32_s (i64.and {FIRST} (i64.const 0x7fff)))",
    "signed, of an i32": f"(i64.extend_i32_s (i32.and {LOW} (i32.const 0x7fff)))",
    "shl of an i32": f"(i64.extend_i32_u (i32.shl {LOW} (i32.const 3)))",
    "shr_u of an i32": f"(i64.extend_i32_u (i32.shr_u {LOW} (i32.const 3)))",
    "clz of an i32": f"(i64.extend_i32_u (i32.clz {LOW}))",
    "load32_u": "(i64.load32_u (i32.const 8))",
    "load8_u": "(i64.load8_u (i32.const 8))",
}

# Each of these of each of those.
INNER = {
    "and": SHORT, "add 5": f"(i64.add {SHORT} (i64.const 5))", "add": f"(i64.add {SHORT} {OTHER})", "mul 3": f"(i64.mul {SHORT} (i64.const 3))",
    "shl 2": f"(i64.shl {SHORT} (i64.const 2))", "ctz": f"(i64.ctz {FIRST})", "load16_u": "(i64.load16_u (i32.const 8))",
    "select": f"(select {SHORT} (i64.const 7) (i32.wrap_i64 {SECOND}))",
    "sub 3": f"(i64.sub (i64.or {SHORT} (i64.const 0x10000)) (i64.const 3))",
}
OUTER = {
    **constant("shl", "{0}", 2, 3), **constant("shr_u", "{0}", 1), **constant("add", "{0}", 9), **constant("mul", "{0}", 4, 5),
    **constant("or", "{0}", 3), **constant("xor", "{0}", 1), **constant("and", "{0}", 65520), **constant("rem_u", "{0}", 100),
    **constant("div_u", "{0}", 3), "extend32_s": "(i64.extend32_s {0})", "add": "(i64.add {0} (i64.and (local.get 1) (i64.const 255)))",
    "select": "(select {0} (i64.const 3) (i32.wrap_i64 (local.get 1)))",
}

TWICE = "(local i64) (local.set 2 {0}) (if (i64.eqz (local.get 1)) (then (drop (table.get $objects (i32.wrap_i64 (local.get 2))))))"
USES = [
    "(result externref) (table.get $objects (i32.wrap_i64 {0}))",
    "(table.set $objects (i32.wrap_i64 {0}) (ref.null extern))",
    "(call_indirect $code (type $nothing) (i32.wrap_i64 {0}))",
    f"(result externref) {TWICE} (table.get $objects (i32.wrap_i64 (local.get 2)))",
    "(result i32) (i32.load8_u (i32.wrap_i64 {0}))",
    "(result i64) (i64.load offset=100 (i32.wrap_i64 {0}))",
    "(result i32) (i32.load offset=100000 (i32.wrap_i64 {0}))",
    "(result i32) (i32.load (i32.shl (i32.wrap_i64 {0}) (i32.const 2)))",
    "(result i64) (i64.load (i32.shl (i32.wrap_i64 {0}) (i32.const 3)))",
    "(result i32) (i32.load (i32.add (i32.wrap_i64 (local.get 1)) (i32.wrap_i64 {0})))",
    "(result i32) (i32.load (i32.add (i32.shl (i32.wrap_i64 {0}) (i32.const 2)) (i32.const 64)))",
    "(i32.store8 offset=5 (i32.wrap_i64 {0}) (i32.const 1))",
]


def complaints(build, folder, expression):
    """What wasm-verify prints about the functions that it refuses."""
    text, module = folder / "m.wat", folder / "m.wasm"
    functions = "\n".join(f"(func (param i64 i64) {use.format(expression)})" for use in USES)
    text.write_text("(module (type $nothing (func)) (table $objects 100 externref) (table $code 100 funcref) (memory 1)\n"
                    f"{functions})\n")
    subprocess.run(["wat2wasm", str(text), "-o", str(module)], check=True)
    done = subprocess.run([str(build / "wasm-verify"), str(module)], capture_output=True, text=True)
    return (done.stdout + done.stderr).splitlines() or [f"status {done.returncode}"] * (done.returncode != 0)


def main(arguments):
    writer = tap.Writer()
    with tempfile.TemporaryDirectory() as folder:
        nested = {f"{outer} of {inner}": form.format(expression) for outer, form in OUTER.items() for inner, expression in INNER.items()}
        for name, expression in {**EXPRESSIONS, **nested}.items():
            writer.claim(name, complaints(Path(arguments[0]).resolve(), Path(folder), expression))
    return writer.status()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
