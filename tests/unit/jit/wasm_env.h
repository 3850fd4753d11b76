// SPDX-License-Identifier: MIT
//
// Common code for tests of WebAssembly instances: modules from jit/wasm/*.wat, an engine, calls by
// name. Each group of tests runs on each engine.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernel/wasm/run/instance.h"

/** Limits of a store. */
#define PAGES    100u
#define ELEMENTS 100100u

enum { EXPORTER, IMPORTER, BROKEN, HELPERS, HOSTED, MODULE_COUNT };
extern struct wasm_bytes modules[MODULE_COUNT];

/** The engine under test. */
extern const struct wasm_engine *engine;
extern const void *options;

/** @brief Run the tests on the interpreter, on compiled code, and on code that is compiled when it
 * is first called. @return number of failures. */
#define run_on_engines(tests) run_group_on_engines((tests), sizeof(tests) / sizeof((tests)[0]))
int run_group_on_engines(const struct CMUnitTest *tests, size_t count);

struct wasm_bytes text(const char *s);

/** @brief Open a store of the engine. From here on compiled code handles faults and SIGUSR1. */
struct wasm_store *open_store(void);

/** @brief Load and instantiate. @return as wasm_module_decode() and the calls that follow it. */
enum status try_bytes(struct wasm_store *s, struct wasm_bytes bytes, struct wasm_instance **out,
                      struct wasm_stop *stop, struct wasm_error *err);
/** @brief The same for modules[module], which must succeed. */
struct wasm_instance *make(struct wasm_store *s, unsigned module);

/** @brief Call an export, which must exist. */
enum wasm_outcome call(struct wasm_instance *i, const char *name, const uint64_t *args,
                       uint64_t *results, struct wasm_stop *stop);
/** @brief Call an export that must return; at most three arguments, one result. */
uint64_t run(struct wasm_instance *i, const char *name, uint64_t a, uint64_t b, uint64_t c);
/** @brief Call likewise. @return the trap's name, or "no trap". */
const char *trap(struct wasm_instance *i, const char *name, uint64_t a, uint64_t b, uint64_t c);
/** @brief Assert that trap() returned `wanted`. */
void expect_trap(const char *got, const char *wanted);

/** @brief The contents of memory 0. */
uint8_t *bytes_of(const struct wasm_instance *i);

/** @brief A module with the type (i32) -> (i32) and one import "a" NAME.
 * @param description  Kind and type, as in a module. @param out  The buffer for it. */
struct wasm_bytes with_import(const char *name, const uint8_t *description, size_t len,
                              uint8_t out[64]);

/** @brief Number of objects on the heap. */
uint64_t live_objects(void);
