// SPDX-License-Identifier: MIT
//
// A file of the WebAssembly specification's tests in one piece, as scripts/lib/wasmspec.py writes
// it: modules, commands, expected values. Little-endian, nothing aligned.
//
//     file:    "HWS1", u32 count, then that many commands
//     command: u8 kind, u32 line, then what the kind has
//     string:  u32 length, bytes
//     value:   u8 type (enum wasm_type), u8 lanes, u16 canonical, u16 arithmetic, u64 low, u64 high
//     action:  u8 is_get, string module (empty: the last one), string name, u16 count, values
//
// Lane n of an expected value is any canonical NaN if bit n of `canonical` is set, any
// arithmetic one if bit n of `arithmetic` is; a scalar has one lane. A reference is 0 for
// null, else its number and one; with bit 0 of `arithmetic`, any that is not null.
#pragma once

#include "kernel/wasm/front/wasm.h"

#define SPEC_MAGIC      "HWS1"
#define SPEC_VALUES_MAX 64

enum spec_kind {
    SPEC_MODULE,     /* string name, string bytes */
    SPEC_REGISTER,   /* string as, string name (empty: the last module) */
    SPEC_ACTION,     /* action */
    SPEC_RETURN,     /* action, u16 count, values */
    SPEC_TRAP,       /* action, string text */
    SPEC_EXHAUSTION, /* action, string text */
    SPEC_MALFORMED,  /* string bytes, string text; as do the next ones: */
    SPEC_INVALID,
    SPEC_UNLINKABLE,
    SPEC_UNINSTANTIABLE,
    SPEC_VALID,      /* the same; the module must load */
    SPEC_DEFINITION, /* string name, string bytes: a module that is loaded only */
    SPEC_INSTANCE,   /* string name, string definition (empty: the last one) */
    SPEC_EITHER,     /* action, u16 count, values: the result is one of them */
    SPEC_EXCEPTION,  /* action, string text: it ends with an exception */
    SPEC_THREAD,     /* string name, string module whose memory it shares (or empty), string pack:
                        its commands */
    SPEC_WAIT,       /* string name of a thread: until it ends */
    SPEC_KIND_COUNT,
};

struct spec_value {
    uint8_t type, lanes;
    uint16_t canonical, arithmetic;
    uint64_t lo, hi;
};

struct spec_action {
    bool is_get;
    struct wasm_bytes module, name;
    uint16_t count;
    struct spec_value values[SPEC_VALUES_MAX];
};

struct spec_command {
    uint8_t kind; /* enum spec_kind */
    uint32_t line;
    struct wasm_bytes name, bytes, text;
    struct spec_action action;
    uint16_t expected_count;
    struct spec_value expected[SPEC_VALUES_MAX];
};

/** The position of a reader. Reading past the end returns zeros and sets `broken`. */
struct spec_reader {
    const uint8_t *at;
    size_t left;
    uint32_t commands; /* that are left */
    bool broken;
};

/** @brief Start reading. @return false: the bytes are not a pack. */
bool spec_open(struct spec_reader *r, const uint8_t *bytes, size_t len);
/** @brief Read the next command. @return false: there is none, or r->broken is set. */
bool spec_next(struct spec_reader *r, struct spec_command *out);
