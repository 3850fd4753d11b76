// SPDX-License-Identifier: MIT
//
// The parts of this computer that compiled code needs: memory that is first written and then
// executed, the CPU's features, and signals, which become traps if the fault table has an entry for
// the address.
#define _GNU_SOURCE

#include "tools/halyard-wasm/compiled.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <cpuid.h>
#else
#include <sys/auxv.h>
#endif

#define FUNCTION_ARENA ((size_t)1 << 30)
#define SIGNAL_STACK   ((size_t)64 << 10)
/* int3; on AArch64 these bytes form no instruction that has an effect */
#define FILL 0xcc

/* ---- Code memory ---- */

/* Pieces of one program call each other, so all are in one range, in which branches reach. As in
 * the kernel, it is reserved once. */
#define RANGE_BYTES ((size_t)96 << 20)
#define UNIT        ((size_t)65536) /* at least a page, on any machine */
#define UNITS       (RANGE_BYTES / UNIT)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* protects the range */
static uint8_t *range;
static bool is_taken[UNITS];

static size_t units_of(size_t size)
{
    return (size + UNIT - 1) / UNIT;
}

/* The first gap that is large enough. @return UNITS: there is none. */
static size_t find_gap(size_t count)
{
    size_t run = 0;
    for (size_t n = 0; n < UNITS; n++) {
        run = is_taken[n] ? 0 : run + 1;
        if (run == count) {
            return n + 1 - count;
        }
    }
    return UNITS;
}

static enum status alloc_locked(size_t size, struct code_block *out)
{
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    if (range == NULL) {
        range = mmap(NULL, RANGE_BYTES, PROT_NONE, flags, -1, 0);
        range = range == MAP_FAILED ? NULL : range;
    }
    size_t count = units_of(size), first = range == NULL ? UNITS : find_gap(count);
    if (first == UNITS) {
        return E_NOMEM;
    }
    size = count * UNIT;
    uint8_t *bytes = range + first * UNIT;
    if (mmap(bytes, size, PROT_READ | PROT_WRITE, flags | MAP_FIXED, -1, 0) == MAP_FAILED) {
        return E_NOMEM;
    }
    memset(is_taken + first, true, count);
    *out = (struct code_block){.bytes = bytes, .address = (uintptr_t)bytes, .size = size};
    return OK;
}

static enum status alloc_code(void *ctx, size_t size, struct code_block *out)
{
    (void)ctx;
    pthread_mutex_lock(&lock);
    enum status s = alloc_locked(size, out);
    pthread_mutex_unlock(&lock);
    return s;
}

static enum status seal(void *ctx, struct code_block *block)
{
    (void)ctx;
    __builtin___clear_cache((char *)block->bytes, (char *)block->bytes + block->size);
    return mprotect(block->bytes, block->size, PROT_READ | PROT_EXEC) == 0 ? OK : E_NOMEM;
}

static void free_code(void *ctx, struct code_block *block)
{
    (void)ctx;
    pthread_mutex_lock(&lock);
    mmap(block->bytes, block->size, PROT_NONE,
         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
    memset(is_taken + (size_t)(block->bytes - range) / UNIT, false, units_of(block->size));
    pthread_mutex_unlock(&lock);
}

static const struct code_space space = {.alloc = alloc_code, .seal = seal, .free = free_code};

/* ---- Signals ---- */

static struct code_map **running(void)
{
    static _Thread_local struct code_map *map;
    return &map;
}

#if defined(__x86_64__)
/* C code may have been interrupted, and the stack at this address may be memory that
 * AddressSanitizer forbids. */
__attribute__((no_sanitize("address"))) static void read_registers(const ucontext_t *u,
                                                                   struct code_fault *f)
{
    f->pc = (uint64_t)u->uc_mcontext.gregs[REG_RIP];
    f->fp = (uint64_t)u->uc_mcontext.gregs[REG_RBP];
    f->sp = (uint64_t)u->uc_mcontext.gregs[REG_RSP];
    f->caller = f->sp % sizeof(uint64_t) == 0 ? *(const uint64_t *)(uintptr_t)f->sp : 0;
}

/* The function is entered by a jump, so the stack must be as after a call. */
static void resume(ucontext_t *u, const struct code_resume *r)
{
    u->uc_mcontext.gregs[REG_RSP] = (u->uc_mcontext.gregs[REG_RSP] & -16) - 8;
    u->uc_mcontext.gregs[REG_RDI] = (greg_t)(uintptr_t)r->entry;
    u->uc_mcontext.gregs[REG_RSI] = (greg_t)r->outcome;
    u->uc_mcontext.gregs[REG_RIP] = (greg_t)(uintptr_t)jit_leave;
}
#elif defined(__aarch64__)
static void read_registers(const ucontext_t *u, struct code_fault *f)
{
    f->pc = u->uc_mcontext.pc;
    f->fp = u->uc_mcontext.regs[29];
    f->sp = u->uc_mcontext.sp;
    f->caller = u->uc_mcontext.regs[30];
}

static void resume(ucontext_t *u, const struct code_resume *r)
{
    u->uc_mcontext.regs[0] = (uintptr_t)r->entry;
    u->uc_mcontext.regs[1] = r->outcome;
    u->uc_mcontext.pc = (uintptr_t)jit_leave;
}
#endif

static void on_fault(int number, siginfo_t *info, void *context)
{
    ucontext_t *u = context;
    struct code_fault f = {.is_memory = number == SIGSEGV || number == SIGBUS,
                           .address = (uintptr_t)info->si_addr};
    struct code_resume r;
    read_registers(u, &f);
    if (*running() != NULL && code_map_fault(*running(), &f, &r)) {
        resume(u, &r);
        return;
    }
    /* Raise it again with the default action, which ends the process. */
    signal(number, SIG_DFL);
}

/* In a host function nothing is done here: the flag is checked when it returns. */
static void on_stop(int number, siginfo_t *info, void *context)
{
    (void)number, (void)info;
    struct code_fault f = {.pc = 0};
    struct code_resume r;
    read_registers(context, &f);
    if (*running() != NULL && code_map_interrupt(*running(), f.pc, &r)) {
        resume(context, &r);
    }
}

void compiled_stop_on(int number)
{
    struct sigaction action = {.sa_sigaction = on_stop, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    sigaction(number, &action, NULL);
}

/* One mapping for each thread: AddressSanitizer unmaps it when the thread ends. */
static void set_signal_stack(void)
{
    static _Thread_local void *stack;
    if (stack == NULL) {
        stack =
            mmap(NULL, SIGNAL_STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    }
    const stack_t alternate = {.ss_sp = stack, .ss_size = SIGNAL_STACK};
    if (stack == MAP_FAILED || sigaltstack(&alternate, NULL) != 0) {
        perror("stack for signals");
        abort();
    }
}

static void catch_faults(void)
{
    static const int numbers[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP};
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    for (size_t n = 0; n < sizeof numbers / sizeof numbers[0]; n++) {
        sigaction(numbers[n], &action, NULL);
    }
}

/* ---- The machine ---- */

#if defined(__x86_64__)
static bool has_vnni(void)
{
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && (a >> 4 & 1) != 0;
}

static bool has_lzcnt(void)
{
    unsigned a, b, c, d;
    return __get_cpuid(0x80000001, &a, &b, &c, &d) != 0 && (c & bit_LZCNT) != 0;
}
#endif

bool compiled_relaxed_native;

static uint64_t features(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    return JIT_X86_VECTORS_IN_C | (__builtin_cpu_supports("ssse3") ? JIT_X86_SSSE3 : 0) |
           (__builtin_cpu_supports("sse4.1") ? JIT_X86_SSE41 : 0) |
           (__builtin_cpu_supports("sse4.2") ? JIT_X86_SSE42 : 0) |
           (__builtin_cpu_supports("popcnt") ? JIT_X86_POPCNT : 0) |
           (__builtin_cpu_supports("avx") ? JIT_X86_AVX : 0) |
           (__builtin_cpu_supports("bmi") ? JIT_X86_BMI1 : 0) |
           (__builtin_cpu_supports("bmi2") ? JIT_X86_BMI2 : 0) | (has_lzcnt() ? JIT_X86_LZCNT : 0) |
           (__builtin_cpu_supports("fma") ? JIT_X86_FMA : 0) | (has_vnni() ? JIT_X86_VNNI : 0);
#else
    return JIT_ARM_VECTORS_IN_C | ((getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0 ? JIT_ARM_DOT : 0);
#endif
}

struct wasm_compiled_options compiled_options = {
#if defined(__x86_64__)
    .machine = &jit_machine_x86_64,
#else
    .machine = &jit_machine_aarch64,
#endif
    .space = &space,
    .arena_bytes = FUNCTION_ARENA,
    .fill = FILL,
    .running = running,
};

struct wasm_compiled_options lazy_options, relaxed_options;

void compiled_begin_thread(void)
{
    set_signal_stack();
}

void compiled_begin(uint64_t stack_limit)
{
    compiled_begin_thread();
    catch_faults();
    compiled_options.jit.features = features() | (compiled_relaxed_native ? JIT_RELAXED_NATIVE : 0);
    compiled_options.stack_limit = stack_limit;
    lazy_options = compiled_options;
    lazy_options.lazy = true;
    relaxed_options = compiled_options;
    relaxed_options.jit.features |= JIT_RELAXED_NATIVE;
}
