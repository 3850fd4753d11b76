// SPDX-License-Identifier: MIT
//
// What an address in compiled code means, and the frames that were open there. All of it runs in
// fault handlers: it reads lists that do not change while code runs, and takes nothing.
#include "kernel/jit/wasm_engine.h"

#include "kernel/lib/format.h"

#define NULL_REACH UINT64_C(0x10000) /* offsets in an object that is null */
#define LINKS_MAX  4096u             /* frames that are looked at, listed or not */

static const struct compiled_code *find_code(const struct compiler *c, uint64_t pc)
{
    for (const struct compiled_code *code = c->codes; code != NULL; code = code->next) {
        if (pc - code->block.address < code->block.size) {
            return code;
        }
    }
    return NULL;
}

/* A return address may be the first behind the code. */
static const struct jit_row *find_row(const struct compiled_code *code, uint64_t pc, unsigned kind)
{
    uint64_t at = pc - code->block.address;
    uint32_t low = 0, high = code->row_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (code->rows[middle].pc < at) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (; low < code->row_count && code->rows[low].pc == at; low++) {
        if (code->rows[low].kind == kind) {
            return &code->rows[low];
        }
    }
    return NULL;
}

static uint32_t find_function(const struct compiled_code *code, uint64_t pc)
{
    const struct wasm_module *m = code->module;
    uint64_t at = pc - code->block.address;
    uint32_t low = m->imported[WASM_FUNCTION], high = m->function_count;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (code->starts[middle] <= at) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

/* An adapter has no place in a program's backtrace. */
static void note(struct wasm_stop *stop, const struct compiled_code *code, uint64_t pc,
                 unsigned kind)
{
    const struct jit_row *row = find_row(code, pc, kind);
    if (code->module == NULL) {
        return;
    }
    if (stop->depth < WASM_FRAMES) {
        /* A call is the last instruction before what it returns to. */
        uint64_t inside = kind == JIT_ROW_CALL ? pc - 1 : pc;
        stop->frames[stop->depth] = (struct wasm_frame){.module = code->module,
                                                        .function = find_function(code, inside),
                                                        .offset = row == NULL ? 0 : row->location};
    }
    stop->depth++;
}

/* A leaf's caller is not in the chain of frames: it is where the machine puts it at a call. */
static bool has_no_frame(const struct compiled_code *code, uint64_t pc)
{
    if (code->module == NULL) {
        return false;
    }
    const struct compiled_module *m = CONTAINER_OF(code, struct compiled_module, native);
    return m->frames[find_function(code, pc)] <= JIT_FRAMELESS_BYTES;
}

static void note_caller(struct compiler *c, const struct wasm_fault *fault)
{
    const struct compiled_code *code = find_code(c, fault->pc);
    if (code != NULL && fault->caller != 0 && has_no_frame(code, fault->pc)) {
        code = find_code(c, fault->caller - 1);
        if (code != NULL) {
            note(c->stop, code, fault->caller, JIT_ROW_CALL);
        }
    }
}

void compiled_trace(struct compiler *c, const struct wasm_fault *fault)
{
    uint64_t pc = fault->pc, fp = fault->fp, sp = fault->sp;
    struct wasm_stop *stop = c->stop;
    const struct compiled_code *code = pc == 0 ? NULL : find_code(c, pc);
    bool seen = code != NULL;
    stop->depth = 0;
    if (code != NULL) {
        note(stop, code, pc, JIT_ROW_TRAP);
        note_caller(c, fault);
    }
    for (uint32_t links = 0; links < LINKS_MAX; links++) {
        if (fp < sp || fp % 8 != 0 || fp + 16 > c->entry->saved_sp) {
            return;
        }
        const uint64_t *frame = (const uint64_t *)(uintptr_t)fp;
        code = find_code(c, frame[1] - 1);
        if (code != NULL) {
            note(stop, code, frame[1], JIT_ROW_CALL);
            seen = true;
        } else if (seen) {
            return;
        }
        sp = fp + 16;
        fp = frame[0];
    }
}

/* ---- Faults ---- */

static bool is_in_memory(const struct wasm_store *s, uint64_t address)
{
    for (const struct wasm_memory *m = s->memories; m != NULL; m = m->next) {
        if (address - (uintptr_t)m->box.base < m->box.reserved) {
            return true;
        }
    }
    return false;
}

/* An access is refused where memory is read or written, or where a prologue looks ahead on the
 * stack: never at an instruction that traps on purpose. */
static bool is_explained(const struct wasm_store *s, const struct jit_row *row,
                         const struct wasm_fault *fault)
{
    if (!fault->is_memory) {
        return true;
    }
    switch (row->trap) {
    case IR_TRAP_MEMORY:
        return is_in_memory(s, fault->address);
    case IR_TRAP_STACK:
        return fault->address < fault->sp;
    case IR_TRAP_NULL:
        return fault->address < NULL_REACH;
    default:
        return false;
    }
}

bool wasm_compiled_fault(struct wasm_store *s, const struct wasm_fault *fault,
                         struct wasm_resume *out)
{
    struct compiler *c = s->state;
    const struct compiled_code *code = c->entry == NULL ? NULL : find_code(c, fault->pc);
    const struct jit_row *row = code == NULL ? NULL : find_row(code, fault->pc, JIT_ROW_TRAP);
    if (row == NULL || !is_explained(s, row, fault)) {
        return false;
    }
    compiled_trace(c, fault);
    *out = (struct wasm_resume){.entry = c->entry, .outcome = LEAVE_TRAP + (uint64_t)row->trap};
    return true;
}

bool wasm_compiled_interrupt(struct wasm_store *s, uint64_t pc, struct wasm_resume *out)
{
    struct compiler *c = s->state;
    if (c->entry == NULL || find_code(c, pc) == NULL) {
        return false;
    }
    c->stop->depth = 0;
    *out = (struct wasm_resume){.entry = c->entry, .outcome = LEAVE_STOPPED};
    return true;
}

/* ---- Names ---- */

bool wasm_compiled_describe(const struct wasm_store *s, uint64_t pc, char *buf, size_t len)
{
    const struct compiler *c = s->state;
    const struct compiled_code *code = find_code(c, pc);
    if (code == NULL) {
        return false;
    }
    uint64_t at = pc - code->block.address;
    if (code->module == NULL) {
        fmt_print(buf, len, "(call of a host function)+0x%llx", (unsigned long long)at);
        return true;
    }
    uint32_t function = find_function(code, pc);
    const char *name = code->module->names == NULL ? NULL : code->module->names[function];
    unsigned long long offset = at - code->starts[function];
    if (name == NULL) {
        fmt_print(buf, len, "(function %u)+0x%llx", function, offset);
    } else {
        fmt_print(buf, len, "%s+0x%llx", name, offset);
    }
    return true;
}
