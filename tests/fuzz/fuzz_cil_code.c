// SPDX-License-Identifier: MIT
//
// Any bytes as a method's body: the first byte says whether the assembly is trusted, and what the
// method's arguments are; the rest is the header, the code and the exception clauses. A refusal has
// a reason, and in a trusted assembly nothing is refused for not being verifiable.
#include "kernel/base/assert.h"
#include "kernel/cil/front/build.h"
#include "kernel/jit/ir/ir_verify.h"
#include "tests/fuzz/judge.h"
#include "tests/unit/cil/core.h"

#define ARENA_LIMIT ((size_t)4 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The kernel's would bring its heap. */
_Noreturn void panic(const char *fmt, ...)
{
    (void)fmt;
    __builtin_trap();
}

static void make(struct make_image *i, uint8_t how, const uint8_t *body, uint32_t len)
{
    static const struct {
        const char *bytes;
        uint32_t len;
    } signatures[] = {{"\x00\x02\x08\x08\x1c", 5},
                      {"\x00\x03\x01\x10\x08\x0d\x11\x54", 8},
                      {"\x10\x01\x02\x1e\x00\x1e\x00\x1d\x1e\x00", 10},
                      {"\x00\x02\x0b\x0b\x08", 5}};
    unsigned n = how >> 1 & 3;
    make_core(i);
    make_class(i, "T", CIL_TYPE_BEFORE_FIELD_INIT | 1,
               CORE_OBJECT); /* its methods can be inlined */
    make_field(i, "o", "\x1c", 1);
    make_field(i, "i", "\x08", 1);
    make_method(i, "M", signatures[n].bytes, signatures[n].len, make_code(i, body, len));
    make_method(i, "f", "\x00\x02\x08\x08\x08", 5, make_code(i, "\x0a\x02\x2a", 3));
    uint32_t row = make_method(i, ".ctor", "\x20\x00\x01", 3, make_code(i, "\x06\x2a", 2));
    i->tables[CIL_METHOD_DEF].cells[row - 1][CIL_METHOD_DEF_FLAGS] = 0x1806;
    make_class(i, "S", 0x108, CORE_VALUE_TYPE);
    make_field(i, "x", "\x08", 1);
    make_class(i, "D", 1, CORE_END);
    MAKE_ROW(i, CIL_STAND_ALONE_SIG, make_blob(i, "\x07\x05\x08\x1c\x11\x54\x10\x08\x0a", 9));
    MAKE_ROW(i, CIL_STAND_ALONE_SIG, make_blob(i, "\x00\x01\x08\x08", 4));
    MAKE_ROW(i, CIL_TYPE_SPEC, make_blob(i, "\x1d\x08", 2));
    MAKE_ROW(i, CIL_MEMBER_REF, CORE_END << 3, make_string(i, "i"), make_blob(i, "\x06\x08", 2));
    make_user_string(i, "text");
}

static void judge_refusal(const struct cil_assembly *a)
{
    const struct cil_error *err = &a->domain->err;
    judge_text(err->text, sizeof err->text);
    if (err->text[0] == '\0' || (a->is_trusted && a->domain->status == E_PERM)) {
        abort();
    }
}

/* Verified code may need more than the translator knows. A translation is valid. */
static void build(struct cil_assembly *a, struct arena *arena)
{
    struct cil_unit unit;
    struct ir_complaint complaint;
    if (!cil_unit_build(a, 1, arena, &unit)) {
        judge_refusal(a);
        return;
    }
    for (uint32_t n = 0; n < unit.count; n++) {
        if (ir_verify(arena, unit.methods[n].function, &complaint) == E_CORRUPT) {
            abort();
        }
    }
}

static void verify(struct cil_assembly *a)
{
    struct arena arena;
    arena_init(&arena, ARENA_LIMIT);
    if (cil_verify_method(a, 1, &arena)) {
        build(a, &arena);
    } else {
        judge_refusal(a);
    }
    arena_free_all(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct make_image i;
    if (size < 2) {
        return 0;
    }
    make(&i, data[0], data + 1, (uint32_t)size - 1);
    struct cil_domain *d = cil_domain_new(ARENA_LIMIT, NULL);
    struct cil_assembly *a = cil_assembly_add(d, "fuzz.dll", make_file(&i));
    if (a == NULL) {
        abort();
    }
    a->is_trusted = data[0] % 2 != 0;
    verify(a);
    cil_domain_free(d);
    make_free(&i);
    return 0;
}
