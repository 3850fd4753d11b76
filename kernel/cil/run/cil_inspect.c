// SPDX-License-Identifier: MIT
//
// Compiles an assembly for inspection: prints sizes and times of all methods that Main needs, or
// the instructions of one method, then each stage of its compilation.
#include "kernel/base/clock.h"
#include "kernel/cil/front/lines.h"
#include "kernel/cil/run/cil_program.h"
#include "kernel/cil/run/session.h"
#include "kernel/jit/backend.h"
#include "kernel/jit/dump.h"
#include "kernel/lib/format.h"
#include "kernel/lib/sort.h"
#include "kernel/lib/string.h"
#include "kernel/load/bytecode/bytecode_format.h"
#include "kernel/mm/heap.h"

#define NAME_BYTES 200 /* limit, because names of types may have any length */

/* ---- All methods ---- */

struct row {
    uint32_t number, code_bytes, frame_bytes;
    uint64_t ns;
};

static bool compile(const struct inspection *i, const struct cil_unit *u, struct row *row)
{
    const struct jit_options options = {.features = jit_native_features()};
    struct arena arena;
    struct jit_code code;
    struct jit_error why = {.text = ""};
    arena_init(&arena, CIL_PROGRAM_ARENA);
    uint64_t begin = clock_now_ns();
    enum status s = jit_compile(jit_machine_native, u->methods[row->number].function, &options,
                                &arena, &code, &why);
    if (s == OK) {
        row->code_bytes = code.size;
        row->frame_bytes = code.frame_bytes;
        row->ns = clock_now_ns() - begin;
    } else {
        (void)inspection_refuse(i, s, why.text);
    }
    arena_free_all(&arena);
    return s == OK;
}

static bool is_larger(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    return x->code_bytes != y->code_bytes ? x->code_bytes > y->code_bytes : x->number < y->number;
}

/* The largest method first. */
static void print_rows(const struct inspection *i, const struct cil_unit *u, struct row *rows)
{
    struct loader_inspection *sums = i->result;
    sums->functions = u->count;
    sort_array(rows, u->count, sizeof *rows, is_larger);
    fmt_sink_printf(i->sink, i->ctx, "NUMBER      IL B    CODE B   STACK  TIME us  NAME\n");
    for (const struct row *r = rows; r < rows + u->count; r++) {
        uint32_t il = u->methods[r->number].code_bytes;
        char name[NAME_BYTES];
        cil_session_name(u, r->number, name, sizeof name);
        fmt_sink_printf(i->sink, i->ctx, "%6u %9u %9u %7u %8llu  %s\n", r->number, il,
                        r->code_bytes, r->frame_bytes, (unsigned long long)r->ns / 1000, name);
        sums->file_bytes += il;
        sums->code_bytes += r->code_bytes;
        sums->ns += r->ns;
    }
}

static enum status compile_all(const struct inspection *i, const struct cil_unit *u)
{
    struct row *rows = heap_calloc(u->count, sizeof *rows);
    if (rows == NULL) {
        return inspection_refuse(i, E_NOMEM, "");
    }
    bool is_ok = true;
    for (uint32_t n = 0; is_ok && n < u->count; n++) {
        rows[n].number = n;
        is_ok = compile(i, u, &rows[n]);
    }
    if (is_ok) {
        print_rows(i, u, rows);
    }
    heap_free(rows);
    return is_ok ? OK : E_NOTSUP;
}

/* ---- One method ---- */

static void print_targets(const struct inspection *i, const struct cil_body *b,
                          const struct cil_instruction *c)
{
    for (uint32_t n = 0; n < (uint32_t)c->value; n++) {
        fmt_sink_printf(i->sink, i->ctx, " IL_%04x", cil_switch_target(b->code, c, n));
    }
}

static void print_operand(const struct inspection *i, const struct cil_body *b,
                          const struct cil_instruction *c)
{
    switch ((enum cil_operand)c->operand) {
    case CIL_OPERAND_NONE:
        break;
    case CIL_OPERAND_BR1:
    case CIL_OPERAND_BR4:
        fmt_sink_printf(i->sink, i->ctx, " IL_%04llx", (unsigned long long)c->value);
        break;
    case CIL_OPERAND_SWITCH:
        print_targets(i, b, c);
        break;
    case CIL_OPERAND_I1:
    case CIL_OPERAND_I4:
    case CIL_OPERAND_I8:
    case CIL_OPERAND_VAR1:
    case CIL_OPERAND_VAR2:
        fmt_sink_printf(i->sink, i->ctx, " %lld", (long long)c->value);
        break;
    default: /* tokens, and the bits of floats */
        fmt_sink_printf(i->sink, i->ctx, " 0x%08llx", (unsigned long long)c->value);
    }
}

/* The names of locations in the representation are these offsets. A line of the source comes before
 * its first instruction. */
static void print_il(const struct inspection *i, struct cil_assembly *a, uint32_t row,
                     const struct cil_body *b)
{
    struct cil_instruction c;
    char place[CIL_PLACE_BYTES], last[CIL_PLACE_BYTES] = "";
    fmt_sink_printf(i->sink, i->ctx, "; IL\n");
    for (uint32_t at = 0; cil_decode(b->code, at, &c); at = c.end) {
        cil_line_text(a, row, at, place);
        if (strcmp(place, last) != 0) {
            (void)str_copy(last, sizeof last, place);
            fmt_sink_printf(i->sink, i->ctx, ";%s\n", place);
        }
        fmt_sink_printf(i->sink, i->ctx, "  IL_%04x: %s", at, cil_opcode_name(c.opcode));
        print_operand(i, b, &c);
        fmt_sink_printf(i->sink, i->ctx, "\n");
    }
}

static enum status dump(const struct inspection *i, const struct cil_session *s, uint32_t row)
{
    struct cil_body body;
    struct jit_error why = {.text = ""};
    const struct jit_dump d = {.machine = jit_machine_native,
                               .features = jit_native_features(),
                               .sink = i->sink,
                               .ctx = i->ctx};
    struct arena arena;
    arena_init(&arena, CIL_PROGRAM_ARENA);
    enum status status = cil_body_read(s->assembly, row, &arena, &body) ? OK : s->domain->status;
    if (status == OK) {
        print_il(i, s->assembly, row, &body);
        status = jit_dump(&d, s->unit.methods[0].function, &arena, &why);
    }
    arena_free_all(&arena);
    return status == OK ? OK : inspection_refuse(i, status, why.text);
}

/* ---- Both ---- */

static enum status refuse(const struct inspection *i, const struct cil_session *s)
{
    return s->domain == NULL ? inspection_refuse(i, E_NOMEM, "")
                             : inspection_refuse(i, s->domain->status, s->domain->err.text);
}

static enum status inspect(const struct inspection *i, struct cil_session *s)
{
    uint32_t row = i->function == NULL ? cil_session_main(s) : cil_session_find(s, i->function);
    if (row == 0 && i->function != NULL) {
        return inspection_refuse(i, E_NOENT, "it has no such method");
    }
    if (row == 0 || !cil_session_build(s, row)) {
        return refuse(i, s);
    }
    return i->function == NULL ? compile_all(i, &s->unit) : dump(i, s, row);
}

enum status cil_inspect(const struct inspection *i, const void *bytes, size_t len)
{
    struct cil_session *s = heap_zalloc(sizeof *s);
    if (s == NULL) {
        return inspection_refuse(i, E_NOMEM, "");
    }
    enum status status =
        cil_session_open(s, i->path, bytes, len, NULL) ? inspect(i, s) : refuse(i, s);
    cil_session_close(s);
    heap_free(s);
    return status;
}
