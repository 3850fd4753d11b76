// SPDX-License-Identifier: MIT
//
// Runs the tests of compiled code on a thread whose stack has a guard page, and defines the
// functions that several of them call.
#include "kernel/jit/codegen/vcode_print.h"
#include "tests/unit/jit/user/user_tests.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define STACK_BYTES ((size_t)16 << 20)
#define GUARD_BYTES ((size_t)1 << 20)

static bool failed;

/* Prints every stage, if JIT_SHOW is set. */
static void put(void *ctx, const char *text, size_t len)
{
    (void)ctx;
    fwrite(text, 1, len, stdout);
}

static void show(void *ctx, const char *stage, const struct ir_function *f, const struct vcode *v)
{
    (void)ctx;
    printf("# --- %s\n", stage);
    if (v != NULL) {
        vcode_print(v, &jit_machine_aarch64, put, NULL);
    } else {
        ir_print_function(f, put, NULL);
    }
}

struct jit_options user_options(unsigned registers)
{
    struct jit_options o = {.checks = &jit_checks,
                            .show = getenv("JIT_SHOW") != NULL ? show : NULL};
    for (unsigned class = 0; registers != 0 && class < VCLASS_COUNT; class ++) {
        /* Two caller-saved registers, the others callee-saved. */
        uint32_t saved = jit_machine_aarch64.registers.callee_saved[class];
        uint32_t other = jit_machine_aarch64.registers.allocatable[class] & ~saved;
        for (unsigned n = 0; n < registers; n++) {
            uint32_t *from = n % 2 == 0 ? &other : &saved;
            o.limits.allowed[class] |= *from & -*from;
            *from &= *from - 1;
        }
    }
    return o;
}

void user_parse(struct arena *a, const char *text, struct ir_text *out)
{
    if (ir_parse(a, text, strlen(text), out) != OK) {
        printf("Bail out! line %u: %s\n", out->error_line, out->error);
        exit(99);
    }
}

static bool is_nan(unsigned type, uint64_t bits)
{
    return type == IR_F32 ? (bits & 0x7fffffff) > 0x7f800000
                          : (bits & INT64_MAX) > 0x7ff0000000000000;
}

bool user_same(unsigned type, struct ir_bits a, struct ir_bits b, bool any_nan)
{
    if (ir_is_float(type) && any_nan && is_nan(type, a.lo)) {
        return is_nan(type, b.lo);
    }
    return a.lo == b.lo && a.hi == b.hi;
}

unsigned user_edges(unsigned type, const uint64_t **values)
{
    static const uint64_t i32[] = {0,          1,          2,          3,          7,
                                   31,         32,         33,         63,         0xff,
                                   0x100,      0xfff,      0x1000,     0x1001,     0x7fff,
                                   0xffff,     0x10000,    0xfff000,   0x1000000,  0x12345678,
                                   0x7ffffffe, 0x7fffffff, 0x80000000, 0x80000001, 0xaaaaaaaa,
                                   0xfffff000, 0xffffff01, 0xfffffffe, 0xffffffff};
    static const uint64_t i64[] = {0,
                                   1,
                                   2,
                                   31,
                                   32,
                                   63,
                                   64,
                                   0xff,
                                   0xfff,
                                   0x1000,
                                   0xffff,
                                   0x123456,
                                   0xfff000,
                                   0x7fffffff,
                                   0x80000000,
                                   0xffffffff,
                                   0x100000000,
                                   0x12345678abcd,
                                   0x7ffffffffffffffe,
                                   0x7fffffffffffffff,
                                   0x8000000000000000,
                                   0x8000000000000001,
                                   0xcccccccccccccccc,
                                   0xffff0000ffff0000,
                                   0xffffffff00000000,
                                   0xffffffff80000000,
                                   0xfffffffffffff000,
                                   0xffffffffffffffff};
    /* Zeros, the smallest, ones, halves, the limits of integers and their neighbours, NaNs. */
    static const uint64_t f32[] = {
        0,          0x80000000, 1,          0x80000001, 0x00800000, 0x3effffff, 0x3f000000,
        0x3f000001, 0x3f800000, 0xbf800000, 0xbf7fffff, 0x3fc00000, 0x40200000, 0xc0200000,
        0x4b000001, 0x4effffff, 0x4f000000, 0xcf000000, 0xcf000001, 0x4f7fffff, 0x4f800000,
        0x5effffff, 0x5f000000, 0xdf000000, 0xdf000001, 0x5f7fffff, 0x5f800000, 0x7f7fffff,
        0x7f800000, 0xff800000, 0x7fc00000, 0xffc00001, 0x7f800001, 0xffa00000};
    static const uint64_t f64[] = {0,
                                   0x8000000000000000,
                                   1,
                                   0x8000000000000001,
                                   0x0010000000000000,
                                   0x3fdfffffffffffff,
                                   0x3fe0000000000000,
                                   0x3ff0000000000000,
                                   0xbff0000000000000,
                                   0xbfefffffffffffff,
                                   0x3ff8000000000000,
                                   0x4004000000000000,
                                   0xc004000000000000,
                                   0x41dfffffff800000,
                                   0x41dfffffffc00000,
                                   0x41e0000000000000,
                                   0xc1e0000000000000,
                                   0xc1e00000001fffff,
                                   0xc1e0000000200000,
                                   0x41efffffffe00000,
                                   0x41efffffffffffff,
                                   0x41f0000000000000,
                                   0x43dfffffffffffff,
                                   0x43e0000000000000,
                                   0xc3e0000000000000,
                                   0xc3e0000000000001,
                                   0x43efffffffffffff,
                                   0x43f0000000000000,
                                   0x47efffffe0000000,
                                   0x47efffffefffffff,
                                   0x47effffff0000000,
                                   0x3810000000000000,
                                   0x36a0000000000000,
                                   0x7fefffffffffffff,
                                   0x7ff0000000000000,
                                   0xfff0000000000000,
                                   0x7ff8000000000000,
                                   0xfff8000000000001,
                                   0x7ff0000000000001,
                                   0xfff4000000000000};
#define EDGES(list) (*values = (list), (unsigned)(sizeof(list) / sizeof *(list)))
    switch (type) {
    case IR_I32:
        return EDGES(i32);
    case IR_I64:
        return EDGES(i64);
    case IR_F32:
        return EDGES(f32);
    case IR_F64:
        return EDGES(f64);
    default:
        return 0;
    }
}

static void *run_all(void *filter)
{
    static const struct user_test *const groups[] = {
        user_test_ops, user_test_shapes, user_test_managed, user_test_random, user_test_vectors};
    unsigned number = 0;
    run_init();
    for (size_t g = 0; g < sizeof groups / sizeof *groups; g++) {
        for (const struct user_test *t = groups[g]; t->name != NULL; t++) {
            if (filter != NULL && strstr(t->name, filter) == NULL) {
                continue;
            }
            bool ok = t->run();
            failed |= !ok;
            printf("%sok %u - %s\n", ok ? "" : "not ", ++number, t->name);
            fflush(stdout);
        }
    }
    printf("1..%u\n", number);
    return NULL;
}

int main(int argc, char **argv)
{
    uint8_t *stack = mmap(NULL, STACK_BYTES + GUARD_BYTES, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pthread_attr_t attributes;
    pthread_t thread;
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (stack == MAP_FAILED || mprotect(stack, GUARD_BYTES, PROT_NONE) != 0 ||
        pthread_attr_init(&attributes) != 0 ||
        pthread_attr_setstack(&attributes, stack + GUARD_BYTES, STACK_BYTES) != 0 ||
        pthread_create(&thread, &attributes, run_all, argc > 1 ? argv[1] : NULL) != 0) {
        perror("thread");
        return 99;
    }
    pthread_join(thread, NULL);
    return failed;
}
