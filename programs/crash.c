// SPDX-License-Identifier: MIT
//
// Faults in the way that its argument names. The kernel must report it, end this program with
// status 119, and live on. If the machine allows what should fault, the program says so and ends
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

/* AArch64 has no fault for this: a division by zero is 0 there. */
static void divide(void)
{
    volatile int zero = 0;
    volatile int seven = 7; /* 1 / zero would be compiled without a division */
    volatile int quotient = seven / zero;
    (void)quotient;
}

static volatile unsigned depth;
static volatile unsigned enough = UINT32_MAX; /* never reached: the compiler does not know */

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

/* The kernel's code is what would run out of stack, were it not to look first. */
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

/* Goes down to the last 2 KiB of its stack and stays there. No fault: interrupts do not find room,
 * and nobody else would run. Ends when the other thread wants to. */
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
    for (size_t i = 0; argc == 2 && i < count; i++) {
        if (hy_strcmp(argv[1], kinds[i].name) == 0) {
            kinds[i].run();
            hy_dprintf(2, "crash: %s did not fault\n", argv[1]);
            return 1;
        }
    }
    hy_dprintf(2, "usage: crash KIND, one of:");
    for (size_t i = 0; i < count; i++) {
        hy_dprintf(2, " %s", kinds[i].name);
    }
    hy_dprintf(2, "\n");
    return 2;
}
