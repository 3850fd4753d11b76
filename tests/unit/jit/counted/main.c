// SPDX-License-Identifier: MIT
//
// How the compiler's work grows with a function's size, from bytes to code. The compiler's sources
// are built so that every executed basic block calls a counter, and clearing, copying and comparing
// count by size: the figures do not depend on the computer or its load.
// The verifier of machine code is a stage after the compiler's. It is held to the same limit on its
// own as well, in these steps and in the work that it counts itself.
//
//     jit-work            check every shape, and print the cost of each
//     jit-work SHAPE      that shape alone, stage by stage
#include "kernel/jit/backend.h"
#include "kernel/jit/compile.h"
#include "kernel/jit/verify/verify.h"
#include "kernel/wasm/run/wasm_shape.h"
#include "tests/unit/jit/wasm_body.h"
#include "tests/unit/jit/wasm_shapes.h"

#define ARENA_LIMIT ((size_t)4 << 30)
#define MOST_TIMES  12.0 /* the limit for the work of a function that is ten times as large */
#define STAGES      10
#define CODE_BASE   UINT64_C(0x40000000) /* the address that the code is made for */
#define CODE_ALIGN  16u
#define WORD        16 /* bytes of memory that count as one basic block */

/* ---- Counting ---- */

static uint64_t steps;
static unsigned refused; /* functions */

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
    uint64_t verify_steps, verify_work; /* in our steps, and in the verifier's own */
    uint64_t code_bytes, code_steps;    /* of the function's code; to encode it */
    uint64_t verify_bytes;              /* of memory that the proof took */
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

/* Both functions of the module, of which the second is never looked at. */
static struct code_piece place(const struct wasm_shape *shape, const struct jit_machine *machine,
                               const struct jit_code *code, struct code_function functions[2])
{
    uint32_t other = ALIGN_UP(code->size, CODE_ALIGN);
    uint8_t *bytes = calloc(1, other + CODE_ALIGN);
    functions[0] = (struct code_function){
        .size = code->size, .frame_bytes = code->frame_bytes, .number = BODY_FUNCTION};
    functions[1] =
        (struct code_function){.start = other, .size = CODE_ALIGN, .number = BODY_FUNCTION + 1};
    memcpy(bytes, code->bytes, code->size);
    for (uint32_t n = 0; n < code->reloc_count; n++) {
        const struct jit_reloc *r = &code->relocs[n];
        uint32_t callee = r->callee - WASM_HELPER_COUNT - BODY_FUNCTION;
        check(machine->patch_call(bytes + r->at, CODE_BASE + r->at,
                                  CODE_BASE + functions[callee].start),
              shape, "a call does not reach");
    }
    return (struct code_piece){
        .block = {.bytes = bytes, .address = CODE_BASE, .size = other + CODE_ALIGN},
        .rows = code->rows,
        .row_count = code->row_count,
        .functions = functions,
        .function_count = 2};
}

static void verify(const struct wasm_shape *shape, const struct jit_machine *machine,
                   const struct wasm_module *m, const struct jit_code *code, struct work *w)
{
    struct code_function functions[2];
    struct code_piece piece = place(shape, machine, code, functions);
    struct verify_error err = {.text = ""};
    struct arena a;
    arena_init(&a, ARENA_LIMIT);
    uint64_t before = steps;
    const struct verify_shape *context = wasm_shape_of_module(&a, m, false);
    check(context == NULL ? E_NOMEM : OK, shape, "no memory");
    enum status s = verify_function(machine->verify, context, &piece, 0, &a, &err, &w->verify_work);
    if (s != OK) {
        printf("!! %s %s: unsafe at 0x%x: %s\n", machine->name, shape->name, err.offset, err.text);
        refused++;
    }
    w->verify_steps = steps - before;
    w->code_bytes = code->size;
    w->verify_bytes = a.used;
    arena_free_all(&a);
    free(piece.block.bytes);
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
    w.code_steps = steps - w.at[w.count - 2];
    verify(shape, machine, m, &code, &w);
    note(&w, "verified", f, NULL);
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

/* @param growth  Times that what is worked on has grown. */
static bool report(const struct wasm_shape *shape, const struct jit_machine *machine,
                   const char *what, const uint64_t steps_of[2], double growth)
{
    double times = (double)steps_of[1] / (double)steps_of[0];
    bool good = times <= MOST_TIMES * growth / 10;
    printf("%s %-8s %-28s %7u: %6.2f times %-15s %6llu each\n", good ? "  " : "!!", machine->name,
           shape->name, shape->size, times, what, (unsigned long long)(steps_of[1] / shape->size));
    return good;
}

static double growth_of(const struct work *small, const struct work *large)
{
    double bytes = (double)large->code_bytes / (double)small->code_bytes;
    double encoded = (double)large->code_steps / (double)small->code_steps;
    return MAX(10.0, MAX(bytes, encoded));
}

/* Far branches and constants take more instructions, so ten times the function may be more than ten
 * times the code, which is all that the verifier sees. */
static bool measure(const struct wasm_shape *shape, const struct jit_machine *machine, bool stages)
{
    struct work small = compile(shape, machine, shape->size / 10);
    struct work large = compile(shape, machine, shape->size);
    double growth = growth_of(&small, &large);
    uint64_t total[] = {small.total, large.total};
    uint64_t proof[] = {small.verify_steps, large.verify_steps};
    uint64_t counted[] = {small.verify_work, large.verify_work};
    bool good = report(shape, machine, "the steps,", total, 10);
    good &= report(shape, machine, "to verify,", proof, growth);
    good &= report(shape, machine, "by its count,", counted, growth);
    if (stages || !good) {
        show_stages(&small, &large);
        printf("    %.1f bytes of memory for each of %llu bytes of code, %.2f times the code\n",
               (double)large.verify_bytes / (double)large.code_bytes,
               (unsigned long long)large.code_bytes, growth);
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
    if (refused > 0) {
        printf("%u functions were refused\n", refused);
    }
    return bad > 0 || refused > 0;
}
