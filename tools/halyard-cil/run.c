// SPDX-License-Identifier: MIT
//
// Running static methods on numbers: one by name, or all that are tests.
#include "tools/halyard-cil/engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNIT_LIMIT ((size_t)1 << 30)

/* ---- Numbers ---- */

static bool read_number(const char *word, unsigned type, struct ir_bits *out)
{
    char *end;
    errno = 0;
    *out = (struct ir_bits){.lo = 0};
    if (type == IR_I32 || type == IR_I64) {
        long long value = strtoll(word, &end, 0);
        out->lo = type == IR_I32 ? (uint32_t)value : (uint64_t)value;
    } else if (type == IR_F32) {
        float value = strtof(word, &end);
        memcpy(&out->lo, &value, sizeof value);
    } else {
        double value = strtod(word, &end);
        memcpy(&out->lo, &value, sizeof value);
    }
    return *word != '\0' && *end == '\0' && errno == 0;
}

static void print_number(unsigned type, const struct ir_bits *bits)
{
    float f32;
    double f64;
    switch (type) {
    case IR_I32:
        printf("%d\n", (int32_t)bits->lo);
        break;
    case IR_I64:
        printf("%lld\n", (long long)bits->lo);
        break;
    case IR_F32:
        memcpy(&f32, &bits->lo, sizeof f32);
        printf("%.9g\n", (double)f32);
        break;
    default:
        memcpy(&f64, &bits->lo, sizeof f64);
        printf("%.17g\n", f64);
    }
}

/* ---- One method ---- */

static uint32_t find_method(struct cil_assembly *a, const char *name)
{
    char text[512];
    for (uint32_t row = 1; row <= a->image.tables[CIL_METHOD_DEF].count; row++) {
        cil_method_text(text, sizeof text, a, row);
        if (strcmp(text, name) == 0) {
            return row;
        }
    }
    return 0;
}

static int run_unit(const struct tool *t, struct cil_unit *u)
{
    const struct ir_signature *s = &u->signatures[u->callees[CIL_FIRST_METHOD].signature];
    struct ir_bits args[CIL_RUN_ARGUMENTS_MAX], result = {.lo = 0};
    if ((uint32_t)t->argc != s->params || s->params > CIL_RUN_ARGUMENTS_MAX) {
        fprintf(stderr, "halyard-cil: %s has %u parameters\n", t->method, s->params);
        return TOOL_REFUSED;
    }
    for (uint32_t n = 0; n < s->params; n++) {
        if (!read_number(t->argv[n], u->types[s->types + n], &args[n])) {
            fprintf(stderr, "halyard-cil: %s: not a number\n", t->argv[n]);
            return TOOL_REFUSED;
        }
    }
    int status = engine_run(u, t, args, NULL, &result);
    if (status != 0) {
        return u->d->status != OK ? tool_refuse(&u->d->err) : status;
    }
    if (s->results == 1) {
        print_number(u->types[s->types + s->params], &result);
    }
    return 0;
}

int tool_run(const struct tool *t, struct cil_assembly *a)
{
    uint32_t row = find_method(a, t->method);
    struct cil_unit unit;
    struct arena arena;
    if (row == 0) {
        fprintf(stderr, "halyard-cil: %s: no method %s\n", a->image.name, t->method);
        return TOOL_REFUSED;
    }
    a->is_trusted = t->is_trusted;
    arena_init(&arena, UNIT_LIMIT);
    int status =
        cil_unit_build(a, row, &arena, &unit) ? run_unit(t, &unit) : tool_refuse(&a->domain->err);
    arena_free_all(&arena);
    return status;
}

/* ---- A program ---- */

/* @return the exit status: that of the program. */
static int run_main(const struct tool *t, struct cil_unit *u)
{
    const struct engine_words words = {(const char *const *)t->argv, (uint32_t)t->argc};
    struct ir_bits result = {.lo = 0};
    int status = engine_run(u, t, NULL, &words, &result);
    if (u->d->status != OK) {
        return tool_refuse(&u->d->err);
    }
    return status == 0 ? (int)(result.lo & 0xff) : status;
}

static void print_times(const struct cil_unit *u, double seconds)
{
    uint64_t bytes = 0;
    for (uint32_t n = 0; n < u->count; n++) {
        bytes += u->methods[n].code_bytes;
    }
    fprintf(stderr,
            "halyard-cil: %u methods, %llu bytes of CIL: verified and translated in %.1f ms\n",
            u->count, (unsigned long long)bytes, 1e3 * seconds);
}

int tool_main(const struct tool *t, struct cil_assembly *a)
{
    uint32_t token = a->image.entry_point;
    struct cil_unit unit;
    struct arena arena;
    if (CIL_TOKEN_TABLE(token) != CIL_METHOD_DEF || CIL_TOKEN_ROW(token) == 0) {
        fprintf(stderr, "halyard-cil: %s: it is a library: it has no Main\n", a->image.name);
        return TOOL_REFUSED;
    }
    a->is_trusted = t->is_trusted;
    arena_init(&arena, UNIT_LIMIT);
    double start = tool_now();
    bool is_built = cil_unit_build(a, CIL_TOKEN_ROW(token), &arena, &unit);
    if (is_built && t->shows_times) {
        print_times(&unit, tool_now() - start);
    }
    int status = is_built ? run_main(t, &unit) : tool_refuse(&a->domain->err);
    arena_free_all(&arena);
    return status;
}

/* ---- mono's tests ---- */

/* "test_12_name": 12. @return false: no such name. */
static bool expected_of(const char *name, long long *out)
{
    char *end;
    if (strncmp(name, "test_", 5) != 0 || name[5] < '0' || name[5] > '9') {
        return false;
    }
    *out = strtoll(name + 5, &end, 10);
    return *end == '_' || *end == '\0';
}

struct counts {
    unsigned passed, failed, refused;
};

static void run_test(const struct tool *t, struct cil_assembly *a, uint32_t row, long long expected,
                     struct counts *c)
{
    struct cil_unit unit;
    struct arena arena;
    struct ir_bits result = {.lo = 0};
    char name[256];
    cil_method_text(name, sizeof name, a, row);
    arena_init(&arena, UNIT_LIMIT);
    bool is_built = cil_unit_build(a, row, &arena, &unit) && unit.methods[0].sig->param_count == 0;
    int status = is_built ? engine_run(&unit, t, NULL, NULL, &result) : 0;
    if (!is_built || a->domain->status != OK) {
        c->refused++;
        fprintf(stderr, "halyard-cil: %s is not compiled yet: %s\n", name, a->domain->err.text);
        cil_domain_forgive(a->domain);
    } else if (status == 0 && (int32_t)result.lo == expected) {
        c->passed++;
    } else {
        c->failed++;
        fprintf(stderr, "halyard-cil: %s returned %d\n", name, (int32_t)result.lo);
    }
    arena_free_all(&arena);
}

int tool_tests(const struct tool *t, struct cil_assembly *a)
{
    struct counts c = {.passed = 0};
    a->is_trusted = true;
    for (uint32_t row = 1; row <= a->image.tables[CIL_METHOD_DEF].count; row++) {
        long long expected;
        uint32_t flags = cil_cell(&a->image, CIL_METHOD_DEF, row, CIL_METHOD_DEF_FLAGS);
        if ((flags & CIL_METHOD_STATIC) != 0 &&
            expected_of(cil_cell_string(&a->image, CIL_METHOD_DEF, row, CIL_METHOD_DEF_NAME),
                        &expected)) {
            run_test(t, a, row, expected, &c);
        }
    }
    printf("%s: %u passed, %u failed, %u not compiled yet\n", a->image.name, c.passed, c.failed,
           c.refused);
    return c.failed == 0 ? 0 : TOOL_TRAPPED;
}
