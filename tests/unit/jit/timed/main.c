// SPDX-License-Identifier: MIT
//
// How the compiler's time grows with a function's size, from bytes to code, on this computer:
// includes what counting (../counted) does not see, mostly cache misses. A measurement and not a
// test: it depends on the computer and its load.
//
//     jit-time ROUNDS          every shape, at full size and a tenth of it, alternating on one heap
//     jit-time ROUNDS SHAPE    that shape alone, stage by stage
#include "kernel/jit/backend.h"
#include "kernel/jit/compile.h"
#include "tests/unit/jit/wasm_body.h"
#include "tests/unit/jit/wasm_shapes.h"

#include <time.h>

#define ARENA_LIMIT ((size_t)4 << 30)
#define MOST_TIMES  12.0
#define STAGES      8
#define PAIRS_MAX   256

struct stages {
    uint64_t ns[STAGES]; /* time of each stage */
    const char *names[STAGES];
    unsigned count;
    uint64_t total;
};

struct timing {
    struct stages stages;
    uint64_t start, at;
};

/* CPU time of this thread: excludes other processes, but not their effect on the caches. */
static uint64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void note(void *ctx, const char *stage, const struct ir_function *f, const struct vcode *v)
{
    struct timing *t = ctx;
    struct stages *s = &t->stages;
    uint64_t now = cpu_ns();
    (void)f, (void)v;
    s->names[s->count] = stage;
    s->ns[s->count++] = now - t->at;
    s->total = now - t->start;
    t->at = now;
}

static void check(enum status s, const struct wasm_shape *shape, const char *text)
{
    if (s != OK) {
        fprintf(stderr, "%s: %s: %s\n", shape->name, status_text(s), text);
        exit(1);
    }
}

static struct stages compile(const struct wasm_shape *shape, const struct jit_machine *machine,
                             const struct bytes *bytes)
{
    static const struct wasm_bounds bounds = {.arena_bytes = 16 << 20, .table_elements = 100000};
    struct wasm_module *m;
    struct ir_function *f;
    struct wasm_error err = {.text = ""};
    struct jit_error why = {.text = ""};
    struct jit_code code;
    struct arena a;
    struct timing t = {.start = cpu_ns()};
    const struct jit_options options = {.show = note, .ctx = &t};
    t.at = t.start;
    arena_init(&a, ARENA_LIMIT);
    check(wasm_module_decode(bytes->at, bytes->count, &bounds, &m, &err), shape, err.text);
    check(wasm_function_build(m, BODY_FUNCTION, &a, &f, &err), shape, err.text);
    check(jit_compile(machine, f, &options, &a, &code, &why), shape, why.text);
    note(&t, "code", f, NULL);
    arena_free_all(&a);
    wasm_module_free(m);
    return t.stages;
}

static void keep_least(struct stages *least, const struct stages *s)
{
    if (least->count == 0) {
        *least = *s;
    }
    for (unsigned n = 0; n < s->count; n++) {
        least->ns[n] = MIN(least->ns[n], s->ns[n]);
    }
    least->total = MIN(least->total, s->total);
}

static struct bytes module_of(const struct wasm_shape *shape, uint32_t n)
{
    struct bytes body = {0}, bytes = {0};
    shape->put_body(&body, n);
    body_put_module(&bytes, &body);
    free_bytes(&body);
    return bytes;
}

static void show_stages(const struct stages *small, const struct stages *large)
{
    for (unsigned n = 0; n < small->count; n++) {
        printf("    %-12s %9.1f %9.1f us  %6.2f\n", small->names[n], (double)small->ns[n] / 1e3,
               (double)large->ns[n] / 1e3, (double)large->ns[n] / (double)small->ns[n]);
    }
}

/* @return ratio of the times of the full size and a tenth of it. */
static double measure(const struct wasm_shape *shape, const struct jit_machine *machine,
                      unsigned rounds, bool stages)
{
    struct bytes tenth = module_of(shape, shape->size / 10), whole = module_of(shape, shape->size);
    struct stages small = {.count = 0}, large = {.count = 0};
    for (unsigned n = 0; n < rounds; n++) {
        struct stages s = compile(shape, machine, &tenth), l = compile(shape, machine, &whole);
        keep_least(&small, &s);
        keep_least(&large, &l);
    }
    double times = (double)large.total / (double)small.total;
    printf("%s %-8s %-28s %7u: %6.2f times the time, %8.2f ms, %7.1f ns each, %4.1f MB/s\n",
           times <= MOST_TIMES ? "  " : "!!", machine->name, shape->name, shape->size, times,
           (double)large.total / 1e6, (double)large.total / shape->size,
           (double)whole.count * 1e3 / (double)large.total);
    if (stages) {
        show_stages(&small, &large);
    }
    fflush(stdout);
    free_bytes(&tenth);
    free_bytes(&whole);
    return times;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    static const struct jit_machine *const machines[] = {&jit_machine_x86_64, &jit_machine_aarch64};
    static double times[PAIRS_MAX];
    unsigned rounds = argc > 1 ? (unsigned)atoi(argv[1]) : 0;
    size_t pairs = 0, good = 0;
    if (rounds == 0) {
        fprintf(stderr, "usage: jit-time ROUNDS [SHAPE]\n");
        return 2;
    }
    for (size_t n = 0; n < wasm_shape_count; n++) {
        for (size_t m = 0; m < sizeof machines / sizeof machines[0] && pairs < PAIRS_MAX; m++) {
            if (argc < 3 || strcmp(argv[2], wasm_shapes[n].name) == 0) {
                times[pairs] = measure(&wasm_shapes[n], machines[m], rounds, argc > 2);
                good += times[pairs++] <= MOST_TIMES;
            }
        }
    }
    qsort(times, pairs, sizeof times[0], compare);
    if (pairs > 0) {
        printf("%.2f to %.2f times, the middle one %.2f; %zu of %zu at most %.0f\n", times[0],
               times[pairs - 1], times[pairs / 2], good, pairs, MOST_TIMES);
    }
    return 0;
}
