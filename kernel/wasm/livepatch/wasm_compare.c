// SPDX-License-Identifier: MIT
#include "kernel/wasm/livepatch/wasm_compare.h"

#include "kernel/lib/compiler.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"

void wasm_function_text(const struct wasm_module *m, uint32_t n, char *out, size_t size)
{
    const char *name = m->names == NULL ? NULL : m->names[n];
    if (name == NULL) {
        fmt_print(out, size, "%u", n);
    } else {
        (void)str_copy(out, size, name);
        str_make_printable(out);
    }
}

/* Equal bytes are equal functions only because wasm_compare() has accepted the rest of the module:
 * every index in a body then means the same in both. So it must run first. */
bool wasm_body_differs(const struct wasm_module *m, const struct wasm_module *fresh, uint32_t n)
{
    const struct wasm_function *a = &m->functions[n], *b = &fresh->functions[n];
    return a->body_size != b->body_size ||
           memcmp(m->bytes + a->body, fresh->bytes + b->body, a->body_size) != 0;
}

/* Another signature is the likeliest mistake, so it is named. Equal types have equal ids. */
static bool signatures_agree(const struct wasm_module *m, const struct wasm_module *fresh,
                             struct loader_error *err)
{
    char name[64];
    if (m->function_count != fresh->function_count) {
        fmt_print(err->text, sizeof(err->text), "it has %u functions, the program has %u",
                  fresh->function_count, m->function_count);
        return false;
    }
    for (uint32_t n = 0; n < m->function_count; n++) {
        const struct wasm_function *a = &m->functions[n], *b = &fresh->functions[n];
        if (m->signatures[a->type].id != fresh->signatures[b->type].id) {
            wasm_function_text(m, n, name, sizeof(name));
            fmt_print(err->text, sizeof(err->text), "%s: its signature is not the program's", name);
            return false;
        }
    }
    return true;
}

/* The walk checks no bounds: wasm_module_decode() has accepted both modules, so every section is
 * inside, and every number is complete. It must not be used on other bytes. */
/** The sections of a module that was decoded, one after the other. */
struct walk {
    const uint8_t *at, *end;
    const uint8_t *content; /* of the section */
    uint32_t size;
    uint8_t id;
};

static uint32_t read_u32(struct walk *w)
{
    uint32_t value = 0;
    unsigned shift = 0;
    uint8_t byte;
    do {
        byte = *w->at++;
        value |= (uint32_t)(byte & 0x7f) << shift;
        shift += 7;
    } while ((byte & 0x80) != 0);
    return value;
}

/* The next one that matters. Custom sections do not: they have names and debug information, which
 * differ between two builds; no code depends on them. @return false: there is none. */
static bool next(struct walk *w)
{
    do {
        if (w->at == w->end) {
            return false;
        }
        w->id = *w->at++;
        w->size = read_u32(w);
        w->content = w->at;
        w->at += w->size;
    } while (w->id == 0);
    return true;
}

#define HEADER_BYTES 8u

static struct walk begin(const struct wasm_module *m)
{
    return (struct walk){.at = m->bytes + HEADER_BYTES, .end = m->bytes + m->len};
}

static enum status refuse(struct loader_error *err, unsigned id)
{
    static const char *const names[WASM_SECTIONS] = {
        "custom", "type",  "import",  "function", "table", "memory",     "global",
        "export", "start", "element", "code",     "data",  "data count", "tag"};
    fmt_print(err->text, sizeof(err->text),
              "its %s section is not the program's: only bodies of functions may differ",
              names[id]);
    return E_NOTSUP;
}

/* The sections are compared as bytes, not by meaning. Two encodings of the same content are
 * refused, which costs a rebuild; but nothing that decides about the layout of the context
 * (decode_layout.c), about types or about the contents of memory can differ without being seen. The
 * code section is the only exception. It has the same number of bodies, as the decoder has checked
 * that number against the function section, which was compared. */
enum status wasm_compare(const struct wasm_module *m, const struct wasm_module *fresh,
                         struct loader_error *err)
{
    if (!signatures_agree(m, fresh, err)) {
        return E_NOTSUP;
    }
    struct walk a = begin(m), b = begin(fresh);
    for (;;) {
        bool has_a = next(&a), has_b = next(&b);
        if (!has_a && !has_b) {
            return OK;
        }
        if (!has_a || !has_b || a.id != b.id) {
            return refuse(err, has_b ? b.id : a.id);
        }
        if (a.id != WASM_SECTION_CODE &&
            (a.size != b.size || memcmp(a.content, b.content, a.size) != 0)) {
            return refuse(err, a.id);
        }
    }
}
