// SPDX-License-Identifier: MIT
//
// Checking an assembly: everything that it refers to, then the code of each method.
#include "kernel/cil/front/verify.h"
#include "tools/halyard-cil/tool.h"

#include <stdio.h>
#include <time.h>

#define METHOD_LIMIT ((size_t)256 << 20) /* bytes to verify one method */

double tool_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

struct result {
    uint32_t bodies, refused;
};

static void verify_all(struct cil_assembly *a, struct result *r)
{
    struct arena arena;
    arena_init(&arena, METHOD_LIMIT);
    for (uint32_t row = 1; row <= a->image.tables[CIL_METHOD_DEF].count; row++) {
        r->bodies += cil_has_body(a, row);
        if (!cil_verify_method(a, row, &arena)) {
            r->refused++;
            tool_refuse(&a->domain->err);
            cil_domain_forgive(a->domain);
        }
        arena_empty(&arena);
    }
    arena_free_all(&arena);
}

int tool_check(struct tool *t, struct cil_assembly *a, const char *path)
{
    struct result r = {.bodies = 0};
    double start = tool_now();
    if (!cil_assembly_link(a)) {
        return tool_refuse(&a->domain->err);
    }
    double linked = tool_now();
    a->is_trusted = t->is_trusted;
    verify_all(a, &r);
    if (t->shows_times) {
        fprintf(stderr, "linking %.3f ms, verifying %.3f ms, %zu bytes of types\n",
                1e3 * (linked - start), 1e3 * (tool_now() - linked), a->domain->arena.used);
    }
    if (r.refused != 0) {
        fprintf(stderr, "halyard-cil: %s: %u of %u methods with code are refused\n", a->image.name,
                r.refused, r.bodies);
        return TOOL_REFUSED;
    }
    printf("%s: valid, %u types, %u methods, %u with code\n", path,
           a->image.tables[CIL_TYPE_DEF].count, a->image.tables[CIL_METHOD_DEF].count, r.bodies);
    return 0;
}
