// SPDX-License-Identifier: MIT
//
// The engine that compiles WebAssembly modules to the machine's code and enters it. What happens
// when that code faults is told here too; who catches the fault is not.
#pragma once

#include "kernel/jit/code_space.h"
#include "kernel/jit/compile.h"
#include "kernel/jit/wasm/instance.h"

struct wasm_compiled_options {
    const struct jit_machine *machine;
    struct jit_options jit;
    const struct code_space *space;
    size_t arena_bytes;          /* for one function at a time */
    uint8_t fill;                /* between functions: repeated, no harmless instruction */
    uint64_t stack_limit;        /* host functions trap when less is left: an address; 0: none */
    struct wasm_store **running; /* set while compiled code or what it calls runs, or NULL */
};

/** Options: struct wasm_compiled_options. Machine, space and running live as long as the store. */
extern const struct wasm_engine wasm_compiled;

/** Of a fault, what the machine said. */
struct wasm_fault {
    uint64_t pc, fp, sp;
    uint64_t
        caller; /* where the code at pc returns to if it has no frame of its own; 0: not known */
    uint64_t address; /* that was accessed; of a memory fault only */
    bool is_memory;   /* an access was refused */
};

/** Where to go on: jit_leave(entry, outcome). */
struct wasm_resume {
    struct jit_entry *entry;
    uint64_t outcome;
};

/**
 * @brief Is a fault one that compiled code of the store may have? Reads only what does not change
 * while code runs; takes nothing.
 * @return true: go on as *out says. false: no row explains it.
 * @context{fault handler of the thread that runs in the store}
 */
bool wasm_compiled_fault(struct wasm_store *s, const struct wasm_fault *fault,
                         struct wasm_resume *out);

/** @brief Have code that was interrupted at any instruction end, because the store was stopped.
 * @return false: pc is not in its code. In a host function the flag will be seen when it returns;
 * in a helper that is no loop it will not, so ask again at the next interrupt.
 * @context{as above, or an interrupt of that thread} */
bool wasm_compiled_interrupt(struct wasm_store *s, uint64_t pc, struct wasm_resume *out);

/** A function's code, for people and debuggers. */
struct wasm_compiled_function {
    uint64_t address;
    uint32_t size, frame_bytes;
};
/** @return false: it is imported. @context{thread} */
bool wasm_compiled_get_function(const struct wasm_code *code, uint32_t function,
                                struct wasm_compiled_function *out);

/**
 * @brief Name what is at an address: "main+0x1c".
 * @return false: it is not in code of the store. @context{any in which the store cannot go away}
 */
bool wasm_compiled_describe(const struct wasm_store *s, uint64_t pc, char *buf, size_t len);
