// SPDX-License-Identifier: MIT
//
// Looks up an address in the generated symbol table.
//
// Functions are in order of address, in groups of MARK_EVERY. A mark for each group tells where its
// part of each array starts; inside a group everything is read from the first function on.
//
// Each group has rows. A row advances the address and steps to another source position, which
// applies from that address on. The table has the right line for each instruction that can fault
// and for each call, because only these are in a backtrace; an interrupted instruction of another
// kind may get the line of one next to it. Rows consist of Huffman words, most significant bit
// first, and numbers: three bits d, then d + 1 groups of four.
//
//   advance   a word of UNITS: 0 to 95 units, or 96: the number of units follows
//   step      a word of STEPS: 0 to 62: that many lines forward, less 31
//             63 to 94: return to a remembered position, number 0 to 31; a word of RETURNS gives
//                       the number of lines from there, as above
//             95: a number follows: half of it, rounded up, is the number of lines, forward if it
//                       is even and back if it is odd
//             96: another file: ten bits, then its line as a number
//
// Each word from 63 on puts the position that it leaves in front of the remembered ones; a position
// to which it returns leaves the list. The last of 32 is forgotten.
//
// A group starts at the first byte of its first function, in no file, at line 0. Line 0 means that
// the code belongs to no source line.
//
// A Huffman code is 16 bytes, how many words have 0 to 15 bits, followed by the meaning of
// each word, the shortest first, ascending within a length. The words follow from that (RFC
// 1951, 3.2.2).
//
// Names of functions, and then of files, are codes of NAME_BITS bits, one string after the other.
// A code below CHARACTERS is a character; each other one stands for two codes, its pair, which
// scripts/lib/grammar.py has chosen. A string ends with its first code that is 0 or at least
// final_code.

#include "kernel/base/symbols.h"

#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"

#include <stdatomic.h>

#define MARK_EVERY 32u
#define CODE_BITS  15u
#define FILE_BITS  10u
#define NO_FILE    UINT32_MAX
#define NEAR       31u /* lines of a short step, either way */
#define LEFT       32u /* positions that are remembered */
#define NAME_BITS  10u
#define CHARACTERS 128u
#define NAME_DEPTH 16u /* codes that wait while one is expanded, at most */

enum { UNITS, STEPS, RETURNS };

enum {
    UNITS_WIDE = 96,
    STEP_BACK = 2 * NEAR + 1,
    STEP_FAR = STEP_BACK + LEFT,
    STEP_FILE,
};

/* Layout that scripts/lib/symbols.py writes as numbers. */
STATIC_ASSERT(sizeof(struct symbol_mark) == 16, "symbols.py writes four words");
STATIC_ASSERT(offsetof(struct symbol_table, marks) == 32, "symbols.py writes the pointers here");
STATIC_ASSERT(sizeof(struct symbol_table) == 96, "symbols.py writes eight pointers");

static uint32_t read_varint(const uint8_t **next)
{
    uint32_t value = 0;
    for (unsigned shift = 0; shift < 32; shift += 7) {
        uint8_t byte = *(*next)++;
        value |= (uint32_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) {
            break;
        }
    }
    return value;
}

/** Code number `at` of an array of codes. Offsets are even, so a code lies within two bytes. */
static unsigned name_code(const uint8_t *codes, uint32_t at)
{
    const uint8_t *p = codes + at * NAME_BITS / 8;
    unsigned two = (unsigned)p[0] << 8 | p[1];
    return two >> (16 - NAME_BITS - at * NAME_BITS % 8) & ((1u << NAME_BITS) - 1);
}

/** Where the string `count` strings further on starts. */
static uint32_t skip_names(const struct symbol_table *t, uint32_t at, uint32_t count)
{
    while (count > 0 && at < t->name_codes) {
        unsigned code = name_code(t->names, at++);
        if (code == 0 || code >= t->final_code) {
            count--;
        }
    }
    return at;
}

/** Write the string that starts at code `at`, cut to the size of `out`. */
static void read_name(const struct symbol_table *t, uint32_t at, char *out, size_t len)
{
    uint16_t waiting[NAME_DEPTH];
    unsigned depth = 0;
    size_t n = 0;
    while (n + 1 < len && at < t->name_codes) {
        waiting[depth++] = (uint16_t)name_code(t->names, at++);
        while (depth > 0) {
            unsigned code = waiting[--depth];
            if (code >= CHARACTERS && depth + 2 <= NAME_DEPTH) {
                uint32_t pair = 2 * (code - CHARACTERS);
                waiting[depth++] = (uint16_t)name_code(t->pairs, pair + 1);
                waiting[depth++] = (uint16_t)name_code(t->pairs, pair);
            } else if (code == 0 || n + 1 == len) {
                goto end;
            } else {
                out[n++] = (char)code;
            }
        }
    }
end:
    out[n] = '\0';
}

/** The unread rows of one group: a range of the table's bits. Bits after the end read as 0. */
struct cursor {
    const struct symbol_table *table;
    uint32_t at, end;
};

static uint32_t read_bits(struct cursor *c, unsigned count)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < count; i++) {
        unsigned bit = 0;
        if (c->at < c->end) {
            bit = c->table->line_bits[c->at / 8] >> (7 - c->at % 8) & 1u;
            c->at++;
        }
        value = value << 1 | bit;
    }
    return value;
}

static uint32_t read_number(struct cursor *c)
{
    uint32_t digits = read_bits(c, 3) + 1;
    return read_bits(c, 4 * digits);
}

/** Decode the next word. Words of one length are consecutive numbers, and no word is a prefix of a
 * longer one. */
static uint32_t read_word(struct cursor *c, unsigned alphabet)
{
    const uint8_t *counts = c->table->codes[alphabet];
    const uint8_t *meanings = counts + CODE_BITS + 1;
    uint32_t word = 0, first = 0, before = 0;
    for (unsigned bits = 1; bits <= CODE_BITS; bits++) {
        word = word << 1 | read_bits(c, 1);
        if (word - first < counts[bits]) {
            return meanings[before + (word - first)];
        }
        before += counts[bits];
        first = (first + counts[bits]) << 1;
    }
    c->at = c->end; /* not a word: nothing after it can be decoded */
    return 0;
}

struct source_position {
    uint32_t file, line;
};

static void step(struct cursor *c, struct source_position *at, struct source_position left[LEFT])
{
    uint32_t word = read_word(c, STEPS), number;
    if (word < STEP_BACK) {
        at->line += word - NEAR;
        return;
    }
    struct source_position was = *at;
    unsigned gone = LEFT - 1; /* whose slot the new position takes */
    switch (word) {
    case STEP_FAR:
        number = read_number(c);
        at->line += (number >> 1) ^ (0u - (number & 1u));
        break;
    case STEP_FILE:
        at->file = read_bits(c, FILE_BITS);
        at->line = read_number(c);
        break;
    default:
        gone = MIN(word - STEP_BACK, LEFT - 1);
        *at = left[gone];
        at->line += read_word(c, RETURNS) - NEAR;
        break;
    }
    memmove(left + 1, left, gone * sizeof(left[0]));
    left[0] = was;
}

/** A function of the table. */
struct function {
    const struct symbol_mark *mark; /* of its group; another mark follows */
    uint32_t index;                 /* in its group */
    uint32_t start;                 /* relative to the table's base */
};

/** The function that contains pc. @return false: pc is outside the text */
static bool find_function(const struct symbol_table *t, uintptr_t pc, struct function *out)
{
    /* Binary search for the last mark at or below the offset. */
    uint32_t lo = 0, hi = (t->count + MARK_EVERY - 1) / MARK_EVERY;
    if (t->count == 0 || pc < t->base + t->marks[0].start || pc - t->base >= t->marks[hi].start) {
        return false;
    }
    uint32_t offset = (uint32_t)(pc - t->base);
    while (hi - lo > 1) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (t->marks[mid].start <= offset) {
            lo = mid;
        } else {
            hi = mid;
        }
    }
    struct function f = {.mark = &t->marks[lo], .start = t->marks[lo].start};
    const uint8_t *sizes = t->sizes + f.mark->sizes;
    uint32_t last = MIN(MARK_EVERY, t->count - lo * MARK_EVERY) - 1;
    for (; f.index < last; f.index++) {
        uint32_t size = read_varint(&sizes) * t->unit;
        if (offset - f.start < size) {
            break;
        }
        f.start += size;
    }
    *out = f;
    return true;
}

static void find_name(const struct symbol_table *t, const struct function *f, char *out, size_t len)
{
    read_name(t, skip_names(t, f->mark->names, f->index), out, len);
}

/** The last row at or below the offset, which is relative to the table's base. */
static void find_line(const struct symbol_table *t, const struct symbol_mark *mark, uint32_t offset,
                      struct symbol_info *out)
{
    struct cursor c = {.table = t, .at = mark[0].lines, .end = mark[1].lines};
    struct source_position place = {.file = NO_FILE}, left[LEFT] = {{.file = NO_FILE}};
    uint64_t at = mark->start;
    while (c.at < c.end) {
        uint32_t units = read_word(&c, UNITS);
        at += (uint64_t)(units == UNITS_WIDE ? read_number(&c) : units) * t->unit;
        if (at > offset) {
            break;
        }
        step(&c, &place, left);
    }
    out->line = place.line;
    if (place.line != 0 && place.file < t->file_count) {
        uint32_t files = t->marks[(t->count + MARK_EVERY - 1) / MARK_EVERY].names;
        read_name(t, skip_names(t, files, place.file), out->file, sizeof(out->file));
    }
}

bool symbols_find_in(const struct symbol_table *table, uintptr_t pc, struct symbol_info *out)
{
    struct function f;
    if (!find_function(table, pc, &f)) {
        return false;
    }
    uint32_t offset = (uint32_t)(pc - table->base);
    *out = (struct symbol_info){.offset = offset - f.start};
    find_name(table, &f, out->name, sizeof(out->name));
    find_line(table, f.mark, offset, out);
    return true;
}

bool symbols_find(uintptr_t pc, struct symbol_info *out)
{
    return symbols_find_in(&kernel_symbols, pc, out);
}

bool symbols_find_name(uintptr_t pc, char *out, size_t len)
{
    struct function f;
    bool found = find_function(&kernel_symbols, pc, &f);
    if (found) {
        find_name(&kernel_symbols, &f, out, len);
    }
    return found;
}

uintptr_t symbols_find_function(uintptr_t pc)
{
    struct function f;
    return find_function(&kernel_symbols, pc, &f) ? (uintptr_t)kernel_symbols.base + f.start : 0;
}

/* Relaxed: they are installed before any code is loaded. */
static _Atomic(const struct symbols_loaded_ops *) loaded;

void symbols_install_loaded(const struct symbols_loaded_ops *ops)
{
    atomic_store_explicit(&loaded, ops, memory_order_relaxed);
}

bool symbols_describe_loaded(uintptr_t pc, char *buf, size_t len)
{
    const struct symbols_loaded_ops *ops = atomic_load_explicit(&loaded, memory_order_relaxed);
    return ops != NULL && ops->describe(pc, buf, len);
}

uintptr_t symbols_find_loaded(uintptr_t pc)
{
    const struct symbols_loaded_ops *ops = atomic_load_explicit(&loaded, memory_order_relaxed);
    return ops == NULL ? 0 : ops->find_function(pc);
}
