// SPDX-License-Identifier: MIT
//
// The services of kernel/load/loader.h for front-ends under test on the host: parts are plain
// memory with chosen fake addresses, imports are a table, and the heap is the C library's, so that
// the sanitizers see every byte. Included once by a test, in place of the kernel's own services.
#pragma once

#include "kernel/jit/backend.h"
#include "kernel/load/loader.h"
#include "kernel/mm/heap.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** Set by a test before a load, and checked afterwards. */
struct host_load {
    uint64_t address[LOAD_PART_COUNT]; /* fake addresses of the parts */
    /* of the first import; each further name is 4096 bytes higher */
    uint64_t import_address;
    bool refuse_memory;
    uint64_t heap_limit; /* allocations that succeed; UINT64_MAX: all */
    unsigned imports;
    char import_name[64][64];
    uint8_t *memory[LOAD_PART_COUNT];
    struct loader_error error;
};

static struct host_load host;

static void host_reset(void)
{
    host = (struct host_load){.heap_limit = UINT64_MAX};
}

static void host_free(struct load *load)
{
    for (unsigned i = 0; i < LOAD_PART_COUNT; i++) {
        free(host.memory[i]);
        host.memory[i] = NULL;
    }
    heap_free(load->names.symbols);
    heap_free(load->names.lines);
    heap_free(load->names.sections);
    heap_free(load->names.text);
}

static bool host_heap_refuses(void)
{
    if (host.heap_limit == 0) {
        return true;
    }
    host.heap_limit--;
    return false;
}

enum status load_allocate(struct load *load, const uint64_t size[LOAD_PART_COUNT])
{
    uint64_t total = 0;
    for (unsigned i = 0; i < LOAD_PART_COUNT; i++) {
        total += size[i];
    }
    if (host.refuse_memory || total > LOAD_SIZE_MAX) {
        return load_fail(load, E_NOMEM, "no memory");
    }
    for (unsigned i = 0; i < LOAD_PART_COUNT; i++) {
        /* Exactly of the requested size: the sanitizer guards both ends. */
        host.memory[i] = calloc(1, size[i] == 0 ? 1 : size[i]);
        if (i == LOAD_CODE) {
            memset(host.memory[i], load->backend->code_fill, size[i]);
        }
        load->part[i] = (struct load_memory){
            .bytes = host.memory[i], .address = host.address[i], .size = size[i]};
    }
    return OK;
}

enum status load_import(struct load *load, const char *name, uint64_t *address)
{
    if (strncmp(name, "absent", 6) == 0) {
        return load_fail(load, E_UNRESOLVED, "import %s: no such symbol", name);
    }
    for (unsigned i = 0; i < host.imports; i++) {
        if (strncmp(host.import_name[i], name, sizeof(host.import_name[i]) - 1) == 0) {
            *address = host.import_address + i * 4096;
            return OK;
        }
    }
    if (host.imports == 64) {
        return load_fail(load, E_UNRESOLVED, "the test's table of imports is full");
    }
    snprintf(host.import_name[host.imports], sizeof(host.import_name[0]), "%s", name);
    *address = host.import_address + host.imports++ * 4096;
    return OK;
}

enum status load_fail(struct load *load, enum status s, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(load->err->text, sizeof(load->err->text), fmt, args);
    va_end(args);
    return s;
}

void *heap_alloc(size_t size)
{
    return host_heap_refuses() ? NULL : malloc(size == 0 ? 1 : size);
}

void *heap_zalloc(size_t size)
{
    return host_heap_refuses() ? NULL : calloc(1, size == 0 ? 1 : size);
}

void *heap_calloc(size_t count, size_t size)
{
    size_t bytes;
    return MUL_OVERFLOWS(count, size, &bytes) ? NULL : heap_zalloc(bytes);
}

void *heap_realloc(void *p, size_t size)
{
    return host_heap_refuses() ? NULL : realloc(p, size == 0 ? 1 : size);
}

void heap_free(void *p)
{
    free(p);
}
