// SPDX-License-Identifier: MIT
//
// Looking up an address in the generated table. Walking the stack is kernel/panic.c's.
//
// Line bytes of one function: rows in order of address. A row is an advance of the address in units
// and of the line, and says which line the code from that address on comes from:
//
//   AL        A = 1 to 15 units on, line + L - 4
//   00 a l    a (varint) units on, line + l (zigzag varint)
//   01 f      the next row and those after it lie in file f (varint)
//
// The first row of a function starts at its first byte, in file 0 at line 0.

#include "kernel/symbols.h"

#include "kernel/lib/compiler.h"

#define OP_WIDE      0x00
#define OP_FILE      0x01
#define SHORT_LINE_0 4 /* a short row's line advance is its low four bits less this */

/* What scripts/lib/symbols.py writes as numbers. */
STATIC_ASSERT(offsetof(struct symbol_table, unit) == 12,
              "symbols.py writes count and unit together");
STATIC_ASSERT(offsetof(struct symbol_table, start) == 24,
              "symbols.py writes the pointers from here");
STATIC_ASSERT(sizeof(struct symbol_table) == 72, "symbols.py writes six pointers");

/** Unread line bytes of one function. */
struct cursor {
    const uint8_t *next, *end;
};

static uint32_t read_varint(struct cursor *c)
{
    uint32_t value = 0;
    for (unsigned shift = 0; c->next < c->end && shift < 32; shift += 7) {
        uint8_t byte = *c->next++;
        value |= (uint32_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) {
            break;
        }
    }
    return value;
}

/** Small numbers of either sign are small varints: 0, -1, 1, -2 ... are 0, 1, 2, 3 ... */
static uint32_t read_zigzag(struct cursor *c)
{
    uint32_t raw = read_varint(c);
    return (raw >> 1) ^ (0u - (raw & 1u));
}

/** Index of the function that holds the offset, which lies inside the text. */
static uint32_t find_function(const struct symbol_table *t, uint32_t offset)
{
    uint32_t lo = 0, hi = t->count; /* start[lo] <= offset < start[hi] */
    while (hi - lo > 1) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (t->start[mid] <= offset) {
            lo = mid;
        } else {
            hi = mid;
        }
    }
    return lo;
}

/** The last row at or below `offset`, which counts from the start of function `index`. */
static void find_line(const struct symbol_table *t, uint32_t index, uint32_t offset,
                      struct symbol_info *out)
{
    struct cursor c = {
        .next = t->line_bytes + t->lines[index],
        .end = t->line_bytes + t->lines[index + 1],
    };
    uint64_t at = 0;
    uint32_t line = 0, file = 0;
    while (c.next < c.end) {
        uint8_t op = *c.next++;
        if (op == OP_FILE) {
            file = read_varint(&c);
            continue;
        }
        if (op == OP_WIDE) {
            at += (uint64_t)read_varint(&c) * t->unit;
            line += read_zigzag(&c);
        } else {
            at += (uint64_t)(op >> 4) * t->unit;
            line += (op & 15u) - SHORT_LINE_0;
        }
        if (at > offset) {
            break;
        }
        out->line = line;
        out->file = line != 0 && file < t->file_count ? t->strings + t->files[file] : NULL;
    }
}

bool symbols_find_in(const struct symbol_table *table, uintptr_t pc, struct symbol_info *out)
{
    if (table->count == 0 || pc < table->base + table->start[0] ||
        pc >= table->base + table->start[table->count]) {
        return false;
    }
    uint32_t offset = (uint32_t)(pc - table->base);
    uint32_t index = find_function(table, offset);
    *out = (struct symbol_info){
        .name = table->strings + table->name[index],
        .offset = offset - table->start[index],
    };
    find_line(table, index, out->offset, out);
    return true;
}

bool symbols_find(uintptr_t pc, struct symbol_info *out)
{
    return symbols_find_in(&kernel_symbols, pc, out);
}
