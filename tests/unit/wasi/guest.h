// SPDX-License-Identifier: MIT
//
// A program as WASI sees it, for host tests: memory of exactly its size, so that ASan detects every
// access past its end, and calls by name.
#pragma once

#include "kernel/wasi/abi.h"
#include "kernel/wasi/wasi.h"

#include <stdint.h>

#define GUEST_BYTES 65536u

/* Addresses in the guest's memory that tests use. */
#define GUEST_TEXT   0x1000u /* a path */
#define GUEST_TEXT_2 0x3000u
#define GUEST_BUFFER 0x8000u
#define GUEST_RESULT 0xf000u

struct guest {
    struct wasi *wasi;
    uint8_t *memory;
    uint64_t length;
};

/** Allocate the program's memory, filled with 0xcc. */
void guest_init(struct guest *g, struct wasi *w);
void guest_free(struct guest *g);

uint32_t guest_call(struct guest *g, const char *name, const uint64_t *args);
/** Call by name; arguments in order. */
#define CALL(g, name, ...) guest_call(g, name, (const uint64_t[]){__VA_ARGS__})

/** Copy a string without its terminating zero. @return its length. */
uint32_t guest_put(struct guest *g, uint32_t at, const char *text);
uint32_t guest_u32(const struct guest *g, uint32_t at);
uint64_t guest_u64(const struct guest *g, uint32_t at);

/** Store a list of one buffer, GUEST_BUFFER, at GUEST_RESULT - 64. @return the list's address. */
uint32_t guest_buffer(struct guest *g, uint32_t len);

/** path_open below descriptor `dir` with all rights that fit. @return the error;
 * the new descriptor goes to *fd. */
uint32_t guest_open(struct guest *g, uint32_t dir, const char *path, unsigned oflags,
                    uint64_t rights, uint32_t *fd);

/** Call a function whose parameters are a directory, a path and its length. */
uint32_t guest_path(struct guest *g, const char *call, uint32_t dir, const char *path);
