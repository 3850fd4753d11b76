// SPDX-License-Identifier: MIT
//
// WASI preview 1: the host calls of a portable program, independent of what runs it. This header
// has the table of calls and the state of one program: arguments, environment, open files and
// folders. kernel/wasi/ implements the calls.
//
// A runner binds it as follows: create a struct wasi, add streams and folders, set the program's
// memory, and connect each import of the module "wasi_snapshot_preview1" to wasi_run() of the call
// with that name. After a call with the flag WASI_MAY_END, call wasi_has_ended(); if it returns
// true, the program is over and must not run any further.
#pragma once

#include "kernel/lib/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct program;
struct wasi;
struct wasi_handle;
struct wasi_system;

#define WASI_MODULE "wasi_snapshot_preview1"

enum wasi_call_flag {
    WASI_MAY_END = 1, /**< the program may be over afterwards: wasi_has_ended() */
    /** uses neither descriptors nor the state's scratch space, or locks them itself: it does not
     * wait for the calls of other threads */
    WASI_UNLOCKED = 2,
};

struct wasi_call {
    const char *name;
    /** Parameters, ':' and results: 'i' is i32, 'I' is i64. "iIi:i". */
    const char *signature;
    /** @param args One for each parameter; for an i32 the lower half counts. @return The result, an
     *     i32; undefined if the call has none. @context{thread, may sleep} One call at a time for
     *     each program, but for those with WASI_UNLOCKED. */
    uint32_t (*call)(struct wasi *w, const uint64_t *args);
    uint8_t flags; /* enum wasi_call_flag */
};

/** Every call of preview 1; ends with a NULL name. */
extern const struct wasi_call wasi_calls[];

/** @brief Find the call with this name, or NULL. @param name `len` bytes. @context{any} */
const struct wasi_call *wasi_find_call(const char *name, size_t len);

struct wasi_config {
    const struct wasi_system *system; /* must outlive the struct wasi */
    const char *const *args;          /* copied */
    const char *const *env;           /* "NAME=VALUE", copied */
    uint32_t arg_count, env_count;
};

/** @brief Create the state of one program, without files. @return OK; E_OVERFLOW: arguments or
 *     environment exceed a mebibyte; E_NOMEM. @context{thread} */
enum status wasi_create(const struct wasi_config *config, struct wasi **out);

/** @brief Close all descriptors and free everything. NULL does nothing.
 * @context{thread, may sleep} */
void wasi_destroy(struct wasi *w);

/** @brief Run a call. If another thread of the program is inside a call, wait until that ends,
 *     unless the call has the flag WASI_UNLOCKED.
 * @return false: the program is ending, and it did not run. @context{thread, may sleep} */
bool wasi_run(struct wasi *w, const struct wasi_call *call, const uint64_t *args, uint32_t *result);

/** @brief Set the program's memory, before its first call; does nothing if it is set already, so
 *     each thread may do so. @param length Bytes, read at each call, because memory grows. The same
 *     base always comes with the same pointer. @pre at most 4 GiB, and no byte of it is unmapped
 *     while the program lives. @context{thread} */
void wasi_set_memory(struct wasi *w, uint8_t *base, const uint64_t *length);

/** A second part of a program's memory, in offsets from its base. */
struct wasi_memory_part {
    uint64_t start; /**< no byte of the first part is there or beyond */
    uint64_t end;   /**< changes, and is read at each call */
};

/** @brief Let the memory have a second part. Before wasi_set_memory(); always the same.
 * @pre As there: no byte of it is unmapped while a call runs. @context{thread} */
void wasi_set_upper_memory(struct wasi *w, const struct wasi_memory_part *part);

/** @brief Add a stream as the lowest free descriptor: 0, 1 and 2 are standard input, output and
 *     error. The call owns the handle from now on, even if it fails.
 * @param can_read,can_write The rights of the descriptor.
 * @return OK; E_NOMEM; E_IO: the handle has no status. @context{thread} */
enum status wasi_add_stream(struct wasi *w, struct wasi_handle *h, bool can_read, bool can_write);

/** @brief Add a folder as the lowest free descriptor, under a name such as "/". The call owns the
 *     handle from now on, even if it fails. @return OK; E_NOMEM; E_NOTDIR. @context{thread} */
enum status wasi_add_folder(struct wasi *w, struct wasi_handle *h, const char *name);

/** @brief Bytes of memory that it uses, without those for files opened later. @context{thread} */
size_t wasi_size(const struct wasi *w);

/** @brief True if the program has asked to end. @param status Set to the value that it passed. */
bool wasi_has_ended(const struct wasi *w, uint32_t *status);

/** A folder that a program of the kernel can access. */
struct wasi_folder {
    const char *path; /* in the kernel's name space */
    const char *name; /* the program's name for it */
};

/**
 * @brief As wasi_create(), with the kernel as the system: the program's files 0 to 2 become its
 *     streams. The result is a resource of the program, whose end destroys it.
 * @param config Its `system` is ignored.
 * @param folders `count` of them.
 * @return as wasi_create(); the errors of vfs_open(); E_CANCELLED: the program is ending.
 * @context{thread, may sleep}
 */
enum status wasi_create_for_program(struct program *p, const struct wasi_config *config,
                                    const struct wasi_folder *folders, uint32_t count,
                                    struct wasi **out);
