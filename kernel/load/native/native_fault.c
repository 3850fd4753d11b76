// SPDX-License-Identifier: MIT
//
// A fault in a native program ends that program: with a report and status 119, and everything is
// freed. Any other fault, or one while the thread holds a kernel lock, is not handled here and
// causes a panic.
#include "kernel/fault/fault.h"
#include "kernel/jit/backend.h"
#include "kernel/load/native/module_internal.h"
#include "kernel/load/native/native_internal.h"

#include "kernel/base/panic.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/sched/thread.h"
#include "kernel/tty/console.h"

#include <stdatomic.h>

#define STATUS_FAULTED 119

/** Text in a buffer; cut off at the buffer's end. */
struct report {
    char *text;
    size_t used, size;
};

static void report_add(void *ctx, const char *s, size_t len)
{
    struct report *r = ctx;
    size_t room = r->size - 1 - r->used;
    size_t n = MIN(len, room);
    memcpy(r->text + r->used, s, n);
    r->used += n;
    r->text[r->used] = 0;
}

static void report_line(void *ctx, const char *line)
{
    fmt_sink_printf(report_add, ctx, "%s\n", line);
}

static void report_registers(struct report *r, const struct hal_frame *frame)
{
    unsigned count = hal_frame_register_count();
    for (unsigned i = 0; i < count; i++) {
        const char *name;
        uint64_t value = hal_frame_register(frame, i, &name);
        bool ends_line = i % 4 == 3 || i + 1 == count;
        fmt_sink_printf(report_add, r, " %6s %016llx%s", name, (unsigned long long)value,
                        ends_line ? "\n" : "");
    }
}

/* Code without a frame (a routine of the compiler, or a jump to an address without code) is not in
 * the chain of frames, so its caller has to be found separately. */
static void report_caller(struct report *r, const struct module *m, const struct fault *fault)
{
    char where[160];
    uintptr_t caller = hal_frame_caller(fault->frame);
    if (!module_describe_pc(m, fault->pc, where, sizeof(where)) &&
        module_describe_pc(m, caller - 1, where, sizeof(where))) {
        fmt_sink_printf(report_add, r, "called from %s\n", where);
    }
}

/* Only the first fault of a program is reported. */
static bool claim_report(struct native *n, struct report *out)
{
    *out = (struct report){.text = n->report, .size = sizeof(n->report)};
    return !atomic_exchange_explicit(&n->reported, true, memory_order_acq_rel);
}

/* Runs as the thread, on its stack, which has been emptied. */
static void report_and_end(void *arg)
{
    struct native *n = arg;
    console_write(n->report, strlen(n->report));
    program_kill(n->program, PROGRAM_FAULTED, STATUS_FAULTED);
    thread_exit(STATUS_FAULTED);
}

/* Another thread's fault was first: that thread reports it and ends the program. */
static void end_quietly(void *arg)
{
    (void)arg;
    thread_exit(STATUS_FAULTED);
}

/* The program whose thread faults. NULL: the thread holds a kernel lock or is in an interrupt
 * handler, so ending it would leave the kernel in a wrong state. */
static struct native *faulting_native(const struct fault *fault)
{
    const struct program *p = fault_holds_nothing(fault) ? program_current() : NULL;
    return p == NULL ? NULL : native_of(p);
}

/* Runs in the fault's handler, on a stack that may be nearly full, so the report goes to a buffer
 * of the program. report_and_end() prints it later, as an ordinary thread on an empty stack. */
bool native_handle_fault(struct fault_owner *owner, struct fault *fault)
{
    (void)owner;
    struct native *n = faulting_native(fault);
    if (n == NULL) {
        return false;
    }
    struct thread *t = thread_current();
    struct report r;
    bool is_first = claim_report(n, &r);
    if (is_first) {
        char what[160];
        hal_fault_describe(fault, what, sizeof(what));
        fmt_sink_printf(report_add, &r, "program %s: fault: %s\n", n->program->name, what);
        report_registers(&r, fault->frame);
        report_caller(&r, n->module, fault);
        backtrace_print(report_line, &r, fault->pc, hal_frame_fp(fault->frame), t->context.stack_lo,
                        t->context.stack_hi);
    }
    fault_resume_at(fault->frame, t->context.stack_hi, is_first ? report_and_end : end_quietly, n);
    return true;
}

/* As a fault, for an error that the kernel finds itself.
 * Nothing on the stack is used after the jump. */
_Noreturn void native_fail(const char *why)
{
    struct native *n = native_current();
    struct thread *t = thread_current();
    struct report r;
    if (!claim_report(n, &r)) {
        hal_stack_jump(t->context.stack_hi, end_quietly, n);
    }
    fmt_sink_printf(report_add, &r, "program %s: fault: %s\n", n->program->name, why);
    backtrace_print(report_line, &r, 0, hal_frame_here(), t->context.stack_lo, t->context.stack_hi);
    hal_stack_jump(t->context.stack_hi, report_and_end, n);
}

static bool describe_runtime(struct fault_owner *owner, uintptr_t pc, char *buf, size_t len)
{
    (void)owner;
    static const struct {
        const char *name;
        const void *start;
    } routines[] = {
        {"memcpy", jit_runtime_memcpy},
        {"memmove", jit_runtime_memmove},
        {"memset", jit_runtime_memset},
        {"memcmp", jit_runtime_memcmp},
        {"start of program code", jit_runtime_call},
    };
    const char *name = "runtime";
    uintptr_t start = (uintptr_t)jit_runtime_start;
    for (size_t i = 0; i < ARRAY_COUNT(routines); i++) {
        uintptr_t at = (uintptr_t)routines[i].start;
        if (at <= pc && at >= start) {
            name = routines[i].name;
            start = at;
        }
    }
    fmt_print(buf, len, "%s+0x%llx", name, (unsigned long long)(pc - start));
    return true;
}

void native_init(void)
{
    /* The compilers' routines count as part of the
     * program that calls them, and so do their faults. */
    static struct fault_owner runtime;
    runtime = (struct fault_owner){.base = (uintptr_t)jit_runtime_start,
                                   .size = (size_t)(jit_runtime_end - jit_runtime_start),
                                   .name = "program runtime",
                                   .handle = native_handle_fault,
                                   .symbol = describe_runtime};
    fault_own_code(&runtime);
}
