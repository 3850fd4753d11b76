// SPDX-License-Identifier: MIT
//
// What a language runtime finds in the frames of compiled code in the kernel: references, with a
// collector that moves every object at every safe point (tests/unit/jit/toy_gc.h), and the caller
// of a C function that leaves compiled code early.
#include "kernel/jit/code/code_builder.h"
#include "kernel/jit/code/code_call.h"
#include "kernel/lib/string.h"
#include "tests/ir/ir_parse.h"
#include "tests/kernel/tests.h"
#include "tests/kernel/wasm_bed.h"
#include "tests/unit/jit/toy_gc.h"

#define ARENA_BYTES   ((size_t)64 << 20)
#define FUNCTIONS_MAX 16u

static struct code_map map;
static struct code_piece piece;

static bool has_address(void *ctx, uint64_t address)
{
    (void)ctx, (void)address;
    return false;
}

static const uint32_t *refs(uint64_t pc)
{
    static const uint32_t none[] = {0, 0};
    pc = jit_machine_native->return_address(pc);
    if (code_map_find(&map, pc) == NULL) {
        return NULL;
    }
    const uint32_t *list = code_piece_refs(&piece, pc);
    TEST_CHECK(list != NULL);
    return list != NULL ? list : none;
}

/* Continue at an address with this frame pointer; the code there
 * restores the rest from the frame. */
static void unwind(const void *frame)
{
    for (const uint64_t *f = frame;; f = (const uint64_t *)(uintptr_t)f[0]) {
        uint64_t pc = jit_machine_native->return_address(f[1]);
        pc = code_map_find(&map, pc) != NULL ? code_piece_landing(&piece, pc) : 0;
        if (pc != 0) {
#if defined(__x86_64__)
            __asm__ volatile("movq %0, %%rbp\n\tjmpq *%1" : : "r"(f[0]), "r"(pc) : "memory");
#else
            __asm__ volatile("mov x29, %0\n\tbr %1" : : "r"(f[0]), "r"(pc) : "memory");
#endif
            __builtin_unreachable();
        }
    }
}

/* Calls name callees by their number in the module; those with a body get new numbers. */
static enum status compile(struct arena *a, const struct ir_text *text, struct code_builder *b)
{
    const struct jit_options options = {.features = jit_native_features(), .checks = &jit_checks};
    struct jit_code code[FUNCTIONS_MAX];
    uint32_t number[FUNCTIONS_MAX], count = 0;
    struct jit_error err;
    enum status s = text->module.callee_count <= FUNCTIONS_MAX ? OK : E_RANGE;
    for (uint32_t n = 0; n < text->module.callee_count && s == OK; n++) {
        number[n] = count;
        count += text->functions[n] != NULL;
        if (text->functions[n] != NULL) {
            s = jit_compile(jit_machine_native, text->functions[n], &options, a, &code[n], &err);
        }
    }
    for (uint32_t n = 0; n < text->module.callee_count && s == OK; n++) {
        if (text->functions[n] != NULL) {
            for (uint32_t r = 0; r < code[n].reloc_count; r++) {
                code[n].relocs[r].callee = number[code[n].relocs[r].callee];
            }
            s = code_builder_add(b, &code[n], number[n]);
        }
    }
    return s;
}

static unsigned same_type(uint8_t type)
{
    return type;
}

/* Call the module's first function. */
static uint64_t call_first(uint64_t context, uint64_t arg, uint64_t *result)
{
    static const uint8_t types[] = {IR_I64, IR_I64};
    const struct code_call call = {.code = piece.block.address + piece.functions[0].start,
                                   .context = context,
                                   .types = types,
                                   .type_of = same_type,
                                   .param_count = 1,
                                   .result_count = 1};
    return code_call(&map, &call, &arg, result);
}

static const char *run_case(const void *source)
{
    static const struct toy_bed bed = {refs, unwind};
    const struct toy_case *c = source;
    uint64_t result = 0;
    uint64_t outcome = call_first((uintptr_t)toy_start(&bed, c), c->arg, &result);
    bool there = outcome != CODE_RETURNED && map.trace.frames[0].location == 77;
    return toy_judge(result, there ? (int)(outcome - CODE_TRAPPED) : -1);
}

/* Have run_it() run a module. @return its result. */
static const char *try_text(const char *words, const void *source,
                            const char *(*run_it)(const void *source))
{
    struct arena a;
    struct ir_text text;
    struct code_builder b = {.fill = jit_native->code_fill};
    const char *wrong = "it is not compiled";
    arena_init(&a, ARENA_BYTES);
    piece = (struct code_piece){.source = source, .names = NULL};
    if (ir_parse(&a, words, strlen(words), &text) == OK && compile(&a, &text, &b) == OK &&
        code_builder_finish(&b, &map, 0, &piece) == OK) {
        wrong = run_it(source);
        code_map_remove(&map, &piece);
    }
    code_builder_free(&b);
    arena_free_all(&a);
    return wrong;
}

static void prepare_map(void)
{
    static const _Atomic uint32_t stop;
    map = (struct code_map){.space = wasm_bed_options.space,
                            .machine = jit_machine_native,
                            .has_address = has_address,
                            .stop = &stop};
}

static void run(void *arg)
{
    (void)arg;
    prepare_map();
    unsigned count = 0;
    while (toy_cases[count].name != NULL) {
        count++;
    }
    for (unsigned i = 0; i < count; i++) {
        const struct toy_case *c = &toy_cases[i];
        const char *wrong = test_does(i, count) ? try_text(c->text, c, run_case) : NULL;
        if (wrong != NULL) {
            test_fail(__FILE__, __LINE__, "%s: %s", c->name, wrong);
        }
    }
}

static void objects_move_at_every_safe_point(void)
{
    TEST_CHECK(wasm_bed_run(run, NULL));
    TEST_EQUAL(wasm_bed_pages(), 0);
}

/* ---- Leaving compiled code from a C function ---- */

#define QUIT_AT 16 /* in the context */
static const char quitter[] =
    "signature (i64) -> (i64)\nsignature () -> ()\n"
    "callee @outer signature 0\ncallee @inner signature 0\n"
    "callee @quit signature 1 helper 16 traps reads writes\n"
    "function @outer {\n"
    "block0(v0: i64):\n v1 = call.i64 @inner(v0) !11\n v2 = add.i64 v1, v0\n return v2\n}\n"
    "function @inner {\n"
    "block0(v0: i64):\n call @quit() !22\n v1 = add.i64 v0, v0\n return v1\n}\n";

static void quit(void *context)
{
    (void)context;
    code_map_leave(&map, CODE_TRAPPED + (uint64_t)IR_TRAP_UNREACHABLE);
}

static const char *run_quitter(const void *source)
{
    uint64_t context[QUIT_AT / 8 + 1] = {[QUIT_AT / 8] = (uintptr_t)quit}, result;
    uint64_t outcome = call_first((uintptr_t)context, 1, &result);
    TEST_EQUAL(outcome, CODE_TRAPPED + (uint64_t)IR_TRAP_UNREACHABLE);
    TEST_EQUAL(map.trace.depth, 2);
    static const uint32_t locations[] = {22, 11};
    for (uint32_t n = 0; n < 2; n++) {
        const struct code_frame *f = &map.trace.frames[n];
        TEST_CHECK(f->source == source);
        TEST_EQUAL(f->function, 1 - n);
        TEST_EQUAL(f->location, locations[n]);
    }
    return NULL;
}

static void quit_once(void *arg)
{
    (void)arg;
    prepare_map();
    TEST_CHECK(try_text(quitter, quitter, run_quitter) == NULL);
}

static void every_caller_of_an_aborting_function_is_traced(void)
{
    TEST_CHECK(wasm_bed_run(quit_once, NULL));
    TEST_EQUAL(wasm_bed_pages(), 0);
}

const struct kernel_test managed_tests[] = {
    {"jit.objects_move_at_every_safe_point", objects_move_at_every_safe_point, TEST_ON_CPUS},
    {"jit.every_caller_of_an_aborting_function_is_traced",
     every_caller_of_an_aborting_function_is_traced, TEST_ON_CPUS},
    {0},
};
