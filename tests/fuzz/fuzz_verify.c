// SPDX-License-Identifier: MIT
//
// Any bytes as the code of two functions, for the verifier of machine code: it accepts them or
// refuses them with a reason, in time linear in the bytes. The functions' module uses every
// kind of entity. The sanitizers detect other errors. The first byte chooses the machine,
// landing pads and the first function's signature; the second is the number of rows, which
// follow with four bytes each.
#include "kernel/base/assert.h"
#include "kernel/jit/backend.h"
#include "kernel/jit/verify/verify.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/endian.h"
#include "kernel/mm/heap.h"

#include <stdlib.h>
#include <string.h>

#define ARENA_LIMIT ((size_t)64 << 20)
#define CODE_BASE   UINT64_C(0x40000000)
#define WIDEST      5u /* signature */
#define ROWS_MAX    32u
#define WORK_BYTE   4096u /* maximum of steps for a byte of code */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The sanitizer's allocator detects every overflow of a block. */
void *heap_alloc(size_t size)
{
    return malloc(size);
}

void *heap_zalloc(size_t size)
{
    return calloc(1, size);
}

void *heap_realloc(void *p, size_t size)
{
    return realloc(p, size);
}

void heap_free(void *p)
{
    free(p);
}

_Noreturn void panic(const char *fmt, ...)
{
    (void)fmt;
    __builtin_trap();
}

/* ---- The shape ---- */

/* Signatures: (i32, i64, f64) -> i64, () -> (), (funcref) -> externref, a helper's,
 * nine integers and six results. */
static const uint8_t types[] = {
    VERIFY_I32,       VERIFY_I64,          VERIFY_F64,         VERIFY_I64, VERIFY_FUNCREF,
    VERIFY_EXTERNREF, VERIFY_TABLE_NUMBER, VERIFY_TABLE_VALUE, VERIFY_I32, VERIFY_I32,
    VERIFY_FRAME_IN,  VERIFY_FRAME_OUT,    VERIFY_I64,         VERIFY_I64, VERIFY_I64,
    VERIFY_I64,       VERIFY_I64,          VERIFY_I64,         VERIFY_I64, VERIFY_I64,
    VERIFY_V128,      VERIFY_F32,          VERIFY_I64,         VERIFY_I64, VERIFY_I64,
    VERIFY_I64,       VERIFY_FUNCREF,      VERIFY_I32};
static const struct verify_signature signatures[] = {{0, 3, 1}, {0, 0, 0},  {4, 1, 1},
                                                     {6, 3, 1}, {10, 2, 0}, {12, 10, 6}};
static const struct verify_helper helpers[] = {
    {.signature = {6, 3, 1}}, {.signature = {10, 2, 0}, .cells = 2}, {.signature = {0, 3, 1}}};
static const struct verify_type_id ids[] = {{5, 0}, {9, 1}, {70000, 5}};
static const uint8_t tables[] = {VERIFY_FUNCREF, VERIFY_EXTERNREF}, elements[] = {VERIFY_FUNCREF};
static const struct verify_field fields[] = {
    {.at = 0, .kind = VERIFY_MEMORY_BASE},
    {.at = 8, .kind = VERIFY_LENGTH_ADDRESS},
    {.at = 16, .kind = VERIFY_FLAG_ADDRESS},
    {.at = 24, .kind = VERIFY_HELPER, .number = 0},
    {.at = 32, .kind = VERIFY_HELPER, .number = 1},
    {.at = 40, .kind = VERIFY_CELL, .type = VERIFY_I32, .is_writable = true},
    {.at = 48, .kind = VERIFY_CELL, .type = VERIFY_I64},
    {.at = 56, .kind = VERIFY_CELL, .type = VERIFY_FUNCREF, .is_writable = true},
    {.at = 64, .kind = VERIFY_CELL_ADDRESS, .type = VERIFY_V128, .is_writable = true},
    {.at = 72, .kind = VERIFY_TABLE, .number = 0},
    {.at = 88, .kind = VERIFY_TABLE_ADDRESS, .number = 1},
    {.at = 96, .kind = VERIFY_RECORD, .number = 0},
    {.at = 120, .kind = VERIFY_RECORD, .number = 5},
    {.at = 144, .kind = VERIFY_RECORD_ADDRESS, .number = 1},
    {.at = 152, .kind = VERIFY_HOST, .number = 0}};
static const struct verify_shape base = {.fields = fields,
                                         .types = types,
                                         .signatures = signatures,
                                         .helpers = helpers,
                                         .ids = ids,
                                         .tables = tables,
                                         .elements = elements,
                                         .field_count = ARRAY_COUNT(fields),
                                         .signature_count = ARRAY_COUNT(signatures),
                                         .id_count = ARRAY_COUNT(ids),
                                         .table_count = ARRAY_COUNT(tables),
                                         .element_count = ARRAY_COUNT(elements),
                                         .data_count = 1,
                                         .window = UINT64_C(0x180000000)};

/* ---- The code ---- */

static void judge(const struct verify_machine *m, const struct verify_shape *shape,
                  const struct code_piece *p)
{
    for (uint32_t n = 0; n < p->function_count; n++) {
        struct verify_error err = {.offset = UINT32_MAX};
        struct arena a;
        uint64_t work = 0;
        arena_init(&a, ARENA_LIMIT);
        enum status s = verify_function(m, shape, p, n, &a, &err, &work);
        if (s != OK && s != E_NOMEM &&
            (s != E_CORRUPT || err.text[0] == '\0' || err.function != n ||
             err.offset > p->functions[n].size)) {
            __builtin_trap();
        }
        if (work > (uint64_t)WORK_BYTE * (p->functions[n].size + 16)) {
            __builtin_trap();
        }
        arena_free_all(&a);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct jit_row rows[ROWS_MAX];
    struct verify_shape shape = base;
    if (size < 2 + 4 * ROWS_MAX + 4) {
        return 0;
    }
    const struct verify_machine *m = (data[0] & 1) != 0 ? &verify_aarch64 : &verify_x86_64;
    uint32_t row_count = data[1] % (ROWS_MAX + 1);
    const uint32_t functions[] = {(data[0] >> 2) % ARRAY_COUNT(signatures), WIDEST};
    shape.functions = functions;
    shape.has_pads = (data[0] & 2) != 0;
    for (uint32_t n = 0; n < row_count; n++) {
        const uint8_t *from = data + 2 + 4 * n;
        rows[n] = (struct jit_row){.pc = load_le16(from), .kind = from[2] % 3, .trap = from[3]};
    }
    data += 2 + 4 * ROWS_MAX;
    size -= 2 + 4 * ROWS_MAX;
    /* A block of exactly this size, so that a read past it is detected. */
    uint8_t *bytes = malloc(size);
    memcpy(bytes, data, size);
    uint32_t first = ALIGN_DOWN((uint32_t)size * 3 / 4, 16);
    const struct code_function split[] = {
        {.start = 0, .size = first},
        {.start = first, .size = (uint32_t)size - first, .number = first != 0}};
    struct code_piece p = {.block = {.bytes = bytes, .address = CODE_BASE, .size = size},
                           .rows = rows,
                           .row_count = row_count,
                           .functions =
                               (struct code_function *)(uintptr_t)(first == 0 ? split + 1 : split),
                           .function_count = first == 0 ? 1 : 2};
    judge(m, &shape, &p);
    free(bytes);
    return 0;
}
