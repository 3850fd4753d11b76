// SPDX-License-Identifier: MIT
//
// Causes the fault that its argument names. The kernel must report the fault, end this program with
// status 119, and continue. If the machine permits the operation, the program prints that and ends
// with 1.
#include "halyard.h"

static volatile uintptr_t null_address;

static void read_null(void)
{
    (void)*(volatile int *)null_address;
}

static void write_null(void)
{
    *(volatile int *)null_address = 1;
}

static void write_text(void)
{
    *(volatile uint8_t *)(uintptr_t)write_text = 0;
}

static void write_rodata(void)
{
    static const char text[] = "constant";
    *(volatile char *)(uintptr_t)text = 'C';
}

static void execute_data(void)
{
    static uint32_t code[4];
    ((void (*)(void))(uintptr_t)code)();
}

static void jump_wild(void)
{
    ((void (*)(void))(null_address + 0x123456789000))();
}

static void run_illegal(void)
{
#if defined(__x86_64__)
    __asm__ volatile("ud2");
#else
    __asm__ volatile("udf #0");
#endif
}

static void run_breakpoint(void)
{
    __builtin_debugtrap();
}

/* AArch64 has no such fault: a division by zero gives 0 there. */
static void divide(void)
{
    volatile int zero = 0;
    /* not the constant 1: the compiler would compute 1 / zero without a division */
    volatile int seven = 7;
    volatile int quotient = seven / zero;
    (void)quotient;
}

static volatile unsigned depth;
/* never reached, but the compiler does not know that */
static volatile unsigned enough = UINT32_MAX;

__attribute__((noinline)) static unsigned recurse(unsigned n)
{
    volatile unsigned here[16] = {n};
    return n == enough ? 0 : recurse(n + 1) + here[n % 16];
}

static void overflow_stack(void)
{
    depth = recurse(0);
}

__attribute__((noinline)) static unsigned recurse_calling(unsigned n)
{
    volatile char here[64];
    hy_snprintf((char *)(uintptr_t)here, sizeof(here), "%u", n);
    return n == enough ? 0 : recurse_calling(n + 1) + (unsigned char)here[0];
}

/* Here the kernel's code would exceed the stack if it did not check the stack before a call. */
static void overflow_in_call(void)
{
    depth = recurse_calling(0);
}

static void copy_to_null(void)
{
    static char from[200];
    volatile size_t n = sizeof(from);
    memcpy((void *)null_address, from, n);
}

static void free_wild(void)
{
    static uint64_t words[8] __attribute__((aligned(16)));
    hy_free(&words[4]);
}

/* Recurses down to the last 2 KiB of its stack and stays there. There
 * is no fault, but an interrupt would not find room on the stack, and
 * no other thread would run. Ends when the other thread says so. */
__attribute__((noinline)) static unsigned descend(unsigned n)
{
    volatile unsigned here[16] = {n};
    if (((uintptr_t)here & 0x7fff) < 2048) {
        for (;;) {
            here[0]++;
        }
    }
    return n == enough ? 0 : descend(n + 1) + here[n % 16];
}

static int wake_often(void *arg)
{
    (void)arg;
    for (;;) {
        hy_sleep_ns(1000000);
    }
}

static void spin_deep(void)
{
    (void)hy_thread_create(wake_often, NULL);
    depth = descend(0);
}

static const struct {
    const char *name;
    void (*run)(void);
} kinds[] = {
    {"read-null", read_null},
    {"write-null", write_null},
    {"write-text", write_text},
    {"write-rodata", write_rodata},
    {"exec-data", execute_data},
    {"jump", jump_wild},
    {"illegal", run_illegal},
    {"breakpoint", run_breakpoint},
    {"divide", divide},
    {"recursion", overflow_stack},
    {"recursion-call", overflow_in_call},
    {"memcpy-null", copy_to_null},
    {"free", free_wild},
    {"spin-deep", spin_deep},
};

int main(int argc, char **argv)
{
    size_t count = sizeof(kinds) / sizeof(kinds[0]);
    bool is_help = argc == 2 && hy_strcmp(argv[1], "--help") == 0;
    int out = is_help ? 1 : 2;
    for (size_t i = 0; argc == 2 && i < count; i++) {
        if (hy_strcmp(argv[1], kinds[i].name) == 0) {
            kinds[i].run();
            hy_dprintf(2, "crash: %s did not fault\n", argv[1]);
            return 1;
        }
    }
    hy_dprintf(out, "usage: crash KIND, one of");
    for (size_t i = 0; i < count; i++) {
        hy_dprintf(out, " %s", kinds[i].name);
    }
    hy_dprintf(out, "\n");
    return is_help ? 0 : 2;
}
