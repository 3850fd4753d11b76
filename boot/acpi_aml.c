// SPDX-License-Identifier: MIT
//
// The encodings of ACPI 6.4, 20.2. Every offset is compared with the end of its list before it is
// used, and that end with the end of the enclosing list.
#include "boot/acpi_aml.h"

#include "kernel/lib/compiler.h"

enum {
    OP_ZERO = 0x00,
    OP_ONE = 0x01,
    OP_ALIAS = 0x06,
    OP_NAME = 0x08,
    OP_BYTE = 0x0a,
    OP_WORD = 0x0b,
    OP_DWORD = 0x0c,
    OP_STRING = 0x0d,
    OP_QWORD = 0x0e,
    OP_SCOPE = 0x10,
    OP_BUFFER = 0x11,
    OP_PACKAGE = 0x12,
    OP_VAR_PACKAGE = 0x13,
    OP_METHOD = 0x14,
    OP_EXTERNAL = 0x15,
    OP_DUAL_NAME = 0x2e,
    OP_MULTI_NAME = 0x2f,
    OP_EXTENDED = 0x5b,
    OP_ROOT = 0x5c,
    OP_PARENT = 0x5e,
    OP_IF = 0xa0,
    OP_ELSE = 0xa1,
    OP_WHILE = 0xa2,
    OP_ONES = 0xff,
    /* after OP_EXTENDED */
    EXT_MUTEX = 0x01,
    EXT_EVENT = 0x02,
    EXT_REGION = 0x80,
    EXT_FIELD = 0x81,
    EXT_DEVICE = 0x82,
    EXT_PROCESSOR = 0x83,
    EXT_BANK_FIELD = 0x87,
};

#define SEGMENT_SIZE 4u

static bool take_byte(const struct acpi_table *t, uint32_t *at, uint32_t end, uint8_t *out)
{
    if (*at >= end) {
        return false;
    }
    *out = t->bytes[(*at)++];
    return true;
}

static bool skip(uint32_t *at, uint32_t end, uint32_t n)
{
    if (n > end - *at) {
        return false;
    }
    *at += n;
    return true;
}

/* PkgLength (20.2.4), which includes itself: `*stop` becomes the offset after the object. */
static bool take_length(const struct acpi_table *t, uint32_t *at, uint32_t end, uint32_t *stop)
{
    uint32_t start = *at;
    uint8_t lead, byte;
    if (!take_byte(t, at, end, &lead)) {
        return false;
    }
    unsigned more = lead >> 6;
    uint32_t len = more == 0 ? lead & 0x3f : lead & 0x0f;
    for (unsigned i = 0; i < more; i++) {
        if (!take_byte(t, at, end, &byte)) {
            return false;
        }
        len |= (uint32_t)byte << (4 + 8 * i);
    }
    if (len < more + 1 || len > end - start) {
        return false;
    }
    *stop = start + len;
    return true;
}

bool aml_name(const struct acpi_table *t, uint32_t *at, uint32_t end, uint32_t *out)
{
    while (*at < end && (t->bytes[*at] == OP_ROOT || t->bytes[*at] == OP_PARENT)) {
        (*at)++;
    }
    if (*at >= end) {
        return false;
    }
    uint8_t lead = t->bytes[*at];
    uint32_t segments = 1;
    if (lead == OP_ZERO) {
        (*at)++;
        *out = 0;
        return true;
    }
    if (lead == OP_DUAL_NAME) {
        (*at)++;
        segments = 2;
    } else if (lead == OP_MULTI_NAME) {
        uint8_t count;
        (*at)++;
        if (!take_byte(t, at, end, &count) || count == 0) {
            return false;
        }
        segments = count;
    } else if (lead != '_' && (lead < 'A' || lead > 'Z')) {
        return false;
    }
    if (!skip(at, end, segments * SEGMENT_SIZE)) {
        return false;
    }
    *out = load_le32(t->bytes + *at - SEGMENT_SIZE);
    return true;
}

bool aml_integer(const struct acpi_table *t, uint32_t *at, uint32_t end, uint64_t *out)
{
    uint8_t op;
    if (!take_byte(t, at, end, &op)) {
        return false;
    }
    if (op == OP_ZERO || op == OP_ONE || op == OP_ONES) {
        *out = op == OP_ONES ? UINT64_MAX : op;
        return true;
    }
    uint32_t size = op == OP_BYTE    ? 1
                    : op == OP_WORD  ? 2
                    : op == OP_DWORD ? 4
                    : op == OP_QWORD ? 8
                                     : 0;
    uint32_t first = *at;
    if (size == 0 || !skip(at, end, size)) {
        return false;
    }
    uint64_t value = 0;
    for (uint32_t i = 0; i < size; i++) {
        value |= (uint64_t)t->bytes[first + i] << (8 * i);
    }
    *out = value;
    return true;
}

/* An object that starts with `op` and its PkgLength;
 * `*at` moves to its end, `*first` after the length. */
static bool take_framed(const struct acpi_table *t, uint32_t *at, uint32_t end, uint8_t op,
                        uint32_t *first, uint32_t *last)
{
    uint8_t found;
    uint32_t stop;
    if (!take_byte(t, at, end, &found) || found != op || !take_length(t, at, end, &stop)) {
        return false;
    }
    *first = *at;
    *last = stop;
    *at = stop;
    return true;
}

bool aml_buffer(const struct acpi_table *t, uint32_t *at, uint32_t end, uint32_t *first,
                uint32_t *last)
{
    uint64_t size; /* may be larger than the initial value, but only that matters here */
    return take_framed(t, at, end, OP_BUFFER, first, last) && aml_integer(t, first, *last, &size);
}

bool aml_package(const struct acpi_table *t, uint32_t *at, uint32_t end, uint32_t *first,
                 uint32_t *last)
{
    uint64_t count;
    /* its element count is a term */
    bool is_variable = *at < end && t->bytes[*at] == OP_VAR_PACKAGE;
    return take_framed(t, at, end, is_variable ? OP_VAR_PACKAGE : OP_PACKAGE, first, last) &&
           (is_variable ? aml_integer(t, first, *last, &count) : skip(first, *last, 1));
}

/* Skip the data of a Name. */
static bool skip_data(const struct acpi_table *t, uint32_t *at, uint32_t end)
{
    uint32_t first, last, name;
    uint64_t value;
    uint8_t op = *at < end ? t->bytes[*at] : OP_EXTENDED;
    if (op == OP_BUFFER || op == OP_PACKAGE || op == OP_VAR_PACKAGE) {
        return take_framed(t, at, end, op, &first, &last);
    }
    if (op == OP_STRING) {
        while (*at < end && t->bytes[*at] != 0) {
            (*at)++;
        }
        return skip(at, end, 1);
    }
    uint32_t start = *at;
    if (aml_integer(t, at, end, &value)) {
        return true;
    }
    *at = start;
    return aml_name(t, at, end, &name);
}

/* The terms after OP_EXTENDED. */
static bool next_extended(const struct acpi_table *t, uint32_t *at, uint32_t end,
                          struct aml_term *out)
{
    uint8_t op;
    uint64_t value;
    if (!take_byte(t, at, end, &op)) {
        return false;
    }
    if (op == EXT_MUTEX || op == EXT_EVENT) {
        return aml_name(t, at, end, &out->name) && skip(at, end, op == EXT_MUTEX ? 1 : 0);
    }
    if (op == EXT_REGION) {
        return aml_name(t, at, end, &out->name) && skip(at, end, 1) &&
               aml_integer(t, at, end, &value) && aml_integer(t, at, end, &value);
    }
    if (op < EXT_FIELD || op > EXT_BANK_FIELD || !take_length(t, at, end, &out->end)) {
        return false;
    }
    out->body = *at;
    *at = out->end;
    if (op == EXT_DEVICE) {
        out->kind = AML_DEVICE;
        return aml_name(t, &out->body, out->end, &out->name);
    }
    return true;
}

bool aml_next(const struct acpi_table *t, uint32_t *at, uint32_t end, struct aml_term *out)
{
    uint32_t unused;
    uint8_t op;
    *out = (struct aml_term){.kind = AML_OTHER};
    if (!take_byte(t, at, end, &op)) {
        return false;
    }
    switch (op) {
    case OP_EXTENDED:
        return next_extended(t, at, end, out);
    case OP_NAME:
        out->kind = AML_NAME;
        if (!aml_name(t, at, end, &out->name)) {
            return false;
        }
        out->body = *at;
        if (!skip_data(t, at, end)) {
            return false;
        }
        out->end = *at;
        return true;
    case OP_SCOPE:
        out->kind = AML_SCOPE;
        if (!take_length(t, at, end, &out->end)) {
            return false;
        }
        out->body = *at;
        *at = out->end;
        return aml_name(t, &out->body, out->end, &out->name);
    case OP_METHOD:
    case OP_IF:
    case OP_ELSE:
    case OP_WHILE:
        if (!take_length(t, at, end, &out->end)) {
            return false;
        }
        *at = out->end;
        return true;
    case OP_ALIAS:
        return aml_name(t, at, end, &unused) && aml_name(t, at, end, &unused);
    case OP_EXTERNAL:
        return aml_name(t, at, end, &unused) && skip(at, end, 2);
    default:
        return false;
    }
}
