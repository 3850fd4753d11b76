// SPDX-License-Identifier: MIT
//
// wasm-flip [--seed N] [--count N] [--blind] [--machine M] FILE...: compile each module, flip bits
// of its code and of the rows that describe where it may fault, and pass every flip to the verifier
// of machine code. A flip that it accepts is run (run.c) and must be harmless. Each seed is one
// flip. Prints the number of refused flips, and each finding with the function's code before and
// after, for a disassembler. --refused: nothing runs. --machine: nothing runs either, and the code
// is for any machine, with all its features.
#include "tools/halyard-wasm/few_registers.h"
#include "tests/oracle/flip/flip.h"
#include "tests/oracle/read_file.h"
#include "tools/halyard-wasm/compiled.h"

#include <inttypes.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define ARENA_LIMIT ((size_t)64 << 20)
#define STACK_BYTES ((size_t)512 << 10)
#define STACK_LEFT  ((size_t)128 << 10) /* left for host functions */
#define TURN        4096u               /* flips of one module before those of the next */

static struct {
    uint64_t seed, count;
    bool is_blind;
    /* another machine, whose code does not run; NULL: this computer's */
    const struct jit_machine *machine;
    char **files;
    uint32_t file_count;
    struct flip_report *report;
    struct arena arena; /* reset for each verification */
    struct flip waiting[BATCH];
    uint32_t waiting_count;
    uint64_t refused, harmless, findings;
} run = {.seed = 1, .count = 100000};

static void fail(const char *file, const char *why)
{
    fprintf(stderr, "%s: %s\n", file, why);
    exit(3);
}

/* ---- Chance ---- */

static uint64_t state;

static uint64_t chance(void) /* splitmix64 */
{
    uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint32_t below(uint64_t limit)
{
    return (uint32_t)(chance() % limit);
}

/* ---- Modules ---- */

static uint64_t host_sum(struct wasm_host *h, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
                         uint64_t e)
{
    (void)h, (void)c, (void)d, (void)e;
    return (uint32_t)(a + b);
}

static enum wasm_outcome host_mix(struct wasm_host *h, const uint64_t *args, uint64_t *results,
                                  enum ir_trap *trap)
{
    (void)h, (void)trap;
    results[0] = args[0] ^ args[1];
    results[1] = args[2];
    return WASM_RETURNED;
}

static const struct wasm_host_function host_functions[] = {
    {.name = "sum", .signature = "ii:i", .direct = host_sum},
    {.name = "mix", .signature = "IIF:IF", .array = host_mix},
};
static const struct wasm_host_module host = {"env", host_functions, 2};

static void add_piece(struct flip_module *m, const struct code_piece *p,
                      const struct verify_shape *shape)
{
    struct flip_piece *to = &m->pieces[m->piece_count++];
    if (m->piece_count == PIECES_MAX || shape == NULL) {
        fail(m->file, "too many pieces");
    }
    to->real = (struct code_piece *)(uintptr_t)p;
    to->shape = shape;
    to->trial = *p;
    to->trial.block.bytes = malloc(p->block.size);
    to->trial.rows = malloc((p->row_count + 1) * sizeof *p->rows);
    memcpy(to->trial.block.bytes, p->block.bytes, p->block.size);
    if (p->row_count > 0) {
        memcpy(to->trial.rows, p->rows, p->row_count * sizeof *p->rows);
    }
}

/* Four variants in rotation: with the passes and without, with all registers and with few. */
static void choose_way(uint64_t way)
{
    compiled_options.jit.quick = (way & 1) != 0;
    compiled_options.jit.limits = (way & 2) != 0
                                      ? few_registers(&compiled_options.machine->registers)
                                      : (struct vlimits){.allowed = {0}};
}

static void open_module(struct flip_module *m, const char *file)
{
    static const struct wasm_bounds bounds = {.arena_bytes = 64 << 20, .table_elements = 1000};
    struct wasm_quota quota = {.pages = 1, .elements = 64}; /* memories and tables cannot grow */
    struct wasm_module *source = NULL;
    struct wasm_error err = {.text = ""};
    struct wasm_stop stop;
    uint32_t len = 0;
    *m = (struct flip_module){.file = file};
    arena_init(&m->arena, ARENA_LIMIT);
    uint8_t *bytes = read_file(file, &len);
    if (bytes == NULL || wasm_module_decode(bytes, len, &bounds, &source, &err) != OK) {
        fail(file, bytes == NULL ? "no such file" : err.text);
    }
    quota.pages = source->memory_count == 0 ? 0 : source->memories[0].limits.min;
    if (wasm_store_open(&wasm_compiled, &compiled_options, &quota, &m->store) != OK ||
        wasm_store_add_host(m->store, &host, NULL) != OK ||
        wasm_load(m->store, source, &m->code, &err) != OK ||
        wasm_instantiate(m->store, m->code, &m->instance, &stop, &err) != OK) {
        fail(file, err.text);
    }
    bool pads = (compiled_options.jit.features & compiled_options.machine->landing_pads) != 0;
    add_piece(m, wasm_compiled_piece(m->code), wasm_shape_of_module(&m->arena, source, pads));
    const struct compiler *c = m->store->state;
    for (const struct adapter *a = c->adapters; a != NULL; a = a->next) {
        add_piece(m, &a->piece, wasm_shape_of_adapter(&m->arena, &a->key, a->is_direct, pads));
    }
}

static void close_module(struct flip_module *m)
{
    uint8_t *bytes = (uint8_t *)(uintptr_t)m->code->module->bytes;
    for (uint32_t n = 0; n < m->piece_count; n++) {
        free(m->pieces[n].trial.block.bytes);
        free(m->pieces[n].trial.rows);
    }
    wasm_release(m->store, m->code);
    wasm_store_close(m->store);
    arena_free_all(&m->arena);
    free(bytes);
}

/* ---- Flips ---- */

void flip_apply(const struct flip *f, uint8_t *bytes, struct jit_row *rows)
{
    for (uint32_t n = 0; n < f->edit_count; n++) {
        uint8_t *to = f->edits[n].is_row ? (uint8_t *)rows : bytes;
        to[f->edits[n].at] ^= f->edits[n].change;
    }
}

static void add_edit(struct flip *f, uint32_t at, uint8_t change, bool is_row)
{
    if (change != 0 && f->edit_count < EDITS_MAX) {
        f->edits[f->edit_count++] = (struct flip_edit){at, change, is_row};
    }
}

/* Flip a row's pc, kind or trap. */
static void flip_row(struct flip *f, const struct code_piece *p)
{
    static const uint8_t fields[] = {offsetof(struct jit_row, pc), offsetof(struct jit_row, pc) + 1,
                                     offsetof(struct jit_row, kind),
                                     offsetof(struct jit_row, trap)};
    uint32_t row = below(p->row_count);
    add_edit(f, row * (uint32_t)sizeof *p->rows + fields[below(4)], (uint8_t)(1 << below(8)), true);
}

static void flip_bits(struct flip *f, uint32_t start, uint32_t size, uint32_t count)
{
    uint32_t first = below(size), room = MIN(size - first, 8u);
    for (uint32_t n = 0; n < count; n++) {
        add_edit(f, start + first + below(room), (uint8_t)(1 << below(8)), false);
    }
}

static void flip_bytes(struct flip *f, uint32_t start, uint32_t size, uint32_t count)
{
    uint32_t first = below(size);
    for (uint32_t n = 0; n < count && first + n < size; n++) {
        add_edit(f, start + first + n, (uint8_t)below(256), false);
    }
}

/* Overwrite four bytes of the function with another four of it. */
static void flip_copy(struct flip *f, const uint8_t *bytes, uint32_t start, uint32_t size)
{
    uint32_t unit = compiled_options.machine->verify->unit;
    uint32_t to = below(size / unit) * unit, from = below(size / unit) * unit;
    for (uint32_t n = 0; n < 4 && MAX(to, from) + n < size; n++) {
        add_edit(f, start + to + n, bytes[start + to + n] ^ bytes[start + from + n], false);
    }
}

static struct flip make_flip(const struct flip_module *m, uint64_t seed)
{
    struct flip f = {.seed = seed};
    state = seed * UINT64_C(0xd1342543de82ef95);
    f.piece = below(4) != 0 ? 0 : below(m->piece_count);
    const struct code_piece *p = &m->pieces[f.piece].trial;
    f.function = below(p->function_count);
    const struct code_function *code = &p->functions[f.function];
    while (f.edit_count == 0) {
        uint32_t kind = below(100);
        if (kind < 5 && p->row_count > 0) {
            flip_row(&f, p);
        } else if (kind < 80) {
            flip_bits(&f, code->start, code->size, kind < 60 ? 1 : kind < 72 ? 2 : 3);
        } else if (kind < 95) {
            flip_bytes(&f, code->start, code->size, kind < 88 ? 1 : 4);
        } else {
            flip_copy(&f, p->block.bytes, code->start, code->size);
        }
    }
    return f;
}

/* Verify the changed function; after a change of rows every function, because a row
 * may now belong to another one. */
static bool is_accepted(struct flip_module *m, const struct flip *f)
{
    struct flip_piece *p = &m->pieces[f->piece];
    struct verify_error err;
    enum status s = OK;
    bool all = f->edits[0].is_row;
    flip_apply(f, p->trial.block.bytes, p->trial.rows);
    for (uint32_t n = all ? 0 : f->function; s == OK && n < p->trial.function_count; n++) {
        s = verify_function(compiled_options.machine->verify, p->shape, &p->trial, n, &run.arena,
                            &err, NULL);
        arena_empty(&run.arena);
        if (!all) {
            break;
        }
    }
    flip_apply(f, p->trial.block.bytes, p->trial.rows);
    return s == OK;
}

/* ---- Findings ---- */

static void print_code(const char *what, const uint8_t *bytes, uint32_t size)
{
    printf("    %s", what);
    for (uint32_t n = 0; n < size; n++) {
        printf("%02x", bytes[n]);
    }
    printf("\n");
}

static void print_finding(const struct flip_module *m, const struct flip *f, const char *why)
{
    const struct code_piece *p = &m->pieces[f->piece].trial;
    const struct code_function *code = &p->functions[f->function];
    printf("FINDING seed %" PRIu64 " %s %s%" PRIu32 ": %s\n", f->seed, m->file,
           f->piece == 0 ? "function " : "adapter ",
           f->piece == 0 ? p->functions[f->function].number : f->piece, why);
    for (uint32_t n = 0; n < f->edit_count; n++) {
        const struct flip_edit *e = &f->edits[n];
        printf("    %s 0x%" PRIx32 " ^ 0x%02x\n", e->is_row ? "rows at" : "code at",
               e->is_row ? e->at : e->at - code->start, e->change);
    }
    print_code("before ", p->block.bytes + code->start, code->size);
    flip_apply(f, p->block.bytes, p->rows);
    print_code("after  ", p->block.bytes + code->start, code->size);
    flip_apply(f, p->block.bytes, p->rows);
    run.findings++;
}

/* If any of the batch is wrong, run each by itself to find out which. */
static void run_waiting(const struct flip_module *m)
{
    uint64_t before = run.findings;
    uint32_t count = run.waiting_count;
    run.waiting_count = 0;
    if (count == 0 || flip_run(m, run.waiting, count, run.report)) {
        run.harmless += count;
        return;
    }
    char why[WHY_BYTES];
    memcpy(why, run.report->why, sizeof why);
    uint32_t at = run.report->current;
    for (uint32_t n = 0; n < count; n++) {
        if (flip_run(m, &run.waiting[n], 1, run.report)) {
            run.harmless++;
        } else {
            print_finding(m, &run.waiting[n], run.report->why);
        }
    }
    if (run.findings == before) {
        printf("only together with up to %" PRIu32 " flips before it:\n", at);
        run.harmless--;
        print_finding(m, &run.waiting[at], why);
    }
}

static void try_flip(struct flip_module *m, uint64_t seed)
{
    struct flip f = make_flip(m, seed);
    if (!run.is_blind && !is_accepted(m, &f)) {
        run.refused++;
        return;
    }
    if (run.machine != NULL) {
        return;
    }
    run.waiting[run.waiting_count++] = f;
    if (run.waiting_count == BATCH) {
        run_waiting(m);
    }
}

/* A seed's module does not depend on the seed with which the run starts. */
static void *run_all(void *ctx)
{
    (void)ctx;
    compiled_begin((uintptr_t)__builtin_frame_address(0) - STACK_BYTES + STACK_LEFT);
    if (run.machine != NULL) {
        compiled_options.machine = run.machine;
        compiled_options.jit.features = UINT64_MAX;
    }
    arena_init(&run.arena, ARENA_LIMIT);
    uint64_t seed = run.seed, end = run.seed + run.count;
    while (seed < end) {
        struct flip_module m;
        choose_way(seed / TURN / run.file_count);
        open_module(&m, run.files[seed / TURN % run.file_count]);
        uint64_t stop = MIN(end, (seed / TURN + 1) * TURN);
        for (; seed < stop; seed++) {
            try_flip(&m, seed);
        }
        run_waiting(&m);
        close_module(&m);
    }
    arena_free_all(&run.arena);
    printf("flips %" PRIu64 ", refused %" PRIu64 ", accepted %" PRIu64 ", harmless %" PRIu64
           ", findings %" PRIu64 ", stopped by the clock %" PRIu32 "\n",
           run.count, run.refused, run.count - run.refused, run.harmless, run.findings,
           run.report->stopped);
    return NULL;
}

static void parse(int argc, char **argv)
{
    int n = 1;
    for (; n < argc && argv[n][0] == '-'; n++) {
        if (strcmp(argv[n], "--seed") == 0 && n + 1 < argc) {
            run.seed = strtoull(argv[++n], NULL, 0);
        } else if (strcmp(argv[n], "--count") == 0 && n + 1 < argc) {
            run.count = strtoull(argv[++n], NULL, 0);
        } else if (strcmp(argv[n], "--blind") == 0) {
            run.is_blind = true;
        } else if (strcmp(argv[n], "--machine") == 0 && n + 1 < argc) {
            run.machine =
                strcmp(argv[++n], "aarch64") == 0 ? &jit_machine_aarch64 : &jit_machine_x86_64;
        } else {
            n = argc;
        }
    }
    if (n >= argc) {
        fprintf(stderr, "usage: wasm-flip [--seed N] [--count N] [--blind] "
                        "[--machine M] FILE...\n");
        exit(2);
    }
    run.files = argv + n;
    run.file_count = (uint32_t)(argc - n);
}

int main(int argc, char **argv)
{
    pthread_attr_t attr;
    pthread_t thread;
    parse(argc, argv);
    /* The heap is compared after each batch, so keep it small. */
    (void)mallopt(M_TOP_PAD, 64 << 10);
    (void)mallopt(M_TRIM_THRESHOLD, 128 << 10);
    run.report =
        mmap(NULL, sizeof *run.report, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_attr_init(&attr);
    if (run.report == MAP_FAILED || pthread_attr_setstacksize(&attr, STACK_BYTES) != 0 ||
        pthread_create(&thread, &attr, run_all, NULL) != 0 || pthread_join(thread, NULL) != 0) {
        fail("wasm-flip", "no thread to run on");
    }
    return run.findings > 0;
}
