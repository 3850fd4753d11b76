// SPDX-License-Identifier: MIT
//
// References in compiled code in the kernel: a collector that moves every object at every safe
// point (tests/unit/jit/toy_gc.h), with the maps that a runtime has.
#include "hal/trap.h"
#include "kernel/jit/code_builder.h"
#include "kernel/jit/code_call.h"
#include "kernel/jit/ir_text.h"
#include "kernel/lib/string.h"
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

/* C functions may sign where they return to; the machine takes that off. */
static uint64_t without_signature(uint64_t pc)
{
    _Alignas(16) uintptr_t record[2] = {0, pc};
    uintptr_t fp = (uintptr_t)record, plain = 0;
    TEST_CHECK(hal_frame_step(&fp, &plain, fp, fp + sizeof record));
    return plain;
}

static const uint32_t *refs(uint64_t pc)
{
    static const uint32_t none[] = {0, 0};
    pc = without_signature(pc);
    if (code_map_find(&map, pc) == NULL) {
        return NULL;
    }
    const uint32_t *list = code_piece_refs(&piece, pc);
    TEST_CHECK(list != NULL);
    return list != NULL ? list : none;
}

/* Control at an address, with this frame pointer; what else it needs it finds itself. */
static void unwind(const void *frame)
{
    for (const uint64_t *f = frame;; f = (const uint64_t *)(uintptr_t)f[0]) {
        uint64_t pc = without_signature(f[1]);
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

/* Calls name callees of the module; those with a body are numbered anew. */
static enum status compile(struct arena *a, const struct ir_text *text, struct code_builder *b)
{
    const struct jit_options options = {.features = jit_native_features(), .verify = true};
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
            s = code_builder_add(b, &code[n]);
        }
    }
    return s;
}

static unsigned same_type(uint8_t type)
{
    return type;
}

static const char *run_code(const struct toy_case *c)
{
    static const struct toy_bed bed = {refs, unwind};
    static const uint8_t types[] = {IR_I64, IR_I64};
    const struct code_call call = {.code = piece.block.address + piece.functions[0].start,
                                   .context = (uintptr_t)toy_start(&bed, c),
                                   .types = types,
                                   .type_of = same_type,
                                   .param_count = 1,
                                   .result_count = 1};
    uint64_t result = 0, outcome = code_call(&map, &call, &c->arg, &result);
    bool there = outcome != CODE_RETURNED && map.trace.frames[0].location == 77;
    return toy_judge(result, there ? (int)(outcome - CODE_TRAPPED) : -1);
}

static const char *try_case(const struct toy_case *c)
{
    struct arena a;
    struct ir_text text;
    struct code_builder b = {.machine = jit_machine_native, .fill = jit_native->code_fill};
    const char *wrong = "it is not compiled";
    arena_init(&a, ARENA_BYTES);
    piece = (struct code_piece){.source = c, .names = NULL};
    if (ir_parse(&a, c->text, strlen(c->text), &text) == OK && compile(&a, &text, &b) == OK &&
        code_builder_finish(&b, &map, 0, &piece) == OK) {
        wrong = run_code(c);
        code_map_remove(&map, &piece);
    }
    code_builder_free(&b);
    arena_free_all(&a);
    return wrong;
}

static void run(void *arg)
{
    static const _Atomic uint32_t stop;
    (void)arg;
    map = (struct code_map){
        .space = wasm_bed_options.space, .has_address = has_address, .stop = &stop};
    for (const struct toy_case *c = toy_cases; c->name != NULL; c++) {
        const char *wrong = try_case(c);
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

const struct kernel_test managed_tests[] = {
    {"jit.objects_move_at_every_safe_point", objects_move_at_every_safe_point},
    {NULL, NULL},
};
