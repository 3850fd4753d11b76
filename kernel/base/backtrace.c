// SPDX-License-Identifier: MIT
//
// Prints call chains with symbol names. hal_frame_step() knows the machine's frame layout.

#include "kernel/base/panic.h"

#include "hal/trap.h"
#include "kernel/base/symbols.h"
#include "kernel/lib/format.h"

#define FRAMES_MAX 64
#define LINE_MAX   256
#define PERIOD_MAX 8 /* functions that call each other without end: recognised up to this many */

struct printer {
    void (*write)(void *ctx, const char *line);
    void *ctx;
    uintptr_t seen[PERIOD_MAX]; /* of the last frames, by number modulo PERIOD_MAX */
    unsigned count, printed, repeats;
    unsigned period; /* of the recursion that repeats; 0: none */
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
        if (p->period == 1) {
            fmt_print(line, sizeof(line), "   (%u more calls from that place)", p->repeats);
        } else {
            fmt_print(line, sizeof(line), "   (%u more calls from those %u places)", p->repeats,
                      p->period);
        }
        p->write(p->ctx, line);
        p->repeats = 0;
    }
    p->period = 0;
}

/* True if the frame continues a recursion: it is at the place of the frame one period before. */
static bool is_repeat(struct printer *p, uintptr_t pc)
{
    unsigned longest = p->period != 0 ? p->period : MIN(p->count, (unsigned)PERIOD_MAX);
    for (unsigned k = p->period != 0 ? p->period : 1; k <= longest; k++) {
        if (p->seen[(p->count - k) % PERIOD_MAX] == pc) {
            p->period = k;
            return true;
        }
    }
    return false;
}

static void print_frame(struct printer *p, uintptr_t pc, bool is_return)
{
    char where[LINE_MAX], line[LINE_MAX + 16];
    if (is_repeat(p, pc)) {
        p->seen[p->count++ % PERIOD_MAX] = pc;
        p->repeats++;
        return;
    }
    flush_repeats(p);
    unsigned n = p->count++;
    p->seen[n % PERIOD_MAX] = pc;
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
    /* Endless recursion makes thousands of equal frames, of one function or of several in turn,
     * which are printed once. The bound counts printed lines. */
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
