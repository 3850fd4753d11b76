// SPDX-License-Identifier: MIT
//
// The window of a program, its objects, and native methods that belong to their representation.
#include "kernel/cil/run/runtime.h"

#include "kernel/lib/compiler.h"
#include "kernel/lib/endian.h"
#include "kernel/lib/string.h"
#include "kernel/lib/unicode.h"

#define PAGE_BYTES  UINT64_C(0x10000)   /* of the window, as it grows */
#define PIECE_BYTES (UINT64_C(1) << 20) /* copied or cleared at once */

/* ---- Endings ---- */

_Noreturn void cil_end(struct cil_runtime *r, enum cil_ending ending)
{
    r->ending = ending;
    r->leave(r);
    __builtin_unreachable();
}

_Noreturn void cil_exit(struct cil_runtime *r, int32_t status)
{
    r->exit_status = status;
    cil_end(r, CIL_EXITED);
}

/* ---- Memory ---- */

/* The window never moves, and grows only at its end, so that a pointer from cil_memory() stays
 * inside until cil_runtime_free(). But the objects in it move: any allocation may collect. So C
 * keeps offsets in handles (cil_hold()) across one, and calls cil_memory() again after it. A length
 * that was read from the window may be another number at the next read; it is read once and then
 * used. */

/* Every access of C to the window comes through here, or is at one of the fixed cells. The upper
 * half of an offset means nothing, as in compiled code. */
void *cil_memory(struct cil_runtime *r, uint64_t at, uint64_t bytes)
{
    at = (uint32_t)at;
    uint64_t end = cil_window_end(r, at); /* another thread may let it grow */
    if (at > end || bytes > end - at) {
        cil_end(r, CIL_BAD_ACCESS);
    }
    return r->world->memory.base + at;
}

static uint32_t load_word(struct cil_runtime *r, uint64_t at)
{
    return load_le32(cil_memory(r, at, 4));
}

static void store_word(struct cil_runtime *r, uint64_t at, uint32_t value)
{
    store_le32(cil_memory(r, at, 4), value);
}

void cil_store_reference(struct cil_runtime *r, uint64_t at, uint32_t object)
{
    __atomic_thread_fence(__ATOMIC_RELEASE);
    store_word(r, at, object);
    cil_note_stores(r, at, CIL_POINTER_BYTES);
}

uint32_t cil_new(struct cil_runtime *r, uint32_t type, uint64_t bytes)
{
    uint32_t at = cil_heap_allocate(r, type, bytes);
    store_word(r, at, type);
    return at;
}

uint32_t cil_new_array(struct cil_runtime *r, uint32_t type, uint32_t length)
{
    if (length > INT32_MAX) {
        cil_end(r, CIL_NEGATIVE);
    }
    uint64_t size = load_word(r, (uint64_t)type + CIL_TYPE_BYTES);
    uint64_t start = load_word(r, (uint64_t)type + CIL_TYPE_START);
    uint32_t at = cil_new(r, type, start + size * length);
    store_word(r, (uint64_t)at + CIL_LENGTH_AT, length);
    return at;
}

/* Literals are strings: the first one's type is that of all. The unit made it with the literal. */
static uint32_t string_type(struct cil_runtime *r)
{
    for (uint32_t n = 0; n < r->unit->runtime_type_count; n++) {
        const struct cil_unit_type *t = &r->unit->runtime_types[n];
        if (t->type->kind == CIL_STRING && t->at != 0) {
            return t->at;
        }
    }
    cil_end(r, CIL_BAD_ACCESS);
}

uint32_t cil_new_string(struct cil_runtime *r, uint32_t length)
{
    if (length > INT32_MAX) {
        cil_end(r, CIL_NEGATIVE);
    }
    uint32_t at = cil_new(r, string_type(r), CIL_CHARS_AT + UINT64_C(2) * length + 2);
    store_word(r, (uint64_t)at + CIL_LENGTH_AT, length);
    return at;
}

/* The length is read once, and the bytes are checked for it: the program may have changed it. */
static struct cil_text contents(struct cil_runtime *r, uint64_t object, uint32_t start,
                                uint32_t size)
{
    object = (uint32_t)object;
    if (object == 0) {
        return (struct cil_text){NULL, 0};
    }
    uint32_t length = load_word(r, object + CIL_LENGTH_AT);
    return (struct cil_text){cil_memory(r, object + start, (uint64_t)length * size), length};
}

struct cil_text cil_string(struct cil_runtime *r, uint64_t string)
{
    return contents(r, string, CIL_CHARS_AT, 2);
}

struct cil_text cil_array(struct cil_runtime *r, uint64_t array, uint32_t size)
{
    return contents(r, array, CIL_ELEMENT_AT, size);
}

/* UTF-16 units of a code point. */
static uint32_t encode(uint32_t point, uint16_t out[2])
{
    if (point < 0x10000) {
        out[0] = (uint16_t)point;
        return 1;
    }
    out[0] = (uint16_t)(0xd800 + ((point - 0x10000) >> 10));
    out[1] = (uint16_t)(0xdc00 + ((point - 0x10000) & 0x3ff));
    return 2;
}

/* Twice over the text, because the string cannot grow; it is C's memory, so it does not change. */
uint32_t cil_string_from(struct cil_runtime *r, const char *text, size_t len)
{
    uint16_t units[2];
    uint32_t length = 0, point;
    for (size_t at = 0; at < len;) {
        at += unicode_decode(text + at, len - at, &point);
        length += encode(point, units);
    }
    uint32_t string = cil_new_string(r, length);
    uint8_t *to = cil_string(r, string).at;
    for (size_t at = 0; at < len;) {
        at += unicode_decode(text + at, len - at, &point);
        for (uint32_t n = 0, count = encode(point, units); n < count; n++, to += 2) {
            store_le16(to, units[n]);
        }
    }
    return string;
}

/* ---- Helpers ---- */

static uint64_t help_new(struct cil_runtime *r, uint64_t type, uint64_t b, uint64_t c, uint64_t d,
                         uint64_t e)
{
    (void)b, (void)c, (void)d, (void)e;
    return cil_new(r, (uint32_t)type, load_word(r, (uint32_t)type + (uint64_t)CIL_TYPE_BYTES));
}

static uint64_t help_new_array(struct cil_runtime *r, uint64_t type, uint64_t length, uint64_t c,
                               uint64_t d, uint64_t e)
{
    (void)c, (void)d, (void)e;
    return cil_new_array(r, (uint32_t)type, (uint32_t)length);
}

/* In pieces, because the program may be ended meanwhile. From the end if a copy from the start
 * would overwrite the later part of the source first. The fence is that of a store of a reference
 * in compiled code (build_memory.c). */
void cil_copy(struct cil_runtime *r, uint64_t to, uint64_t from, uint64_t bytes)
{
    __atomic_thread_fence(__ATOMIC_RELEASE);
    uint8_t *target = cil_memory(r, to, bytes);
    const uint8_t *source = cil_memory(r, from, bytes);
    for (uint64_t done = 0, piece; done < bytes; done += piece) {
        piece = MIN(bytes - done, PIECE_BYTES);
        uint64_t at = target > source ? bytes - done - piece : done;
        memmove(target + at, source + at, piece);
        cil_poll(r, piece / 1024);
    }
    cil_note_stores(r, to, bytes);
}

static uint64_t help_copy(struct cil_runtime *r, uint64_t to, uint64_t from, uint64_t bytes,
                          uint64_t d, uint64_t e)
{
    (void)d, (void)e;
    cil_copy(r, to, from, (uint32_t)bytes);
    return 0;
}

static uint64_t help_fill(struct cil_runtime *r, uint64_t at, uint64_t byte, uint64_t bytes,
                          uint64_t d, uint64_t e)
{
    (void)d, (void)e;
    uint8_t *to = cil_memory(r, at, (uint32_t)bytes);
    for (uint64_t done = 0, piece; done < (uint32_t)bytes; done += piece) {
        piece = MIN((uint32_t)bytes - done, PIECE_BYTES);
        memset(to + done, (uint8_t)byte, piece);
        cil_poll(r, piece / 1024);
    }
    return 0;
}

/* ---- The remainder of doubles, in integers ---- */

#define FRACTION   ((UINT64_C(1) << 52) - 1)
#define NOT_NUMBER UINT64_C(0x7ff8000000000000)

/* A number as fraction * 2^exponent; the fraction is at least 2^52, unless it is 0. */
static uint64_t unpack_double(uint64_t bits, int *exponent)
{
    uint64_t fraction = bits & FRACTION;
    *exponent = (int)(bits >> 52 & 0x7ff);
    if (*exponent != 0) {
        return fraction | (FRACTION + 1);
    }
    *exponent = 1;
    while (fraction != 0 && fraction <= FRACTION) {
        fraction <<= 1;
        (*exponent)--;
    }
    return fraction;
}

static uint64_t pack_double(uint64_t fraction, int exponent)
{
    while (fraction != 0 && fraction <= FRACTION && exponent > 1) {
        fraction <<= 1;
        exponent--;
    }
    while (exponent < 1) {
        fraction >>= 1; /* exact: the bits were not there before */
        exponent++;
    }
    return fraction <= FRACTION ? fraction : (fraction & FRACTION) | (uint64_t)exponent << 52;
}

/* The result has the sign of x. */
static uint64_t help_remainder(struct cil_runtime *r, uint64_t x, uint64_t y, uint64_t c,
                               uint64_t d, uint64_t e)
{
    (void)r, (void)c, (void)d, (void)e;
    const uint64_t sign = UINT64_C(1) << 63, infinity = UINT64_C(0x7ff) << 52;
    uint64_t a = x & ~sign, b = y & ~sign;
    int at, to;
    if (a >= infinity || b > infinity || b == 0) {
        return NOT_NUMBER;
    }
    if (a < b) {
        return x;
    }
    uint64_t rest = unpack_double(a, &at), divisor = unpack_double(b, &to);
    for (; at > to; at--) {
        rest = (rest >= divisor ? rest - divisor : rest) << 1;
    }
    rest = rest >= divisor ? rest - divisor : rest;
    return pack_double(rest, to) | (x & sign);
}

static uint64_t help_throw(struct cil_runtime *r, uint64_t object, uint64_t b, uint64_t c,
                           uint64_t d, uint64_t e)
{
    (void)b, (void)c, (void)d, (void)e;
    r->thrown = (uint32_t)object;
    cil_end(r, CIL_THROWN);
}

static uint64_t help_poll(struct cil_runtime *r, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
                          uint64_t e)
{
    (void)a, (void)b, (void)c, (void)d, (void)e;
    cil_away(r);
    cil_back(r);
    return 0;
}

static uint64_t help_begin(struct cil_runtime *r, uint64_t flag, uint64_t b, uint64_t c, uint64_t d,
                           uint64_t e)
{
    (void)b, (void)c, (void)d, (void)e;
    return cil_initialiser_begin(r, (uint32_t)flag);
}

static uint64_t help_done(struct cil_runtime *r, uint64_t flag, uint64_t value, uint64_t c,
                          uint64_t d, uint64_t e)
{
    (void)c, (void)d, (void)e;
    cil_initialiser_done(r, (uint32_t)flag, (uint32_t)value);
    return 0;
}

static uint64_t help_pass(struct cil_runtime *r, uint64_t method, uint64_t offset, uint64_t c,
                          uint64_t d, uint64_t e)
{
    (void)c, (void)d, (void)e;
    if ((uint32_t)method == CIL_PASS_NONE) {
        r->passed_count = 0;
    } else if (r->passed_count < CIL_PASSED_MAX) {
        r->passed[r->passed_count++] = (struct cil_pass){(uint32_t)method, (uint32_t)offset};
    }
    return 0;
}

static cil_native_call *const helpers[CIL_HELPER_COUNT] = {
    [CIL_HELPER_NEW] = help_new,     [CIL_HELPER_NEW_ARRAY] = help_new_array,
    [CIL_HELPER_COPY] = help_copy,   [CIL_HELPER_FILL] = help_fill,
    [CIL_HELPER_THROW] = help_throw, [CIL_HELPER_REMAINDER] = help_remainder,
    [CIL_HELPER_POLL] = help_poll,   [CIL_HELPER_BEGIN] = help_begin,
    [CIL_HELPER_DONE] = help_done,   [CIL_HELPER_PASS] = help_pass,
};

/* For the interpreter; machine code calls the same functions through the context. */
uint64_t cil_runtime_call(struct cil_runtime *r, uint32_t callee, const uint64_t args[5])
{
    cil_native_call *call =
        callee < CIL_HELPER_COUNT ? helpers[callee] : r->natives[callee - CIL_HELPER_COUNT];
    return call(r, args[0], args[1], args[2], args[3], args[4]);
}

bool cil_runtime_has_thrown(struct cil_runtime *r)
{
    r->thrown = r->context.thrown;
    r->ending = r->thrown == 0 ? CIL_GOES_ON : CIL_THROWN;
    return r->thrown != 0;
}

/* ---- Native methods that belong to the representation of objects ---- */

static uint64_t allocate_string(struct cil_runtime *r, uint64_t length, uint64_t b, uint64_t c,
                                uint64_t d, uint64_t e)
{
    (void)b, (void)c, (void)d, (void)e;
    return cil_new_string(r, (uint32_t)length);
}

/* Elements that are numbers, of an array of any rank. */
static bool has_numbers(const struct cil_runtime *r, const struct cil_gc_type *t)
{
    if (t->shape != CIL_SHAPE_ARRAY) {
        return false;
    }
    struct cil_type *array = r->unit->runtime_types[t - r->world->heap.types].type;
    const struct cil_type *element = cil_underlying(r->unit->d, array->element);
    return element->kind >= CIL_BOOLEAN && element->kind <= CIL_R8;
}

/* The elements of an array from constants in the file, the first contents of a field. Both numbers
 * are the program's, so their types and sizes are compared. @return 0: they do not fit. */
static uint64_t fill_array(struct cil_runtime *r, uint64_t array, uint64_t handle, uint64_t c,
                           uint64_t d, uint64_t e)
{
    (void)c, (void)d, (void)e;
    const struct cil_gc_type *t;
    (void)cil_memory(r, array, CIL_ELEMENT_AT);
    (void)cil_heap_size(r, (uint32_t)array, (uint32_t)cil_window_end(r, (uint32_t)array), &t);
    if (handle == 0 || handle > r->unit->field_count || !has_numbers(r, t)) {
        return 0;
    }
    const struct cil_unit_field *from = &r->unit->fields[handle - 1];
    uint64_t bytes = (uint64_t)load_word(r, (uint32_t)array + (uint64_t)CIL_LENGTH_AT) * t->bytes;
    if (bytes > from->bytes) {
        return 0;
    }
    cil_copy(r, (uint32_t)array + (uint64_t)t->start, from->at, bytes);
    return 1;
}

/* In mono's core library, which does not ask whether it has worked. */
static uint64_t initialise_array(struct cil_runtime *r, uint64_t array, uint64_t handle, uint64_t c,
                                 uint64_t d, uint64_t e)
{
    if (fill_array(r, array, handle, c, d, e) == 0) {
        cil_end(r, CIL_BAD_ACCESS);
    }
    return 0;
}

static uint64_t chars_at(struct cil_runtime *r, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
                         uint64_t e)
{
    (void)r, (void)a, (void)b, (void)c, (void)d, (void)e;
    return CIL_CHARS_AT;
}

/* A second object with the same contents; of arrays, as many elements. */
static uint64_t clone(struct cil_runtime *r, uint64_t object, uint64_t b, uint64_t c, uint64_t d,
                      uint64_t e)
{
    (void)b, (void)c, (void)d, (void)e;
    uint32_t type = load_word(r, object), shape = load_word(r, (uint64_t)type + CIL_TYPE_SHAPE);
    uint64_t bytes = load_word(r, (uint64_t)type + CIL_TYPE_BYTES);
    if (shape != CIL_SHAPE_OBJECT) {
        uint64_t length = load_word(r, (uint32_t)object + (uint64_t)CIL_LENGTH_AT);
        uint64_t start = load_word(r, (uint64_t)type + CIL_TYPE_START);
        bytes = shape == CIL_SHAPE_ARRAY ? start + length * bytes : CIL_CHARS_AT + length * 2 + 2;
    }
    (void)cil_hold(r, (uint32_t)object);
    uint32_t to = cil_new(r, type, bytes);
    object = cil_drop(r);
    cil_copy(r, to, object, bytes);
    store_word(r, (uint64_t)to + CIL_HASH_AT, 0);
    return to;
}

/* Equal for objects of the same type only. */
static uint64_t type_of(struct cil_runtime *r, uint64_t object, uint64_t b, uint64_t c, uint64_t d,
                        uint64_t e)
{
    (void)b, (void)c, (void)d, (void)e;
    return load_word(r, object);
}

static uint32_t name_string(struct cil_runtime *r, const struct cil_type *t)
{
    char text[256];
    size_t len = MIN(cil_type_dotnet_text(text, sizeof text, t), sizeof text - 1);
    return cil_string_from(r, text, len);
}

static uint64_t type_name(struct cil_runtime *r, uint64_t object, uint64_t b, uint64_t c,
                          uint64_t d, uint64_t e)
{
    (void)b, (void)c, (void)d, (void)e;
    struct cil_type *t = cil_unit_type_at(r->unit, load_word(r, object));
    if (t == NULL) {
        cil_end(r, CIL_BAD_ACCESS);
    }
    return name_string(r, t);
}

static uint64_t collect_now(struct cil_runtime *r, uint64_t generation, uint64_t b, uint64_t c,
                            uint64_t d, uint64_t e)
{
    (void)b, (void)c, (void)d, (void)e;
    cil_collect(r, CIL_GC_ASKED, (uint32_t)generation == 0);
    return 0;
}

static uint64_t live_bytes(struct cil_runtime *r, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
                           uint64_t e)
{
    (void)a, (void)b, (void)c, (void)d, (void)e;
    cil_lock(r);
    uint32_t used = cil_heap_used(r);
    cil_unlock(r);
    return used;
}

/* Those that have collected objects of a generation. */
static uint64_t collections(struct cil_runtime *r, uint64_t generation, uint64_t b, uint64_t c,
                            uint64_t d, uint64_t e)
{
    (void)b, (void)c, (void)d, (void)e;
    const struct cil_gc_figures *f = &r->world->heap.figures;
    return (uint32_t)(f->collections - ((uint32_t)generation == 0 ? 0 : f->minor));
}

/* No lock: the boundary changes in collections only, and this thread is at no safe point. */
static uint64_t generation(struct cil_runtime *r, uint64_t object, uint64_t b, uint64_t c,
                           uint64_t d, uint64_t e)
{
    (void)b, (void)c, (void)d, (void)e;
    return (uint32_t)object < r->world->heap.old;
}

static uint64_t get_type(struct cil_runtime *r, uint64_t object, uint64_t b, uint64_t c, uint64_t d,
                         uint64_t e)
{
    (void)b, (void)c, (void)d, (void)e;
    return load_word(r, (uint64_t)load_word(r, object) + CIL_TYPE_OBJECT);
}

/* The type that a handle is of, or NULL: any number may be in one. */
static const struct cil_unit_type *type_by_handle(const struct cil_runtime *r, uint64_t handle)
{
    const struct cil_unit *u = r->unit;
    return handle == 0 || handle > u->runtime_type_count ? NULL : &u->runtime_types[handle - 1];
}

/* @return null: the handle is not one of a type. */
static uint64_t from_handle(struct cil_runtime *r, uint64_t handle, uint64_t b, uint64_t c,
                            uint64_t d, uint64_t e)
{
    (void)b, (void)c, (void)d, (void)e;
    const struct cil_unit_type *k = type_by_handle(r, handle);
    return k == NULL ? 0 : k->object;
}

const struct cil_unit_type *cil_type_by_object(struct cil_runtime *r, uint64_t object)
{
    for (uint32_t n = 0; n < r->unit->runtime_type_count; n++) {
        const struct cil_unit_type *k = &r->unit->runtime_types[n];
        if (k->object != 0 && k->object == (uint32_t)object) {
            return k;
        }
    }
    cil_end(r, CIL_BAD_ACCESS);
}

static uint64_t full_name(struct cil_runtime *r, uint64_t object, uint64_t b, uint64_t c,
                          uint64_t d, uint64_t e)
{
    (void)b, (void)c, (void)d, (void)e;
    return name_string(r, cil_type_by_object(r, object)->type);
}

static uint64_t rank_of(struct cil_runtime *r, uint64_t array, uint64_t b, uint64_t c, uint64_t d,
                        uint64_t e)
{
    (void)b, (void)c, (void)d, (void)e;
    const struct cil_type *t = cil_unit_type_at(r->unit, load_word(r, array));
    return t != NULL && t->kind == CIL_ARRAY ? t->number : 1;
}

/* @pre The core library has compared the dimension with the rank. */
static uint64_t length_of(struct cil_runtime *r, uint64_t array, uint64_t dimension, uint64_t c,
                          uint64_t d, uint64_t e)
{
    (void)c, (void)d, (void)e;
    const struct cil_type *t = cil_unit_type_at(r->unit, load_word(r, array));
    uint64_t at =
        CIL_LENGTH_AT + (t != NULL && t->kind == CIL_ARRAY ? 4 + 4 * (uint32_t)dimension : 0);
    return load_word(r, (uint32_t)array + at);
}

/* @pre Likewise. */
static uint64_t lower_bound(struct cil_runtime *r, uint64_t array, uint64_t dimension, uint64_t c,
                            uint64_t d, uint64_t e)
{
    (void)c, (void)d, (void)e;
    const struct cil_type *t = cil_unit_type_at(r->unit, load_word(r, array));
    if (t == NULL || t->kind != CIL_ARRAY || !r->unit->bounds) {
        return 0;
    }
    return load_word(r, (uint32_t)array + CIL_DIMENSION_AT +
                            UINT64_C(4) * (t->number + (uint32_t)dimension));
}

/* Environment.ExitCode. @param is_new Set it. */
static uint64_t exit_code(struct cil_runtime *r, uint64_t status, uint64_t is_new, uint64_t c,
                          uint64_t d, uint64_t e)
{
    (void)c, (void)d, (void)e;
    uint32_t *code = &r->world->exit_code;
    if (is_new != 0) {
        __atomic_store_n(code, (uint32_t)status, __ATOMIC_RELAXED);
    }
    return __atomic_load_n(code, __ATOMIC_RELAXED);
}

static uint64_t leave_program(struct cil_runtime *r, uint64_t status, uint64_t b, uint64_t c,
                              uint64_t d, uint64_t e)
{
    (void)b, (void)c, (void)d, (void)e;
    cil_exit(r, (int32_t)status);
}

static const struct cil_native own_natives[] = {
    {"System.String::FastAllocate", "i:r", allocate_string},
    {"System.Runtime.CompilerServices.RuntimeHelpers::InitializeArray", "rI:", initialise_array},
    {"System.Runtime.CompilerServices.RuntimeHelpers::FillArray", "rI:i", fill_array},
    {"System.Runtime.CompilerServices.RuntimeHelpers::get_OffsetToStringData", ":i", chars_at},
    {"System.Object::MemberwiseClone", "r:r", clone},
    {"System.Object::TypeNumber", "r:i", type_of},
    {"System.Object::TypeName", "r:r", type_name},
    {"System.Object::GetType", "r:r", get_type},
    {"System.Type::GetTypeFromHandle", "I:r", from_handle},
    {"System.Type::internal_from_handle", "I:r", from_handle},
    {"System.RuntimeType::NameOf", "r:r", full_name},
    {"System.Array::GetRank", "r:i", rank_of},
    {"System.Array::GetLength", "ri:i", length_of},
    {"System.Array::LengthOf", "ri:i", length_of},
    {"System.Array::GetLowerBound", "ri:i", lower_bound},
    {"System.Array::LowerOf", "ri:i", lower_bound},
    {"System.GC::InternalCollect", "i:", collect_now},
    {"System.GC::GetTotalBytes", ":I", live_bytes},
    {"System.GC::GetCount", "i:i", collections},
    {"System.GC::GenerationOf", "r:i", generation},
    {"System.Environment::Exit", "i:", leave_program},
    {"System.Environment::Code", "ii:i", exit_code},
};

uint32_t cil_main_result(const struct cil_runtime *r, uint64_t returned)
{
    const struct cil_unit *u = r->unit;
    uint32_t signature = u->callees[CIL_FIRST_METHOD].signature;
    return u->signatures[signature].results != 0
               ? (uint32_t)returned
               : __atomic_load_n(&r->world->exit_code, __ATOMIC_RELAXED);
}

/* ---- Making ---- */

static bool fail(const struct cil_unit *u, enum status s, const char *text)
{
    return cil_fail(u->d, u->methods[0].a, 0, s, "%s", text);
}

static const struct cil_native *find(const struct cil_native *all, uint32_t count,
                                     const struct cil_unit_native *wanted)
{
    for (uint32_t n = 0; n < count; n++) {
        if (strcmp(all[n].name, wanted->name) == 0 &&
            strcmp(all[n].signature, wanted->signature) == 0) {
            return &all[n];
        }
    }
    return NULL;
}

/* Before anything runs: a native method that is missing is an error of loading, not of a call. */
static bool resolve(struct cil_runtime *r, const struct cil_native *natives, uint32_t count)
{
    for (uint32_t n = 0; n < r->unit->native_count; n++) {
        const struct cil_unit_native *wanted = &r->unit->natives[n];
        const struct cil_native *found = find(natives, count, wanted);
        if (found == NULL) {
            found = find(own_natives, ARRAY_COUNT(own_natives), wanted);
        }
        if (found == NULL) {
            return cil_fail(r->unit->d, r->unit->d->core, 0, E_UNRESOLVED,
                            "native method %s (%s) is not there, or not with this type",
                            wanted->name, wanted->signature);
        }
        r->natives[n] = found->call;
        r->context.natives[n] = (uintptr_t)found->call;
    }
    return true;
}

/* Code stores into cards for the stacks of further threads, too, which lie where large objects do:
 * after the memory limit, and not higher than the limit once more. Nothing reads these cards. */
static uint64_t card_bytes(const struct cil_unit *u, uint64_t most)
{
    uint64_t end = u->threads ? 2 * most + SANDBOX_UPPER_UNIT : most;
    return MIN(end, UINT64_C(1) << 32) >> CIL_CARD_SHIFT;
}

/* Static data, then the first thread's stack, the card table, and the heap. The stack grows
 * downwards from `cards` to `stack`: its context says so to compiled code, whose frames must not
 * get below its limit, where the static data ends. Those of further threads are in large.c.
 * The page at 0 stays empty, because null with an offset leads there. A reservation larger than
 * the limit costs addresses only; WINDOW_BYTES in unit_code.c must not be larger than it, since
 * the verifier of machine code takes it for unmapped or the program's own. */
static bool fill_window(struct cil_runtime *r, uint64_t max)
{
    const struct cil_unit *u = r->unit;
    uint64_t stack = ALIGN_UP((uint64_t)MAX(u->data_bytes, CIL_DATA_START), UINT64_C(16));
    uint64_t cards = stack + CIL_STACK_BYTES;
    max = u->threads ? MIN(max, (UINT64_C(1) << 32) - CIL_STACKS_ROOM) : max;
    uint64_t most = MAX(max, 2 * (cards + CIL_HEAP_BYTES_LEAST)); /* more than `bytes` is below */
    uint64_t heap = ALIGN_UP(cards + card_bytes(u, most), UINT64_C(16));
    uint64_t bytes = ALIGN_UP(heap + CIL_HEAP_BYTES_LEAST, PAGE_BYTES);
    if (MAX(max, bytes) > UINT32_MAX) { /* the end of a card must have 32 bits, too */
        return fail(u, E_NOMEM, "no memory for the program");
    }
    enum status s = sandbox_reserve(&r->world->memory, r->world->budget, MAX(max, bytes),
                                    CIL_GUARD_BYTES + PAGE_BYTES);
    if (s == OK) {
        s = sandbox_grow(&r->world->memory, bytes);
    }
    if (s != OK) {
        return fail(u, s, "no memory for the program");
    }
    r->world->length = bytes;
    if (u->data_bytes > CIL_DATA_START) {
        memcpy(r->world->memory.base + CIL_DATA_START, u->data + CIL_DATA_START,
               u->data_bytes - CIL_DATA_START);
    }
    cil_runtime_set_stack(r, (uint32_t)stack, (uint32_t)cards);
    r->context.cards = (uint32_t)cards;
    return cil_heap_make(r, (uint32_t)heap) || fail(u, E_NOMEM, "no memory for the heap");
}

/* A call through a number finds a record here. The window has only numbers, and a record's
 * signature is compared before the call. */
static bool make_records(struct cil_runtime *r)
{
    const struct cil_unit *u = r->unit;
    r->records = budget_zalloc(r->world->budget, (u->count + (size_t)1) * sizeof *r->records);
    r->methods = budget_zalloc(r->world->budget, (u->count + (size_t)1) * sizeof *r->methods);
    if (r->records == NULL || r->methods == NULL) {
        return fail(u, E_NOMEM, "no memory for the program");
    }
    for (uint32_t n = 0; n < u->count; n++) {
        r->records[n].context = (uintptr_t)&r->context;
        r->records[n].signature = u->callees[CIL_FIRST_METHOD + n].signature;
        r->methods[n + 1] = (uintptr_t)&r->records[n];
    }
    return true;
}

bool cil_runtime_make(struct cil_runtime *r, const struct cil_unit *u,
                      const struct cil_native *natives, uint32_t native_count, uint64_t max,
                      struct budget *budget)
{
    struct cil_world *w = budget_zalloc(budget, sizeof *w);
    *r = (struct cil_runtime){.unit = u, .world = w};
    if (w == NULL) {
        return fail(u, E_NOMEM, "no memory for the program");
    }
    w->budget = budget;
    w->has_threads = u->threads;
    w->threads = r;
    w->running = 1;
    if (!resolve(r, natives, native_count) || !make_records(r) || !fill_window(r, max)) {
        cil_runtime_free(r);
        return false;
    }
    for (uint32_t n = 0; n < CIL_HELPER_COUNT; n++) {
        r->context.helpers[n] = (uintptr_t)helpers[n];
    }
    r->context.memory_base = (uintptr_t)r->world->memory.base;
    r->context.memory_length = (uintptr_t)&r->world->length;
    r->context.methods = (uintptr_t)r->methods;
    r->context.method_count = u->count + UINT64_C(1);
    return true;
}

void cil_runtime_free(struct cil_runtime *r)
{
    struct budget *budget = r->world->budget;
    budget_free(budget, r->records);
    budget_free(budget, r->methods);
    cil_heap_free(r);
    sandbox_release(&r->world->memory);
    budget_free(budget, r->world);
    *r = (struct cil_runtime){.world = NULL};
}

/* ---- The arguments of Main ---- */

#define WORD_BYTES_MAX 65536u

/* Reserve all memory first: the allocations below must not fail or start a collection, because no
 * code of the program runs yet that could be ended for lack of memory. */
enum status cil_main_argument(struct cil_runtime *r, const char *const *words, uint32_t count,
                              uint32_t *out)
{
    uint64_t needed = CIL_ELEMENT_AT + (uint64_t)CIL_POINTER_BYTES * count + 8;
    *out = 0;
    if (r->unit->string_array == 0) {
        return OK;
    }
    for (uint32_t n = 0; n < count; n++) {
        needed += CIL_CHARS_AT + UINT64_C(2) * strnlen(words[n], WORD_BYTES_MAX) + 16;
    }
    enum status s = cil_heap_reserve(r, needed);
    if (s != OK) {
        return s;
    }
    const uint32_t *array = cil_hold(r, cil_new_array(r, r->unit->string_array, count));
    for (uint32_t n = 0; n < count; n++) {
        uint32_t word = cil_string_from(r, words[n], strnlen(words[n], WORD_BYTES_MAX));
        uint64_t at = CIL_ELEMENT_AT + (uint64_t)CIL_POINTER_BYTES * n;
        cil_store_reference(r, *array + at, word);
    }
    *out = cil_drop(r);
    return OK;
}
