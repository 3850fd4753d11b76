// SPDX-License-Identifier: MIT
//
// See native_run.h.
#define _GNU_SOURCE
#include "tests/unit/jit/native_run.h"

#include "kernel/jit/ir/ir_text.h"
#include "kernel/jit/codegen/vcode_print.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

/* of address space, for a memory and everything that an access can reach */
#define RESERVED  ((size_t)7 << 30)
#define MAX_CELLS 512

static const struct native_module *running;
static struct jit_entry *entry;
static struct native_outcome *outcome;

const struct jit_machine *native_machine(void)
{
#if defined(__x86_64__)
    return &jit_machine_x86_64;
#else
    return NULL;
#endif
}

#if defined(__x86_64__)
static bool has_vnni(void)
{
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && (a >> 4 & 1) != 0;
}
#endif

uint64_t native_features(void)
{
    uint64_t features = JIT_X86_VECTORS_IN_C;
#if defined(__x86_64__)
    features |= __builtin_cpu_supports("sse4.1") ? JIT_X86_SSE41 : 0;
    features |= __builtin_cpu_supports("ssse3") ? JIT_X86_SSSE3 : 0;
    features |= __builtin_cpu_supports("sse4.2") ? JIT_X86_SSE42 : 0;
    features |= __builtin_cpu_supports("avx") ? JIT_X86_AVX : 0;
    features |= __builtin_cpu_supports("fma") ? JIT_X86_FMA : 0;
    features |= has_vnni() ? JIT_X86_VNNI : 0;
    features |= __builtin_cpu_supports("popcnt") ? JIT_X86_POPCNT : 0;
    features |= __builtin_cpu_supports("bmi") ? JIT_X86_BMI1 : 0;
    features |= __builtin_cpu_supports("bmi2") ? JIT_X86_BMI2 | JIT_X86_LZCNT : 0;
#endif
    return features;
}

/* ---- For people ---- */

static void sink_stderr(void *ctx, const char *s, size_t len)
{
    (void)ctx;
    fwrite(s, 1, len, stderr);
}

static void show(void *ctx, const char *stage, const struct ir_function *f, const struct vcode *v)
{
    (void)ctx;
    fprintf(stderr, "---- %s\n", stage);
    if (v != NULL) {
        vcode_print(v, native_machine(), sink_stderr, NULL);
    } else {
        ir_print_function(f, sink_stderr, NULL);
    }
}

void (*native_show(void))(void *ctx, const char *stage, const struct ir_function *f,
                          const struct vcode *v)
{
    return getenv("JIT_SHOW") != NULL ? show : NULL;
}

/* ---- Faults ---- */

static const struct jit_row *find_row(uint64_t pc, unsigned kind)
{
    for (unsigned f = 0; f < NATIVE_CALLEES; f++) {
        const struct jit_code *c = &running->code[f];
        if (running->address[f] == 0 || pc < running->address[f] ||
            pc > running->address[f] + c->size) {
            continue;
        }
        for (uint32_t n = 0; n < c->row_count; n++) {
            if (c->rows[n].pc == pc - running->address[f] && c->rows[n].kind == kind) {
                return &c->rows[n];
            }
        }
    }
    return NULL;
}

const uint32_t *native_refs(uint64_t pc)
{
    const struct jit_row *row = find_row(pc, JIT_ROW_CALL);
    for (unsigned f = 0; row != NULL && f < NATIVE_CALLEES; f++) {
        const struct jit_code *c = &running->code[f];
        if (c->row_count > 0 && row >= c->rows && row < c->rows + c->row_count) {
            if (row->refs == JIT_NO_REFS) {
                fprintf(stderr, "a call that is no safe point\n");
                abort();
            }
            return c->refs + row->refs;
        }
    }
    return NULL;
}

/* Collect the return addresses along the chain of frame pointers, up to the run's first frame. The
 * first `skip` frames may belong to C functions that compiled code has called. */
static void walk(const uint64_t *frame, unsigned skip)
{
    while (outcome->depth < 1000000) {
        const struct jit_row *row = find_row(frame[1], JIT_ROW_CALL);
        if (row == NULL && skip > 0) {
            skip--;
            frame = (const uint64_t *)(uintptr_t)frame[0];
            continue;
        }
        if (row == NULL) {
            return;
        }
        skip = 0;
        if (outcome->depth < 8) {
            outcome->callers[outcome->depth] = row->location;
        }
        outcome->depth++;
        frame = (const uint64_t *)(uintptr_t)frame[0];
    }
}

static void on_fault(int signal, siginfo_t *info, void *ucontext)
{
    ucontext_t *u = ucontext;
    (void)info;
#if defined(__x86_64__)
    greg_t *regs = u->uc_mcontext.gregs;
    uint64_t pc = (uint64_t)regs[REG_RIP];
    const struct jit_row *row = running == NULL ? NULL : find_row(pc, JIT_ROW_TRAP);
    if (row == NULL) {
        fprintf(stderr, "signal %d at %#llx, text %p\n", signal, (unsigned long long)pc,
                running == NULL ? NULL : (void *)running->text);
        _Exit(99);
    }
    outcome->trapped = true;
    outcome->trap = row->trap;
    outcome->location = row->location;
    walk((const uint64_t *)(uintptr_t)regs[REG_RBP], 0);
    regs[REG_RIP] = (greg_t)(uintptr_t)jit_leave;
    regs[REG_RDI] = (greg_t)(uintptr_t)entry;
    regs[REG_RSI] = 1;
#else
    (void)u;
    (void)signal;
    _Exit(99);
#endif
}

static void catch_faults(void)
{
    static _Alignas(16) uint8_t stack[65536];
    static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE};
    stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
    sigaltstack(&alternate, NULL);
    for (size_t n = 0; n < sizeof signals / sizeof signals[0]; n++) {
        struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
        sigaction(signals[n], &action, NULL);
    }
}

_Noreturn void native_trap(unsigned trap)
{
    outcome->trapped = true;
    outcome->trap = trap;
    walk(__builtin_frame_address(0), 4);
    outcome->location = outcome->callers[0];
    jit_leave(entry, 1);
}

#if defined(__x86_64__)
/* Continue at `pc` with this frame pointer; the code there restores the rest from the frame. */
static _Noreturn __attribute__((no_sanitize("address"))) void resume(uint64_t frame, uint64_t pc)
{
    __asm__ volatile("movq %0, %%rbp\n\tjmpq *%1" : : "r"(frame), "r"(pc) : "memory");
    __builtin_unreachable();
}

_Noreturn void native_unwind(const void *frame)
{
    for (const uint64_t *f = frame;; f = (const uint64_t *)(uintptr_t)f[0]) {
        const struct jit_row *row = find_row(f[1], JIT_ROW_LANDING);
        if (row != NULL) {
            resume(f[0], f[1] - row->pc + row->refs);
        }
    }
}
#endif

/* ---- Loading ---- */

static size_t place_all(struct native_module *n)
{
    size_t at = 0;
    for (unsigned f = 0; f < n->module->callee_count; f++) {
        if (n->functions[f] != NULL) {
            at = (at + n->code[f].align - 1) & ~((size_t)n->code[f].align - 1);
            n->address[f] = at;
            at += n->code[f].size;
        }
    }
    return at;
}

static enum status patch_all(const struct jit_machine *m, struct native_module *n)
{
    for (unsigned f = 0; f < n->module->callee_count; f++) {
        if (n->functions[f] == NULL) {
            continue;
        }
        n->address[f] += (uintptr_t)n->text;
    }
    for (unsigned f = 0; f < n->module->callee_count; f++) {
        const struct jit_code *c = &n->code[f];
        if (n->functions[f] == NULL) {
            continue;
        }
        uint8_t *to = n->text + (n->address[f] - (uintptr_t)n->text);
        memcpy(to, c->bytes, c->size);
        for (uint32_t r = 0; r < c->reloc_count; r++) {
            enum status s = m->patch_call(to + c->relocs[r].at, n->address[f] + c->relocs[r].at,
                                          n->address[c->relocs[r].callee]);
            if (s != OK) {
                return s;
            }
        }
    }
    return OK;
}

enum status native_load(const struct jit_machine *m, struct arena *a,
                        const struct ir_module *module, struct ir_function *const *functions,
                        const struct jit_options *options, struct native_module *out,
                        struct jit_error *err)
{
    memset(out, 0, sizeof *out);
    out->arena = a;
    out->module = module;
    if (module->callee_count > NATIVE_CALLEES) {
        return E_RANGE;
    }
    for (unsigned f = 0; f < module->callee_count; f++) {
        out->functions[f] = functions[f];
        if (functions[f] != NULL) {
            enum status s = jit_compile(m, functions[f], options, a, &out->code[f], err);
            if (s != OK) {
                return s;
            }
        }
    }
    out->text_bytes = (place_all(out) + 4095) & ~(size_t)4095;
    out->text =
        mmap(NULL, out->text_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (out->text == MAP_FAILED) {
        return E_NOMEM;
    }
    enum status s = patch_all(m, out);
    mprotect(out->text, out->text_bytes, PROT_READ | PROT_EXEC);
    catch_faults(); /* each time, because cmocka installs its own handlers before every test */
    return s;
}

void native_unload(struct native_module *n)
{
    if (n->text != NULL) {
        munmap(n->text, n->text_bytes);
    }
}

uint8_t *native_memory_new(size_t bytes)
{
    uint8_t *p =
        mmap(NULL, RESERVED, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED || mprotect(p, bytes, PROT_READ | PROT_WRITE) != 0) {
        abort();
    }
    return p;
}

void native_memory_free(uint8_t *memory)
{
    munmap(memory, RESERVED);
}

/* ---- Calling ---- */

struct cells {
    unsigned used[2], bytes;
};

/* The location of the next argument or result, as code.h defines it. */
static uint64_t *home(struct jit_entry *e, struct cells *c, unsigned type, unsigned regs)
{
    bool is_float = type == IR_F32 || type == IR_F64 || type == IR_V128;
    unsigned n = c->used[is_float]++;
    if (n < regs) {
        return is_float ? e->floats[n] : &e->ints[n];
    }
    unsigned bytes = type == IR_V128 ? 16 : 8;
    c->bytes = (c->bytes + bytes - 1) & ~(bytes - 1);
    uint64_t *cell = e->stack + c->bytes / 8;
    c->bytes += bytes;
    return cell;
}

void native_call(const struct native_module *n, uint32_t function, void *context,
                 const struct ir_bits *args, struct ir_bits *results, struct native_outcome *out)
{
    static _Alignas(16) uint64_t stack[MAX_CELLS];
    const struct ir_module *m = n->module;
    const struct ir_signature *s = &m->signatures[m->callees[function].signature];
    struct jit_entry e = {.code = n->address[function],
                          .context = (uintptr_t)context,
                          .stack = stack,
                          .outer = entry};
    struct cells c = {{0, 0}, 0};
    for (uint32_t p = 0; p < s->params; p++) {
        unsigned type = m->types[s->types + p];
        memcpy(home(&e, &c, type, JIT_ARG_REGS), &args[p], type == IR_V128 ? 16 : 8);
    }
    struct cells first_result = {{0, 0}, (c.bytes + 15) & ~15u};
    c = first_result;
    for (uint32_t r = 0; r < s->results; r++) {
        (void)home(&e, &c, m->types[s->types + s->params + r], JIT_RESULT_REGS);
    }
    e.stack_cells = (c.bytes / 8 + 1) & ~UINT64_C(1);
    memset(out, 0, sizeof *out);
    running = n;
    entry = &e;
    outcome = out;
    uint64_t left = jit_enter(&e);
    entry = e.outer;
    c = first_result;
    for (uint32_t r = 0; left == 0 && r < s->results; r++) {
        unsigned type = m->types[s->types + s->params + r];
        const uint64_t *v = home(&e, &c, type, JIT_RESULT_REGS);
        results[r] = (struct ir_bits){.lo = type == IR_F32 ? (uint32_t)*v : *v,
                                      .hi = type == IR_V128 ? v[1] : 0};
    }
}
