// SPDX-License-Identifier: MIT
//
// Looks up an address in the generated symbol table.
//
// The table has rows for each function, in order of address. A row advances the address and steps
// to another source position, which applies from that address on. Rows consist of Huffman words,
// most significant bit first, and numbers: three bits d, then d + 1 groups of four.
//
//   advance   a word of UNITS: 0 to 47 units, or 48: the number of units follows
//   step      a word of STEPS: 0 to 62: that many lines forward, less 31
//             63 to 66: return to the position that was left last but 0 to 3 by
//                       one of these words; a word of RETURNS, as above, gives the distance
//             67: a number of lines, forward if even, half of it
//             68: another file: ten bits, then its line as a number
//
// A function starts at its first byte, in no file, at line 0. Line 0 means that the code belongs to
// no source line.
//
// A Huffman code is 16 bytes, how many words have 0 to 15 bits, followed by the meaning of
// each word, the shortest first, ascending within a length. The words follow from that (RFC
// 1951, 3.2.2).

#include "kernel/base/symbols.h"

#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"

#include <stdatomic.h>

#define MARK_EVERY 16u
#define CODE_BITS  15u
#define FILE_BITS  10u
#define NO_FILE    UINT32_MAX
#define NEAR       31u /* lines of a short step, either way */
#define LEFT       4u  /* positions that are remembered */

enum { UNITS, STEPS, RETURNS };

enum {
    UNITS_WIDE = 48,
    STEP_BACK = 2 * NEAR + 1,
    STEP_FAR = STEP_BACK + LEFT,
    STEP_FILE,
};

/* Layout that scripts/lib/symbols.py writes as numbers. */
STATIC_ASSERT(sizeof(struct symbol_mark) == 16, "symbols.py writes four words");
STATIC_ASSERT(offsetof(struct symbol_table, marks) == 24, "symbols.py writes the pointers here");
STATIC_ASSERT(sizeof(struct symbol_table) == 88, "symbols.py writes eight pointers");

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

/** The unread rows of one function: a range of the table's bits. Bits after the end read as 0. */
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

struct place {
    uint32_t file, line;
};

static void step(struct cursor *c, struct place *at, struct place left[LEFT])
{
    uint32_t word = read_word(c, STEPS), number;
    if (word < STEP_BACK) {
        at->line += word - NEAR;
        return;
    }
    struct place was = *at;
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
    uint32_t start, size; /* bytes; start is relative to the table's base */
    const char *name;
    uint32_t lines, line_bits;
};

/** The function that contains the offset. @pre the offset is inside the text */
static struct function find_function(const struct symbol_table *t, uint32_t offset)
{
    /* A mark every MARK_EVERY functions allows a binary search; from the mark on, the sizes are
     * read one by one. */
    uint32_t lo = 0, hi = (t->count + MARK_EVERY - 1) / MARK_EVERY;
    while (hi - lo > 1) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (t->marks[mid].start <= offset) {
            lo = mid;
        } else {
            hi = mid;
        }
    }
    const struct symbol_mark *mark = &t->marks[lo];
    const uint8_t *sizes = t->sizes + mark->sizes;
    struct function f = {
        .start = mark->start, .name = t->strings + mark->name, .lines = mark->lines};
    for (uint32_t left = MIN(MARK_EVERY, t->count - lo * MARK_EVERY);; left--) {
        f.size = read_varint(&sizes) * t->unit;
        f.line_bits = read_varint(&sizes);
        if (left == 1 || offset - f.start < f.size) {
            return f;
        }
        f.start += f.size;
        f.lines += f.line_bits;
        f.name += strlen(f.name) + 1;
    }
}

/** The last row at or below the offset, which is relative to the function's start. */
static void find_line(const struct symbol_table *t, const struct function *f, uint32_t offset,
                      struct symbol_info *out)
{
    struct cursor c = {.table = t, .at = f->lines, .end = f->lines + f->line_bits};
    struct place place = {.file = NO_FILE}, left[LEFT] = {{.file = NO_FILE}};
    uint64_t at = 0;
    while (c.at < c.end) {
        uint32_t units = read_word(&c, UNITS);
        at += (uint64_t)(units == UNITS_WIDE ? read_number(&c) : units) * t->unit;
        if (at > offset) {
            break;
        }
        step(&c, &place, left);
    }
    out->line = place.line;
    out->file =
        place.line != 0 && place.file < t->file_count ? t->strings + t->files[place.file] : NULL;
}

bool symbols_find_in(const struct symbol_table *table, uintptr_t pc, struct symbol_info *out)
{
    if (table->count == 0 || pc < table->base + table->marks[0].start ||
        pc - table->base >= table->text_bytes) {
        return false;
    }
    uint32_t offset = (uint32_t)(pc - table->base);
    struct function f = find_function(table, offset);
    *out = (struct symbol_info){.name = f.name, .offset = offset - f.start};
    find_line(table, &f, out->offset, out);
    return true;
}

bool symbols_find(uintptr_t pc, struct symbol_info *out)
{
    return symbols_find_in(&kernel_symbols, pc, out);
}

/* Relaxed: whoever has loaded code has installed them before. */
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
