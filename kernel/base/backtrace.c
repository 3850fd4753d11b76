// SPDX-License-Identifier: MIT
//
// Prints call chains with symbol names. hal_frame_step() knows the machine's frame layout.

#include "kernel/base/panic.h"

#include "hal/trap.h"
#include "kernel/base/symbols.h"
#include "kernel/lib/format.h"

#define FRAMES_MAX 64
#define LINE_MAX   256

struct printer {
    void (*write)(void *ctx, const char *line);
    void *ctx;
    uintptr_t last_pc;
    unsigned count, printed, repeats;
};

/** Describe an address. `is_return`: it is a return address, and the call before it may be the last
 * instruction of its function, so look up the byte before. */
static void describe(uintptr_t pc, bool is_return, char *buf, size_t len)
{
    uintptr_t inside = pc - (is_return ? 1 : 0);
    struct symbol_info symbol;
    if (symbols_find(inside, &symbol)) {
        uint32_t offset = symbol.offset + (is_return ? 1 : 0);
        if (symbol.file[0] != '\0') {
            fmt_print(buf, len, "%s+0x%x (%s:%u)", symbol.name, offset, symbol.file, symbol.line);
        } else {
            fmt_print(buf, len, "%s+0x%x", symbol.name, offset);
        }
        return;
    }
    if (!symbols_describe_loaded(inside, buf, len)) {
        fmt_print(buf, len, "0x%016llx", (unsigned long long)pc);
    }
}

static void flush_repeats(struct printer *p)
{
    if (p->repeats > 0) {
        char line[64];
        fmt_print(line, sizeof(line), "   (%u more calls from that place)", p->repeats);
        p->write(p->ctx, line);
        p->repeats = 0;
    }
}

static void print_frame(struct printer *p, uintptr_t pc, bool is_return)
{
    char where[LINE_MAX], line[LINE_MAX + 16];
    unsigned n = p->count++;
    if (n > 0 && pc == p->last_pc) {
        p->repeats++;
        return;
    }
    flush_repeats(p);
    p->last_pc = pc;
    p->printed++;
    describe(pc, is_return, where, sizeof(where));
    fmt_print(line, sizeof(line), "#%u %s", n, where);
    p->write(p->ctx, line);
}

void backtrace_print(void (*write)(void *ctx, const char *line), void *ctx, uintptr_t pc,
                     uintptr_t fp, uintptr_t lo, uintptr_t hi)
{
    struct printer p = {.write = write, .ctx = ctx};
    if (pc != 0) {
        print_frame(&p, pc, false);
    }
    /* Endless recursion makes thousands of equal frames, which are printed as one. The bound counts
     * printed lines. */
    while (p.printed < FRAMES_MAX && hal_frame_step(&fp, &pc, lo, hi)) {
        print_frame(&p, pc, true);
    }
    flush_repeats(&p);
}

void backtrace_print_list(void (*write)(void *ctx, const char *line), void *ctx,
                          const uintptr_t *pcs, unsigned max)
{
    struct printer p = {.write = write, .ctx = ctx};
    for (unsigned i = 0; i < max && pcs[i] != 0; i++) {
        print_frame(&p, pcs[i], true);
    }
    flush_repeats(&p);
}

void backtrace_print_chain(void (*write)(void *ctx, const char *line), void *ctx, uintptr_t pc,
                           const uintptr_t *returns, unsigned count)
{
    struct printer p = {.write = write, .ctx = ctx};
    if (pc != 0) {
        print_frame(&p, pc, false);
    }
    for (unsigned i = 0; i < count; i++) {
        print_frame(&p, returns[i], true);
    }
    flush_repeats(&p);
}
