// SPDX-License-Identifier: MIT
//
// Method bodies: headers, exception clauses, instructions, and the verifier. Each case is a body
// that passes or is refused, with an offset and a reason. In a trusted assembly, code that cannot
// be verified passes, and code that has no meaning is still refused.
#include "kernel/cil/front/verify.h"
#include "kernel/lib/endian.h"
#include "kernel/mm/heap.h"
#include "tests/unit/cil/core.h"
#include "tests/unit/fake/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ARENA_LIMIT ((size_t)16 << 20)

static struct make_image make;
static struct cil_domain *domain;
static struct cil_assembly *assembly;
static uint64_t objects_before;

static uint64_t live_objects(void)
{
    struct heap_stats stats;
    heap_get_stats(&stats);
    return stats.live_objects;
}

static int start(void **state)
{
    (void)state;
    objects_before = live_objects();
    return 0;
}

static int finish(void **state)
{
    (void)state;
    cil_domain_free(domain);
    domain = NULL;
    make_free(&make);
    make = (struct make_image){.entry_point = 0};
    return live_objects() == objects_before ? 0 : -1;
}

/* ---- The image around a body ----
 *
 * Class T (row 20, encoded 0x50) with the field o of type object (1), the field i of type int (2),
 * the static method f(int, int): int (1), the method under test (2) and a constructor (3).
 * Struct S (row 21, encoded 0x54) with the field x of type int (3). Class D : T (row 22). */

#define S_TOKEN "\x15\x00\x00\x02"
#define T_TOKEN "\x14\x00\x00\x02"
#define D_TOKEN "\x16\x00\x00\x02"

enum { METHOD = 2 };

struct body {
    const char *signature; /* of the method: parameters and result; NULL: (int, object): int */
    uint32_t signature_len;
    const char *locals;
    uint32_t locals_len;
    const char *sections; /* after the code */
    uint32_t sections_len;
    bool has_this, keeps_locals;
    uint16_t max_stack; /* 0: 8 */
};

static uint32_t put_body(const struct body *b, const char *code, uint32_t len)
{
    uint8_t bytes[1000] = {0};
    uint32_t padded = b->sections == NULL ? len : (len + 3) & ~3u;
    bytes[0] = (uint8_t)(0x3 | (b->sections != NULL ? 8 : 0) | (b->keeps_locals ? 0 : 0x10));
    bytes[1] = 0x30;
    store_le16(bytes + 2, b->max_stack == 0 ? 8 : b->max_stack);
    store_le32(bytes + 4, len);
    if (b->locals != NULL) {
        MAKE_ROW(&make, CIL_STAND_ALONE_SIG, make_blob(&make, b->locals, b->locals_len));
        store_le32(bytes + 8, CIL_TOKEN(CIL_STAND_ALONE_SIG, 1));
    }
    memcpy(bytes + 12, code, len);
    if (b->sections != NULL) {
        memcpy(bytes + 12 + padded, b->sections, b->sections_len);
    }
    return make_code(&make, bytes, 12 + padded + b->sections_len);
}

static void add_image(const struct body *b, const char *code, uint32_t len)
{
    cil_domain_free(domain);
    make_free(&make);
    make_core(&make);
    make_class(&make, "T", 1, CORE_OBJECT);
    make_field(&make, "o", "\x1c", 1);
    make_field(&make, "i", "\x08", 1);
    make_method(&make, "f", "\x00\x02\x08\x08\x08", 5, make_code(&make, "\x0a\x02\x2a", 3));
    uint32_t row =
        make_method(&make, "M", b->signature == NULL ? "\x00\x02\x08\x08\x1c" : b->signature,
                    b->signature == NULL ? 5 : b->signature_len, put_body(b, code, len));
    if (b->has_this) {
        make.tables[CIL_METHOD_DEF].cells[row - 1][CIL_METHOD_DEF_FLAGS] = 6;
    }
    row = make_method(&make, ".ctor", "\x20\x00\x01", 3, make_code(&make, "\x06\x2a", 2));
    make.tables[CIL_METHOD_DEF].cells[row - 1][CIL_METHOD_DEF_FLAGS] = 0x1806;
    make_class(&make, "S", 0x108, CORE_VALUE_TYPE);
    make_field(&make, "x", "\x08", 1);
    make_class(&make, "D", 1, CORE_END);
    domain = cil_domain_new(ARENA_LIMIT, NULL);
    assembly = cil_assembly_add(domain, "m.dll", make_file(&make));
    assert_non_null(assembly);
}

static bool verify(bool is_trusted)
{
    struct arena arena;
    arena_init(&arena, ARENA_LIMIT);
    assembly->is_trusted = is_trusted;
    bool is_ok = cil_verify_method(assembly, METHOD, &arena);
    arena_free_all(&arena);
    return is_ok;
}

static void expect(enum status status, const char *words)
{
    if (domain->status != status || strstr(domain->err.text, words) == NULL) {
        fail_msg("status %d, \"%s\" instead of \"%s\"", domain->status, domain->err.text, words);
    }
    cil_domain_forgive(domain);
}

#define PASS   1 /* in any assembly */
#define TRUST  2 /* only in a trusted one */
#define REFUSE 3 /* in none */

struct test_case {
    const char *code;
    uint32_t len;
    int result;
    const char *words; /* "IL_0001: ..." */
};

static void run(const struct body *b, const struct test_case *cases, size_t count)
{
    for (size_t n = 0; n < count; n++) {
        const struct test_case *c = &cases[n];
        add_image(b, c->code, c->len);
        bool is_ok = verify(false);
        if (is_ok != (c->result == PASS)) {
            fail_msg("case %zu: %s", n, is_ok ? "it passed" : domain->err.text);
        }
        if (!is_ok) {
            expect(c->result == TRUST ? E_PERM : E_CORRUPT, c->words);
            is_ok = verify(true);
            if (is_ok != (c->result == TRUST)) {
                fail_msg("case %zu, trusted: %s", n, is_ok ? "it passed" : domain->err.text);
            }
            if (!is_ok) {
                expect(E_CORRUPT, c->words);
            }
        }
    }
}

#define RUN(body, cases) run(body, cases, sizeof(cases) / sizeof *(cases))

/* ---- Cases ---- */

static void test_arithmetic(void **state)
{
    (void)state;
    static const struct test_case cases[] = {
        {"\x02\x17\x58\x2a", 4, PASS, NULL},                     /* ldarg.0 ldc.i4.1 add ret */
        {"\x02\x6a\x6a\x69\x2a", 5, PASS, NULL},                 /* conv.i8 conv.i8 conv.i4 */
        {"\x02\x6b\x6c\x5a\x2a", 5, REFUSE, "IL_0003: too few"}, /* conv.r4 conv.r8 mul */
        {"\x02\x02\x6a\x58\x69\x2a", 6, TRUST, "IL_0003: add of int32 and int64"},
        {"\x02\x02\x6b\x58\x69\x2a", 6, REFUSE, "IL_0003: add of int32 and float"},
        {"\x02\x03\x58\x2a", 4, REFUSE, "IL_0002: add of int32 and object"},
        {"\x03\x2a", 2, REFUSE, "IL_0001: object in place of System.Int32"},
        {"\x2a", 1, REFUSE, "IL_0000: too few values"},
        {"\x02\x02\x2a", 3, REFUSE, "IL_0002: 1 more values"},
        {"\x02\x02\xfe\x01\x2a", 5, PASS, NULL}, /* ceq */
        {"\x02\x03\xfe\x01\x2a", 5, REFUSE, "IL_0002: ceq of int32 and object"},
        {"\x03\x14\xfe\x03\x2a", 5, PASS, NULL}, /* ldarg.1 ldnull cgt.un */
        {"\x03\x14\xfe\x02\x2a", 5, REFUSE, "IL_0002: cgt of object and object"},
        {"\x02\x02\x02\x02\x02\x02\x02\x02\x02\x2a", 10, REFUSE, "IL_0008: more than 8 values"},
        {"\x04\x2a", 2, REFUSE, "IL_0000: argument 2 of 2"},
        {"\x06\x2a", 2, REFUSE, "IL_0000: local variable 0 of 0"},
        {"\x24\x2a", 2, REFUSE, "IL_0000: no instruction"},
        {"\x20\x00\x00", 3, REFUSE, "IL_0000: no instruction"},
        {"\x02", 1, REFUSE, "IL_0000: control reaches the end"},
        {"\x03\xd3\x26\x02\x2a", 5, TRUST, "IL_0001: conv.i of object"},
    };
    RUN(&(struct body){.locals = NULL}, cases);
}

static void test_branches(void **state)
{
    (void)state;
    static const struct test_case cases[] = {
        {"\x02\x2d\x02\x16\x2a\x17\x2a", 7, PASS, NULL}, /* brtrue.s 2; ldc 0; ret; ldc 1; ret */
        {"\x2b\xfe", 2, PASS, NULL},                     /* br.s to itself */
        {"\x2b\x7f", 2, REFUSE, "IL_0000: no instruction starts at its target"},
        {"\x2b\xfd", 2, REFUSE, "IL_0000: no instruction starts at its target"},
        {"\x38\x01\x00\x00\x00\x20\x00\x00\x00\x00\x2a", 11, REFUSE, "IL_0000: no instruction"},
        /* Joins: int and int; int and object; depths that differ. */
        {"\x02\x2d\x03\x16\x2b\x01\x17\x2a", 8, PASS, NULL},
        {"\x02\x2d\x03\x16\x2b\x01\x14\x2a", 8, REFUSE, "paths join with"},
        {"\x02\x2d\x02\x16\x16\x2a", 6, REFUSE, "values on the stack for IL_0005"},
        /* A switch in and out of range. */
        {"\x02\x45\x01\x00\x00\x00\x02\x00\x00\x00\x16\x2a\x17\x2a", 14, PASS, NULL},
        {"\x02\x45\xff\xff\xff\x3f\x02\x00\x00\x00\x16\x2a\x17\x2a", 14, REFUSE,
         "IL_0001: no instruction"},
        {"\x03\x45\x01\x00\x00\x00\x02\x00\x00\x00\x16\x2a\x17\x2a", 14, REFUSE,
         "object in place of an integer"},
        /* A prefix without an instruction, and a branch behind one. */
        {"\x02\x2a\xfe\x13", 4, REFUSE, "IL_0002: no instruction follows the prefix volatile."},
        {"\x2b\x02\xfe\x13\x02\x2a", 6, REFUSE, "a branch leads to it"},
        /* Code that nothing reaches is not verified. */
        {"\x02\x2a\x58\x2a", 4, PASS, NULL},
    };
    RUN(&(struct body){.locals = NULL}, cases);
}

static void test_locals_and_addresses(void **state)
{
    (void)state;
    /* Locals: int, object, S, int&. */
    static const struct test_case cases[] = {
        {"\x02\x0a\x06\x2a", 4, PASS, NULL}, /* ldarg.0 stloc.0 ldloc.0 ret */
        {"\x03\x0a\x06\x2a", 4, REFUSE, "object in place of System.Int32"},
        {"\x12\x00\x4a\x2a", 4, PASS, NULL},                       /* ldloca.s 0; ldind.i4 */
        {"\x12\x00\x4c\x69\x2a", 5, TRUST, "of another type"},     /* ldind.i8 */
        {"\x12\x01\x4a\x2a", 4, TRUST, "of another type"},         /* an object read as an int */
        {"\x12\x01\x02\x54\x16\x2a", 6, TRUST, "of another type"}, /* and written as one */
        {"\x12\x01\x50\x26\x16\x2a", 6, PASS, NULL},               /* ldind.ref */
        {"\x02\x4a\x2a", 3, TRUST, "unmanaged pointer"},           /* ldarg.0 ldind.i4 */
        {"\x12\x02\xfe\x15" S_TOKEN "\x16\x2a", 10, PASS, NULL},   /* initobj S */
        {"\x12\x00\xfe\x15" S_TOKEN "\x16\x2a", 10, TRUST, "of another type"},
        {"\x12\x02\x7b\x03\x00\x00\x04\x2a", 8, PASS, NULL}, /* ldfld x */
        {"\x08\x7b\x03\x00\x00\x04\x2a", 7, PASS, NULL},     /* of the value itself */
        {"\x12\x00\x7b\x03\x00\x00\x04\x2a", 8, TRUST, "has no field x"},
        {"\x12\x00\xe0\x26\x16\x2a", 6, TRUST, "conv.u of managed pointer"},
        {"\x12\x00\x17\x58\x26\x16\x2a", 7, TRUST, "arithmetic with addresses"},
        {"\x12\x00\x0d\x09\x4a\x2a", 6, PASS, NULL}, /* int& from an int's address */
        {"\x12\x01\x0d\x16\x2a", 5, TRUST, "managed pointer does not fit System.Int32&"},
        {"\x16\xfe\x0f\x26\x16\x2a", 6, TRUST, "localloc is not verifiable"},
        {"\x16\x16\x16\xfe\x17\x16\x2a", 7, TRUST, "cpblk is not verifiable"},
        {"\x16\x16\x16\xfe\x18\x16\x2a", 7, TRUST, "initblk is not verifiable"},
        {"\x16\x29\x02\x00\x00\x11\x2a", 7, TRUST, "calli is not verifiable"},
        {"\xfe\x1c" S_TOKEN "\x2a", 7, PASS, NULL}, /* sizeof */
    };
    static const struct body body = {.locals = "\x07\x04\x08\x1c\x11\x54\x10\x08", .locals_len = 8};
    for (size_t n = 0; n < sizeof cases / sizeof *cases; n++) {
        if (strstr(cases[n].words == NULL ? "" : cases[n].words, "calli") == NULL) {
            run(&body, &cases[n], 1);
        }
    }
    static const struct test_case first = {"\x16\x2a", 2, TRUST, "do not start as zero"};
    run(&(struct body){.locals = "\x07\x01\x08", .locals_len = 3, .keeps_locals = true}, &first, 1);
}

static void test_calli_is_refused(void **state)
{
    (void)state;
    /* ldarg.0, and a signature without arguments that is also that of the locals' row. */
    add_image(&(struct body){.locals = NULL}, "\x02\x29\x01\x00\x00\x11\x2a", 7);
    assert_false(verify(false));
    expect(E_PERM, "m.dll: method T::M, IL_0001: calli is not verifiable");
    assert_false(verify(true));
    expect(E_CORRUPT, "token 0x11000001 is not of a signature");
}

/* Trusted code may access any memory, but through an address. */
static void test_blocks_of_memory_have_addresses_and_bytes(void **state)
{
    (void)state;
    static const struct test_case cases[] = {
        {"\x03\x16\x16\xfe\x17\x16\x2a", 7, TRUST, "IL_0003: object in place of an address"},
        {"\x16\x6c\x16\x16\xfe\x18\x16\x2a", 8, TRUST, "IL_0004: float in place of an address"},
        {"\x16\x16\x6c\x16\xfe\x18\x16\x2a", 8, TRUST, "IL_0004: float in place of an integer"},
        {"\x16\x16\x16\x6c\xfe\x18\x16\x2a", 8, TRUST, "IL_0004: float in place of an integer"},
    };
    for (size_t n = 0; n < sizeof cases / sizeof *cases; n++) {
        add_image(&(struct body){.locals = NULL}, cases[n].code, cases[n].len);
        assert_false(verify(false));
        expect(E_PERM, "is not verifiable");
        assert_false(verify(true));
        expect(E_CORRUPT, cases[n].words);
    }
}

static void test_objects(void **state)
{
    (void)state;
    static const struct test_case cases[] = {
        {"\x73\x03\x00\x00\x06\x26\x16\x2a", 8, PASS, NULL}, /* newobj T */
        {"\x73\x01\x00\x00\x06\x26\x16\x2a", 8, REFUSE, "which is no constructor"},
        {"\x73\x03\x00\x00\x06\x7b\x02\x00\x00\x04\x2a", 11, PASS, NULL}, /* and its field i */
        {"\x03\x7b\x02\x00\x00\x04\x2a", 7, TRUST, "the object has no field i"},
        {"\x03\x74" T_TOKEN "\x7b\x02\x00\x00\x04\x2a", 12, PASS, NULL}, /* after castclass */
        {"\x03\x74" D_TOKEN "\x7b\x02\x00\x00\x04\x2a", 12, PASS, NULL}, /* of a derived class */
        {"\x73\x03\x00\x00\x06\x02\x7d\x01\x00\x00\x04\x16\x2a", 13, REFUSE,
         "int32 in place of System.Object"}, /* an int stored in the field o */
        {"\x73\x03\x00\x00\x06\x03\x7d\x01\x00\x00\x04\x16\x2a", 13, PASS, NULL},
        {"\x02\x02\x28\x01\x00\x00\x06\x2a", 8, PASS, NULL}, /* call f */
        {"\x02\x03\x28\x01\x00\x00\x06\x2a", 8, REFUSE, "object in place of System.Int32"},
        {"\x02\x28\x01\x00\x00\x06\x2a", 7, REFUSE, "too few values"},
        {"\x02\x02\x6f\x01\x00\x00\x06\x2a", 8, REFUSE, "callvirt of the static method f"},
        {"\x02\x02\x28\x99\x00\x00\x06\x2a", 8, REFUSE, "not the token of a method"},
        {"\x03\x28\x03\x00\x00\x06\x16\x2a", 8, TRUST, "is called on an object that exists"},
        {"\x02\x8c\x0d\x00\x00\x02\x26\x16\x2a", 9, PASS, NULL}, /* box int */
        {"\x03\xa5\x0d\x00\x00\x02\x2a", 7, PASS, NULL},         /* unbox.any int */
        {"\x03\x79\x0d\x00\x00\x02\x4a\x2a", 8, PASS, NULL},     /* unbox int; ldind.i4 */
        {"\x02\x79\x0d\x00\x00\x02\x4a\x2a", 8, REFUSE, "int32 in place of an object"},
        {"\x17\x8d\x0d\x00\x00\x02\x16\x94\x2a", 9, PASS, NULL}, /* newarr int; ldelem.i4 */
        {"\x17\x8d\x0d\x00\x00\x02\x16\x9a\x26\x16\x2a", 11, REFUSE,
         "no elements that are objects"},
        {"\x17\x8d" T_TOKEN "\x16\x94\x2a", 9, TRUST, "elements of another type"},
        {"\x17\x8d" T_TOKEN "\x16\x03\xa2\x16\x2a", 11, PASS, NULL}, /* stelem.ref: checked later */
        {"\x17\x8d" T_TOKEN "\x8e\x69\x2a", 9, PASS, NULL},          /* ldlen conv.i4 */
        {"\x03\x8e\x69\x2a", 4, REFUSE, "no array of one dimension"},
        {"\x17\x8d" D_TOKEN "\x16\x8f" T_TOKEN "\x26\x16\x2a", 15, TRUST,
         "elements of another type"},
        {"\x17\x8d" D_TOKEN "\x16\xfe\x1e\x8f" T_TOKEN "\x26\x16\x2a", 17, PASS, NULL},
        {"\x72\x01\x00\x00\x70\x26\x16\x2a", 8, REFUSE, "no string has the token"},
        {"\x03\x7a", 2, PASS, NULL}, /* throw */
        {"\x02\x7a", 2, REFUSE, "int32 in place of an object"},
        {"\x02\x27\x01\x00\x00\x06", 6, TRUST, "jmp is not verifiable"},
    };
    for (size_t n = 0; n + 1 < sizeof cases / sizeof *cases; n++) {
        run(&(struct body){.locals = NULL}, &cases[n], 1);
    }
}

static void test_returned_addresses(void **state)
{
    (void)state;
    /* (int&, int): int& */
    static const struct body body = {.signature = "\x00\x02\x10\x08\x10\x08\x08",
                                     .signature_len = 7};
    static const struct test_case cases[] = {
        {"\x02\x2a", 2, PASS, NULL},
        {"\x0f\x01\x2a", 3, TRUST, "the address of a local variable is returned"},
    };
    RUN(&body, cases);
    /* And through a local variable of type int&. */
    struct body with_local = body;
    with_local.locals = "\x07\x01\x10\x08";
    with_local.locals_len = 4;
    static const struct test_case kept[] = {
        {"\x02\x0a\x06\x2a", 4, PASS, NULL},
        {"\x0f\x01\x0a\x06\x2a", 5, TRUST, "the address of a local variable is returned"},
    };
    RUN(&with_local, kept);
}

/* A clause: try [at, at + len), handler. */
#define SMALL(kind, at, len, handler, handler_len, last)                                           \
    "\x01\x10\x00\x00" kind "\x00" at "\x00" len handler "\x00" handler_len last

static void run_with(const char *clause, const struct test_case *c)
{
    run(&(struct body){.sections = clause, .sections_len = 16}, c, 1);
}

static void test_exception_clauses(void **state)
{
    (void)state;
    /* nop; leave.s end; handler: pop; leave.s end; end: ldc.i4.0 ret */
    static const char code[] = "\x00\xde\x03\x26\xde\x00\x16\x2a";
    const struct test_case good = {code, 8, PASS, NULL};
    const struct test_case overlap = {code, 8, REFUSE, "a handler overlaps its try block"};
    const struct test_case outside = {code, 8, REFUSE, "not inside the code"};
    const struct test_case inside = {code, 8, REFUSE, "no instruction starts at its target"};
    const struct test_case unknown = {code, 8, REFUSE, "unknown exception clause 3"};
    const struct test_case finally_leave = {"\x00\xde\x03\x00\xde\x00\x16\x2a", 8, REFUSE,
                                            "IL_0004: leave goes out of a finally block"};
    const struct test_case finally_end = {"\x00\xde\x03\x00\x00\xdc\x16\x2a", 8, PASS, NULL};
    const struct test_case branch_out = {"\x00\x2b\x03\x26\xde\x00\x16\x2a", 8, REFUSE,
                                         "IL_0001: a branch to IL_0006, out of a try block"};
    const struct test_case branch_in = {"\x2b\x01\x00\x00\xde\x03\x26\xde\x00\x16\x2a", 11, REFUSE,
                                        "into one"};
    const struct test_case fall = {"\x00\x00\x00\x26\xde\x00\x16\x2a", 8, REFUSE,
                                   "control falls out of a try block"};
    const struct test_case return_inside = {"\x16\x2a\x00\x26\xde\x00\x16\x2a", 8, REFUSE,
                                            "IL_0001: ret inside of a try block"};
    const struct test_case rethrow = {"\x00\xde\x03\x26\xfe\x1a\x16\x2a", 8, PASS, NULL};
    const struct test_case no_rethrow = {"\xfe\x1a\x00\x26\xde\x00\x16\x2a", 8, REFUSE,
                                         "rethrow outside of a handler"};
    run_with(SMALL("\x00", "\x00", "\x03", "\x03", "\x03", "\x02\x00\x00\x02"), &good);
    run_with(SMALL("\x00", "\x00", "\x04", "\x03", "\x03", "\x02\x00\x00\x02"), &overlap);
    run_with(SMALL("\x00", "\x00", "\x03", "\x03", "\x09", "\x02\x00\x00\x02"), &outside);
    run_with(SMALL("\x00", "\x00", "\x02", "\x03", "\x03", "\x02\x00\x00\x02"), &inside);
    run_with(SMALL("\x03", "\x00", "\x03", "\x03", "\x03", "\x02\x00\x00\x02"), &unknown);
    run_with(SMALL("\x02", "\x00", "\x03", "\x03", "\x03", "\x00\x00\x00\x00"), &finally_leave);
    run_with(SMALL("\x02", "\x00", "\x03", "\x03", "\x03", "\x00\x00\x00\x00"), &finally_end);
    run_with(SMALL("\x00", "\x00", "\x03", "\x03", "\x03", "\x02\x00\x00\x02"), &branch_out);
    run_with(SMALL("\x00", "\x02", "\x04", "\x06", "\x03", "\x02\x00\x00\x02"), &branch_in);
    run_with(SMALL("\x00", "\x00", "\x03", "\x03", "\x03", "\x02\x00\x00\x02"), &fall);
    run_with(SMALL("\x00", "\x00", "\x03", "\x03", "\x03", "\x02\x00\x00\x02"), &return_inside);
    run_with(SMALL("\x00", "\x00", "\x03", "\x03", "\x03", "\x02\x00\x00\x02"), &rethrow);
    run_with(SMALL("\x00", "\x00", "\x03", "\x03", "\x03", "\x02\x00\x00\x02"), &no_rethrow);
}

static void test_overlapping_regions_are_refused(void **state)
{
    (void)state;
    /* Handlers at 4 and 7; the try blocks are [0, 2) and [1, 4), and in the second case nested. */
    static const char code[] = "\x00\x00\xde\x06\x26\xde\x03\x26\xde\x00\x16\x2a";
    static char sections[] = "\x01\x1c\x00\x00"
                             "\x00\x00\x00\x00\x02\x04\x00\x03\x02\x00\x00\x02"
                             "\x00\x00\x01\x00\x03\x07\x00\x03\x02\x00\x00\x02";
    const struct body body = {.sections = sections, .sections_len = 28};
    const struct test_case overlap = {code, 12, REFUSE, "exception regions overlap"};
    const struct test_case nested = {code, 12, PASS, NULL};
    run(&body, &overlap, 1);
    sections[4 + 4] = 4;      /* try [0, 4) of the first, and ... */
    sections[4 + 12 + 2] = 0; /* ... of the second */
    sections[4 + 12 + 4] = 4;
    run(&body, &nested, 1);
    /* II.19: the inner try block [1, 4) has the second clause. */
    const struct test_case order = {code, 12, REFUSE, "IL_0001: the clause of an outer try block"};
    sections[4 + 12 + 2] = 1;
    sections[4 + 12 + 4] = 3;
    run(&body, &order, 1);
}

static void test_headers(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        uint32_t len;
        enum status status;
        const char *words;
    } cases[] = {
        {"\x00\x00\x00\x00", 4, E_CORRUPT, "header is of no known form"},
        {"\x03\x20\x08\x00\x01\x00\x00\x00\x00\x00\x00\x00", 12, E_CORRUPT, "no known form"},
        {"\x13\x30\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00", 12, E_CORRUPT, "0 bytes of code"},
        {"\x13\x30\x08\x00\xff\xff\x0f\x00\x00\x00\x00\x00", 12, E_CORRUPT, "not inside the file"},
        {"\x13\x30\x08\x00\xff\xff\xff\xff\x00\x00\x00\x00", 12, E_OVERFLOW, "more than 1 MiB"},
        {"\x13\x30\x08\x00\x01\x00\x00\x00\x01\x00\x00\x02\x2a", 13, E_CORRUPT,
         "token 0x02000001 is not of local variables"},
    };
    for (size_t n = 0; n < sizeof cases / sizeof *cases; n++) {
        add_image(&(struct body){.locals = NULL}, "\x02\x2a", 2);
        uint32_t rva = make_code(&make, cases[n].bytes, cases[n].len);
        make.tables[CIL_METHOD_DEF].cells[METHOD - 1][CIL_METHOD_DEF_RVA] = rva;
        cil_domain_free(domain);
        domain = cil_domain_new(ARENA_LIMIT, NULL);
        assembly = cil_assembly_add(domain, "m.dll", make_file(&make));
        assert_non_null(assembly);
        assert_false(verify(true));
        expect(cases[n].status, cases[n].words);
    }
}

/* Every byte of a body with each of 256 values: a refusal has a reason and an offset. */
static void test_any_bytes_do_no_harm(void **state)
{
    (void)state;
    static const char code[] = "\x02\x2d\x03\x16\x2b\x01\x17\x0a\x12\x00\x4a\x2a";
    const struct body body = {.locals = "\x07\x01\x08", .locals_len = 3};
    add_image(&body, code, sizeof code - 1);
    struct cil_bytes file = make_file(&make), found;
    assert_true(cil_rva(&assembly->image,
                        cil_cell(&assembly->image, CIL_METHOD_DEF, METHOD, CIL_METHOD_DEF_RVA),
                        &found));
    uint32_t at = (uint32_t)(found.at - assembly->image.file.at);
    for (uint32_t n = at; n < at + 12 + sizeof code; n++) {
        uint8_t old = make.file.at[n];
        for (unsigned value = 0; value < 256; value++) {
            make.file.at[n] = (uint8_t)value;
            cil_domain_free(domain);
            domain = cil_domain_new(ARENA_LIMIT, NULL);
            assembly = cil_assembly_add(domain, "m.dll", file);
            assert_non_null(assembly);
            if (!verify(value % 2 != 0)) {
                assert_int_not_equal(domain->status, OK);
                assert_non_null(strstr(domain->err.text, "m.dll: "));
            }
        }
        make.file.at[n] = old;
    }
}

static void test_every_opcode_has_a_rule_and_a_name(void **state)
{
    (void)state;
    unsigned count = 0;
    for (unsigned opcode = 0; opcode < CIL_OPCODES; opcode++) {
        count += strcmp(cil_opcode_name(opcode), "?") != 0;
    }
    assert_int_equal(count, 219); /* of ECMA-335, without the prefixes of two-byte codes */
    for (unsigned opcode = 0; opcode < CIL_OPCODES; opcode++) {
        if (strcmp(cil_opcode_name(opcode), "?") == 0) {
            continue;
        }
        char code[40] = {(char)opcode};
        if (opcode >= 0x100) {
            code[0] = (char)0xfe;
            code[1] = (char)opcode;
        }
        memset(code + 2, 0, 30);
        code[31] = 0x2a;
        add_image(&(struct body){.locals = NULL}, code, 32);
        if (!verify(true) && strstr(domain->err.text, "unknown instruction") != NULL) {
            fail_msg("%s: %s", cil_opcode_name(opcode), domain->err.text);
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_arithmetic),
        TEST(test_branches),
        TEST(test_locals_and_addresses),
        TEST(test_calli_is_refused),
        TEST(test_blocks_of_memory_have_addresses_and_bytes),
        TEST(test_objects),
        TEST(test_returned_addresses),
        TEST(test_exception_clauses),
        TEST(test_overlapping_regions_are_refused),
        TEST(test_headers),
        TEST(test_any_bytes_do_no_harm),
        TEST(test_every_opcode_has_a_rule_and_a_name),
    };
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
