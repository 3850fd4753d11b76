// SPDX-License-Identifier: MIT
//
// What code placement needs to know of a machine: which relocations its objects carry, how a
// displacement is written into an instruction, what stands between a branch and a target beyond its
// reach. One table a machine, in arch/MACHINE/jit, pure: the host's tests link both at once. No
// front-end knows a machine.
#pragma once

#include "kernel/jit/code.h"
#include "kernel/jit/opt/layout.h"
#include "kernel/jit/codegen/select.h"
#include "kernel/jit/codegen/vcode.h"
#include "kernel/jit/verify/verify.h"
#include "kernel/lib/status.h"

#include <stddef.h>
#include <stdint.h>

/** What a relocation's value S + A starts from. */
enum reloc_target {
    RELOC_NOTHING, /**< no bytes change */
    RELOC_SYMBOL,  /**< S is the symbol's address */
    RELOC_BRANCH,  /**< S is the symbol's address, or that of a veneer that leads there */
    RELOC_SLOT, /**< S is the address of 8 bytes in read-only data that hold the symbol's address */
};

/** One relocation type of one machine. */
struct reloc_kind {
    uint32_t type; /* number in the object file */
    enum reloc_target target;
    uint8_t field; /* private to the machine: which bits of which bytes, and the check */
    uint8_t size;  /* bytes touched at the place, 0 to 8 */
    const char *name;
};

/**
 * What the build of a native program says of itself in its note (programs/sdk/halyard.h writes it):
 * code that runs at kernel privilege must be made for that, and nothing in the code itself shows
 * whether it was.
 */
enum note_flags {
    NOTE_NO_RED_ZONE = 1, /**< keeps nothing below the stack pointer: interrupts push there */
    NOTE_CODE_MODEL = 2,  /**< addresses its symbols as code memory allows on this machine */
    NOTE_USES_FP = 4,     /**< its threads own floating-point and vector registers */
    NOTE_KNOWN = 7,       /**< all of them: any other bit is from a later ABI */
};

/** A machine as the compiler sees it: pure functions from the representation to bytes, so that the
 * host's tests link all of them at once. Const; no function is optional. arch/MACHINE/jit/machine.c
 */
struct jit_machine {
    const char *name;
    struct vregisters registers;
    uint64_t landing_pads; /* the bit of `features` that has every entry begin with one; 0: none */

    /** @brief Make vcode of a whole function. `features` are the machine's own bits (JIT_X86_...).
     * @return OK; E_NOMEM; E_NOTSUP: an operation that this machine has not (a vector one), named
     * by *op; E_OVERFLOW. */
    enum status (*select)(const struct ir_function *f, uint64_t features, struct vcode *out,
                          unsigned *op);

    /** @brief Encode an allocated function, prologue and epilogue included. @return OK; E_NOMEM;
     * E_OVERFLOW: the frame or the code is larger than branches reach. */
    enum status (*emit)(const struct vcode *v, uint64_t features, struct jit_code *out);

    /** @brief Complete a call: `field` (jit_reloc.at) of code that will be at `place` leads to
     * `target`. @return OK; E_OVERFLOW. */
    enum status (*patch_call)(uint8_t *field, uint64_t place, uint64_t target);

    /** @brief Where a frame says that its function returns to: without what a C function adds that
     * signs it. Compiled code signs nothing. */
    uint64_t (*return_address)(uint64_t saved);

    const struct verify_machine *verify; /* what proves the code that emit() has written */

    /** @brief Text of an instruction before encoding: its operation, then what is not an operand.
     */
    void (*print)(const struct vcode *v, const struct vinstr *i, char *buf, size_t len);
};

/** By machine; tests and the host command use all of them. */
extern const struct jit_machine jit_machine_x86_64, jit_machine_aarch64;

/** That of the code which this kernel (or host tool) runs: arch/MACHINE/jit/native.c. */
extern const struct jit_machine *const jit_machine_native;

/** What an x86-64 CPU has beyond SSE2; bits of `features`. */
enum jit_x86_feature {
    JIT_X86_SSE41 = 1,
    JIT_X86_POPCNT = 2,
    JIT_X86_AVX = 4,
    JIT_X86_BMI1 = 8,
    JIT_X86_BMI2 = 16,
    JIT_X86_LZCNT = 32,
    JIT_X86_SSSE3 = 64,
    JIT_X86_LANDING_PADS = 128, /**< indirect calls are checked: ENDBR64 at every entry */
    JIT_X86_VECTORS_IN_C = 256, /**< C functions use vector registers, as everywhere but in the
                                   kernel: who calls one keeps those that its own caller owns */
};

/** What an AArch64 CPU has beyond ARMv8.0. */
enum jit_arm_feature {
    JIT_ARM_LSE = 1,
    JIT_ARM_LANDING_PADS = 2, /**< BTI c at every entry */
};

/** @brief What the CPU that runs this has, of the bits that its machine knows: for compiling code
 * that will run here. arch/MACHINE/jit/native_features.c @context{any} */
uint64_t jit_native_features(void);

/** A machine as loading sees it. Const; no function is optional. */
struct jit_backend {
    const char *name;
    uint16_t elf_machine;    /* e_machine of its objects */
    uint32_t required_flags; /* enum note_flags that a program's note must have */
    uint32_t property_type;  /* of .note.gnu.property: features that all of the code has, ... */
    uint32_t property_landing_pads; /* ... and the bit of them for landing pads */

    /** @brief The kind with this number. @return NULL: not one that is known here. @context{any}
     * Pure. */
    const struct reloc_kind *(*reloc_find)(uint32_t type);

    /**
     * @brief Write one relocation.
     * @param bytes  kind->size bytes, where they can be written now.
     * @param place  Address that the bytes will have.
     * @param value  S + A, wrapping.
     * @return OK; E_OVERFLOW: the result does not fit the field; E_INVAL: it is not aligned as the
     *         instruction needs. On failure the bytes are unchanged.
     * @context{any} Pure.
     */
    enum status (*reloc_apply)(const struct reloc_kind *kind, uint8_t *bytes, uint64_t place,
                               uint64_t value);

    int64_t branch_addend; /* A of a plain call of a symbol */
    size_t veneer_size;    /* bytes, a power of two: also the alignment */
    uint8_t code_fill;     /* byte that, repeated, is no harmless instruction: between functions */

    /** @brief Write a veneer: code that jumps to `target`, anywhere, and changes no argument
     * register.
     *  @param bytes  veneer_size bytes, to be executed at an address aligned to that. @context{any}
     * Pure. */
    void (*veneer_write)(uint8_t *bytes, uint64_t target);
};

/** The machine that this kernel (or host tool) runs on: arch/MACHINE/jit/native.c. */
extern const struct jit_backend *const jit_native;

/*
 * The four functions that compilers call by themselves, for loaded code only:
 * arch/MACHINE/jit/runtime.S. They count as the program's code (a bad pointer that it passes ends
 * it, not the kernel), which is why they are not the kernel's own, and why they lie together
 * between two labels.
 */
extern const char jit_runtime_start[], jit_runtime_end[];
void *jit_runtime_memcpy(void *restrict dst, const void *restrict src, size_t n);
void *jit_runtime_memmove(void *dst, const void *src, size_t n);
void *jit_runtime_memset(void *dst, int byte, size_t n);
int jit_runtime_memcmp(const void *a, const void *b, size_t n);

/**
 * @brief Call fn(a, b), code of a program: its first frame. What it returns to counts as the
 * program's, so that a jump into nowhere from the outermost function, too, is known to be the
 * program's.
 * @return What fn returned, as far as an int holds it.
 */
int jit_runtime_call(uintptr_t fn, uintptr_t a, uintptr_t b);
