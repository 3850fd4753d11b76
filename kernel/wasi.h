// SPDX-License-Identifier: MIT
//
// WASI preview 1: what a portable program may ask of its host, for whoever runs it. Here is the
// table of calls and what one program has: arguments, environment, open files and folders. What
// the calls do is kernel/wasi/.
//
// How a runner binds it: create a struct wasi, give it streams and folders, tell it where the
// program's memory is, and have each import of the module "wasi_snapshot_preview1" call the
// function of that name. After a call that returns, and whose table entry says `may_end`, ask
// wasi_has_ended(): if so the program is over, and nothing of it runs any more.
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

struct wasi_call {
    const char *name;
    /** Parameters, ':' and results: 'i' is i32, 'I' is i64. "iIi:i". */
    const char *signature;
    /** @param args  One a parameter; of an i32 the lower half counts. @return The result, an i32;
     * of no meaning without one. @context{thread, may sleep} One call at a time for one program. */
    uint32_t (*call)(struct wasi *w, const uint64_t *args);
    bool may_end; /**< the program may be over after it: wasi_has_ended() */
};

/** Every call of preview 1; ends with a NULL name. */
extern const struct wasi_call wasi_calls[];

/** @brief The call of this name, or NULL. @param name  `len` bytes. @context{any} */
const struct wasi_call *wasi_find_call(const char *name, size_t len);

struct wasi_config {
    const struct wasi_system *system; /* stays */
    const char *const *args;          /* copied */
    const char *const *env;           /* "NAME=VALUE", copied */
    uint32_t arg_count, env_count;
};

/** @brief What one program has: no files yet. @return OK; E_OVERFLOW: arguments or environment of
 * more than a mebibyte; E_NOMEM. @context{thread} */
enum status wasi_create(const struct wasi_config *config, struct wasi **out);

/** @brief Close everything and give it back. NULL does nothing. @context{thread, may sleep} */
void wasi_destroy(struct wasi *w);

/** @brief Where the program's memory is, before its first call. @param length  Bytes, read at each
 * call: memory grows. @pre 4 GiB at most, and no byte of it goes away while the program lives. */
void wasi_set_memory(struct wasi *w, uint8_t *base, const uint64_t *length);

/** @brief Give it a stream as the lowest free descriptor: 0, 1 and 2 are standard input, output and
 * error. The handle is its own from now on, also on failure.
 * @param can_read,can_write  What it may do.
 * @return OK; E_NOMEM; E_IO: the handle cannot be looked at. @context{thread} */
enum status wasi_add_stream(struct wasi *w, struct wasi_handle *h, bool can_read, bool can_write);

/** @brief Give it a folder as the lowest free descriptor, by a name such as "/". The handle is its
 * own from now on, also on failure. @return OK; E_NOMEM; E_NOTDIR. @context{thread} */
enum status wasi_add_folder(struct wasi *w, struct wasi_handle *h, const char *name);

/** @brief Bytes of memory that it has, without what is opened through it. @context{thread} */
size_t wasi_size(const struct wasi *w);

/** @brief Whether the program has asked to end. @param status  Receives what it passed. */
bool wasi_has_ended(const struct wasi *w, uint32_t *status);

/** A folder that a program of the kernel gets. */
struct wasi_folder {
    const char *path; /* in the kernel's name space */
    const char *name; /* by which the program knows it */
};

/**
 * @brief As wasi_create(), over the kernel: the program's files 0 to 2 are its streams. It hangs on
 * the program, whose end destroys it.
 * @param config   Its `system` is not looked at.
 * @param folders  `count` of them.
 * @return as wasi_create(); the errors of vfs_open(); E_CANCELLED: the program is being ended.
 * @context{thread, may sleep}
 */
enum status wasi_create_for_program(struct program *p, const struct wasi_config *config,
                                    const struct wasi_folder *folders, uint32_t count,
                                    struct wasi **out);
