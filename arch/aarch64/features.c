// SPDX-License-Identifier: MIT
//
// The list of hal/cpu.h: features according to the ID registers, and whether SCTLR_EL1, PSTATE and
// the page tables use them now.
#include "arch/aarch64/cpu.h"
#include "hal/cpu.h"
#include "hal/layout.h"
#include "hal/mmu.h"
#include "hal_arch/sysreg.h"
#include "kernel/lib/compiler.h"

SYSREG_READ(s3_0_c4_c2_3) /* PAN */

static bool pan_is_on(void)
{
    return cpu_has_pan() && (read_s3_0_c4_c2_3() & PSTATE_PAN) != 0;
}

static unsigned prot_of(const void *p)
{
    struct hal_mapping m;
    return hal_mmu_query((uintptr_t)p, &m) ? m.prot : (unsigned)PROT_NONE;
}

bool hal_cpu_feature(unsigned i, struct hal_cpu_feature *out)
{
    uint64_t sctlr = read_sctlr_el1();
    unsigned text = prot_of(__text_start), data = prot_of(__data_start);
    /* PXN and WXN exist since the first version of the architecture. */
    const struct hal_cpu_feature features[] = {
        {"PXN", true, (data & PROT_X) == 0},
        {"WXN", true, (sctlr & SCTLR_WXN) != 0},
        {"PAN", cpu_has_pan(), pan_is_on()},
        {"BTI", cpu_has_bti(), (text & PROT_GUARDED) != 0},
        {"PAC", cpu_has_pac(), (sctlr & SCTLR_ENIA) != 0},
        {"RNG", cpu_has_rng(), cpu_has_rng()}, /* entropy.c */
        {"MTE", cpu_has_mte(), false},
    };
    if (i >= ARRAY_COUNT(features)) {
        return false;
    }
    *out = features[i];
    return true;
}
