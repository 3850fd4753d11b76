// SPDX-License-Identifier: MIT
//
// Native methods for traces: they walk over the frames of their thread, as the collector does. A
// frame's first word is the number of the call that its method is at. It is in the window, where
// the program can write, so it is compared with the length of the list.
#include "kernel/cil/run/natives.h"
#include "kernel/lib/endian.h"
#include "kernel/lib/string.h"

#define NAME_BYTES 256

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
uint64_t cil_trace_fill(struct cil_runtime *r, uint64_t array, uint64_t skip, uint64_t c,
                        uint64_t d, uint64_t e)
{
    (void)c, (void)d, (void)e;
    const struct cil_text calls = cil_array(r, array, 4);
    uint32_t at = r->context.stack, call, n = 0;
    for (uint32_t left = (uint32_t)skip; n < calls.length && next_call(r, &at, &call);) {
        if (left > 0) {
            left--;
            continue;
        }
        store_le32((uint8_t *)calls.at + (size_t)4 * n++, call + 1);
    }
    return 0;
}

static const struct cil_unit_point *point_of(struct cil_runtime *r, uint64_t call)
{
    if ((uint32_t)call == 0 || (uint32_t)call > r->unit->point_count) {
        cil_end(r, CIL_BAD_ACCESS);
    }
    return &r->unit->points[(uint32_t)call - 1];
}

static const struct cil_unit_method *method_of(struct cil_runtime *r, uint64_t call)
{
    return &r->unit->methods[r->unit->frames[point_of(r, call)->frame].method];
}

uint64_t cil_trace_offset(struct cil_runtime *r, uint64_t call, uint64_t b, uint64_t c, uint64_t d,
                          uint64_t e)
{
    (void)b, (void)c, (void)d, (void)e;
    return point_of(r, call)->location;
}

/* "N.T.M" */
uint64_t cil_trace_name(struct cil_runtime *r, uint64_t call, uint64_t b, uint64_t c, uint64_t d,
                        uint64_t e)
{
    (void)b, (void)c, (void)d, (void)e;
    char name[NAME_BYTES];
    const struct cil_unit_method *m = method_of(r, call);
    size_t len = MIN(cil_type_text(name, sizeof name, m->owner), sizeof name - 2);
    name[len++] = '.';
    (void)str_copy(name + len, sizeof name - len,
                   cil_cell_string(&m->a->image, CIL_METHOD_DEF, m->row, CIL_METHOD_DEF_NAME));
    return cil_string_from(r, name, strlen(name));
}

uint64_t cil_trace_member(struct cil_runtime *r, uint64_t call, uint64_t b, uint64_t c, uint64_t d,
                          uint64_t e)
{
    (void)b, (void)c, (void)d, (void)e;
    return method_of(r, call)->member;
}
