// SPDX-License-Identifier: MIT
//
// Runs flips that the verifier has accepted, in a process of their own: every export,
// with a few sets of arguments. A flip is harmless if the call returns, traps or stops,
// nothing outside the sandbox has changed, and neither memory, globals, tables nor
// results contain a secret or an address.
#define _GNU_SOURCE

#include "tests/oracle/flip/flip.h"
#include "tools/halyard-wasm/compiled.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/rseq.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGUMENT_SETS 4u
#define CELLS         64u
#define PAINT_BYTES   ((size_t)48 << 10) /* of the stack below the current frame */
#define ABOVE_BYTES   512u               /* of C's own frames, which change */
#define SAVED_MAX     32u
#ifdef __x86_64__
#define LIMIT_US 5000 /* of CPU time for one flip */
#else
#define LIMIT_US 60000 /* under an emulator */
#endif
#define CHILD_LIMIT_S 120u
#define RSEQ_BYTES    32u

static struct {
    const struct flip_module *m;
    struct flip_report *report;
    uint64_t secret;
    /* Saved copies of all state that the program may change. */
    struct saved {
        uint8_t *at, *copy;
        size_t size;
    } saved[SAVED_MAX];
    uint32_t saved_count;
} child;

void flip_complain(struct flip_report *report, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    if (report->why[0] == '\0') {
        vsnprintf(report->why, sizeof report->why, fmt, args);
    }
    va_end(args);
}

/* ---- In the child: the state of the program ---- */

static void save(void *at, size_t size)
{
    struct saved *s = &child.saved[child.saved_count++];
    *s = (struct saved){.at = at, .copy = malloc(size + 8), .size = size};
    memcpy(s->copy, at, size);
    memory_leave_out(at, size);
}

static void *cell_of(const struct flip_module *m, const struct wasm_global *g)
{
    uint8_t *cell = (uint8_t *)&m->instance->context + g->at;
    return g->is_imported ? *(void **)cell : cell;
}

static size_t cell_bytes(const struct wasm_global *g)
{
    return g->type.type == WASM_V128 ? 16 : 8;
}

static struct wasm_table_data *table_of(const struct flip_module *m, uint32_t n)
{
    return wasm_instance_extern(m->instance, WASM_TABLE, n).table.data;
}

static void save_all(const struct flip_module *m)
{
    const struct wasm_module *source = m->code->module;
    struct wasm_memory *memory = m->instance->memory;
    if (memory != NULL && memory->length > 0) {
        save(memory->box.base, memory->length);
    }
    for (uint32_t n = 0; n < source->global_count; n++) {
        if (source->globals[n].type.is_mutable) {
            save(cell_of(m, &source->globals[n]), cell_bytes(&source->globals[n]));
        }
    }
    for (uint32_t n = 0; n < source->table_count; n++) {
        const struct wasm_table_data *t = table_of(m, n);
        if (t->length > 0) {
            save((void *)(uintptr_t)t->elements, 8 * (size_t)t->length);
        }
    }
    if (source->element_count + source->data_count > 0) {
        save(m->instance->dropped, source->element_count + source->data_count);
    }
}

static void restore_all(void)
{
    for (uint32_t n = 0; n < child.saved_count; n++) {
        const struct saved *s = &child.saved[n];
        if (memcmp(s->at, s->copy, s->size) != 0) {
            memcpy(s->at, s->copy, s->size);
        }
    }
}

/* ---- In the child: values that must not appear ---- */

static bool is_secret(uint64_t word)
{
    uint32_t half = (uint32_t)child.secret;
    return (uint32_t)word == half || (uint32_t)(word >> 32) == half || memory_has(word);
}

static bool is_function(const struct flip_module *m, uint64_t word)
{
    for (uint32_t n = 0; n < m->code->module->function_count; n++) {
        if (word == (uintptr_t)wasm_instance_function(m->instance, n)) {
            return true;
        }
    }
    return word == 0;
}

static void look_at(const char *what, unsigned type, uint64_t word)
{
    if (type == WASM_FUNCREF ? !is_function(child.m, word) : is_secret(word)) {
        flip_complain(child.report, "%s: 0x%llx", what, (unsigned long long)word);
    }
}

static void look_at_memory(void)
{
    const struct wasm_memory *memory = child.m->instance->memory;
    if (memory == NULL || memory->length == 0) {
        return;
    }
    const uint64_t *now = (const uint64_t *)(const void *)memory->box.base;
    const uint64_t *before = (const uint64_t *)(const void *)child.saved[0].copy;
    if (memcmp(now, before, memory->length) == 0) {
        return;
    }
    for (size_t n = 0; n < memory->length / 8; n++) {
        if (now[n] != before[n]) {
            look_at("the memory has a secret or an address", WASM_I64, now[n]);
        }
    }
}

static void look_at_state(void)
{
    const struct flip_module *m = child.m;
    const struct wasm_module *source = m->code->module;
    look_at_memory();
    for (uint32_t n = 0; n < source->global_count; n++) {
        uint64_t words[2] = {0, 0};
        memcpy(words, cell_of(m, &source->globals[n]), cell_bytes(&source->globals[n]));
        look_at("a global has a secret or an address", source->globals[n].type.type, words[0]);
        look_at("a global has a secret or an address", WASM_I64, words[1]);
    }
    for (uint32_t n = 0; n < source->table_count; n++) {
        const struct wasm_table_data *t = table_of(m, n);
        for (uint32_t e = 0; e < t->length; e++) {
            look_at("a table has something else than a reference", source->tables[n].type.type,
                    ((const uint64_t *)(uintptr_t)t->elements)[e]);
        }
    }
}

/* ---- In the child: running ---- */

uint64_t __real_jit_enter(struct jit_entry *e);
uint64_t __wrap_jit_enter(struct jit_entry *e);

uint64_t __wrap_jit_enter(struct jit_entry *e)
{
    uint64_t changed = 0, outcome;
    if (child.report == NULL) {
        return __real_jit_enter(e);
    }
    outcome = flip_enter(e, child.secret, &changed);
    if (changed != 0) {
        flip_complain(child.report, "a callee-saved register has changed by 0x%llx",
                      (unsigned long long)changed);
    }
    return outcome;
}

/* Ask the program to stop; on_stop() of compiled.c, which is masked here, then makes it stop. */
static void on_clock(int number)
{
    (void)number;
    child.m->store->stop = 1;
    raise(SIGUSR1);
}

static void start_clock(long us)
{
    const struct itimerval clock = {.it_value.tv_usec = us, .it_interval.tv_usec = us};
    setitimer(ITIMER_VIRTUAL, &clock, NULL);
    child.m->store->stop = 0;
}

/* Not inlined: in a frame of its own, it writes below everything that is compared. */
static __attribute__((noinline)) void paint_stack(void)
{
    uint64_t below[PAINT_BYTES / 8];
    for (size_t n = 0; n < PAINT_BYTES / 8; n++) {
        ((volatile uint64_t *)below)[n] = child.secret;
    }
}

static uint64_t argument(unsigned type, uint32_t n)
{
    static const uint64_t integers[] = {3, 0, 0xfffc, 17, 0xffffffff, 1, 0x80000000, 260};
    static const uint64_t floats[] = {0x3ff8000000000000, 0x8000000000000000, 0x4330000000000001,
                                      0x7ff8000000000000};
    switch (type) {
    case WASM_I32:
        return integers[n % 8];
    case WASM_I64:
        return integers[n % 8] * 0x100000001;
    case WASM_F32:
        return floats[n % 4] >> 32;
    case WASM_F64:
        return floats[n % 4];
    case WASM_FUNCREF:
        return n % 2 == 0 ? 0 : (uintptr_t)wasm_instance_function(child.m->instance, 0);
    default:
        return 0;
    }
}

static void call_export(const struct wasm_export *x, uint32_t set)
{
    struct wasm_extern e;
    struct wasm_stop stop;
    uint64_t args[CELLS], results[CELLS];
    if (x->kind != WASM_FUNCTION || !wasm_instance_export(child.m->instance, x->name, &e)) {
        return;
    }
    const struct wasm_signature *s = e.function.signature;
    for (uint32_t n = 0; n < s->params; n++) {
        args[n] = argument(s->types[n], n * 3 + set);
    }
    if (wasm_call(child.m->store, &e, args, results, &stop) != WASM_RETURNED) {
        return;
    }
    for (uint32_t n = 0; n < s->results; n++) {
        look_at("a result is a secret or an address", s->types[s->params + n], results[n]);
    }
}

static void run_exports(void)
{
    const struct wasm_module *source = child.m->code->module;
    paint_stack();
    start_clock(LIMIT_US);
    for (uint32_t n = 0; n < source->export_count; n++) {
        for (uint32_t set = 0; set < ARGUMENT_SETS; set++) {
            call_export(&source->exports[n], set);
        }
    }
    start_clock(0);
}

static void run_one(const struct flip *f)
{
    const struct code_piece *p = child.m->pieces[f->piece].real;
    flip_apply(f, p->block.bytes, p->rows);
    __builtin___clear_cache((char *)p->block.bytes, (char *)p->block.bytes + p->block.size);
    run_exports();
    look_at_state();
    flip_apply(f, p->block.bytes, p->rows);
    restore_all();
}

static void check_memory(void)
{
    uintptr_t at;
    if (memory_has_changed(&at)) {
        flip_complain(child.report, "memory outside the sandbox has changed at 0x%llx",
                      (unsigned long long)at);
    }
}

static void prepare(const struct flip_module *m, struct flip_report *report)
{
    stack_t signals;
    struct sigaction on_time = {.sa_handler = on_clock, .sa_flags = SA_ONSTACK};
    char here;
    child.m = m;
    child.report = report;
    child.secret = UINT64_C(0x100000001) * (0x5ec2e701 ^ ((uint32_t)getpid() << 8));
    compiled_stop_on(SIGUSR1);
    sigemptyset(&on_time.sa_mask);
    sigaddset(&on_time.sa_mask, SIGUSR1);
    sigaction(SIGVTALRM, &on_time, NULL);
    alarm(CHILD_LIMIT_S);
    for (uint32_t n = 0; n < m->piece_count; n++) {
        const struct code_block *block = &m->pieces[n].real->block;
        if (mprotect(block->bytes, block->size, PROT_READ | PROT_WRITE | PROT_EXEC) != 0) {
            flip_complain(report, "code cannot be changed");
        }
    }
    save_all(m);
    sigaltstack(NULL, &signals);
    memory_leave_out(signals.ss_sp, signals.ss_size);
    memory_leave_out(&child, sizeof child);
    const struct compiler *c = m->store->state;
    memory_leave_out(&c->map.trace, sizeof c->map.trace);
    memory_leave_out((const void *)&m->store->stop, sizeof m->store->stop);
#ifdef __x86_64__ /* emulators do not have it */
    /* Linux stores the thread's current CPU there. */
    memory_leave_out((char *)__builtin_thread_pointer() + __rseq_offset, RSEQ_BYTES);
#endif
    /* The stack below, and this file's own frames. */
    memory_leave_out(&here - ((size_t)512 << 10), ((size_t)512 << 10) + ABOVE_BYTES);
    memory_begin();
    run_exports();
    restore_all();
    memory_learn();
}

static _Noreturn void run_all(const struct flip_module *m, const struct flip *flips, uint32_t count,
                              struct flip_report *report)
{
    prepare(m, report);
    for (uint32_t n = 0; n < count && report->why[0] == '\0'; n++) {
        report->current = n;
        run_one(&flips[n]);
        report->stopped += m->store->stop != 0;
    }
    if (report->why[0] == '\0') {
        check_memory();
    }
    _exit(0);
}

/* ---- In the parent ---- */

bool flip_run(const struct flip_module *m, const struct flip *flips, uint32_t count,
              struct flip_report *report)
{
    int status = 0;
    report->why[0] = '\0';
    report->current = 0;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        run_all(m, flips, count, report);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid) {
        fprintf(stderr, "wasm-flip: no process\n");
        exit(3);
    }
    if (WIFSIGNALED(status)) {
        flip_complain(report, "a fault that nothing explains: signal %d", WTERMSIG(status));
    } else if (WEXITSTATUS(status) != 0) {
        flip_complain(report, "the process ended with status %d", WEXITSTATUS(status));
    }
    return report->why[0] == '\0';
}
