// SPDX-License-Identifier: MIT
//
// wasm-place FILE...: compile each module for both machines, with all CPU features and with none,
// for two addresses that are far apart. Prints a line for each difference, and one for the bytes:
// "FILE MACHINE FEATURES HASH". Equal lines from two runs, as two processes, prove that the code
// contains no address of the compiler either. Nothing runs.
#include "kernel/wasm/run/wasm_compiled.h"
#include "tests/oracle/read_file.h"
#include "tools/halyard-wasm/engines.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_BYTES ((size_t)1 << 30)
#define FILL        0xcc

/* ---- Code that never runs ---- */

static uint64_t address; /* of the next piece */

static enum status alloc_code(void *ctx, size_t size, struct code_block *out)
{
    (void)ctx;
    uint8_t *bytes = malloc(size);
    *out = (struct code_block){.bytes = bytes, .address = address, .size = size};
    return bytes == NULL ? E_NOMEM : OK;
}

static enum status seal(void *ctx, struct code_block *block)
{
    (void)ctx, (void)block;
    return OK;
}

static void free_code(void *ctx, struct code_block *block)
{
    (void)ctx;
    free(block->bytes);
}

static const struct code_space space = {.alloc = alloc_code, .seal = seal, .free = free_code};

/* ---- Compiling ---- */

struct bytes {
    uint8_t *data;
    size_t size;
};

/* All functions of a piece, and the bytes between them. */
static struct bytes copy_piece(const struct code_piece *p)
{
    struct bytes b = {NULL, 0};
    if (p->function_count > 0) {
        const struct code_function *last = &p->functions[p->function_count - 1];
        b.size = last->start + last->size;
        b.data = malloc(b.size);
        memcpy(b.data, p->block.bytes, b.size);
    }
    return b;
}

/* E_NOTSUP: the module uses an operation that no machine supports. */
static enum status compile_at(struct wasm_module *m, const struct jit_machine *machine,
                              uint64_t features, uint64_t at, struct bytes *out)
{
    static const struct wasm_quota quota = {.pages = 65536, .elements = 10000000};
    const struct wasm_compiled_options options = {.machine = machine,
                                                  .jit = {.features = features},
                                                  .space = &space,
                                                  .arena_bytes = ARENA_BYTES,
                                                  .fill = FILL};
    struct wasm_error err = {.text = ""};
    struct wasm_store *store;
    struct wasm_code *code;
    address = at;
    enum status s = wasm_store_open(&wasm_compiled, &options, &quota, &store);
    if (s != OK) {
        return s;
    }
    s = wasm_load(store, m, &code, &err);
    if (s == OK) {
        *out = copy_piece(wasm_compiled_piece(code));
        wasm_release(store, code);
    }
    wasm_store_close(store);
    return s;
}

static uint64_t hash(const struct bytes *b)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    for (size_t n = 0; n < b->size; n++) {
        h = (h ^ b->data[n]) * UINT64_C(0x100000001b3);
    }
    return h;
}

/* On success the loaded module owns the decoded one. */
static enum status decode_and_compile(const char *file, const struct jit_machine *machine,
                                      uint64_t features, uint64_t at, struct bytes *out)
{
    static const struct wasm_bounds bounds = {.arena_bytes = 256 << 20, .table_elements = 10000000};
    struct wasm_module *m;
    struct wasm_error err = {.text = ""};
    uint32_t len = 0;
    uint8_t *bytes = read_file(file, &len);
    enum status s = E_NOENT;
    if (bytes != NULL) {
        s = wasm_module_decode(bytes, len, &bounds, &m, &err);
        s = s == OK ? compile_at(m, machine, features, at, out) : s;
    }
    free(bytes);
    return s;
}

static bool try_machine(const char *file, const struct jit_machine *machine, uint64_t features)
{
    const char *with = features == 0 ? "baseline" : "everything";
    struct bytes low = {NULL, 0}, high = {NULL, 0};
    enum status s = decode_and_compile(file, machine, features, 0x10000, &low);
    if (s == OK) {
        s = decode_and_compile(file, machine, features, UINT64_C(0xffffffff9abcd000), &high);
    }
    bool same = s == OK && low.size == high.size && memcmp(low.data, high.data, low.size) == 0;
    if (s != OK) {
        printf("%s %s %s refused: %s\n", file, machine->name, with, status_text(s));
    } else if (!same) {
        printf("%s %s %s differs by address\n", file, machine->name, with);
    } else {
        printf("%s %s %s %016" PRIx64 "\n", file, machine->name, with, hash(&low));
    }
    free(low.data);
    free(high.data);
    return s != OK || same;
}

static int try_all(void *ctx)
{
    static const struct jit_machine *const machines[] = {&jit_machine_x86_64, &jit_machine_aarch64};
    int status = 0;
    for (char **file = ctx; *file != NULL; file++) {
        for (unsigned n = 0; n < sizeof machines / sizeof machines[0]; n++) {
            status |= try_machine(*file, machines[n], 0) ? 0 : 1;
            status |= try_machine(*file, machines[n], UINT64_MAX) ? 0 : 1;
        }
    }
    return status;
}

int main(int argc, char **argv)
{
    (void)argc;
    return host_run(try_all, argv + 1);
}
