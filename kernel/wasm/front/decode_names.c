// SPDX-License-Identifier: MIT
//
// The names section: the names of functions in backtraces. It is a custom section, so errors in it
// do not make a module invalid; reading it stops at the first error.
#include "kernel/wasm/front/decode_internal.h"

enum { NAMES_OF_FUNCTIONS = 1 };

/* Copy a name, terminated with zero. Anything but printable ASCII becomes '?', because names are
 * printed on terminals. */
static const char *copy_name(struct wasm_decoder *d, struct wasm_bytes name)
{
    char *text = decode_alloc(d, name.len + 1, 1);
    for (uint32_t n = 0; text != NULL && n < name.len; n++) {
        uint8_t c = name.bytes[n];
        text[n] = c > 0x20 && c < 0x7f ? (char)c : '?';
    }
    return text;
}

/* @return false: no memory. The first name of a function counts. Names of functions that do not
 * exist are skipped. */
static bool read_names(struct wasm_decoder *d, struct wasm_reader *r)
{
    const char **names = decode_alloc(d, d->m->function_count, sizeof *names);
    if (names == NULL) {
        return false;
    }
    uint32_t count, function;
    struct wasm_bytes name;
    if (!wasm_count(r, 2, &count)) {
        return true;
    }
    for (uint32_t n = 0; n < count; n++) {
        if (!wasm_u32(r, &function) || !wasm_name(r, &name)) {
            break;
        }
        if (function < d->m->function_count && names[function] == NULL && name.len > 0) {
            names[function] = copy_name(d, name);
            if (names[function] == NULL) {
                return false;
            }
        }
    }
    d->m->names = names;
    return true;
}

bool decode_names(struct wasm_decoder *d)
{
    if (d->names.len == 0) {
        return true;
    }
    struct wasm_error ignored;
    struct wasm_reader r = {.start = d->m->bytes,
                            .at = d->names.bytes,
                            .end = d->names.bytes + d->names.len,
                            .section = "names",
                            .err = &ignored};
    uint8_t id;
    struct wasm_bytes content;
    while (r.at < r.end && wasm_byte(&r, &id) && wasm_counted_bytes(&r, &content)) {
        if (id == NAMES_OF_FUNCTIONS) {
            r.at = content.bytes;
            r.end = content.bytes + content.len;
            return read_names(d, &r);
        }
    }
    return true;
}
