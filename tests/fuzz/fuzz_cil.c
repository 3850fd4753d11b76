// SPDX-License-Identifier: MIT
//
// Any bytes as a .NET assembly, which is linked with itself and verified. A refusal has a reason.
// Every row of every table of an accepted file can be read. The sanitizers detect other errors. The
// seeds are the smallest assemblies with each form of the metadata, and one that is its own core
// library.
#include "kernel/cil/front/verify.h"
#include "tests/fuzz/judge.h"

#define ARENA_LIMIT ((size_t)4 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned sum; /* so that the reads are not optimised away */

static void read_rows(const struct cil_image *m)
{
    for (uint32_t row = 1; row <= m->tables[CIL_TYPE_DEF].count; row++) {
        struct cil_run r = cil_cell_run(m, CIL_TYPE_DEF, row, CIL_TYPE_DEF_METHODS);
        sum += (unsigned)strlen(cil_cell_string(m, CIL_TYPE_DEF, row, CIL_TYPE_DEF_NAME));
        sum += cil_cell_token(m, CIL_TYPE_DEF, row, CIL_TYPE_DEF_EXTENDS);
        for (uint32_t at = r.first; at < r.end; at++) {
            uint32_t method = cil_run_row(m, CIL_METHOD_DEF, at);
            struct cil_bytes code,
                signature = cil_cell_blob(m, CIL_METHOD_DEF, method, CIL_METHOD_DEF_SIGNATURE);
            for (uint32_t n = 0; n < signature.len; n++) {
                sum += signature.at[n];
            }
            if (cil_rva(m, cil_cell(m, CIL_METHOD_DEF, method, CIL_METHOD_DEF_RVA), &code)) {
                sum += code.at[0] + code.at[code.len - 1];
            }
        }
    }
    for (uint32_t key = 0; key < 8; key++) {
        struct cil_run r = cil_find_rows(m, CIL_CUSTOM_ATTRIBUTE, CIL_CUSTOM_ATTRIBUTE_PARENT, key);
        sum += r.end - r.first;
    }
}

static void judge_error(const struct cil_error *err)
{
    judge_text(err->text, sizeof err->text);
    if (err->text[0] == '\0') {
        abort();
    }
}

static void verify(struct cil_assembly *a)
{
    for (uint32_t row = 1; row <= a->image.tables[CIL_METHOD_DEF].count; row++) {
        struct arena arena;
        arena_init(&arena, ARENA_LIMIT);
        if (!cil_verify_method(a, row, &arena)) {
            judge_error(&a->domain->err);
            cil_domain_forgive(a->domain);
        }
        arena_free_all(&arena);
    }
}

static void link(struct cil_bytes file)
{
    struct cil_domain *d = cil_domain_new(ARENA_LIMIT, NULL);
    struct cil_assembly *a = cil_assembly_add(d, "fuzz.dll", file);
    if (a == NULL || !cil_assembly_link(a)) {
        judge_error(&d->err);
    } else {
        verify(a);
    }
    cil_domain_free(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct cil_image m;
    struct cil_error err;
    struct cil_bytes text, file = {data, (uint32_t)size};
    if (cil_image_load("fuzz.dll", file, &m, &err) != OK) {
        judge_error(&err);
        return 0;
    }
    judge_text(m.version, sizeof m.version);
    read_rows(&m);
    if (cil_user_string(&m, 1, &text) && text.len != 0) {
        sum += text.at[text.len - 1];
    }
    link(file);
    return 0;
}
