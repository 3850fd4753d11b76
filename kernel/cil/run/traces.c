// SPDX-License-Identifier: MIT
//
// Native methods for traces. What exceptions note of their way comes from compiled code
// (front/build_trace.c). Which methods are active comes from the frames of the thread, over which
// these walk, as the collector does: a frame's first word is the number of the call that its method
// is at. It is in the window, where the program can write, so it is compared with the length of the
// list. In arrays of C# a frame is two numbers: of its method, and an offset in its CIL.
#include "kernel/cil/run/traces.h"

#include "kernel/cil/front/lines.h"
#include "kernel/cil/run/natives.h"
#include "kernel/lib/endian.h"
#include "kernel/lib/string.h"
#include "kernel/lib/unicode.h"

#define NAME_BYTES     512
#define PATH_BYTES_MAX 4096

/* The next frame, and the call in it. Methods that the compiler has made are left out, and memory
 * of stackalloc. @param at Where the walk is. @return false: there is no other one. */
static bool next_call(struct cil_runtime *r, uint32_t *at, uint32_t *call)
{
    const struct cil_unit *u = r->unit;
    while (*at < r->stack_high) {
        uint32_t bytes, number = load_le32(cil_memory(r, *at, 4));
        cil_poll(r, 1);
        if (number == CIL_FRAME_SKIP) {
            bytes = load_le32(cil_memory(r, *at + UINT64_C(4), 4));
        } else if (number < u->point_count) {
            bytes = u->frames[u->points[number].frame].bytes;
        } else {
            bytes = 0;
        }
        if (bytes < CIL_FRAME_HEADER || bytes > r->stack_high - *at) {
            cil_end(r, CIL_DAMAGED);
        }
        *at += bytes;
        if (number != CIL_FRAME_SKIP &&
            u->methods[u->frames[u->points[number].frame].method].kind == CIL_UNIT_METHOD) {
            *call = number;
            return true;
        }
    }
    return false;
}

uint64_t cil_trace_depth(struct cil_runtime *r, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
                         uint64_t e)
{
    (void)a, (void)b, (void)c, (void)d, (void)e;
    uint32_t at = r->context.stack, call, depth = 0;
    while (next_call(r, &at, &call)) {
        depth++;
    }
    return depth;
}

/* Numbers are one higher: 0 is none. */
static void store_frame(const struct cil_text *frames, uint32_t n, uint32_t method, uint32_t offset)
{
    uint8_t *at = (uint8_t *)frames->at + (size_t)8 * n;
    store_le32(at, method);
    store_le32(at + 4, offset);
}

uint64_t cil_trace_fill(struct cil_runtime *r, uint64_t array, uint64_t skip, uint64_t c,
                        uint64_t d, uint64_t e)
{
    (void)c, (void)d, (void)e;
    const struct cil_text frames = cil_array(r, array, 4);
    uint32_t at = r->context.stack, call, n = 0;
    for (uint32_t left = (uint32_t)skip; n < frames.length / 2 && next_call(r, &at, &call);) {
        if (left > 0) {
            left--;
            continue;
        }
        const struct cil_unit_point *p = &r->unit->points[call];
        store_frame(&frames, n++, r->unit->frames[p->frame].method, p->location);
    }
    return 0;
}

uint64_t cil_trace_passed(struct cil_runtime *r, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
                          uint64_t e)
{
    (void)a, (void)b, (void)c, (void)d, (void)e;
    return r->passed_count;
}

/* Into the array from a frame on. */
uint64_t cil_trace_take(struct cil_runtime *r, uint64_t array, uint64_t first, uint64_t c,
                        uint64_t d, uint64_t e)
{
    (void)c, (void)d, (void)e;
    const struct cil_text frames = cil_array(r, array, 4);
    for (uint32_t n = 0; n < r->passed_count && (uint32_t)first < frames.length / 2; n++) {
        store_frame(&frames, (uint32_t)first++, r->passed[n].method, r->passed[n].offset);
    }
    r->passed_count = 0;
    return 0;
}

/* ---- Text ---- */

static const struct cil_unit_method *method_of(struct cil_runtime *r, uint64_t number)
{
    uint32_t n = (uint32_t)number;
    if (n >= r->unit->count || r->unit->methods[n].kind != CIL_UNIT_METHOD) {
        cil_end(r, CIL_BAD_ACCESS);
    }
    return &r->unit->methods[n];
}

struct name {
    char text[NAME_BYTES];
    size_t len;
};

static void add(struct name *n, const char *text)
{
    size_t len = MIN(strlen(text), sizeof n->text - 1 - n->len);
    memcpy(n->text + n->len, text, len);
    n->len += len;
    n->text[n->len] = '\0';
}

static void add_type(struct name *n, const struct cil_type *t)
{
    size_t room = sizeof n->text - n->len;
    n->len += MIN(cil_type_dotnet_text(n->text + n->len, room, t), room - 1);
}

static void add_parameters(struct cil_runtime *r, struct name *n, const struct cil_unit_method *m)
{
    add(n, " (");
    for (uint32_t k = 0; k < m->sig->param_count; k++) {
        const char *name = cil_parameter_name(r, &m->a->image, m->row, k);
        add(n, k == 0 ? "" : ", ");
        add_type(n, m->sig->params[k]);
        add(n, name == NULL ? "" : " ");
        add(n, name == NULL ? "" : name);
    }
    add(n, ")");
}

/* "N.T.M" or "N.T.M (System.Int32 n)" */
uint64_t cil_trace_name(struct cil_runtime *r, uint64_t method, uint64_t has_parameters, uint64_t c,
                        uint64_t d, uint64_t e)
{
    (void)c, (void)d, (void)e;
    struct name n = {.len = 0};
    const struct cil_unit_method *m = method_of(r, method);
    add_type(&n, m->owner);
    add(&n, ".");
    add(&n, cil_cell_string(&m->a->image, CIL_METHOD_DEF, m->row, CIL_METHOD_DEF_NAME));
    if ((uint32_t)has_parameters != 0) {
        add_parameters(r, &n, m);
    }
    return cil_string_from(r, n.text, n.len);
}

uint64_t cil_trace_member(struct cil_runtime *r, uint64_t method, uint64_t b, uint64_t c,
                          uint64_t d, uint64_t e)
{
    (void)b, (void)c, (void)d, (void)e;
    return method_of(r, method)->member;
}

/* ---- Lines ---- */

static bool find_line(struct cil_runtime *r, uint64_t method, uint64_t offset, struct cil_line *out)
{
    const struct cil_unit_method *m = method_of(r, method);
    cil_away(r); /* it may read a file */
    bool is_there = cil_find_line(m->a, m->row, (uint32_t)offset, out);
    cil_back(r);
    return is_there;
}

/* @return 0: not known. */
uint64_t cil_trace_line(struct cil_runtime *r, uint64_t method, uint64_t offset, uint64_t c,
                        uint64_t d, uint64_t e)
{
    (void)c, (void)d, (void)e;
    struct cil_line line;
    return find_line(r, method, offset, &line) ? line.line : 0;
}

/* @return null: not known. */
uint64_t cil_trace_file(struct cil_runtime *r, uint64_t method, uint64_t offset, uint64_t c,
                        uint64_t d, uint64_t e)
{
    (void)c, (void)d, (void)e;
    struct cil_line line;
    if (!find_line(r, method, offset, &line)) {
        return 0;
    }
    uint32_t len = MIN(line.path.len, (uint32_t)PATH_BYTES_MAX);
    return cil_string_from(r, (const char *)line.path.at, len);
}

/* ---- The exception that ends the program ---- */

/* The memory may be anything: other threads of the program have ended anywhere. */
static bool load(const struct cil_runtime *r, uint64_t at, uint32_t *out)
{
    if (at + 4 > cil_window_end(r, (uint32_t)at)) {
        return false;
    }
    *out = load_le32(r->world->memory.base + at);
    return true;
}

/* A reference in a field of System.Exception, not null. Another core library than Halyard's does
 * not have these names. */
static bool load_field(const struct cil_runtime *r, uint32_t object, const char *name,
                       uint32_t *out)
{
    struct cil_domain *d = r->unit->d;
    struct cil_class *c = cil_find_class(d->core, "System", "Exception");
    const struct cil_layout *l = c == NULL ? NULL : cil_type_layout(d, c->type);
    for (uint32_t n = 0; l != NULL && cil_class_fields(c) && n < c->field_count; n++) {
        if (strcmp(c->fields[n].name, name) == 0) {
            return load(r, (uint64_t)object + l->offsets[n], out) && *out != 0;
        }
    }
    return false;
}

static uint32_t noted_before(const struct cil_runtime *r, uint32_t object, struct cil_pass *out,
                             uint32_t max)
{
    uint32_t array, length, count = 0;
    if (!load_field(r, object, "passed", &array) ||
        !load(r, (uint64_t)array + CIL_LENGTH_AT, &length)) {
        return 0;
    }
    for (uint64_t at = (uint64_t)array + CIL_ELEMENT_AT; count < MIN(length / 2, max); at += 8) {
        struct cil_pass p;
        if (!load(r, at, &p.method) || !load(r, at + 4, &p.offset)) {
            break;
        }
        out[count++] = p;
    }
    return count;
}

uint32_t cil_thrown_trace(const struct cil_runtime *r, uint32_t object, struct cil_pass *out,
                          uint32_t max)
{
    uint32_t count = noted_before(r, object, out, max), kept = 0;
    for (uint32_t n = 0; object == r->thrown && n < r->passed_count && count < max; n++) {
        out[count++] = r->passed[n];
    }
    for (uint32_t n = 0; n < count; n++) {
        if (out[n].method < r->unit->count &&
            r->unit->methods[out[n].method].kind == CIL_UNIT_METHOD) {
            out[kept++] = out[n];
        }
    }
    return kept;
}

uint32_t cil_thrown_inner(const struct cil_runtime *r, uint32_t object)
{
    uint32_t inner;
    return load_field(r, object, "inner", &inner) ? inner : 0;
}

/* Both halves of a pair of surrogates become question marks. */
static void copy_message(const struct cil_runtime *r, uint32_t string, char *out, size_t len)
{
    uint32_t length, two, unit;
    size_t used = 0;
    if (!load(r, (uint64_t)string + CIL_LENGTH_AT, &length)) {
        return;
    }
    for (uint32_t n = 0; n < length && used + UNICODE_BYTES_MAX < len; n++) {
        if (!load(r, (uint64_t)string + CIL_CHARS_AT + UINT64_C(4) * (n / 2), &two)) {
            break;
        }
        unit = two >> (n % 2 * 16) & 0xffff;
        used +=
            unicode_encode(unit >= 0xd800 && unit <= 0xdfff ? '?' : unit, (uint8_t *)out + used);
    }
    out[used] = '\0';
}

void cil_thrown_text(const struct cil_runtime *r, uint32_t object, char *out, size_t len)
{
    uint32_t type, message;
    struct cil_type *t = load(r, object, &type) ? cil_unit_type_at(r->unit, type) : NULL;
    size_t used = t == NULL ? 0 : MIN(cil_type_text(out, len, t), len - 1);
    if (used == 0) {
        (void)str_copy(out, len, "?");
    } else if (used + sizeof ": " < len && load_field(r, object, "message", &message)) {
        (void)str_copy(out + used, len - used, ": ");
        copy_message(r, message, out + used + 2, len - used - 2);
    }
    str_make_printable(out);
}
