// SPDX-License-Identifier: MIT
//
// The module's file: reading, decoding, validating.
#include "tools/halyard-wasm/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

bool tool_read(struct tool *t)
{
    static const uint8_t empty;
    struct stat st;
    int fd = open(t->argv[0], O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        fprintf(stderr, "halyard-wasm: %s: %s\n", t->argv[0], strerror(errno));
        return false;
    }
    if (st.st_size > UINT32_MAX) {
        fprintf(stderr, "halyard-wasm: %s: larger than 4 GiB\n", t->argv[0]);
        return false;
    }
    t->file = (struct wasm_bytes){&empty, (uint32_t)st.st_size};
    if (st.st_size > 0) {
        void *bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (bytes == MAP_FAILED) {
            fprintf(stderr, "halyard-wasm: %s: %s\n", t->argv[0], strerror(errno));
            return false;
        }
        t->file.bytes = bytes;
    }
    close(fd);
    return true;
}

int tool_refuse(const struct tool *t, enum status s, const struct wasm_error *err)
{
    fprintf(stderr, "halyard-wasm: %s: %s\n", t->argv[0],
            err->text[0] == '\0' ? status_text(s) : err->text);
    return TOOL_REFUSED;
}

struct wasm_module *tool_decode(const struct tool *t)
{
    static const struct wasm_bounds bounds = {.arena_bytes = (size_t)1 << 30,
                                              .table_elements = 10000000};
    struct wasm_module *m;
    struct wasm_error err = {.text = ""};
    enum status s = wasm_module_decode(t->file.bytes, t->file.len, &bounds, &m, &err);
    if (s != OK) {
        tool_refuse(t, s, &err);
        return NULL;
    }
    return m;
}

int tool_validate(const struct tool *t)
{
    struct wasm_module *m = tool_decode(t);
    if (m == NULL) {
        return TOOL_REFUSED;
    }
    struct wasm_error err = {.text = ""};
    enum status s = OK;
    for (uint32_t n = m->imported[WASM_FUNCTION]; s == OK && n < m->function_count; n++) {
        struct arena arena;
        struct ir_function *f;
        arena_init(&arena, (size_t)1 << 30);
        s = wasm_function_build(m, n, &arena, &f, &err);
        arena_free_all(&arena);
    }
    uint32_t functions = m->function_count - m->imported[WASM_FUNCTION];
    wasm_module_free(m);
    if (s != OK) {
        return tool_refuse(t, s, &err);
    }
    printf("%s: valid, %u bytes, %u functions\n", t->argv[0], t->file.len, functions);
    return 0;
}
