// SPDX-License-Identifier: MIT
//
// Errors that a portable program can make: each ends the program and harms no other. Variables are
// volatile where the compiler could otherwise see the error.
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static volatile int zero;
static volatile int sink;

static void read_outside(void)
{
    sink = *(volatile int *)(uintptr_t)(0xfffffff0u + (uint32_t)zero);
}

static void write_outside(void)
{
    *(volatile int *)(uintptr_t)(0x7ffffff0u + (uint32_t)zero) = 1;
}

static void divide(void)
{
    volatile int one = 1;
    sink = one / zero;
}

static void overflow(void)
{
    volatile int smallest = INT32_MIN;
    sink = smallest / (zero - 1);
}

static void convert(void)
{
    volatile double nan = __builtin_nan("");
    sink = __builtin_wasm_trunc_s_i32_f64(nan);
}

static void convert_large(void)
{
    volatile double large = 1e10;
    sink = __builtin_wasm_trunc_s_i32_f64(large);
}

static void unreachable(void)
{
    __builtin_trap();
}

/* A function pointer is an index into a table, and the table is not that large. */
static void call_outside(void)
{
    void (*f)(void) = (void (*)(void))(uintptr_t)(1000000u + (uint32_t)zero);
    f();
}

static void call_null(void)
{
    void (*volatile f)(void) = (void (*)(void))(uintptr_t)(uint32_t)zero;
    f();
}

static void call_other_type(void)
{
    double (*volatile f)(double) = (double (*)(double))(uintptr_t)divide;
    sink = (int)f(1);
}

/* The function stores the address of a local variable outside. So each call needs its frame in
 * memory, and this function needs one on the machine's stack, too. */
__attribute__((noinline)) static int recurse(volatile int *above)
{
    return *above == -1 ? 0 : recurse(above) + *above + 1;
}

static void recursion(void)
{
    sink = recurse(&zero);
}

static void memory_fill(void)
{
    memset((void *)(uintptr_t)(0xfffff000u + (uint32_t)zero), 1, 0x2000);
}

static const struct {
    const char *name;
    void (*run)(void);
} kinds[] = {
    {"read", read_outside},       {"write", write_outside},
    {"divide", divide},           {"overflow", overflow},
    {"convert", convert},         {"convert-large", convert_large},
    {"unreachable", unreachable}, {"call-outside", call_outside},
    {"call-null", call_null},     {"call-type", call_other_type},
    {"recursion", recursion},     {"fill", memory_fill},
};

int main(int argc, char **argv)
{
    size_t count = sizeof(kinds) / sizeof(kinds[0]);
    bool is_help = argc == 2 && strcmp(argv[1], "--help") == 0;
    FILE *out = is_help ? stdout : stderr;
    for (size_t i = 0; argc == 2 && i < count; i++) {
        if (strcmp(argv[1], kinds[i].name) == 0) {
            kinds[i].run();
            fprintf(stderr, "crash: %s: nothing happened\n", argv[1]);
            return 1;
        }
    }
    fprintf(out, "usage: crash KIND, one of");
    for (size_t i = 0; i < count; i++) {
        fprintf(out, " %s", kinds[i].name);
    }
    fprintf(out, "\n");
    return is_help ? 0 : 2;
}
