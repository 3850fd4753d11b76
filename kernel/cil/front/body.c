// SPDX-License-Identifier: MIT
//
// Reads a method's body: its header, local variables and exception clauses, and marks where
// instructions start and where control may go.
#include "kernel/cil/front/body.h"

#include "kernel/cil/front/bytes.h"
#include "kernel/lib/format.h"
#include "kernel/lib/sort.h"
#include "kernel/lib/string.h"

#define FORM_MASK       0x3
#define FORM_TINY       0x2
#define FORM_FAT        0x3
#define FAT_MORE        0x8
#define FAT_ZEROES      0x10
#define FAT_WORDS       3 /* size of the header in words of 4 bytes */
#define SECTION_CLAUSES 0x01
#define SECTION_FAT     0x40
#define SECTION_MORE    0x80
#define CLAUSE_FAT      24u
#define CLAUSE_SMALL    12u

/* The order of the steps in cil_body_read() is the proof that later code relies on. Each
 * instruction is decoded from the start, without a gap: these offsets get CIL_STARTS. Then every
 * target and every border of a clause must be such an offset, so no path enters the middle of an
 * instruction. Then the regions are nested; prefixes come last, because they need to know where try
 * blocks start. Code that control does not reach is decoded, too, but not verified. Each step is
 * linear in the code: the targets of a switch are bytes of it, too. `flags` and `region_at` have
 * one element more than the code: the end of a clause may be the end of the code. */

bool cil_body_fail(const struct cil_body *b, uint32_t at, enum status s, const char *fmt, ...)
{
    char text[160], name[128];
    va_list args;
    va_start(args, fmt);
    (void)fmt_vprint(text, sizeof text, fmt, args);
    va_end(args);
    (void)cil_method_text(name, sizeof name, b->a, b->method);
    struct cil_domain *d = b->a->domain;
    if (d->status == OK) {
        d->err = (struct cil_error){.token = CIL_TOKEN(CIL_METHOD_DEF, b->method), .offset = at};
        d->status =
            cil_complain(&d->err, s, b->a->image.name, "method %s, IL_%04x: %s", name, at, text);
    }
    return false;
}

static void *allocate(struct cil_body *b, struct arena *arena, size_t bytes)
{
    void *p = arena_alloc(arena, MAX(bytes, (size_t)1));
    if (p == NULL) {
        (void)cil_body_fail(b, 0, E_NOMEM, "no memory left for a body of %u bytes", b->code.len);
    }
    return p;
}

/* ---- Header ---- */

static bool read_locals(struct cil_body *b, uint32_t token)
{
    if (token == 0) {
        return true;
    }
    if (CIL_TOKEN_TABLE(token) != CIL_STAND_ALONE_SIG || !cil_token_exists(&b->a->image, token)) {
        return cil_body_fail(b, 0, E_CORRUPT, "token 0x%08x is not of local variables", token);
    }
    b->locals = cil_decode_list(b->a,
                                cil_cell_blob(&b->a->image, CIL_STAND_ALONE_SIG,
                                              CIL_TOKEN_ROW(token), CIL_STAND_ALONE_SIG_SIGNATURE),
                                token, CIL_CONVENTION_LOCALS);
    return b->locals != NULL;
}

/* II.25.4.1: two bits say which header it is. A tiny one is a byte with the size, a stack of 8 and
 * neither variables nor clauses. A fat one states its own size, in words; more than three are
 * skipped, as a newer header would need. Sizes are foreign numbers of 32 bits: cil_part() compares
 * them without a sum that overflows. @param rest From the header on; afterwards, what follows the
 * code. */
static bool read_header(struct cil_body *b, struct cil_bytes *rest, bool *has_sections)
{
    struct cil_bytes header = *rest;
    uint8_t first = rest->len == 0 ? 0 : rest->at[0];
    uint32_t size = first >> 2, locals = 0, header_bytes = 1;
    *has_sections = false;
    if ((first & FORM_MASK) == FORM_TINY) {
        b->max_stack = 8;
    } else if ((first & FORM_MASK) == FORM_FAT && rest->len >= 12 &&
               rest->at[1] >> 4 >= FAT_WORDS) {
        *has_sections = (first & FAT_MORE) != 0;
        b->zeroes_locals = (first & FAT_ZEROES) != 0;
        header_bytes = 4u * (rest->at[1] >> 4);
        b->max_stack = load_le16(header.at + 2);
        size = load_le32(header.at + 4);
        locals = load_le32(header.at + 8);
    } else {
        return cil_body_fail(b, 0, E_CORRUPT, "its header is of no known form");
    }
    if (size > CIL_CODE_BYTES_MAX) {
        return cil_body_fail(b, 0, E_OVERFLOW, "%u bytes of code, more than 1 MiB", size);
    }
    if (size == 0 || !cil_part(header, header_bytes, size, &b->code)) {
        return cil_body_fail(b, 0, E_CORRUPT, "%u bytes of code: none, or not inside the file",
                             size);
    }
    return cil_skip(rest, header_bytes + size) && read_locals(b, locals);
}

/* ---- Clauses ---- */

static bool is_range(const struct cil_body *b, uint32_t at, uint32_t len)
{
    return len != 0 && at <= b->code.len && len <= b->code.len - at;
}

/* II.25.4.6. Lengths become ends after is_range(), which compares without a sum that could
 * overflow. A filter has no length: it ends where its handler starts. Its start is only compared
 * with that here; mark_clause() finds out whether an instruction starts there. */
static bool read_clause(struct cil_body *b, const uint8_t *p, bool is_fat)
{
    uint32_t try_len, handler_len, last;
    struct cil_clause c = {.kind = is_fat ? load_le32(p) : load_le16(p)};
    if (is_fat) {
        c.try_at = load_le32(p + 4);
        try_len = load_le32(p + 8);
        c.handler_at = load_le32(p + 12);
        handler_len = load_le32(p + 16);
        last = load_le32(p + 20);
    } else {
        c.try_at = load_le16(p + 2);
        try_len = p[4];
        c.handler_at = load_le16(p + 5);
        handler_len = p[7];
        last = load_le32(p + 8);
    }
    if (!is_range(b, c.try_at, try_len) || !is_range(b, c.handler_at, handler_len)) {
        return cil_body_fail(b, c.try_at, E_CORRUPT, "an exception clause is not inside the code");
    }
    c.try_end = c.try_at + try_len;
    c.handler_end = c.handler_at + handler_len;
    if (c.kind == CIL_CATCH) {
        c.type = cil_resolve_type(b->a, last);
        if (c.type == NULL) {
            return false;
        }
    } else if (c.kind == CIL_FILTER) {
        c.filter_at = last;
        if (last >= c.handler_at) {
            return cil_body_fail(b, c.try_at, E_CORRUPT, "a filter is not before its handler");
        }
    } else if (c.kind != CIL_FINALLY && c.kind != CIL_FAULT) {
        return cil_body_fail(b, c.try_at, E_CORRUPT, "unknown exception clause %u", c.kind);
    }
    b->clauses[b->clause_count++] = c;
    return true;
}

/* Sections (II.25.4.5) follow the code, aligned to 4 in the file's address space, so the padding
 * depends on the address and not on the offset in the file. A section counts as 4 bytes at least: a
 * chain of sections that claim none would otherwise never end. The number of clauses is limited
 * over all sections, before any is read, because the array is allocated once. */
static bool read_section(struct cil_body *b, struct cil_bytes *rest, uint32_t *rva, bool *more)
{
    uint32_t pad = -*rva & 3u;
    struct cil_bytes section;
    if (!cil_skip(rest, pad) || rest->len < 4) {
        return cil_body_fail(b, b->code.len, E_CORRUPT, "its exception clauses are cut off");
    }
    uint8_t kind = rest->at[0];
    bool is_fat = (kind & SECTION_FAT) != 0;
    uint32_t bytes = is_fat ? load_le32(rest->at) >> 8 : rest->at[1];
    uint32_t each = is_fat ? CLAUSE_FAT : CLAUSE_SMALL;
    *more = (kind & SECTION_MORE) != 0;
    if ((kind & 0x3f) != SECTION_CLAUSES) {
        return cil_body_fail(b, b->code.len, E_NOTSUP, "unknown section 0x%x", kind);
    }
    /* Some compilers count the header of 4 bytes, some do not. */
    uint32_t count = bytes / each;
    if (!cil_part(*rest, 4, (uint64_t)count * each, &section)) {
        return cil_body_fail(b, b->code.len, E_CORRUPT, "its exception clauses are cut off");
    }
    if (count > CIL_CLAUSES_MAX - b->clause_count) {
        return cil_body_fail(b, 0, E_OVERFLOW, "more than %u exception clauses", CIL_CLAUSES_MAX);
    }
    for (uint32_t n = 0; n < count; n++) {
        if (!read_clause(b, section.at + (size_t)n * each, is_fat)) {
            return false;
        }
    }
    *rva += pad + MAX(bytes, 4u);
    return cil_skip(rest, MIN(MAX(bytes, 4u), rest->len));
}

static bool read_sections(struct cil_body *b, struct arena *arena, struct cil_bytes rest,
                          uint32_t rva)
{
    bool more = true;
    b->clauses = allocate(b, arena, CIL_CLAUSES_MAX * sizeof *b->clauses);
    while (b->clauses != NULL && more) {
        if (!read_section(b, &rest, &rva, &more)) {
            return false;
        }
    }
    return b->clauses != NULL;
}

/* ---- Instructions ---- */

static bool is_prefix(unsigned opcode)
{
    switch (opcode) {
    case CIL_OP_UNALIGNED:
    case CIL_OP_VOLATILE:
    case CIL_OP_TAIL:
    case CIL_OP_CONSTRAINED:
    case CIL_OP_NO:
    case CIL_OP_READONLY:
        return true;
    default:
        return false;
    }
}

static bool mark_starts(struct cil_body *b)
{
    struct cil_instruction i;
    for (uint32_t at = 0; at < b->code.len; at = i.end) {
        if (!cil_decode(b->code, at, &i)) {
            return cil_body_fail(b, at, E_CORRUPT, "no instruction, or one that is cut off: 0x%02x",
                                 b->code.at[at]);
        }
        b->flags[at] |= CIL_STARTS;
    }
    return true;
}

static bool mark(struct cil_body *b, uint32_t from, uint64_t target, uint8_t flag)
{
    if (target >= b->code.len || (b->flags[target] & CIL_STARTS) == 0) {
        return cil_body_fail(b, from, E_CORRUPT, "no instruction starts at its target");
    }
    b->flags[target] |= flag;
    return true;
}

static bool mark_targets(struct cil_body *b)
{
    struct cil_instruction i;
    for (uint32_t at = 0; at < b->code.len; at = i.end) {
        (void)cil_decode(b->code, at, &i); /* mark_starts() has decoded it */
        bool is_branch = i.operand == CIL_OPERAND_BR1 || i.operand == CIL_OPERAND_BR4;
        bool is_leave = i.opcode == CIL_OP_LEAVE || i.opcode == CIL_OP_LEAVE_S;
        if (is_branch && !mark(b, at, i.value, CIL_TARGET | (is_leave ? CIL_ENTERS : 0))) {
            return false;
        }
        for (uint32_t n = 0; i.operand == CIL_OPERAND_SWITCH && n < i.value; n++) {
            if (!mark(b, at, cil_switch_target(b->code, &i, n), CIL_TARGET)) {
                return false;
            }
        }
    }
    return true;
}

/* A branch past a prefix would run the instruction without it. The verifier reads a prefix and its
 * instruction in one step, and the translator keeps it until the next instruction: both rely on
 * control passing through both. A prefix at the end of the code has no instruction. */
static bool check_prefixes(struct cil_body *b)
{
    struct cil_instruction i, next;
    for (uint32_t at = 0; at < b->code.len; at = i.end) {
        (void)cil_decode(b->code, at, &i);
        if (is_prefix(i.opcode) && (!cil_decode(b->code, i.end, &next) ||
                                    (b->flags[i.end] & (CIL_TARGET | CIL_TRY)) != 0)) {
            return cil_body_fail(b, at, E_CORRUPT,
                                 "no instruction follows the prefix %s, or a branch leads to it",
                                 cil_opcode_name(i.opcode));
        }
    }
    return true;
}

/* ---- Regions ---- */

static bool mark_clause(struct cil_body *b, const struct cil_clause *c)
{
    bool is_ok = mark(b, c->try_at, c->try_at, CIL_TARGET | CIL_TRY | CIL_ENTERS) &&
                 mark(b, c->handler_at, c->handler_at, CIL_TARGET | CIL_ENTERS);
    if (is_ok && c->kind == CIL_FILTER) {
        is_ok = mark(b, c->filter_at, c->filter_at, CIL_TARGET);
    }
    return is_ok && (c->try_end == b->code.len || mark(b, c->try_at, c->try_end, 0)) &&
           (c->handler_end == b->code.len || mark(b, c->handler_at, c->handler_end, 0));
}

/* Those that start first come first; of two that start at the same place, the outer one. Clauses
 * are in the order from the inner to the outer (II.19), so for two equal ranges, the later one is
 * outside. Regions of one clause that are equal stay in any order: check_handlers() refuses
 * them. */
static bool comes_first(const void *x, const void *y)
{
    const struct cil_region *a = x, *b = y;
    if (a->at != b->at) {
        return a->at < b->at;
    }
    if (a->end != b->end) {
        return a->end > b->end;
    }
    return a->clause > b->clause;
}

static void add_region(struct cil_body *b, unsigned kind, uint32_t clause, uint32_t at,
                       uint32_t end)
{
    b->regions[b->region_count++] = (struct cil_region){
        .kind = (uint8_t)kind, .clause = clause, .at = at, .end = end, .parent = CIL_NO_REGION};
}

/* II.19: clauses of inner try blocks come before those of outer ones. The order decides which
 * handler gets an exception, so another one would give it to an outer handler first. */
static bool check_order(struct cil_body *b, struct cil_region *r)
{
    const struct cil_region *parent = r->parent == CIL_NO_REGION ? NULL : &b->regions[r->parent];
    r->outer = parent == NULL                   ? CIL_NO_REGION
               : parent->kind == CIL_REGION_TRY ? parent->clause
                                                : parent->outer;
    return r->kind != CIL_REGION_TRY || r->outer > r->clause ||
           cil_body_fail(b, r->at, E_CORRUPT, "the clause of an outer try block comes first");
}

/* Walk the code with a stack of the regions that are open, linked by `parent`: each must end inside
 * the one around it. So at each offset those that end there are the innermost ones. Several try
 * blocks may have one range (a try with several handlers); handlers and filters may not share
 * theirs. */
static bool nest_regions(struct cil_body *b)
{
    uint32_t open = CIL_NO_REGION, next = 0;
    for (uint32_t at = 0; at <= b->code.len; at++) {
        while (open != CIL_NO_REGION && b->regions[open].end == at) {
            open = b->regions[open].parent;
        }
        for (; next < b->region_count && b->regions[next].at == at; next++) {
            struct cil_region *r = &b->regions[next];
            if (open != CIL_NO_REGION && r->end > b->regions[open].end) {
                return cil_body_fail(b, at, E_CORRUPT, "exception regions overlap");
            }
            if (open != CIL_NO_REGION && r->at == b->regions[open].at &&
                r->end == b->regions[open].end &&
                (r->kind != CIL_REGION_TRY || b->regions[open].kind != CIL_REGION_TRY)) {
                return cil_body_fail(b, at, E_CORRUPT, "a handler is at the place of another");
            }
            r->parent = open;
            if (!check_order(b, r)) {
                return false;
            }
            open = next;
        }
        b->region_at[at] = open;
    }
    return true;
}

/* A handler is beside its try block, not inside of it, nor around it. */
static bool check_handlers(struct cil_body *b)
{
    for (uint32_t n = 0; n < b->clause_count; n++) {
        const struct cil_clause *c = &b->clauses[n];
        uint32_t first = c->kind == CIL_FILTER ? c->filter_at : c->handler_at;
        if (first < c->try_end && c->try_at < c->handler_end) {
            return cil_body_fail(b, c->try_at, E_CORRUPT, "a handler overlaps its try block");
        }
    }
    return true;
}

static bool make_regions(struct cil_body *b, struct arena *arena)
{
    b->regions = allocate(b, arena, 3 * b->clause_count * sizeof *b->regions);
    b->region_at = allocate(b, arena, (b->code.len + 1) * sizeof *b->region_at);
    if (b->regions == NULL || b->region_at == NULL) {
        return false;
    }
    for (uint32_t n = 0; n < b->clause_count; n++) {
        const struct cil_clause *c = &b->clauses[n];
        if (!mark_clause(b, c)) {
            return false;
        }
        add_region(b, CIL_REGION_TRY, n, c->try_at, c->try_end);
        add_region(b, CIL_REGION_HANDLER, n, c->handler_at, c->handler_end);
        if (c->kind == CIL_FILTER) {
            add_region(b, CIL_REGION_FILTER, n, c->filter_at, c->handler_at);
        }
    }
    sort_array(b->regions, b->region_count, sizeof *b->regions, comes_first);
    return check_handlers(b) && nest_regions(b);
}

bool cil_tiny_code(const struct cil_assembly *a, uint32_t row, struct cil_bytes *out)
{
    struct cil_bytes rest;
    uint32_t rva = cil_cell(&a->image, CIL_METHOD_DEF, row, CIL_METHOD_DEF_RVA);
    return cil_rva(&a->image, rva, &rest) && rest.len != 0 &&
           (rest.at[0] & FORM_MASK) == FORM_TINY && cil_part(rest, 1, rest.at[0] >> 2, out);
}

bool cil_body_read(struct cil_assembly *a, uint32_t row, struct arena *arena, struct cil_body *out)
{
    struct cil_body b = {.a = a, .method = row};
    struct cil_bytes rest;
    bool has_sections;
    uint32_t rva = cil_cell(&a->image, CIL_METHOD_DEF, row, CIL_METHOD_DEF_RVA);
    if (!cil_rva(&a->image, rva, &rest)) {
        return cil_body_fail(&b, 0, E_CORRUPT, "its address 0x%x is not inside the file", rva);
    }
    const uint8_t *start = rest.at;
    if (!read_header(&b, &rest, &has_sections)) {
        return false;
    }
    uint32_t after = rva + (uint32_t)(rest.at - start);
    b.flags = allocate(&b, arena, b.code.len + 1);
    if (b.flags == NULL || (has_sections && !read_sections(&b, arena, rest, after))) {
        return false;
    }
    if (!mark_starts(&b) || !mark_targets(&b) || !make_regions(&b, arena) || !check_prefixes(&b)) {
        return false;
    }
    *out = b;
    return true;
}
