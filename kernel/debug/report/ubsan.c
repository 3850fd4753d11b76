// SPDX-License-Identifier: MIT
//
// Called by clang's -fsanitize=undefined when undefined behaviour is about to happen: panics with
// its kind, place and values. The data layouts are compiler-rt's (lib/ubsan/ubsan_handlers.h of
// LLVM 14); each starts with the place.
//
// Values of up to 64 bits are passed directly; wider ones and floating-point values by address, and
// the text omits them.

#ifdef HALYARD_UNDEFINED

#include "kernel/base/panic.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/format.h"

#include <stdarg.h>
#include <stdint.h>

struct source_position {
    const char *file;
    uint32_t line, column;
};

struct type {
    uint16_t kind; /* 0: an integer */
    uint16_t info; /* for an integer: bit 0 is set if it is signed; the rest is log2 of its bits */
    char name[];   /* in quotes */
};

struct with_type {
    struct source_position at;
    const struct type *type;
};

struct with_two_types {
    struct source_position at;
    const struct type *first, *second;
};

struct mismatch {
    struct source_position at;
    const struct type *type;
    uint8_t log2_align;
    uint8_t access; /* index of accesses[] */
};

struct invalid_builtin {
    struct source_position at;
    uint8_t kind;
};

typedef uintptr_t value_t; /* as the compiler passes it */

#define VALUE_TEXT 24

/* The compiler passes an operand of up to 64 bits by value, sign-extended or not; the type's width
 * decides which of its bits count. */
static const char *value_text(char *buf, const struct type *type, value_t v)
{
    unsigned bits = 1u << (type->info >> 1);
    if (type->kind != 0 || bits > 64) {
        return "a value";
    }
    if ((type->info & 1) != 0) {
        (void)fmt_print(buf, VALUE_TEXT, "%lld", (long long)(v << (64 - bits)) >> (64 - bits));
    } else {
        (void)fmt_print(buf, VALUE_TEXT, "%llu", (unsigned long long)v);
    }
    return buf;
}

static _Noreturn PRINTF_LIKE(2, 3) void report(const struct source_position *at, const char *fmt,
                                               ...)
{
    static char what[200];
    va_list args;
    va_start(args, fmt);
    (void)fmt_vprint(what, sizeof(what), fmt, args);
    va_end(args);
    panic("undefined behaviour: %s, at %s:%u:%u", what, at->file, at->line, at->column);
}

/* The names that the compiler calls. With -fno-sanitize-recover they do not return. */
#define HANDLER(name, ...)                                                                         \
    _Noreturn void __ubsan_handle_##name(__VA_ARGS__);                                             \
    _Noreturn void __ubsan_handle_##name(__VA_ARGS__)

static _Noreturn void overflow(const struct with_type *d, value_t a, const char *sign, value_t b)
{
    char left[VALUE_TEXT], right[VALUE_TEXT];
    report(&d->at, "%s %s %s is not a valid %s", value_text(left, d->type, a), sign,
           value_text(right, d->type, b), d->type->name);
}

HANDLER(add_overflow_abort, const struct with_type *d, value_t a, value_t b)
{
    overflow(d, a, "+", b);
}

HANDLER(sub_overflow_abort, const struct with_type *d, value_t a, value_t b)
{
    overflow(d, a, "-", b);
}

HANDLER(mul_overflow_abort, const struct with_type *d, value_t a, value_t b)
{
    overflow(d, a, "*", b);
}

HANDLER(divrem_overflow_abort, const struct with_type *d, value_t a, value_t b)
{
    overflow(d, a, "/", b);
}

HANDLER(negate_overflow_abort, const struct with_type *d, value_t v)
{
    char text[VALUE_TEXT];
    report(&d->at, "-(%s) is not a valid %s", value_text(text, d->type, v), d->type->name);
}

HANDLER(shift_out_of_bounds_abort, const struct with_two_types *d, value_t v, value_t by)
{
    char left[VALUE_TEXT], right[VALUE_TEXT];
    report(&d->at, "a shift of %s, a %s, by %s", value_text(left, d->first, v), d->first->name,
           value_text(right, d->second, by));
}

HANDLER(out_of_bounds_abort, const struct with_two_types *d, value_t index)
{
    char text[VALUE_TEXT];
    report(&d->at, "index %s of a %s", value_text(text, d->second, index), d->first->name);
}

/* One handler for three faults of an access through a pointer: it is null, it is not aligned for
 * the type, or the object is too small. */
HANDLER(type_mismatch_v1_abort, const struct mismatch *d, uintptr_t p)
{
    static const char *const accesses[] = {"load from",        "store to",       "reference to",
                                           "member access in", "member call on", "use of",
                                           "cast of",          "virtual use of", "upcast of",
                                           "cast of",          "use of",         "use of"};
    const char *access = d->access < ARRAY_COUNT(accesses) ? accesses[d->access] : "use of";
    uintptr_t align = (uintptr_t)1 << d->log2_align;
    if (p == 0) {
        report(&d->at, "%s a null pointer as %s", access, d->type->name);
    }
    report(&d->at, "%s %p as %s, which %s", access, (void *)p, d->type->name,
           p % align != 0 ? "is misaligned" : "is too small for it");
}

/* The sum wrapped around, or an offset was added to a null pointer. */
HANDLER(pointer_overflow_abort, const struct source_position *at, uintptr_t from, uintptr_t to)
{
    report(at, "invalid pointer arithmetic: %p becomes %p", (void *)from, (void *)to);
}

/* A bool that is neither 0 nor 1, or an enumeration without that value. */
HANDLER(load_invalid_value_abort, const struct with_type *d, value_t v)
{
    char text[VALUE_TEXT];
    report(&d->at, "%s is not a valid %s", value_text(text, d->type, v), d->type->name);
}

HANDLER(invalid_builtin_abort, const struct invalid_builtin *d)
{
    report(&d->at, "the leading or trailing zeros of 0 are counted");
}

HANDLER(nonnull_arg_abort, const struct source_position *at)
{
    report(at, "a null pointer as an argument that must not be null");
}

HANDLER(nonnull_return_v1_abort, const void *function, const struct source_position *at)
{
    (void)function;
    report(at, "a null pointer as a result that must not be null");
}

HANDLER(alignment_assumption_abort, const struct with_two_types *d, uintptr_t p, uintptr_t align,
        uintptr_t offset)
{
    report(&d->at, "%p is not aligned to %zu with offset %zu, as assumed", (void *)p, (size_t)align,
           (size_t)offset);
}

HANDLER(builtin_unreachable, const struct source_position *at)
{
    report(at, "code marked as unreachable is reached");
}

#endif
