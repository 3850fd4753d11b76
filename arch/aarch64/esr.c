// SPDX-License-Identifier: MIT
//
// Decodes ESR_EL1; Arm ARM (DDI 0487), D19.2.37 "ESR_EL1". Texts are in arrays of characters
// instead of being reached through pointers, because the early vectors print them before link-time
// addresses are valid.
#include "arch/aarch64/esr.h"

#include "kernel/lib/compiler.h"

enum esr_class {
    EC_UNKNOWN = 0x00,
    EC_WFX = 0x01,
    EC_FP_ACCESS = 0x07,
    EC_BTI = 0x0d,
    EC_ILLEGAL_STATE = 0x0e,
    EC_SVC = 0x15,
    EC_HVC = 0x16,
    EC_SMC = 0x17,
    EC_SYSREG = 0x18,
    EC_SVE = 0x19,
    EC_PAC = 0x1c,
    EC_SME = 0x1d,
    EC_FETCH_LOWER = 0x20,
    EC_FETCH = 0x21,
    EC_PC_ALIGN = 0x22,
    EC_DATA_LOWER = 0x24,
    EC_DATA = 0x25,
    EC_SP_ALIGN = 0x26,
    EC_FLOAT = 0x2c,
    EC_SERROR = 0x2f,
    EC_HW_BREAKPOINT = 0x31,
    EC_STEP = 0x33,
    EC_WATCHPOINT = 0x35,
    EC_BRK = 0x3c,
};

#define CLASS_SHIFT   26
#define ISS_WRITE     (1u << 6)  /* WnR */
#define ISS_FAR_VOID  (1u << 10) /* FnV */
#define ISS_STATUS(e) ((unsigned)(e)&0x3fu)

#define STATUS_EXTERNAL  0x10u
#define STATUS_ALIGNMENT 0x21u

static const struct {
    uint8_t code;
    char text[47];
} class_texts[] = {
    {EC_UNKNOWN, "undefined instruction"},
    {EC_WFX, "trapped wait instruction"},
    {EC_FP_ACCESS, "trapped floating-point access"},
    {EC_BTI, "branch target exception"},
    {EC_ILLEGAL_STATE, "illegal execution state"},
    {EC_SVC, "supervisor call"},
    {EC_HVC, "hypervisor call"},
    {EC_SMC, "secure monitor call"},
    {EC_SYSREG, "trapped system register access"},
    {EC_SVE, "trapped SVE access"},
    {EC_PAC, "pointer authentication failure"},
    {EC_SME, "trapped SME access"},
    {EC_FETCH_LOWER, "instruction abort from EL0"},
    {EC_FETCH, "instruction abort"},
    {EC_PC_ALIGN, "misaligned program counter"},
    {EC_DATA_LOWER, "data abort from EL0"},
    {EC_DATA, "data abort"},
    {EC_SP_ALIGN, "misaligned stack pointer"},
    {EC_FLOAT, "floating-point exception"},
    {EC_SERROR, "asynchronous external abort (SError)"},
    {EC_HW_BREAKPOINT, "hardware breakpoint"},
    {EC_STEP, "single step"},
    {EC_WATCHPOINT, "watchpoint"},
    {EC_BRK, "breakpoint instruction"},
};

/* Fault status codes; the four of a family differ only in the level of the table walk. */
static const struct {
    uint8_t code;
    char text[47];
} status_texts[] = {
    {0x00, "address size fault, level 0"},
    {0x01, "address size fault, level 1"},
    {0x02, "address size fault, level 2"},
    {0x03, "address size fault, level 3"},
    {0x04, "translation fault, level 0"},
    {0x05, "translation fault, level 1"},
    {0x06, "translation fault, level 2"},
    {0x07, "translation fault, level 3"},
    {0x08, "access flag fault, level 0"},
    {0x09, "access flag fault, level 1"},
    {0x0a, "access flag fault, level 2"},
    {0x0b, "access flag fault, level 3"},
    {0x0c, "permission fault, level 0"},
    {0x0d, "permission fault, level 1"},
    {0x0e, "permission fault, level 2"},
    {0x0f, "permission fault, level 3"},
    {0x10, "external abort"},
    {0x11, "tag check fault"},
    {0x14, "external abort on table walk, level 0"},
    {0x15, "external abort on table walk, level 1"},
    {0x16, "external abort on table walk, level 2"},
    {0x17, "external abort on table walk, level 3"},
    {0x18, "parity or ECC error"},
    {0x1c, "parity or ECC error on table walk, level 0"},
    {0x1d, "parity or ECC error on table walk, level 1"},
    {0x1e, "parity or ECC error on table walk, level 2"},
    {0x1f, "parity or ECC error on table walk, level 3"},
    {0x21, "alignment fault"},
    {0x30, "TLB conflict"},
    {0x34, "implementation-defined fault (lockdown)"},
    {0x35, "unsupported exclusive or atomic access"},
};

static unsigned class_of(uint64_t esr)
{
    return (unsigned)(esr >> CLASS_SHIFT) & 0x3fu;
}

static bool is_abort(unsigned ec)
{
    return ec == EC_FETCH || ec == EC_FETCH_LOWER || ec == EC_DATA || ec == EC_DATA_LOWER;
}

const char *esr_class_text(uint64_t esr)
{
    for (size_t i = 0; i < ARRAY_COUNT(class_texts); i++) {
        if (class_texts[i].code == class_of(esr)) {
            return class_texts[i].text;
        }
    }
    return "exception of an unknown class";
}

bool esr_is_spoiled(uint64_t address)
{
    uint64_t top = address >> 48;
    return top != ((address >> 55 & 1) != 0 ? 0xffff : 0);
}

const char *esr_abort_text(uint64_t esr)
{
    if (!is_abort(class_of(esr))) {
        return NULL;
    }
    for (size_t i = 0; i < ARRAY_COUNT(status_texts); i++) {
        if (status_texts[i].code == ISS_STATUS(esr)) {
            return status_texts[i].text;
        }
    }
    return "unknown fault status";
}

static enum fault_cause cause_of_status(unsigned status)
{
    if (status < STATUS_EXTERNAL) {
        return FAULT_PAGE;
    }
    return status == STATUS_ALIGNMENT ? FAULT_ALIGNMENT : FAULT_BUS;
}

static enum fault_cause cause_of_class(unsigned ec)
{
    switch (ec) {
    case EC_UNKNOWN:
    case EC_ILLEGAL_STATE:
    case EC_SVC:
    case EC_HVC:
    case EC_SMC:
        return FAULT_ILLEGAL;
    case EC_FP_ACCESS:
    case EC_BTI:
    case EC_SYSREG:
    case EC_SVE:
    case EC_PAC:
    case EC_SME:
        return FAULT_PROTECTION;
    case EC_PC_ALIGN:
    case EC_SP_ALIGN:
        return FAULT_ALIGNMENT;
    case EC_FLOAT:
        return FAULT_FLOAT;
    case EC_BRK:
    case EC_HW_BREAKPOINT:
        return FAULT_BREAKPOINT;
    case EC_SERROR:
        return FAULT_BUS;
    default:
        return FAULT_OTHER;
    }
}

void esr_decode(uint64_t esr, uint64_t far, struct fault *fault)
{
    unsigned ec = class_of(esr);
    fault->code = esr;
    fault->vector = ec;
    fault->access = FAULT_NONE;
    fault->mapped = false;
    fault->has_address = false;
    fault->address = 0;
    if (!is_abort(ec)) {
        fault->cause = cause_of_class(ec);
        fault->has_address = ec == EC_PC_ALIGN || ec == EC_WATCHPOINT;
        /* reported for the branch's target, not for the instruction there */
        fault->access = ec == EC_BTI ? FAULT_EXEC : FAULT_NONE;
    } else {
        unsigned status = ISS_STATUS(esr);
        fault->cause = cause_of_status(status);
        fault->mapped = status >= 0x08 && status < STATUS_EXTERNAL; /* access flag, permission */
        fault->has_address = status != STATUS_EXTERNAL || (esr & ISS_FAR_VOID) == 0;
        if (ec == EC_FETCH || ec == EC_FETCH_LOWER) {
            fault->access = FAULT_EXEC;
        } else {
            fault->access = (esr & ISS_WRITE) != 0 ? FAULT_WRITE : FAULT_READ;
        }
    }
    if (fault->has_address) {
        fault->address = far;
    }
}
