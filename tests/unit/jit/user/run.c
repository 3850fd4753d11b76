// SPDX-License-Identifier: MIT
//
// Signals: a fault whose address is in a row of the running module makes jit_enter() return.
// Any other fault ends the test.
#include "tests/unit/jit/user/run.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#define CELLS_MAX   64u
#define GUARD_BYTES ((size_t)8 << 30)
#define PAGE        ((size_t)4096)

static struct run_module *running;
static struct jit_entry *entry;
static const struct jit_row *stopped; /* the row of the trap */
static uint8_t stopped_trap;

#if defined(__aarch64__)
static const struct jit_machine *const machine = &jit_machine_aarch64;

static uintptr_t pc_of(const ucontext_t *u)
{
    return u->uc_mcontext.pc;
}

/* Continue at an address with a frame pointer; no other register is restored. */
static _Noreturn void go_on(uint64_t frame, uint64_t pc)
{
    __asm__ volatile("mov x29, %0\n\tbr %1" : : "r"(frame), "r"(pc));
    __builtin_unreachable();
}

static void resume_at_leave(ucontext_t *u)
{
    u->uc_mcontext.pc = (uintptr_t)jit_leave;
    u->uc_mcontext.regs[0] = (uintptr_t)entry;
    u->uc_mcontext.regs[1] = 1;
}
#endif

/* ---- Rows ---- */

static const struct jit_row *find_row(const struct run_module *m, uintptr_t pc, unsigned kind)
{
    for (unsigned n = 0; n < m->count; n++) {
        const struct jit_code *c = &m->code[n];
        uintptr_t start = (uintptr_t)m->at[n];
        if (m->at[n] == NULL || pc < start || pc > start + c->size) {
            continue;
        }
        for (uint32_t r = 0; r < c->row_count; r++) {
            if (c->rows[r].pc == pc - start && c->rows[r].kind == kind) {
                return &c->rows[r];
            }
        }
    }
    return NULL;
}

/* The start of the function that contains an address. */
static const uint8_t *start_of(uintptr_t pc)
{
    const uint8_t *start = NULL;
    for (unsigned n = 0; n < running->count; n++) {
        if (running->at[n] != NULL && (uintptr_t)running->at[n] < pc &&
            (start == NULL || running->at[n] > start)) {
            start = running->at[n];
        }
    }
    return start;
}

static void on_signal(int number, siginfo_t *info, void *context)
{
    const struct jit_row *row =
        running == NULL ? NULL : find_row(running, pc_of(context), JIT_ROW_TRAP);
    if (row == NULL) {
        char text[120];
        int len = snprintf(text, sizeof text, "signal %d at pc %#lx, address %p: no row\n", number,
                           (unsigned long)pc_of(context), info->si_addr);
        (void)!write(2, text, (size_t)len);
        _exit(99);
    }
    stopped = row;
    stopped_trap = row->trap;
    resume_at_leave(context);
}

void run_init(void)
{
    static const int numbers[] = {SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGILL};
    static uint8_t stack[65536];
    const stack_t other = {.ss_sp = stack, .ss_size = sizeof stack};
    struct sigaction action = {.sa_sigaction = on_signal,
                               .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    sigaltstack(&other, NULL);
    for (size_t n = 0; n < sizeof numbers / sizeof *numbers; n++) {
        sigaction(numbers[n], &action, NULL);
    }
}

_Noreturn void run_trap(uint8_t trap, const void *return_address)
{
    stopped = find_row(running, (uintptr_t)return_address, JIT_ROW_CALL);
    stopped_trap = trap;
    if (stopped == NULL) {
        fprintf(stderr, "a call without a row\n");
        exit(99);
    }
    jit_leave(entry, 1);
}

_Noreturn void run_unwind(const void *frame)
{
    const uint64_t *at = frame;
    const struct jit_row *landing = NULL;
    while (landing == NULL) {
        if (find_row(running, at[1], JIT_ROW_CALL) == NULL) {
            fprintf(stderr, "nothing catches this\n");
            exit(99);
        }
        landing = find_row(running, at[1], JIT_ROW_LANDING);
        if (landing == NULL) {
            at = (const uint64_t *)(uintptr_t)at[0];
        }
    }
    go_on(at[0], (uintptr_t)start_of(at[1]) + landing->refs);
}

const uint32_t *run_refs(uint64_t pc)
{
    const struct jit_row *row = find_row(running, pc, JIT_ROW_CALL);
    for (unsigned n = 0; row != NULL && n < running->count; n++) {
        const struct jit_code *c = &running->code[n];
        if (c->row_count > 0 && row >= c->rows && row < c->rows + c->row_count) {
            if (row->refs == JIT_NO_REFS) {
                fprintf(stderr, "a call that is no safe point\n");
                exit(99);
            }
            return c->refs + row->refs;
        }
    }
    return NULL;
}

uint8_t *run_memory(size_t bytes)
{
    uint8_t *p = mmap(NULL, bytes + GUARD_BYTES, PROT_NONE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED || mprotect(p, bytes, PROT_READ | PROT_WRITE) != 0) {
        perror("mmap");
        exit(99);
    }
    return p;
}

/* ---- Loading ---- */

static enum status compile_all(struct run_module *m, struct ir_function *const *functions,
                               const struct jit_options *options, struct arena *a)
{
    for (unsigned n = 0; n < m->count; n++) {
        struct jit_error error;
        if (functions[n] == NULL) {
            continue;
        }
        enum status s = jit_compile(machine, functions[n], options, a, &m->code[n], &error);
        if (s != OK) {
            if (s != E_NOTSUP) {
                printf("# function %u: %s: %s\n", n, status_text(s), error.text);
            }
            return s;
        }
        m->size =
            ((m->size + m->code[n].align - 1) & ~(size_t)(m->code[n].align - 1)) + m->code[n].size;
    }
    return OK;
}

static bool place_all(struct run_module *m)
{
    size_t at = 0;
    for (unsigned n = 0; n < m->count; n++) {
        struct jit_code *c = &m->code[n];
        if (c->bytes != NULL) {
            at = (at + c->align - 1) & ~(size_t)(c->align - 1);
            m->at[n] = m->bytes + at;
            memcpy(m->at[n], c->bytes, c->size);
            at += c->size;
        }
    }
    for (unsigned n = 0; n < m->count; n++) {
        const struct jit_code *c = &m->code[n];
        for (uint32_t r = 0; r < c->reloc_count; r++) {
            uint8_t *field = m->at[n] + c->relocs[r].at;
            if (machine->patch_call(field, (uintptr_t)field,
                                    (uintptr_t)m->at[c->relocs[r].callee]) != OK) {
                return false;
            }
        }
    }
    return true;
}

enum status run_load(struct run_module *m, const struct ir_module *ir,
                     struct ir_function *const *functions, unsigned count,
                     const struct jit_options *options, struct arena *a)
{
    *m = (struct run_module){.count = count, .ir = ir};
    enum status s = compile_all(m, functions, options, a);
    if (s != OK) {
        return s;
    }
    m->size = (m->size + PAGE - 1) & ~(PAGE - 1);
    m->bytes = mmap(NULL, m->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (m->bytes == MAP_FAILED || !place_all(m) ||
        mprotect(m->bytes, m->size, PROT_READ | PROT_EXEC) != 0) {
        perror("mmap");
        return E_NOMEM;
    }
    __builtin___clear_cache((char *)m->bytes, (char *)m->bytes + m->size);
    return OK;
}

void run_unload(struct run_module *m)
{
    if (m->bytes != NULL) {
        munmap(m->bytes, m->size);
    }
}

/* ---- Calling ---- */

static bool is_float_class(unsigned type)
{
    return ir_is_float(type) || type == IR_V128;
}

/* The next location of a value: a register's image in the entry, or a cell. */
struct cursor {
    struct jit_entry *e;
    unsigned ints, floats, limit, cell;
};

static uint64_t *next_place(struct cursor *c, unsigned type)
{
    if (is_float_class(type) && c->floats < c->limit) {
        return c->e->floats[c->floats++];
    }
    if (!is_float_class(type) && c->ints < c->limit) {
        return &c->e->ints[c->ints++];
    }
    c->cell += type == IR_V128 ? c->cell % 2 : 0;
    uint64_t *cell = c->e->stack + c->cell;
    c->cell += type == IR_V128 ? 2 : 1;
    return cell;
}

static void put_arguments(struct cursor *c, const uint8_t *types, uint32_t count,
                          const struct ir_bits *args)
{
    for (uint32_t n = 0; n < count; n++) {
        uint64_t *place = next_place(c, types[n]);
        place[0] = args[n].lo;
        if (types[n] == IR_V128) {
            place[1] = args[n].hi;
        }
    }
}

static void get_results(struct cursor *c, const uint8_t *types, uint32_t count,
                        struct ir_bits *results)
{
    for (uint32_t n = 0; n < count; n++) {
        const uint64_t *place = next_place(c, types[n]);
        results[n].lo = types[n] == IR_F32 ? (uint32_t)place[0] : place[0];
        results[n].hi = types[n] == IR_V128 ? place[1] : 0;
    }
}

void run_call(struct run_module *m, unsigned function, void *context, const struct ir_bits *args,
              struct run_outcome *out)
{
    _Alignas(16) uint64_t cells[CELLS_MAX] = {0};
    const struct ir_signature *s = &m->ir->signatures[m->ir->callees[function].signature];
    const uint8_t *types = m->ir->types + s->types;
    struct jit_entry e = {.code = (uintptr_t)m->at[function],
                          .context = (uintptr_t)context,
                          .stack = cells,
                          .stack_cells = CELLS_MAX,
                          .outer = entry};
    /* The upper half of an i32 is zero; that of an f32's register is ignored. */
    struct cursor arguments = {.e = &e, .limit = JIT_ARG_REGS};
    put_arguments(&arguments, types, s->params, args);
    *out = (struct run_outcome){.traps = false};
    struct run_module *before = running;
    running = m;
    entry = &e;
    out->traps = jit_enter(&e) != 0;
    entry = e.outer;
    running = before;
    if (out->traps) {
        out->trap = stopped_trap;
        out->location = stopped->location;
        return;
    }
    struct cursor results = {.e = &e, .limit = JIT_RESULT_REGS, .cell = (arguments.cell + 1) & ~1u};
    get_results(&results, types + s->params, s->results, out->results);
}
