// SPDX-License-Identifier: MIT
//
// The format, of which mono has the only description in its sources: a header with the assembly's
// build, then places and sizes of tables. A row of the table of methods leads to a program for a
// small machine, as in DWARF's line tables, which yields lines in the order of the code.
#include "kernel/cil/front/symbols.h"

#include "kernel/cil/front/bytes.h"
#include "kernel/lib/string.h"

#define MAGIC UINT64_C(0x45e82623fd7fa614)
#define MAJOR 50u

#define METHOD_BYTES      12u                 /* token, other data, its lines */
#define SOURCE_BYTES      8u                  /* number, data: its path first */
#define PROGRAM_BYTES_MAX (UINT32_C(1) << 16) /* a panic and the profiler have to go through it */
#define HIDDEN_LINE       0xfeefeeu           /* code that belongs to no line */

enum { COPY = 1, ADVANCE_OFFSET, ADVANCE_LINE, SET_SOURCE, ADD_OFFSET = 8 };
enum { END_OF_METHOD = 1 };

/* ---- The header ---- */

/* The fields of the header that matter, in the order of the file; the others are skipped. */
struct header {
    uint32_t source_count, sources_at, sources_bytes;
    uint32_t method_count, methods_at, methods_bytes;
    uint32_t line_base, line_range, opcode_base;
};

static bool read_header(struct cil_bytes *b, struct header *h)
{
    return cil_skip(b, 6 * 4) && /* sizes of all, data and compile units */
           cil_u32(b, &h->source_count) && cil_u32(b, &h->sources_at) &&
           cil_u32(b, &h->sources_bytes) && cil_u32(b, &h->method_count) &&
           cil_u32(b, &h->methods_at) && cil_u32(b, &h->methods_bytes) &&
           cil_skip(b, 4 * 4) && /* types and scopes */
           cil_u32(b, &h->line_base) && cil_u32(b, &h->line_range) && cil_u32(b, &h->opcode_base);
}

static bool table(struct cil_bytes file, uint32_t count, uint32_t at, uint32_t row_bytes,
                  struct cil_bytes *out)
{
    return cil_part(file, at, (uint64_t)count * row_bytes, out);
}

static enum status read_tables(const char *name, struct cil_bytes b, struct cil_symbols *s,
                               struct cil_error *err)
{
    struct header h;
    if (!read_header(&b, &h)) {
        return cil_complain(err, E_CORRUPT, name, "its header is cut off");
    }
    if (!table(s->file, h.method_count, h.methods_at, METHOD_BYTES, &s->methods) ||
        !table(s->file, h.source_count, h.sources_at, SOURCE_BYTES, &s->sources)) {
        return cil_complain(err, E_CORRUPT, name, "a table is not inside the file");
    }
    if (h.opcode_base == 0 || h.opcode_base > UINT8_MAX || h.line_range == 0 ||
        h.line_range > UINT8_MAX) {
        return cil_complain(err, E_CORRUPT, name, "its lines have an unknown coding");
    }
    s->line_base = (int32_t)h.line_base;
    s->line_range = h.line_range;
    s->opcode_base = (uint8_t)h.opcode_base;
    return OK;
}

enum status cil_symbols_open(const char *name, struct cil_bytes file, const uint8_t *mvid,
                             struct cil_symbols *out, struct cil_error *err)
{
    struct cil_bytes b = file;
    struct cil_symbols s = {.file = file};
    uint64_t magic;
    uint32_t major, minor;
    *err = (struct cil_error){.token = 0};
    if (!cil_u64(&b, &magic) || magic != MAGIC) {
        return cil_complain(err, E_FORMAT, name, "no symbol file of mono");
    }
    if (!cil_u32(&b, &major) || !cil_u32(&b, &minor) || major != MAJOR) {
        return cil_complain(err, E_NOTSUP, name, "a symbol file of another version than %u", MAJOR);
    }
    const uint8_t *build = b.at;
    if (!cil_skip(&b, CIL_MVID_BYTES) || memcmp(build, mvid, CIL_MVID_BYTES) != 0) {
        return cil_complain(err, E_UNRESOLVED, name, "of another build of the assembly");
    }
    enum status status = read_tables(name, b, &s, err);
    if (status == OK) {
        *out = s;
    }
    return status;
}

const uint8_t *cil_image_mvid(const struct cil_image *m)
{
    uint32_t n = m->tables[CIL_MODULE].count == 0 ? 0 : cil_cell(m, CIL_MODULE, 1, CIL_MODULE_MVID);
    return n == 0 ? NULL : m->guids.at + (size_t)(n - 1) * CIL_MVID_BYTES;
}

/* ---- Lines ---- */

/* Seven bits a byte, the lowest first. A negative number has 32 bits and wraps. */
static bool read_number(struct cil_bytes *b, uint32_t *out)
{
    uint32_t value = 0;
    uint8_t byte = 0x80;
    for (unsigned shift = 0; (byte & 0x80) != 0; shift += 7) {
        if (shift > 28 || !cil_u8(b, &byte)) {
            return false;
        }
        value |= (uint32_t)(byte & 0x7f) << shift;
    }
    *out = value;
    return true;
}

/* The rows are sorted by token; if they are not, the method is not found. @return false: the file
 * does not know it. */
static bool find_method(const struct cil_symbols *s, uint32_t row, struct cil_bytes *out)
{
    uint32_t low = 0, high = s->methods.len / METHOD_BYTES;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const uint8_t *at = s->methods.at + (size_t)METHOD_BYTES * middle;
        uint32_t token = load_le32(at);
        if (token == CIL_TOKEN(CIL_METHOD_DEF, row)) {
            uint32_t lines = load_le32(at + 8);
            return lines < s->file.len &&
                   cil_part(s->file, lines, MIN(s->file.len - lines, PROGRAM_BYTES_MAX), out);
        }
        if (token < CIL_TOKEN(CIL_METHOD_DEF, row)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return false;
}

/* The machine: where it is, and the last line that it has reached. */
struct machine {
    uint32_t offset, line, source;
    uint32_t last_line, last_source; /* last_line 0: none yet */
};

/* A line begins at an offset. @return false: it begins after the instruction. */
static bool begin_line(struct machine *m, uint32_t wanted)
{
    if (m->offset > wanted) {
        return false;
    }
    m->last_source = m->source;
    m->last_line = m->line != HIDDEN_LINE ? m->line : m->last_line;
    return true;
}

/* After a byte of 0: the size of an extension, its number and its contents.
 * @return false: the method ends, or the file does. */
static bool extension(struct cil_bytes *b)
{
    uint8_t size, opcode;
    struct cil_bytes contents;
    return cil_u8(b, &size) && cil_part(*b, 0, size, &contents) && cil_u8(&contents, &opcode) &&
           opcode != END_OF_METHOD && cil_skip(b, size);
}

static bool standard(const struct cil_symbols *s, struct machine *m, struct cil_bytes *b,
                     uint8_t opcode)
{
    uint32_t n = 0;
    switch (opcode) {
    case ADVANCE_OFFSET:
        return read_number(b, &n) && !ADD_OVERFLOWS(m->offset, n, &m->offset);
    case ADVANCE_LINE:
        if (!read_number(b, &n)) {
            return false;
        }
        m->line += n;
        return true;
    case SET_SOURCE:
        return read_number(b, &m->source);
    case ADD_OFFSET:
        n = (UINT8_MAX - (uint32_t)s->opcode_base) / s->line_range;
        return !ADD_OVERFLOWS(m->offset, n, &m->offset);
    default:
        return false;
    }
}

/* Every instruction has at least a byte, so the loop is bounded by the file. A program that ends in
 * the middle ends there. */
static void run(const struct cil_symbols *s, struct cil_bytes program, uint32_t wanted,
                struct machine *m)
{
    uint8_t opcode;
    while (cil_u8(&program, &opcode)) {
        bool goes_on = true;
        if (opcode == 0) {
            goes_on = extension(&program);
        } else if (opcode >= s->opcode_base) {
            opcode = (uint8_t)(opcode - s->opcode_base);
            m->line += (uint32_t)s->line_base + opcode % s->line_range;
            goes_on = !ADD_OVERFLOWS(m->offset, opcode / s->line_range, &m->offset) &&
                      begin_line(m, wanted);
        } else {
            goes_on = opcode == COPY ? begin_line(m, wanted) : standard(s, m, &program, opcode);
        }
        if (!goes_on) {
            return;
        }
    }
}

static bool find_source(const struct cil_symbols *s, uint32_t number, struct cil_bytes *out)
{
    struct cil_bytes b;
    uint32_t len;
    if (number == 0 || number > s->sources.len / SOURCE_BYTES) {
        return false;
    }
    uint32_t at = load_le32(s->sources.at + (size_t)SOURCE_BYTES * (number - 1) + 4);
    return at < s->file.len && cil_part(s->file, at, s->file.len - at, &b) &&
           read_number(&b, &len) && cil_part(b, 0, len, out);
}

bool cil_symbols_find(const struct cil_symbols *s, uint32_t row, uint32_t offset,
                      struct cil_line *out)
{
    struct machine m = {.line = 1, .source = 1};
    struct cil_line found;
    struct cil_bytes program;
    if (!find_method(s, row, &program)) {
        return false;
    }
    run(s, program, offset, &m);
    found.line = m.last_line;
    if (m.last_line == 0 || m.last_line > INT32_MAX ||
        !find_source(s, m.last_source, &found.path)) {
        return false;
    }
    *out = found;
    return true;
}
