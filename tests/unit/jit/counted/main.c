// SPDX-License-Identifier: MIT
//
// How the compiler's work grows with a function's size, from bytes to code. The compiler's sources
// are built so that every executed basic block calls a counter, and clearing, copying and comparing
// count by size: the figures do not depend on the computer or its load.
//
//     jit-work            check every shape, and print the cost of each
//     jit-work SHAPE      that shape alone, stage by stage
#include "kernel/jit/backend.h"
#include "kernel/jit/compile.h"
#include "tests/unit/jit/wasm_body.h"
#include "tests/unit/jit/wasm_shapes.h"

#define ARENA_LIMIT ((size_t)4 << 30)
#define MOST_TIMES  12.0 /* the limit for the work of a function that is ten times as large */
#define STAGES      8
#define WORD        16 /* bytes of memory that count as one basic block */

/* ---- Counting ---- */

static uint64_t steps;

void __sanitizer_cov_trace_pc(void);
void *__real_memset(void *to, int value, size_t n);
void *__real_memcpy(void *to, const void *from, size_t n);
void *__real_memmove(void *to, const void *from, size_t n);
int __real_memcmp(const void *a, const void *b, size_t n);
void *__wrap_memset(void *to, int value, size_t n);
void *__wrap_memcpy(void *to, const void *from, size_t n);
void *__wrap_memmove(void *to, const void *from, size_t n);
int __wrap_memcmp(const void *a, const void *b, size_t n);

void __sanitizer_cov_trace_pc(void)
{
    steps++;
}

void *__wrap_memset(void *to, int value, size_t n)
{
    steps += n / WORD;
    return __real_memset(to, value, n);
}

void *__wrap_memcpy(void *to, const void *from, size_t n)
{
    steps += n / WORD;
    return __real_memcpy(to, from, n);
}

void *__wrap_memmove(void *to, const void *from, size_t n)
{
    steps += n / WORD;
    return __real_memmove(to, from, n);
}

int __wrap_memcmp(const void *a, const void *b, size_t n)
{
    steps += n / WORD;
    return __real_memcmp(a, b, n);
}

/* ---- Compiling ---- */

struct work {
    uint64_t at[STAGES]; /* steps until the end of each stage; the last is the total */
    const char *stages[STAGES];
    unsigned count;
    uint64_t total;
};

static void note(void *ctx, const char *stage, const struct ir_function *f, const struct vcode *v)
{
    struct work *w = ctx;
    (void)f, (void)v;
    if (w->count < STAGES) {
        w->stages[w->count] = stage;
        w->at[w->count++] = steps;
    }
}

static void check(enum status s, const struct wasm_shape *shape, const char *text)
{
    if (s != OK) {
        fprintf(stderr, "%s: %s: %s\n", shape->name, status_text(s), text);
        exit(1);
    }
}

static struct work compile(const struct wasm_shape *shape, const struct jit_machine *machine,
                           uint32_t n)
{
    static const struct wasm_bounds bounds = {.arena_bytes = 16 << 20, .table_elements = 100000};
    struct bytes body = {0}, bytes = {0};
    struct wasm_module *m;
    struct ir_function *f;
    struct wasm_error err = {.text = ""};
    struct jit_error why = {.text = ""};
    struct jit_code code;
    struct arena a;
    struct work w = {.count = 0};
    const struct jit_options options = {.show = note, .ctx = &w};
    shape->put_body(&body, n);
    body_put_module(&bytes, &body);
    arena_init(&a, ARENA_LIMIT);
    steps = 0;
    check(wasm_module_decode(bytes.at, bytes.count, &bounds, &m, &err), shape, err.text);
    check(wasm_function_build(m, BODY_FUNCTION, &a, &f, &err), shape, err.text);
    check(jit_compile(machine, f, &options, &a, &code, &why), shape, why.text);
    note(&w, "code", f, NULL);
    w.total = steps;
    arena_free_all(&a);
    wasm_module_free(m);
    free_bytes(&bytes);
    free_bytes(&body);
    return w;
}

static const struct jit_machine *const machines[] = {&jit_machine_x86_64, &jit_machine_aarch64};

static void show_stages(const struct work *small, const struct work *large)
{
    for (unsigned n = 0; n < small->count; n++) {
        uint64_t s = small->at[n] - (n > 0 ? small->at[n - 1] : 0);
        uint64_t l = large->at[n] - (n > 0 ? large->at[n - 1] : 0);
        printf("    %-12s %12llu %12llu  %.2f\n", small->stages[n], (unsigned long long)s,
               (unsigned long long)l, (double)l / (double)s);
    }
}

static bool measure(const struct wasm_shape *shape, const struct jit_machine *machine, bool stages)
{
    struct work small = compile(shape, machine, shape->size / 10);
    struct work large = compile(shape, machine, shape->size);
    double times = (double)large.total / (double)small.total;
    bool good = times <= MOST_TIMES;
    printf("%s %-8s %-28s %7u: %6.2f times the work, %6llu steps each\n", good ? "  " : "!!",
           machine->name, shape->name, shape->size, times,
           (unsigned long long)(large.total / shape->size));
    if (stages || !good) {
        show_stages(&small, &large);
    }
    fflush(stdout);
    return good;
}

int main(int argc, char **argv)
{
    unsigned bad = 0;
    for (size_t n = 0; n < wasm_shape_count; n++) {
        for (size_t m = 0; m < sizeof machines / sizeof machines[0]; m++) {
            if (argc < 2 || strcmp(argv[1], wasm_shapes[n].name) == 0) {
                bad += !measure(&wasm_shapes[n], machines[m], argc > 1);
            }
        }
    }
    if (bad > 0) {
        printf("%u grow more than %.0f times\n", bad, MOST_TIMES);
    }
    return bad > 0;
}
