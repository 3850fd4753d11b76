// SPDX-License-Identifier: MIT
//
// See the header.
#include "wasi/guest.h"

#include "kernel/lib/endian.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

void guest_init(struct guest *g, struct wasi *w)
{
    g->wasi = w;
    g->length = GUEST_BYTES;
    g->memory = malloc(GUEST_BYTES);
    assert_non_null(g->memory);
    memset(g->memory, 0xcc, GUEST_BYTES);
    wasi_set_memory(w, g->memory, &g->length);
}

void guest_free(struct guest *g)
{
    free(g->memory);
}

uint32_t guest_call(struct guest *g, const char *name, const uint64_t *args)
{
    const struct wasi_call *c = wasi_find_call(name, strlen(name));
    assert_non_null(c);
    return c->call(g->wasi, args);
}

uint32_t guest_put(struct guest *g, uint32_t at, const char *text)
{
    uint32_t len = (uint32_t)strlen(text);
    assert_true(at + len <= GUEST_BYTES);
    memcpy(g->memory + at, text, len);
    return len;
}

uint32_t guest_u32(const struct guest *g, uint32_t at)
{
    return load_le32(g->memory + at);
}

uint64_t guest_u64(const struct guest *g, uint32_t at)
{
    return load_le64(g->memory + at);
}

uint32_t guest_buffer(struct guest *g, uint32_t len)
{
    store_le32(g->memory + GUEST_RESULT - 64, GUEST_BUFFER);
    store_le32(g->memory + GUEST_RESULT - 60, len);
    return GUEST_RESULT - 64;
}

uint32_t guest_open(struct guest *g, uint32_t dir, const char *path, unsigned oflags,
                    uint64_t rights, uint32_t *fd)
{
    uint32_t len = guest_put(g, GUEST_TEXT, path);
    uint32_t e = CALL(g, "path_open", dir, WASI_LOOKUP_SYMLINK_FOLLOW, GUEST_TEXT, len, oflags,
                      rights, rights, 0, GUEST_RESULT);
    if (e == WASI_SUCCESS) {
        *fd = guest_u32(g, GUEST_RESULT);
    }
    return e;
}

uint32_t guest_path(struct guest *g, const char *call, uint32_t dir, const char *path)
{
    uint32_t len = guest_put(g, GUEST_TEXT, path);
    return CALL(g, call, dir, GUEST_TEXT, len);
}
