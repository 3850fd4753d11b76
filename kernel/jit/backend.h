// SPDX-License-Identifier: MIT
//
// What loading and compiling need to know about a machine: its relocation types, how displacements
// are written into instructions, what connects a branch with a target beyond its reach. One table
// for each machine, in arch/MACHINE/jit, without side effects: host tests link the tables of all
// machines at once. Front-ends know no machine.
#pragma once

#include "kernel/jit/code.h"
#include "kernel/jit/opt/layout.h"
#include "kernel/jit/codegen/select.h"
#include "kernel/jit/codegen/vcode.h"
#include "kernel/jit/verify/verify.h"
#include "kernel/lib/status.h"

#include <stddef.h>
#include <stdint.h>

/** How a relocation computes S in its value S + A. */
enum reloc_target {
    RELOC_NOTHING, /**< no bytes change */
    RELOC_SYMBOL,  /**< S is the symbol's address */
    RELOC_BRANCH,  /**< S is the symbol's address, or that of a veneer that jumps there */
    /** S is the address of 8 bytes in read-only data that contain the symbol's address */
    RELOC_SLOT,
};

/** One relocation type of one machine. */
struct reloc_kind {
    uint32_t type; /* number in the object file */
    enum reloc_target target;
    uint8_t field; /* private to the machine: which bits of which bytes, and the range check */
    uint8_t size;  /* bytes that are changed, 0 to 8 */
    const char *name;
};

/** What a native program's build states in its note (written by
 * programs/sdk/halyard.h). Code that runs at kernel privilege must be
 * compiled for that, and the code itself does not show whether it was. */
enum note_flags {
    /** uses no memory below the stack pointer, where interrupts push their frames */
    NOTE_NO_RED_ZONE = 1,
    NOTE_CODE_MODEL = 2, /**< uses the code model that code memory requires on this machine */
    NOTE_USES_FP = 4,    /**< its threads use floating-point and vector registers */
    NOTE_KNOWN = 7,      /**< all of them: any other bit belongs to a later ABI */
};

/** How much of a machine's code can have vectors (v128). */
enum jit_vectors {
    JIT_VECTORS_NONE,  /**< a module that uses them is refused */
    JIT_VECTORS_MOVED, /**< only IR_V128_CONST, IR_SELECT, full loads and stores, calls */
    /** every operation of ir_vector_ops.def, but of relaxed ones those of jit_machine.relaxed only;
     * every access */
    JIT_VECTORS_ALL,
};

/** A bit of `features` on all machines: relaxed operators of a language may become what the CPU has
 * for them, with results that differ between CPUs. */
#define JIT_RELAXED_NATIVE 1024

/** A machine as the compiler sees it: functions from the representation to bytes without side
 * effects, so that host tests link all machines at once. Const; no function is optional.
 * arch/MACHINE/jit/machine.c */
struct jit_machine {
    const char *name;
    struct vregisters registers;
    /* the bit of `features` for which every entry starts with a landing pad; 0: none */
    uint64_t landing_pads;
    /** @brief What the CPU with these features can do with vectors. */
    enum jit_vectors (*vectors)(uint64_t features);
    /** @brief What may be built of the relaxed operations: enum ir_relaxed. 0 without
     * JIT_RELAXED_NATIVE. */
    unsigned (*relaxed)(uint64_t features);

    /**
     * @brief Select instructions: make vcode of a whole function. `features` are the machine's own
     * bits (JIT_X86_...).
     * @return OK; E_NOMEM; E_NOTSUP: the machine lacks a (vector) operation, which is stored in
     * *op; E_OVERFLOW.
     */
    enum status (*select)(const struct ir_function *f, uint64_t features, struct vcode *out,
                          unsigned *op);

    /** @brief Encode an allocated function, including prologue and epilogue. @return OK; E_NOMEM;
     * E_OVERFLOW: the frame or the code is too large for the machine's branches. */
    enum status (*emit)(const struct vcode *v, uint64_t features, struct jit_code *out);

    /** @brief Patch a call: `field` (jit_reloc.at) of code that will run at `place` will call
     * `target`. @return OK; E_OVERFLOW. */
    enum status (*patch_call)(uint8_t *field, uint64_t place, uint64_t target);

    /** @brief The return address in a frame, without the signature that a C function may have
     * added. Compiled code signs nothing. */
    uint64_t (*return_address)(uint64_t saved);

    const struct verify_machine *verify; /* verifies the code that emit() has written */

    /** @brief An instruction as text before encoding: its operation, then its fields
     * other than operands. */
    void (*print)(const struct vcode *v, const struct vinstr *i, char *buf, size_t len);
};

/** All machines; tests and the host command use all of them. */
extern const struct jit_machine jit_machine_x86_64, jit_machine_aarch64;

/** The machine that this kernel (or host tool) runs on: arch/MACHINE/jit/native.c. */
extern const struct jit_machine *const jit_machine_native;

/** Features of an x86-64 CPU beyond SSE2; bits of `features`. */
enum jit_x86_feature {
    JIT_X86_SSE41 = 1,
    JIT_X86_POPCNT = 2,
    JIT_X86_AVX = 4,
    JIT_X86_BMI1 = 8,
    JIT_X86_BMI2 = 16,
    JIT_X86_LZCNT = 32,
    JIT_X86_SSSE3 = 64,
    JIT_X86_LANDING_PADS = 128, /**< indirect calls are checked: ENDBR64 at every entry */
    /** C functions use vector registers, as everywhere except in the kernel: a caller of one must
     * preserve those that its own caller owns */
    JIT_X86_VECTORS_IN_C = 256,
    JIT_X86_SSE42 = 512,
    JIT_X86_FMA = 2048, /**< these two only with JIT_X86_AVX */
    JIT_X86_VNNI = 4096,
};

/** Features of an AArch64 CPU beyond ARMv8.0. */
enum jit_arm_feature {
    JIT_ARM_LSE = 1,
    JIT_ARM_LANDING_PADS = 2, /**< BTI c at every entry */
    /** as JIT_X86_VECTORS_IN_C, with the same number; C preserves the lower halves of v8 to v15 */
    JIT_ARM_VECTORS_IN_C = 256,
    JIT_ARM_DOT = 4, /**< SDOT */
};

/** @brief The features of the CPU that executes this, for compiling code that will run here.
 * arch/MACHINE/jit/native_features.c @context{any} */
uint64_t jit_native_features(void);

/** A machine as the loader sees it. Const; no function is optional. */
struct jit_backend {
    const char *name;
    uint16_t elf_machine;    /* e_machine of its objects */
    uint32_t required_flags; /* enum note_flags that a program's note must have */
    /* type of the property in .note.gnu.property with features that all of the code has, ... */
    uint32_t property_type;
    uint32_t property_landing_pads; /* ... and its bit for landing pads */

    /** @brief The kind with this number. @return NULL: unknown here. @context{any} Pure. */
    const struct reloc_kind *(*reloc_find)(uint32_t type);

    /**
     * @brief Write one relocation.
     * @param bytes  kind->size bytes, at the address where they can be written now.
     * @param place  Address at which the bytes will be used.
     * @param value  S + A, wrapping.
     * @return OK; E_OVERFLOW: the result does not fit the field; E_INVAL: it is not aligned as the
     * instruction requires. On failure the bytes are unchanged.
     * @context{any} Pure.
     */
    enum status (*reloc_apply)(const struct reloc_kind *kind, uint8_t *bytes, uint64_t place,
                               uint64_t value);

    int64_t branch_addend; /* A of a plain call */
    size_t veneer_size;    /* bytes, a power of two: also the alignment */
    uint8_t code_fill; /* byte for gaps between functions; repeated, it is a trapping instruction */

    /**
     * @brief Write a veneer: code that jumps to `target`, at any distance, and changes no argument
     * register.
     * @param bytes  veneer_size bytes, to be executed at an address with that alignment.
     * @context{any} Pure.
     */
    void (*veneer_write)(uint8_t *bytes, uint64_t target);
};

/** The machine that this kernel (or host tool) runs on: arch/MACHINE/jit/native.c. */
extern const struct jit_backend *const jit_native;

/*
 * The four functions that compilers call on their own, for loaded code only:
 * arch/MACHINE/jit/runtime.S. They count as the program's code, so a bad pointer that it passes
 * ends the program and not the kernel. For that reason they are separate from the kernel's own, and
 * are placed together between two labels.
 */
extern const char jit_runtime_start[], jit_runtime_end[];
void *jit_runtime_memcpy(void *restrict dst, const void *restrict src, size_t n);
void *jit_runtime_memmove(void *dst, const void *src, size_t n);
void *jit_runtime_memset(void *dst, int byte, size_t n);
int jit_runtime_memcmp(const void *a, const void *b, size_t n);

/**
 * @brief Call fn(a, b), code of a program, as its first frame. fn returns to an address that counts
 * as the program's, so that a wild jump from the outermost function, too, is recognised as the
 * program's fault.
 * @return The return value of fn, as an int.
 */
int jit_runtime_call(uintptr_t fn, uintptr_t a, uintptr_t b);
