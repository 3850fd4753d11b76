// SPDX-License-Identifier: MIT
//
// What random programs lack: many arguments, large frames, deep recursion, thousands of branch
// targets, bodies that exceed a branch's reach, calls with another context, accesses past a
// memory's guard, aligned slots, blocks of bytes.
#include "tests/unit/jit/user/user_tests.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONTEXT_WORDS 64u
#define MEMORY_BYTES  ((size_t)65536)
#define MEMORY        "memory guard 0x80000000 base 0 length 8\n"

/* ---- A module from text, and calls of it ---- */

struct bench {
    struct arena a;
    char *text;
    size_t len, room;
    struct ir_text ir;
    struct run_module m;
    uint64_t context[CONTEXT_WORDS];
    uint64_t length;
    bool ok;
};

static void add(struct bench *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct bench *b, const char *format, ...)
{
    va_list args;
    if (b->room - b->len < 4096) {
        b->room = b->room == 0 ? 65536 : 2 * b->room;
        b->text = realloc(b->text, b->room);
    }
    va_start(args, format);
    b->len += (size_t)vsnprintf(b->text + b->len, b->room - b->len, format, args);
    va_end(args);
}

/* ---- Names of values: $name stands for a number, separately in each function ---- */

struct name {
    uint64_t hash; /* 0: none */
    uint32_t number;
};

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static uint32_t number_of(struct name *names, size_t room, uint32_t *count, uint64_t hash)
{
    size_t at = (size_t)(hash >> 20) % room;
    while (names[at].hash != 0 && names[at].hash != hash) {
        at = (at + 1) % room;
    }
    if (names[at].hash == 0) {
        names[at] = (struct name){hash, (*count)++};
    }
    return names[at].number;
}

/* Replace the names in a text by numbers. */
static char *without_names(const char *text, size_t len)
{
    size_t room = len / 4 + 64; /* more than there can be names */
    struct name *names = calloc(room, sizeof *names);
    char *out = malloc(2 * len + 1), *to = out;
    uint32_t count = 0;
    for (const char *at = text; *at != '\0';) {
        if (*at == '}') {
            memset(names, 0, room * sizeof *names);
            count = 0;
        }
        if (*at != '$') {
            *to++ = *at++;
            continue;
        }
        uint64_t hash = 0;
        for (at++; is_letter(*at); at++) {
            hash = (hash + (uint8_t)*at) * UINT64_C(0x9e3779b97f4a7c15);
        }
        to += sprintf(to, "v%u", number_of(names, room, &count, hash));
    }
    *to = '\0';
    free(names);
    return out;
}

static bool load(struct bench *b, uint64_t features)
{
    char *text = without_names(b->text, b->len);
    struct jit_options options = user_options(0);
    options.features = features;
    arena_init(&b->a, USER_ARENA_LIMIT);
    user_parse(&b->a, text, &b->ir);
    free(text);
    b->ok = run_load(&b->m, &b->ir.module, b->ir.functions, b->ir.module.callee_count, &options,
                     &b->a) == OK;
    b->context[1] = (uintptr_t)&b->length;
    if (!b->ok) {
        printf("# not compiled\n");
    }
    return b->ok;
}

/* Free the bench. @return true: nothing was wrong. */
static bool unload(struct bench *b)
{
    run_unload(&b->m);
    arena_free_all(&b->a);
    free(b->text);
    return b->ok;
}

static uint64_t bits(unsigned type, uint64_t n)
{
    double d = (double)n;
    float s = (float)n;
    uint64_t v = n;
    if (type == IR_F64) {
        memcpy(&v, &d, sizeof d);
    } else if (type == IR_F32) {
        v = 0;
        memcpy(&v, &s, sizeof s);
    }
    return v;
}

static void call(struct bench *b, unsigned function, const uint64_t *args, unsigned count,
                 struct run_outcome *out)
{
    struct ir_bits values[64] = {{0, 0}};
    for (unsigned n = 0; n < count; n++) {
        values[n].lo = args[n];
    }
    run_call(&b->m, function, b->context, values, out);
}

static void expect(struct bench *b, unsigned function, const uint64_t *args, unsigned count,
                   uint64_t want)
{
    struct run_outcome got;
    call(b, function, args, count, &got);
    if (got.traps || got.results[0].lo != want) {
        printf("# function %u: %s %#llx, not %#llx\n", function,
               got.traps ? ir_trap_names[got.trap] : "result",
               (unsigned long long)got.results[0].lo, (unsigned long long)want);
        b->ok = false;
    }
}

static void expect_trap(struct bench *b, unsigned function, const uint64_t *args, unsigned count,
                        enum ir_trap want)
{
    struct run_outcome got;
    call(b, function, args, count, &got);
    if (!got.traps || got.trap != want) {
        printf("# function %u: %s %#llx, not %s\n", function,
               got.traps ? ir_trap_names[got.trap] : "result",
               (unsigned long long)got.results[0].lo, ir_trap_names[want]);
        b->ok = false;
    }
}

/* ---- Arguments and results ---- */

/* All types in turn, more arguments than registers; cells of vectors are aligned. */
static bool test_many_arguments(void)
{
    static const char *const names[] = {"i32", "f64", "v128", "i64", "f32"};
    static const uint8_t types[] = {IR_I32, IR_F64, IR_V128, IR_I64, IR_F32};
    enum { COUNT = 40, RESULTS = 14, TYPES = 5 };
    struct bench b = {.ok = true};
    uint64_t args[COUNT];
    struct run_outcome got;
    add(&b, "%ssignature (", MEMORY);
    for (unsigned n = 0; n < COUNT; n++) {
        add(&b, "%s%s", n == 0 ? "" : ", ", names[n % TYPES]);
        args[n] = bits(types[n % TYPES], 1000 + n);
    }
    add(&b, ") -> (");
    for (unsigned n = 0; n < RESULTS; n++) { /* the last arguments, in reverse order */
        add(&b, "%s%s", n == 0 ? "" : ", ", names[(COUNT - 1 - n) % TYPES]);
    }
    add(&b, ")\ncallee @outer signature 0\ncallee @inner signature 0\n");
    for (unsigned f = 0; f < 2; f++) {
        add(&b, "function @%s {\nblock0(", f == 0 ? "outer" : "inner");
        for (unsigned n = 0; n < COUNT; n++) {
            add(&b, "%s$v%u: %s", n == 0 ? "" : ", ", n, names[n % TYPES]);
        }
        add(&b, "):\n");
        if (f == 0) {
            add(&b, "  $w0 = call.%s @inner(", names[(COUNT - 1) % TYPES]);
            for (unsigned n = 0; n < COUNT; n++) {
                add(&b, "%s$v%u", n == 0 ? "" : ", ", n);
            }
            add(&b, ")\n");
            for (unsigned n = 1; n < RESULTS; n++) {
                add(&b, "  $w%u = result.%s $w0, %u\n", n, names[(COUNT - 1 - n) % TYPES], n);
            }
        }
        add(&b, "  return ");
        for (unsigned n = 0; n < RESULTS; n++) {
            add(&b, f == 0 ? "%s$w%u" : "%s$v%u", n == 0 ? "" : ", ", f == 0 ? n : COUNT - 1 - n);
        }
        add(&b, "\n}\n");
    }
    if (load(&b, 0)) {
        call(&b, 0, args, COUNT, &got);
        for (unsigned n = 0; n < RESULTS; n++) {
            b.ok = b.ok && !got.traps && got.results[n].lo == args[COUNT - 1 - n];
        }
    }
    return unload(&b);
}

/* Full-width values of all classes are live across calls that use every register. */
static bool test_values_survive_calls(void)
{
    enum { EACH = 12 };
    struct bench b = {.ok = true};
    uint8_t *area = calloc(3, 16 * EACH);
    uint64_t arg = (uintptr_t)area;
    add(&b, "%ssignature (i64) -> (i64)\ncallee @f signature 0\ncallee @g signature 0\n", MEMORY);
    for (unsigned f = 0; f < 2; f++) {
        add(&b, "function @%s {\nblock0($p: i64):\n", f == 0 ? "f" : "g");
        for (unsigned n = 0; n < EACH; n++) {
            add(&b, "  $q%u = load.v128 address[$p + %u]\n", n, 16 * n + 16 * EACH * f);
            add(&b, "  $i%u = load.i64 address[$p + %u]\n", n, 16 * n + 16 * EACH * f + 8);
        }
        if (f == 0) {
            add(&b, "  $zero = call.i64 @g($p)\n");
        } else {
            add(&b, "  $zero = const.i64 0\n");
        }
        for (unsigned n = 0; n < EACH; n++) {
            add(&b, "  store.v128 $q%u, address[$p + %u]\n", n, 16 * n + 32 * EACH * (1 - f));
            add(&b, "  $s%u = add.i64 %s%u, $i%u\n", n, n == 0 ? "$i" : "$s", n == 0 ? 0 : n - 1,
                n);
        }
        add(&b, "  $r = add.i64 $s%u, $zero\n  return $r\n}\n", EACH - 1);
    }
    /* f keeps the first part live across g, which overwrites it with
     * the second; f writes the third. */
    uint64_t sum = 0;
    for (unsigned n = 0; n < 2 * 16 * EACH; n++) {
        area[n] = (uint8_t)(n * 37 + n / 16);
    }
    uint8_t before[16 * EACH];
    memcpy(before, area, sizeof before);
    for (unsigned n = 0; n < 2 * EACH; n++) { /* each counts once, the first of a function twice */
        uint64_t word;
        memcpy(&word, area + 16 * n + 8, sizeof word);
        sum += n % EACH == 0 ? 2 * word : word;
    }
    if (load(&b, 0)) {
        expect(&b, 0, &arg, 1, sum);
        b.ok = b.ok && memcmp(area + 32 * EACH, before, sizeof before) == 0 &&
               memcmp(area, area + 16 * EACH, 16 * EACH) == 0;
    }
    free(area);
    return unload(&b);
}

/* ---- The stack ---- */

/* Endless recursion traps, whatever the frame's size, and does so a second time. */
static bool test_recursion_traps(void)
{
    static const uint32_t frames[] = {0,     8,      4000,   4096,    16000,   32752,
                                      33000, 100000, 140000, 1 << 20, 8 << 20, 100 << 20};
    bool ok = true;
    for (size_t n = 0; n < sizeof frames / sizeof *frames; n++) {
        struct bench b = {.ok = true};
        uint64_t arg = 5;
        add(&b, "%ssignature (i64) -> (i64)\ncallee @f signature 0\nfunction @f {\n", MEMORY);
        add(&b, "slot %u align 8\nblock0($v: i64):\n", frames[n]);
        add(&b,
            "  $s = slot.i64 0\n  $x = call.i64 @f($s) !77\n  $r = add.i64 $x, $v\n  return $r\n}\n");
        if (load(&b, n % 2 == 0 ? 0 : JIT_ARM_LANDING_PADS)) {
            expect_trap(&b, 0, &arg, 1, IR_TRAP_STACK);
            expect_trap(&b, 0, &arg, 1, IR_TRAP_STACK);
        }
        ok = unload(&b) && ok;
    }
    return ok;
}

/* Slots at both ends of a frame that exceeds the reach of immediates, one of them aligned to 64. */
static bool test_large_frames(void)
{
    static const uint32_t sizes[] = {0, 200, 4000, 4095, 32768, 40000, 1 << 18, 3 << 19};
    bool ok = true;
    for (size_t n = 0; n < sizeof sizes / sizeof *sizes; n++) {
        struct bench b = {.ok = true};
        uint64_t args[2] = {0x1122334455667788, 3};
        add(&b, "%ssignature (i64, i64) -> (i64)\ncallee @f signature 0\nfunction @f {\n", MEMORY);
        add(&b, "slot 8 align 8\nslot %u align 16\nslot 24 align 64\nblock0($v: i64, $w: i64):\n",
            sizes[n]);
        add(&b, "  store.i64 $v, slot0[0]\n  store.i32 $v, slot2[16]\n");
        add(&b, "  $a = slot.i64 2\n  $m = const.i64 63\n  $low = and.i64 $a, $m\n");
        add(&b, "  $x = load.i64 address[$a + 16] 32_u\n  $y = load.i64 slot0[0]\n");
        add(&b,
            "  $s = add.i64 $x, $y\n  $t = add.i64 $s, $low\n  $r = mul.i64 $t, $w\n  return $r\n}\n");
        if (load(&b, 0)) {
            expect(&b, 0, args, 2, (0x1122334455667788 + UINT64_C(0x55667788)) * 3);
        }
        ok = unload(&b) && ok;
    }
    return ok;
}

/* ---- Control flow ---- */

static bool test_switch_of_5000(void)
{
    enum { CASES = 5000 };
    bool ok = true;
    for (unsigned features = 0; features < 2; features++) {
        struct bench b = {.ok = true};
        add(&b, "%ssignature (i32) -> (i32)\ncallee @f signature 0\nfunction @f {\n", MEMORY);
        add(&b, "block0($v: i32):\n  switch $v");
        for (unsigned n = 0; n <= CASES; n++) {
            add(&b, ", block%u()", n + 1);
        }
        add(&b, "\n");
        for (unsigned n = 0; n <= CASES; n++) {
            add(&b, "block%u():\n  $c%u = const.i32 %u\n  return $c%u\n", n + 1, n, n * 3, n);
        }
        add(&b, "}\n");
        if (load(&b, features == 0 ? 0 : JIT_ARM_LANDING_PADS)) {
            static const uint32_t values[] = {0,    1,    2,     2500,       4095,      4096,
                                              4999, 5000, 65536, 0x7fffffff, 0xffffffff};
            for (size_t n = 0; n < sizeof values / sizeof *values; n++) {
                uint64_t arg = values[n];
                expect(&b, 0, &arg, 1, (arg < CASES ? arg : CASES) * 3);
            }
        }
        ok = unload(&b) && ok;
    }
    return ok;
}

/* `count` times: 6 instructions that a conditional branch at the start skips. */
static void add_long_body(struct bench *b, const char *condition, unsigned count)
{
    add(b, "%ssignature (i64, f64) -> (i64)\ncallee @f signature 0\nfunction @f {\n", MEMORY);
    add(b, "block0($v: i64, $w: f64):\n  $zero = const.i64 0\n%s", condition);
    add(b, "  branch $c, block1(), block2($zero)\nblock1():\n");
    for (unsigned n = 0; n < count; n++) {
        const char *last = n == 0 ? "$v" : "$x";
        if (n == 0) {
            add(b, "  $x0 = add.i64 $v, $zero\n");
            continue;
        }
        add(b, "  $k%u = const.i64 %u\n", n, n * 65537);
        add(b, "  $m%u = mul.i64 %s%u, $k%u\n  $x%u = xor.i64 $m%u, $v\n", n, last, n - 1, n, n, n);
        if (n % 1000 == 0) {
            add(b, "  $d%u = const.f64 0x40%06x00000001\n  $e%u = fadd.f64 $w, $d%u\n", n, n, n, n);
            add(b, "  $t%u = flt.f64 $e%u, $w\n  $u%u = eqz.i32 $t%u\n", n, n, n, n);
            add(b, "  trap_if $u%u, table\n", n);
        }
    }
    add(b, "  jump block2($x%u)\nblock2($r: i64):\n", count - 1);
    add(b,
        "  $d = const.f64 0x4009000000000001\n  $g = fadd.f64 $w, $d\n  $h = to_int_sat_s.i64 $g\n");
    add(b, "  $s = add.i64 $r, $h\n  return $s\n}\n");
}

/* Bodies around the reach of tbz, b.cond and literal loads: 32 KiB and 1 MiB. */
static bool test_long_bodies(void)
{
    static const char *const conditions[] = {
        "  $m = const.i64 4\n  $a = and.i64 $v, $m\n  $z = const.i64 0\n  $c = ne.i64 $a, $z\n",
        "  $c = wrap.i32 $v\n",
        "  $m = const.i64 5\n  $c = lt_u.i64 $m, $v\n",
    };
    static const unsigned counts[] = {2, 1900, 2100, 2400, 65500, 70000};
    bool ok = true;
    for (size_t n = 0; n < 3 * sizeof counts / sizeof *counts; n++) {
        unsigned count = counts[n / 3];
        struct bench b = {.ok = true};
        uint64_t args[2] = {0, bits(IR_F64, 2)};
        add_long_body(&b, conditions[n % 3], count);
        if (load(&b, 0)) {
            expect(&b, 0, args, 2, 5); /* around it: 0 + (2 + 3.125) */
            args[0] = 7;
            uint64_t x = 7;
            for (unsigned k = 1; k < count; k++) {
                x = (x * (k * 65537u)) ^ 7;
            }
            expect(&b, 0, args, 2, x + 5);
        }
        ok = unload(&b) && ok;
    }
    return ok;
}

/* ---- Contexts and memories ---- */

/* f reads its memory, calls g to read that of another context, and reads its own again. */
static bool test_calls_with_another_context(void)
{
    static uint64_t other[CONTEXT_WORDS];
    struct bench b = {.ok = true};
    uint8_t *mine = run_memory(MEMORY_BYTES), *its = run_memory(MEMORY_BYTES);
    uint64_t args[3] = {16, 0, (uintptr_t)other};
    add(&b,
        "%ssignature (i32, i64, i64) -> (i64)\ncallee @f signature 0\ncallee @g signature 0\n"
        "function @f {\nblock0($i: i32, $code: i64, $other: i64):\n"
        "  $a = load.i64 memory0[$i + 8]\n  $x = call_indirect.i64 signature 0($code, "
        "$other, $i, $code, $other)\n"
        "  $c = load.i64 memory0[$i + 8]\n  $d = load.i64 context[24]\n"
        "  $own = context.i64\n  $y = call_indirect.i64 signature 0($code, $own, $i, $code, $other)\n"
        "  $s = add.i64 $a, $x\n  $t = add.i64 $s, $c\n  $u = add.i64 $t, $d\n  $r = add.i64 $u, $y\n"
        "  return $r\n}\n"
        "function @g {\nblock0($i: i32, $code: i64, $other: i64):\n"
        "  $a = load.i64 memory0[$i + 8]\n  $d = load.i64 context[24]\n  $s = add.i64 $a, $d\n"
        "  return $s\n}\n",
        MEMORY);
    if (load(&b, JIT_ARM_LANDING_PADS)) {
        uint64_t word = 1;
        b.context[0] = (uintptr_t)mine;
        memcpy(mine + 24, &word, sizeof word);
        b.context[3] = 100;
        other[0] = (uintptr_t)its;
        other[3] = 10000;
        word = 10;
        memcpy(its + 24, &word, sizeof word);
        args[1] = (uintptr_t)b.m.at[1];
        expect(&b, 0, args, 3, 1 + (10 + 10000) + 1 + 100 + (1 + 100));
    }
    return unload(&b);
}

/* Offsets on both sides of the guard's end, variable and constant indices, a memory that is not the
 * first. The memory has one page; any access past it traps. */
static bool test_memories_and_offsets(void)
{
    static const struct {
        const char *offset;
        uint64_t index;
        bool traps;
    } cases[] = {
        {"0", 0, false},
        {"0", 65528, false},
        {"0", 65536, true},
        {"0", 0xffffffff, true},
        {"65528", 0, false},
        {"65536", 0, true},
        {"4096", 4, false},
        {"32760", 8, false},
        {"32761", 8, false},
        {"65535", 0xffffffff, true},
        {"2147483640", 0, true},
        {"2147483641", 0, true},
        {"2147483648", 0xffffffff, true},
        {"4294967295", 1, true},
        {"4294967295", 0xffffffff, true},
        {"18446744073709551608", 8, true},
        {"9223372036854775807", 1, true},
    };
    uint8_t *memory = run_memory(MEMORY_BYTES), *second = run_memory(MEMORY_BYTES);
    bool ok = true;
    for (size_t n = 0; n < 4 * sizeof cases / sizeof *cases; n++) {
        unsigned number = n % 2, known = n / 2 % 2;
        const char *offset = cases[n / 4].offset;
        uint64_t arg = cases[n / 4].index, at = arg + strtoull(offset, NULL, 10);
        struct bench b = {.ok = true, .length = MEMORY_BYTES};
        add(&b,
            "%smemory guard 64 base 16 length 8\nsignature (i32) -> (i64)\ncallee @f signature 0\n"
            "function @f {\nblock0($v: i32):\n  $k = const.i32 %llu\n"
            "  $a = load.i64 memory%u[%s + %s]\n  $b = add.i64 $a, $a\n"
            "  store.i64 $b, memory%u[%s + %s]\n  return $a\n}\n",
            MEMORY, (unsigned long long)arg, number, known ? "$k" : "$v", offset, number,
            known ? "$k" : "$v", offset);
        if (load(&b, 0)) {
            uint64_t word = 0x123456789abc + n;
            uint8_t *base = number == 0 ? memory : second;
            b.context[0] = (uintptr_t)memory;
            b.context[2] = (uintptr_t)second;
            if (cases[n / 4].traps) {
                expect_trap(&b, 0, &arg, 1, IR_TRAP_MEMORY);
            } else {
                memcpy(base + at, &word, sizeof word);
                expect(&b, 0, &arg, 1, word);
                expect(&b, 0, &arg, 1, 2 * word);
            }
        }
        ok = unload(&b) && ok;
    }
    return ok;
}

/* Indices computed from a byte: with known upper bits, and sums that wrap. Each is used twice, with
 * two offsets, in a loop of two rounds. */
static bool test_computed_indices(void)
{
    static const struct {
        const char *text;
        uint32_t times, plus; /* applied to the byte */
    } cases[] = {
        {"  $i = add.i32 $b, $zero\n", 1, 0},
        {"  $k = const.i32 3\n  $i = shl.i32 $b, $k\n", 8, 0},
        {"  $k = const.i32 2\n  $i = shl.i32 $b, $k\n", 4, 0},
        {"  $k = const.i32 5\n  $i = shl.i32 $b, $k\n", 32, 0},
        {"  $k = const.i32 1000\n  $i = add.i32 $b, $k\n", 1, 1000},
        {"  $k = const.i32 0xffffff80\n  $i = add.i32 $b, $k\n", 1, 0xffffff80},
        {"  $k = const.i32 0xffffff00\n  $i = add.i32 $b, $k\n", 1, 0xffffff00},
        {"  $k = const.i32 25\n  $i = shl.i32 $b, $k\n", 1u << 25, 0},
        {"  $k = const.i32 24\n  $i = shl.i32 $b, $k\n", 1u << 24, 0},
        {"  $k = const.i32 100\n  $j = add.i32 $b, $k\n  $m = const.i32 3\n"
         "  $i = shl.i32 $j, $m\n",
         8, 800},
        {"  $k = const.i32 3\n  $j = shl.i32 $b, $k\n  $m = const.i32 800\n"
         "  $i = add.i32 $j, $m\n",
         8, 800},
        {"  $k = const.i32 0x1fffffff\n  $j = add.i32 $b, $k\n  $m = const.i32 3\n"
         "  $i = shl.i32 $j, $m\n",
         8, 0xfffffff8},
    };
    uint8_t *memory = run_memory(MEMORY_BYTES);
    bool ok = true;
    for (unsigned n = 0; n < MEMORY_BYTES; n++) {
        memory[n] = (uint8_t)(n * 31 + n / 256 * 7);
    }
    for (size_t n = 0; n < 3 * sizeof cases / sizeof *cases; n++) {
        static const unsigned bytes[] = {0, 1, 17, 100, 127, 128, 129, 200, 255};
        static const unsigned offsets[] = {0, 8, 8816};
        struct bench b = {.ok = true};
        unsigned offset = offsets[n % 3];
        add(&b,
            "%ssignature (i32) -> (i64)\ncallee @f signature 0\nfunction @f {\n"
            "block0($v: i32):\n  $zero = const.i32 0\n  $two = const.i32 2\n"
            "  $none = const.i64 0\n  jump block1($zero, $none)\n"
            "block1($n: i32, $sum: i64):\n  $ff = const.i32 255\n  $b = and.i32 $v, $ff\n%s"
            "  $x = load.i64 memory0[$i + %u]\n  $y = load.i64 memory0[$i + %u]\n"
            "  $t = sub.i64 $x, $y\n  $next = add.i64 $sum, $t\n  $one = const.i32 1\n"
            "  $m1 = add.i32 $n, $one\n  $c = lt_u.i32 $m1, $two\n"
            "  branch $c, block1($m1, $next), block2()\nblock2():\n  return $next\n}\n",
            MEMORY, cases[n / 3].text, offset, offset + 24);
        if (load(&b, 0)) {
            b.context[0] = (uintptr_t)memory;
            for (size_t v = 0; v < sizeof bytes / sizeof *bytes; v++) {
                uint64_t arg = bytes[v] + 0x300, x, y;
                uint32_t index = bytes[v] * cases[n / 3].times + cases[n / 3].plus;
                uint64_t at = (uint64_t)index + offset;
                if (at + 32 > MEMORY_BYTES) {
                    expect_trap(&b, 0, &arg, 1, IR_TRAP_MEMORY);
                    continue;
                }
                memcpy(&x, memory + at, sizeof x);
                memcpy(&y, memory + at + 24, sizeof y);
                expect(&b, 0, &arg, 1, 2 * (x - y));
            }
        }
        if (!b.ok) {
            printf("# case %zu\n", n);
        }
        ok = unload(&b) && ok;
    }
    return ok;
}

static void unwinding_helper(void *context, uint64_t unwinds)
{
    (void)context;
    if (unwinds != 0) {
        run_unwind(__builtin_frame_address(0));
    }
}

/* From a helper that is called directly, or by g, whose frame is discarded; values of both classes
 * are live after both exits of the invoke. */
static bool test_unwinding(void)
{
    bool ok = true;
    for (unsigned direct = 0; direct < 2; direct++) {
        struct bench b = {.ok = true};
        uint64_t args[4] = {0, bits(IR_F64, 3), 5, 100};
        add(&b,
            "%ssignature (i64, f64, i64, i64) -> (i64)\nsignature (i64) -> ()\n"
            "callee @f signature 0\ncallee @g signature 1\ncallee @h signature 1 helper 32 traps\n"
            "function @f {\nblock0($u: i64, $w: f64, $x: i64, $y: i64):\n"
            "  $p = mul.i64 $x, $y\n  $q = fadd.f64 $w, $w\n"
            "  invoke @%s($u) then block1() unwind block2()\n"
            "block1():\n  $c = to_int_sat_s.i64 $q\n  $a = add.i64 $p, $c\n  return $a\n"
            "block2():\n  $d = to_int_sat_s.i64 $q\n  $e = load.i64 context[24]\n"
            "  $s = add.i64 $d, $e\n  $t = sub.i64 $p, $s\n  return $t\n}\n"
            "function @g {\nslot 4000 align 16\nblock0($u: i64):\n  call @h($u)\n  return\n}\n",
            MEMORY, direct ? "h" : "g");
        if (load(&b, JIT_ARM_LANDING_PADS)) {
            b.context[3] = 7;
            b.context[4] = (uintptr_t)unwinding_helper;
            expect(&b, 0, args, 4, 500 + 6);
            args[0] = 1;
            expect(&b, 0, args, 4, 500 - 6 - 7);
            expect(&b, 0, args, 4, 500 - 6 - 7);
        }
        ok = unload(&b) && ok;
    }
    return ok;
}

/* A machine multiplies halves and adds in one instruction; subtracting takes another. */
static bool test_products_of_halves(void)
{
    struct bench b = {.ok = true};
    const uint64_t args[3] = {1000, (uint32_t)-7, 6};
    add(&b, "signature (i64, i32, i32) -> (i64)\n");
    add(&b, "callee @add signature 0\ncallee @sub signature 0\n");
    for (unsigned n = 0; n < 2; n++) {
        const char *op = n == 0 ? "add" : "sub";
        add(&b,
            "function @%s {\nblock0($o: i64, $a: i32, $b: i32):\n  $x = extend_s.i64 $a\n"
            "  $y = extend_s.i64 $b\n  $p = mul.i64 $x, $y\n  $r = %s.i64 $o, $p\n  return $r\n}\n",
            op, op);
    }
    if (load(&b, 0)) {
        expect(&b, 0, args, 3, 1000 - 42);
        expect(&b, 1, args, 3, 1000 + 42);
    }
    return unload(&b);
}

static bool test_null_objects_trap(void)
{
    static const unsigned offsets[] = {0, 8, 4088, 4096, 40000};
    bool ok = true;
    for (size_t n = 0; n < sizeof offsets / sizeof *offsets; n++) {
        struct bench b = {.ok = true};
        uint8_t *object = calloc(1, 65536);
        uint64_t word = 99, args[2] = {(uintptr_t)object, 8};
        memcpy(object + offsets[n] + 8, &word, sizeof word);
        add(&b,
            "%ssignature (ref, i64) -> (i64)\ncallee @f signature 0\ncallee @g signature 0\n"
            "function @f {\nblock0($o: ref, $v: i64):\n  $d = derive.derived $o, $v\n"
            "  $a = load.i64 object[$d + %u]\n  store.i64 $v, object[$o + %u]\n  $z = is_null.i32 $o\n"
            "  $w = extend_u.i64 $z\n  $r = add.i64 $a, $w\n  return $r\n}\n"
            "function @g {\nblock0($o: ref, $v: i64):\n  $c = null_check.ref $o\n"
            "  $e = ref_eq.i32 $c, $o\n  $r = extend_u.i64 $e\n  return $r\n}\n",
            MEMORY, offsets[n], offsets[n]);
        if (load(&b, 0)) {
            expect(&b, 0, args, 2, 99);
            expect(&b, 1, args, 2, 1);
            args[0] = args[1] = 0;
            expect_trap(&b, 0, args, 2, IR_TRAP_NULL);
            expect_trap(&b, 1, args, 2, IR_TRAP_NULL);
        }
        free(object);
        ok = unload(&b) && ok;
    }
    return ok;
}

/* ---- Blocks of bytes ---- */

static bool test_blocks_of_bytes(void)
{
    static uint8_t from[4200], to[4200], want[4200];
    bool ok = true;
    for (unsigned bytes = 0; bytes < 4100; bytes += bytes < 70 ? 1 : bytes < 300 ? 13 : 333) {
        struct bench b = {.ok = true};
        uint64_t args[2] = {(uintptr_t)to + 33, (uintptr_t)from + 50};
        add(&b,
            "%ssignature (i64, i64) -> (i64)\ncallee @copy signature 0\ncallee @zero signature 0\n"
            "function @copy {\nblock0($t: i64, $f: i64):\n  copy_bytes $t, $f, %u\n  return $t\n}\n"
            "function @zero {\nblock0($t: i64, $f: i64):\n  zero_bytes $t, %u\n  return $f\n}\n",
            MEMORY, bytes, bytes);
        for (unsigned n = 0; n < sizeof from; n++) {
            from[n] = (uint8_t)(n * 7 + 1);
            want[n] = to[n] = (uint8_t)(n + 128);
        }
        if (load(&b, 0)) {
            memcpy(want + 33, from + 50, bytes);
            expect(&b, 0, args, 2, args[0]);
            b.ok = b.ok && memcmp(to, want, sizeof to) == 0;
            const uint64_t same[2] = {args[0], args[0]};
            expect(&b, 0, same, 2, args[0]);
            b.ok = b.ok && memcmp(to, want, sizeof to) == 0;
            memset(want + 33, 0, bytes);
            expect(&b, 1, args, 2, args[1]);
            b.ok = b.ok && memcmp(to, want, sizeof to) == 0;
        }
        if (!b.ok) {
            printf("# %u bytes\n", bytes);
        }
        ok = unload(&b) && ok;
    }
    return ok;
}

const struct user_test user_test_shapes[] = {
    {"arguments and results beyond the registers", test_many_arguments},
    {"values live over calls, all 16 bytes of a vector", test_values_survive_calls},
    {"endless recursion traps with frames of any size", test_recursion_traps},
    {"slots of frames of any size", test_large_frames},
    {"a switch of 5,000 targets", test_switch_of_5000},
    {"bodies longer than branches reach", test_long_bodies},
    {"calls with another context", test_calls_with_another_context},
    {"memories, offsets on both sides of the guard's end", test_memories_and_offsets},
    {"indices that are computed from a byte", test_computed_indices},
    {"unwinding to an invoke", test_unwinding},
    {"products of halves are added and subtracted", test_products_of_halves},
    {"null objects trap at any offset", test_null_objects_trap},
    {"blocks of bytes of any size", test_blocks_of_bytes},
    {NULL, NULL},
};
