// SPDX-License-Identifier: MIT
//
// Describes a fault in a sentence. Separate from trap.c because it needs link-time addresses:
// trap.c runs without them.
#include "arch/aarch64/esr.h"
#include "arch/aarch64/trap.h"
#include "kernel/lib/format.h"

static const char *cause_text(enum fault_cause cause)
{
    switch (cause) {
    case FAULT_PAGE:
        return "page fault";
    case FAULT_STACK_OVERFLOW:
        return "stack overflow";
    case FAULT_ILLEGAL:
        return "illegal instruction";
    case FAULT_BREAKPOINT:
        return "breakpoint";
    case FAULT_DIVIDE:
        return "division error";
    case FAULT_ALIGNMENT:
        return "misaligned access";
    case FAULT_FLOAT:
        return "floating-point exception";
    case FAULT_PROTECTION:
        return "protection fault";
    case FAULT_BUS:
        return "bus error";
    case FAULT_DOUBLE:
        return "double fault";
    case FAULT_NMI:
        return "unexpected FIQ";
    case FAULT_OTHER:
        break;
    }
    return "unexpected exception";
}

static const char *access_text(enum fault_access access)
{
    switch (access) {
    case FAULT_READ:
        return "read of";
    case FAULT_WRITE:
        return "write to";
    case FAULT_EXEC:
        return "execution of";
    case FAULT_NONE:
        break;
    }
    return "at";
}

/* trap.c reports a fetch from an address with a bad signature as a protection fault. */
static const char *address_text(const struct fault *fault)
{
    if (fault->cause == FAULT_PROTECTION && fault->access == FAULT_EXEC) {
        return ", which failed pointer authentication";
    }
    if (fault->cause != FAULT_PAGE) {
        return "";
    }
    return fault->mapped ? ", not allowed" : ", not mapped";
}

void hal_fault_describe(const struct fault *fault, char *buf, size_t len)
{
    char where[96] = "";
    if (fault->has_address) {
        fmt_print(where, sizeof(where), ": %s 0x%016lx%s", access_text(fault->access),
                  fault->address, address_text(fault));
    } else if (fault->cause == FAULT_STACK_OVERFLOW) {
        fmt_print(where, sizeof(where), ": the stack pointer is 0x%016lx", fault->frame->sp);
    }
    if (fault->cause == FAULT_STACK_OVERFLOW && fault->reported == FAULT_STACK_OVERFLOW) {
        fmt_print(buf, len, "%s%s", cause_text(fault->cause), where);
        return;
    }
    if (fault->vector >= NO_SYNDROME) {
        fmt_print(buf, len, "%s%s (vector %u)", cause_text(fault->cause), where,
                  (unsigned)(fault->vector - NO_SYNDROME));
        return;
    }
    const char *detail = esr_abort_text(fault->code);
    fmt_print(buf, len, "%s%s (ESR 0x%lx: %s%s%s)", cause_text(fault->cause), where,
              (unsigned long)fault->code, esr_class_text(fault->code), detail != NULL ? ", " : "",
              detail != NULL ? detail : "");
}
