// SPDX-License-Identifier: MIT
//
// printf formatting into a sink. No floating point, locale, allocation or lock: it also
// runs in a panic.

#include "kernel/lib/format.h"

#include "kernel/lib/string.h"

#include <stdbool.h>
#include <stdint.h>

#define DIGITS_MAX 24 /* 64 bits in octal have 22 digits */

/** A conversion specification: everything between % and its letter. */
struct spec {
    bool left, zero, plus, space, alt;
    bool has_precision;
    size_t width, precision;
    enum { LEN_CHAR, LEN_SHORT, LEN_INT, LEN_LONG, LEN_LONG_LONG } length;
};

struct out {
    fmt_sink sink;
    void *ctx;
    size_t total;
};

static void put(struct out *o, const char *s, size_t len)
{
    if (len > 0) {
        o->sink(o->ctx, s, len);
        o->total += len;
    }
}

static void pad(struct out *o, char c, size_t n)
{
    char run[16];
    memset(run, c, sizeof(run));
    for (; n > 0; n -= MIN(n, sizeof(run))) {
        put(o, run, MIN(n, sizeof(run)));
    }
}

/** Text, padded with blanks to the width. */
static void put_field(struct out *o, const struct spec *sp, const char *s, size_t len)
{
    size_t blanks = sp->width > len ? sp->width - len : 0;
    if (!sp->left) {
        pad(o, ' ', blanks);
    }
    put(o, s, len);
    if (sp->left) {
        pad(o, ' ', blanks);
    }
}

/** A number: blanks, sign or base prefix, zeros, digits, blanks. */
static void put_number(struct out *o, const struct spec *sp, const char *prefix, const char *digits,
                       size_t digit_count)
{
    size_t prefix_len = strlen(prefix);
    size_t zeros =
        sp->has_precision && sp->precision > digit_count ? sp->precision - digit_count : 0;
    size_t len = prefix_len + zeros + digit_count;
    size_t blanks = sp->width > len ? sp->width - len : 0;
    if (sp->zero && !sp->left && !sp->has_precision) {
        zeros += blanks;
        blanks = 0;
    }
    if (!sp->left) {
        pad(o, ' ', blanks);
    }
    put(o, prefix, prefix_len);
    pad(o, '0', zeros);
    put(o, digits, digit_count);
    if (sp->left) {
        pad(o, ' ', blanks);
    }
}

/* Digits come out last one first, so they fill the buffer from its end. As in C, the value 0 with
 * the precision 0 has no digits at all. */
static void put_unsigned(struct out *o, const struct spec *sp, uint64_t v, unsigned base,
                         bool upper, const char *prefix)
{
    const char *set = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    char buf[DIGITS_MAX];
    char *p = buf + sizeof(buf);
    bool is_empty = v == 0 && sp->has_precision && sp->precision == 0;
    if (!is_empty) {
        do {
            *--p = set[v % base];
            v /= base;
        } while (v != 0);
    }
    put_number(o, sp, prefix, p, (size_t)(buf + sizeof(buf) - p));
}

static void put_signed(struct out *o, const struct spec *sp, int64_t v)
{
    const char *sign = v < 0 ? "-" : sp->plus ? "+" : sp->space ? " " : "";
    put_unsigned(o, sp, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, 10, false, sign);
}

/* With a precision, the string need not end with a zero: no byte after the last one that
 * is printed is read. */
static void put_string(struct out *o, const struct spec *sp, const char *s)
{
    if (s == NULL) {
        s = "(null)";
    }
    put_field(o, sp, s, sp->has_precision ? strnlen(s, sp->precision) : strlen(s));
}

/* Arguments shorter than an int arrive as an int, and are cut to the type that the length names. */
static int64_t take_signed(const struct spec *sp, va_list *args)
{
    switch (sp->length) {
    case LEN_CHAR:
        return (signed char)va_arg(*args, int);
    case LEN_SHORT:
        return (short)va_arg(*args, int);
    case LEN_INT:
        return va_arg(*args, int);
    case LEN_LONG:
        return va_arg(*args, long);
    default:
        return va_arg(*args, long long);
    }
}

static uint64_t take_unsigned(const struct spec *sp, va_list *args)
{
    switch (sp->length) {
    case LEN_CHAR:
        return (unsigned char)va_arg(*args, unsigned);
    case LEN_SHORT:
        return (unsigned short)va_arg(*args, unsigned);
    case LEN_INT:
        return va_arg(*args, unsigned);
    case LEN_LONG:
        return va_arg(*args, unsigned long);
    default:
        return va_arg(*args, unsigned long long);
    }
}

/* A flag that is given twice, or has no meaning for the conversion, changes nothing. */
static const char *parse_flags(const char *f, struct spec *sp)
{
    for (;; f++) {
        switch (*f) {
        case '-':
            sp->left = true;
            break;
        case '0':
            sp->zero = true;
            break;
        case '+':
            sp->plus = true;
            break;
        case ' ':
            sp->space = true;
            break;
        case '#':
            sp->alt = true;
            break;
        default:
            return f;
        }
    }
}

/* A number, or `*` for the next argument. A number that is too large is treated as INT32_MAX. The
 * bound keeps a width from a hostile or mistaken format inside size_t; such a field is then padded
 * for a long time, but no count wraps around. */
static const char *parse_size(const char *f, va_list *args, int64_t *out)
{
    if (*f == '*') {
        *out = va_arg(*args, int);
        return f + 1;
    }
    int64_t n = 0;
    for (; *f >= '0' && *f <= '9'; f++) {
        n = MIN(n * 10 + (*f - '0'), INT32_MAX);
    }
    *out = n;
    return f;
}

/* z, t and j have the size of l or ll on both machines, which the asserts below check. */
static const char *parse_length(const char *f, struct spec *sp)
{
    STATIC_ASSERT(sizeof(size_t) == sizeof(long) && sizeof(ptrdiff_t) == sizeof(long),
                  "z and t are l");
    STATIC_ASSERT(sizeof(intmax_t) == sizeof(long long), "j is ll");
    sp->length = LEN_INT;
    switch (*f) {
    case 'h':
        sp->length = f[1] == 'h' ? LEN_CHAR : LEN_SHORT;
        return f + (f[1] == 'h' ? 2 : 1);
    case 'l':
        sp->length = f[1] == 'l' ? LEN_LONG_LONG : LEN_LONG;
        return f + (f[1] == 'l' ? 2 : 1);
    case 'z':
    case 't':
        sp->length = LEN_LONG;
        return f + 1;
    case 'j':
        sp->length = LEN_LONG_LONG;
        return f + 1;
    default:
        return f;
    }
}

/** Parse everything between % and the conversion letter; returns the letter's position. The order
 * of the parts is that of C (ISO C, 7.21.6.1): flags, width, precision, length. A negative
 * precision from `*` counts as none. */
static const char *parse_spec(const char *f, va_list *args, struct spec *sp)
{
    *sp = (struct spec){0};
    f = parse_flags(f, sp);

    int64_t n;
    f = parse_size(f, args, &n);
    if (n < 0) { /* from `*`: a negative width means left-adjusted */
        sp->left = true;
        n = -n;
    }
    sp->width = (size_t)n;

    if (*f == '.') {
        f = parse_size(f + 1, args, &n);
        sp->has_precision = n >= 0;
        sp->precision = n >= 0 ? (size_t)n : 0;
    }
    return parse_length(f, sp);
}

/** Returns false for an unknown conversion letter. */
static bool put_conversion(struct out *o, const struct spec *sp, char letter, va_list *args)
{
    switch (letter) {
    case 'd':
    case 'i':
        put_signed(o, sp, take_signed(sp, args));
        return true;
    case 'u':
        put_unsigned(o, sp, take_unsigned(sp, args), 10, false, "");
        return true;
    case 'x':
    case 'X': {
        uint64_t v = take_unsigned(sp, args);
        const char *prefix = !sp->alt || v == 0 ? "" : letter == 'x' ? "0x" : "0X";
        put_unsigned(o, sp, v, 16, letter == 'X', prefix);
        return true;
    }
    case 'o': {
        uint64_t v = take_unsigned(sp, args);
        put_unsigned(o, sp, v, 8, false, sp->alt && v != 0 ? "0" : "");
        return true;
    }
    case 'c': {
        char c = (char)va_arg(*args, int);
        put_field(o, sp, &c, 1);
        return true;
    }
    case 's':
        put_string(o, sp, va_arg(*args, const char *));
        return true;
    case 'p': {
        struct spec full = {
            .has_precision = true, .precision = 16, .width = sp->width, .left = sp->left};
        put_unsigned(o, &full, (uintptr_t)va_arg(*args, void *), 16, false, "0x");
        return true;
    }
    case '%':
        put(o, "%", 1);
        return true;
    default:
        return false;
    }
}

/* The sink gets the text between two conversions in one piece, and each conversion in several. An
 * unknown conversion is printed as it is and takes no argument. A `%` at the end of the text is
 * printed as it is: parse_spec() stops at the zero, which is not passed. */
size_t fmt_vsink(fmt_sink sink, void *ctx, const char *fmt, va_list args)
{
    struct out o = {.sink = sink, .ctx = ctx};
    /* the address of a va_list parameter cannot be passed on where it has array type */
    va_list list;
    va_copy(list, args);
    while (*fmt != '\0') {
        const char *start = fmt;
        while (*fmt != '\0' && *fmt != '%') {
            fmt++;
        }
        put(&o, start, (size_t)(fmt - start));
        if (*fmt == '\0') {
            break;
        }
        start = fmt;
        struct spec sp;
        fmt = parse_spec(fmt + 1, &list, &sp);
        if (*fmt != '\0') {
            fmt++;
        }
        if (!put_conversion(&o, &sp, fmt[-1], &list)) {
            put(&o, start, (size_t)(fmt - start));
        }
    }
    va_end(list);
    return o.total;
}

size_t fmt_sink_printf(fmt_sink sink, void *ctx, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    size_t n = fmt_vsink(sink, ctx, fmt, args);
    va_end(args);
    return n;
}

struct buffer {
    char *next;
    size_t room; /* bytes left, without the terminating zero */
};

/* What does not fit is dropped, so the result is always a prefix of the whole text. */
static void buffer_sink(void *ctx, const char *s, size_t len)
{
    struct buffer *b = ctx;
    size_t n = MIN(len, b->room);
    if (n == 0) {
        return;
    }
    memcpy(b->next, s, n);
    b->next += n;
    b->room -= n;
}

/* Counts all bytes, also those without room in `buf`, as the C library's functions do. */
size_t fmt_vprint(char *buf, size_t len, const char *fmt, va_list args)
{
    struct buffer b = {.next = buf, .room = len > 0 ? len - 1 : 0};
    size_t n = fmt_vsink(buffer_sink, &b, fmt, args);
    if (len > 0) {
        *b.next = '\0';
    }
    return n;
}

size_t fmt_print(char *buf, size_t len, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    size_t n = fmt_vprint(buf, len, fmt, args);
    va_end(args);
    return n;
}
