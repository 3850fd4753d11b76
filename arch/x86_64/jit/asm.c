// SPDX-License-Identifier: MIT
//
// Branches start short. Those whose targets are out of reach become long, until all reach.
#include "arch/x86_64/jit/asm.h"

#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"

#define ROUNDS  12                  /* of making branches longer; after these all become long */
#define RECENT  32u                 /* number of recent constants that are compared for reuse */
#define MAX_END ((uint64_t)1 << 30) /* limit for a function: every distance in it fits 32 bits */

/* Make room for `more` elements of an array; on failure nothing has changed. */
static bool reserve(struct x86_asm *a, void *array, uint32_t *capacity, uint32_t count,
                    uint32_t more, size_t element)
{
    void **slot = array;
    void *grown = a->error != OK
                      ? NULL
                      : arena_grow_list(a->arena, *slot, capacity, (uint64_t)count + more, element);
    if (grown == NULL) {
        a->error = a->error != OK ? a->error : E_NOMEM;
        return false;
    }
    *slot = grown;
    return true;
}

#define APPEND(a, array, name, value)                                                              \
    (reserve(a, &(a)->array, &(a)->name##_capacity, (a)->name##_count, 1, sizeof *(a)->array)      \
         ? ((a)->array[(a)->name##_count] = (value), (a)->name##_count++)                          \
         : 0)

static struct x86_position here(const struct x86_asm *a)
{
    return (struct x86_position){a->byte_count, a->gap_count};
}

uint32_t x86_asm_labels(struct x86_asm *a, uint32_t count)
{
    uint32_t first = a->label_count;
    if (!reserve(a, &a->labels, &a->label_capacity, first, count, sizeof *a->labels)) {
        return 0;
    }
    for (uint32_t n = 0; n < count; n++) {
        a->labels[first + n] = (struct x86_position){X86_NOWHERE, 0};
    }
    a->label_count += count;
    return first;
}

void x86_asm_bind(struct x86_asm *a, uint32_t label)
{
    if (a->error == OK) {
        a->labels[label] = here(a);
    }
}

void x86_asm_bytes(struct x86_asm *a, const void *bytes, uint32_t count)
{
    if (reserve(a, &a->bytes, &a->byte_capacity, a->byte_count, count, 1)) {
        memcpy(a->bytes + a->byte_count, bytes, count);
        a->byte_count += count;
    }
}

void x86_asm_insn(struct x86_asm *a, const struct x86_insn *i)
{
    uint8_t bytes[X86_MAX_BYTES];
    struct x86_insn copy = *i;
    bool data = i->is_mem && i->mem.base == X86_RIP;
    if (data) {
        copy.mem.disp = 0;
    }
    unsigned count = x86_encode(&copy, bytes);
    if (count == 0) {
        a->error = a->error != OK ? a->error : E_OVERFLOW;
        return;
    }
    x86_asm_bytes(a, bytes, count);
    if (data && a->error == OK) {
        struct x86_fixup fix = {{a->byte_count - 4, a->gap_count}, (uint32_t)i->mem.disp};
        (void)APPEND(a, fixups, fixup, fix);
    }
}

static void add_gap(struct x86_asm *a, enum x86_gap_kind kind, unsigned cond, uint32_t target,
                    unsigned bytes)
{
    struct x86_gap gap = {.byte = a->byte_count,
                          .target = target,
                          .kind = (uint8_t)kind,
                          .cond = (uint8_t)cond,
                          .bytes = (uint8_t)bytes};
    (void)APPEND(a, gaps, gap, gap);
}

void x86_asm_jump(struct x86_asm *a, uint32_t label)
{
    add_gap(a, X86_GAP_JUMP, 0, label, 2);
}

void x86_asm_branch(struct x86_asm *a, enum x86_cond cond, uint32_t label)
{
    add_gap(a, X86_GAP_BRANCH, cond, label, 2);
}

void x86_asm_second_half(struct x86_asm *a, uint32_t line)
{
    add_gap(a, X86_GAP_ALIGN, 0, line, 0);
    a->align = MAX(a->align, line);
}

/* The last four bytes of an instruction become the distance to a function of the module. */
static void refer(struct x86_asm *a, const uint8_t *insn, unsigned bytes, uint32_t callee)
{
    struct x86_position field = {a->byte_count + bytes - 4, a->gap_count};
    x86_asm_bytes(a, insn, bytes);
    uint32_t place = APPEND(a, reloc_places, reloc_place, field);
    (void)APPEND(a, relocs, reloc, ((struct jit_reloc){place, callee}));
}

void x86_asm_call(struct x86_asm *a, uint32_t callee)
{
    static const uint8_t call[5] = {0xe8};
    refer(a, call, sizeof call, callee);
}

void x86_asm_jump_to(struct x86_asm *a, uint32_t callee)
{
    static const uint8_t jump[5] = {0xe9};
    refer(a, jump, sizeof jump, callee);
}

void x86_asm_address_of(struct x86_asm *a, uint32_t callee)
{
    static const uint8_t lea[7] = {0x4c, 0x8d, 0x1d}; /* r11, [rip + distance] */
    refer(a, lea, sizeof lea, callee);
}

uint32_t x86_asm_constant(struct x86_asm *a, uint64_t low, uint64_t high, unsigned bytes)
{
    uint32_t first = a->data_count > RECENT ? a->data_count - RECENT : 0;
    for (uint32_t n = first; n < a->data_count; n++) {
        const struct x86_data *d = &a->data[n];
        if (d->bytes == bytes && d->low == low && d->high == high) {
            return n;
        }
    }
    struct x86_data d = {.low = low, .high = high, .bytes = (uint8_t)bytes};
    return APPEND(a, data, data, d);
}

uint32_t x86_asm_table(struct x86_asm *a, const uint32_t *labels, uint32_t count)
{
    uint32_t first = a->case_count;
    if (!reserve(a, &a->cases, &a->case_capacity, first, count, sizeof *a->cases)) {
        return 0;
    }
    memcpy(a->cases + first, labels, count * sizeof *labels);
    a->case_count += count;
    struct x86_data d = {.low = first, .high = count, .bytes = 0};
    return APPEND(a, data, data, d);
}

void x86_asm_row(struct x86_asm *a, unsigned kind, unsigned trap, uint32_t location, uint32_t refs)
{
    struct x86_row row = {here(a), location, refs, (uint8_t)kind, (uint8_t)trap};
    (void)APPEND(a, rows, row, row);
}

/* ---- Assembling the result ---- */

struct link {
    struct x86_asm *a;
    uint32_t *before; /* by gap: sum of the bytes of earlier gaps; one more for the end */
};

static uint32_t address(const struct link *l, struct x86_position p)
{
    return p.byte + l->before[p.gap];
}

static unsigned branch_bytes(const struct x86_gap *g, bool is_long)
{
    return !is_long ? 2 : g->kind == X86_GAP_JUMP ? 5 : 6;
}

/* Compute all positions from the current lengths of gaps. */
static void add_up(struct link *l)
{
    uint32_t sum = 0;
    for (uint32_t n = 0; n < l->a->gap_count; n++) {
        struct x86_gap *g = &l->a->gaps[n];
        l->before[n] = sum;
        if (g->kind == X86_GAP_ALIGN) {
            uint32_t half = g->target / 2, at = (g->byte + sum) & (g->target - 1);
            g->bytes = at < half ? (uint8_t)(half - at) : 0;
        }
        sum += g->bytes;
    }
    l->before[l->a->gap_count] = sum;
}

static int64_t distance(const struct link *l, uint32_t gap)
{
    const struct x86_gap *g = &l->a->gaps[gap];
    int64_t end = (int64_t)g->byte + l->before[gap] + g->bytes;
    return (int64_t)address(l, l->a->labels[g->target]) - end;
}

static bool lengthen(struct link *l, bool all)
{
    bool changed = false;
    for (uint32_t n = 0; n < l->a->gap_count; n++) {
        struct x86_gap *g = &l->a->gaps[n];
        if (g->kind == X86_GAP_ALIGN || g->bytes != 2) {
            continue;
        }
        int64_t d = distance(l, n);
        if (all || d < INT8_MIN || d > INT8_MAX) {
            g->bytes = (uint8_t)branch_bytes(g, true);
            changed = true;
        }
    }
    return changed;
}

static void choose_lengths(struct link *l)
{
    unsigned round = 0;
    do {
        add_up(l);
    } while (lengthen(l, round++ == ROUNDS));
}

/* The recommended NOPs, by length. */
static void write_padding(uint8_t *at, unsigned bytes)
{
    static const uint8_t nops[9][9] = {
        {0x90},
        {0x66, 0x90},
        {0x0f, 0x1f, 0x00},
        {0x0f, 0x1f, 0x40, 0x00},
        {0x0f, 0x1f, 0x44, 0x00, 0x00},
        {0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00},
        {0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00},
        {0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00},
        {0x66, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00},
    };
    while (bytes > 0) {
        unsigned n = MIN(bytes, 9u);
        memcpy(at, nops[n - 1], n);
        at += n;
        bytes -= n;
    }
}

static void write32(uint8_t *at, int64_t value)
{
    uint32_t v = (uint32_t)value;
    memcpy(at, &v, sizeof v);
}

static void write_gap(const struct link *l, uint32_t gap, uint8_t *at)
{
    const struct x86_gap *g = &l->a->gaps[gap];
    int64_t d = g->kind == X86_GAP_ALIGN ? 0 : distance(l, gap);
    if (g->kind == X86_GAP_ALIGN) {
        write_padding(at, g->bytes);
    } else if (g->bytes == 2) {
        at[0] = g->kind == X86_GAP_JUMP ? 0xeb : 0x70 | g->cond;
        at[1] = (uint8_t)d;
    } else if (g->kind == X86_GAP_JUMP) {
        at[0] = 0xe9;
        write32(at + 1, d);
    } else {
        at[0] = 0x0f;
        at[1] = 0x80 | g->cond;
        write32(at + 2, d);
    }
}

/* A function may consist of jumps only; adding an offset to a null pointer is undefined. */
static void copy_bytes(const struct x86_asm *a, uint8_t *to, uint32_t from, uint32_t end)
{
    if (from < end) {
        memcpy(to, a->bytes + from, end - from);
    }
}

static void write_code(const struct link *l, uint8_t *out)
{
    const struct x86_asm *a = l->a;
    uint32_t from = 0;
    for (uint32_t n = 0; n < a->gap_count; n++) {
        const struct x86_gap *g = &a->gaps[n];
        copy_bytes(a, out + from + l->before[n], from, g->byte);
        from = g->byte;
        write_gap(l, n, out + from + l->before[n]);
    }
    copy_bytes(a, out + from + l->before[a->gap_count], from, a->byte_count);
}

/* Place data by decreasing size, so that only the start needs alignment. @return their end. */
static uint64_t place_data(struct x86_asm *a, uint64_t at)
{
    static const uint8_t widths[] = {16, 8, 4, 0};
    for (unsigned w = 0; w < ARRAY_COUNT(widths); w++) {
        for (uint32_t n = 0; n < a->data_count; n++) {
            struct x86_data *d = &a->data[n];
            if (d->bytes != widths[w]) {
                continue;
            }
            at = w == 0 ? ALIGN_UP(at, (uint64_t)16) : ALIGN_UP(at, (uint64_t)4);
            at = widths[w] == 8 ? ALIGN_UP(at, (uint64_t)8) : at;
            d->at = (uint32_t)at;
            at += d->bytes != 0 ? d->bytes : 4 * d->high;
            a->align = MAX(a->align, (uint32_t)d->bytes);
        }
    }
    return at;
}

static void write_data(const struct link *l, uint8_t *out)
{
    const struct x86_asm *a = l->a;
    for (uint32_t n = 0; n < a->data_count; n++) {
        const struct x86_data *d = &a->data[n];
        if (d->bytes != 0) {
            uint64_t both[2] = {d->low, d->high};
            memcpy(out + d->at, both, d->bytes);
            continue;
        }
        for (uint32_t c = 0; c < d->high; c++) {
            struct x86_position to = a->labels[a->cases[d->low + c]];
            write32(out + d->at + 4 * c, (int64_t)address(l, to) - d->at);
        }
    }
    for (uint32_t n = 0; n < a->fixup_count; n++) {
        uint32_t field = address(l, a->fixups[n].at);
        write32(out + field, (int64_t)a->data[a->fixups[n].data].at - (field + 4));
    }
}

static bool write_tables(const struct link *l, struct jit_code *out)
{
    struct x86_asm *a = l->a;
    struct jit_row *rows = arena_alloc(a->arena, (size_t)a->row_count * sizeof *rows);
    if (rows == NULL) {
        return false;
    }
    for (uint32_t n = 0; n < a->row_count; n++) {
        const struct x86_row *r = &a->rows[n];
        rows[n] = (struct jit_row){
            .pc = address(l, r->at),
            .location = r->location,
            .kind = r->kind,
            .trap = r->trap,
            .refs = r->kind == JIT_ROW_LANDING ? address(l, a->labels[r->refs]) : r->refs};
    }
    for (uint32_t n = 0; n < a->reloc_count; n++) {
        a->relocs[n].at = address(l, a->reloc_places[a->relocs[n].at]);
    }
    out->rows = rows;
    out->row_count = a->row_count;
    out->relocs = a->relocs;
    out->reloc_count = a->reloc_count;
    return true;
}

enum status x86_asm_finish(struct x86_asm *a, struct jit_code *out)
{
    struct link l = {a, NULL};
    if (a->error != OK) {
        return a->error;
    }
    l.before = arena_alloc(a->arena, ((size_t)a->gap_count + 1) * sizeof *l.before);
    if (l.before == NULL) {
        return E_NOMEM;
    }
    /* Limits the numbers of bytes and gaps so that the sums below cannot wrap. */
    if ((uint64_t)a->byte_count + 32 * (uint64_t)a->gap_count > MAX_END) {
        return E_OVERFLOW;
    }
    choose_lengths(&l);
    uint32_t code = a->byte_count + l.before[a->gap_count];
    uint64_t size = place_data(a, code);
    if (size > MAX_END) {
        return E_OVERFLOW;
    }
    out->bytes = arena_alloc(a->arena, (size_t)size);
    if (out->bytes == NULL || !write_tables(&l, out)) {
        return E_NOMEM;
    }
    memset(out->bytes + code, 0xcc, (size_t)size - code);
    write_code(&l, out->bytes);
    write_data(&l, out->bytes);
    out->size = (uint32_t)size;
    out->align = MAX(a->align, 16u);
    return OK;
}
