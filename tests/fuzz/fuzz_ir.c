// SPDX-License-Identifier: MIT
//
// Any text as the intermediate representation. Text that parses and is valid prints as text that
// parses to the same; invalid text gets an error message. The sanitizers detect other errors.
#include "kernel/base/assert.h"
#include "kernel/jit/ir/ir_verify.h"
#include "kernel/mm/heap.h"
#include "tests/ir/ir_parse.h"

#include <stdlib.h>
#include <string.h>

#define ARENA_LIMIT ((size_t)16 << 20)
#define TEXT_MAX    ((size_t)1 << 16)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The arena's allocator here: the sanitizer's heap detects every overflow of a chunk. */
void *heap_alloc(size_t size)
{
    return malloc(size);
}

void heap_free(void *p)
{
    free(p);
}

_Noreturn void panic(const char *fmt, ...)
{
    (void)fmt;
    __builtin_trap();
}

struct text {
    char *bytes;
    size_t len;
};

static void collect(void *ctx, const char *s, size_t len)
{
    struct text *t = ctx;
    if (len <= TEXT_MAX - t->len) {
        memcpy(t->bytes + t->len, s, len);
        t->len += len;
    }
}

/* False: a function is invalid, or memory is short. */
static bool print_valid(struct arena *a, const struct ir_text *t, struct text *out)
{
    struct ir_complaint complaint = {""};
    ir_print_module(&t->module, collect, out);
    for (uint32_t n = 0; n < t->module.callee_count; n++) {
        if (t->functions[n] == NULL) {
            continue;
        }
        enum status s = ir_verify(a, t->functions[n], &complaint);
        if (s == E_CORRUPT && complaint.text[0] == '\0') {
            __builtin_trap(); /* refused without a message */
        }
        if (s != OK) {
            return false;
        }
        ir_print_function(t->functions[n], collect, out);
    }
    return out->len < TEXT_MAX;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct ir_text first, second;
    struct text one = {.bytes = malloc(TEXT_MAX)}, two = {.bytes = malloc(TEXT_MAX)};
    arena_init(&a, ARENA_LIMIT);
    enum status s = ir_parse(&a, (const char *)data, size, &first);
    if (s != OK && (first.error == NULL || first.error_line == 0)) {
        __builtin_trap();
    }
    if (s == OK && print_valid(&a, &first, &one)) {
        s = ir_parse(&a, one.bytes, one.len, &second);
        if (s == OK ? !print_valid(&a, &second, &two) || one.len != two.len ||
                          memcmp(one.bytes, two.bytes, one.len) != 0
                    : s != E_NOMEM) {
            __builtin_trap();
        }
    }
    arena_free_all(&a);
    free(one.bytes);
    free(two.bytes);
    return 0;
}
