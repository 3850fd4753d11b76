// SPDX-License-Identifier: MIT
//
// The list of hal/cpu.h: features according to CPUID,
// and whether the control registers use them now.
#include "arch/x86_64/cpu.h"
#include "hal/cpu.h"
#include "hal_arch/sysreg.h"
#include "kernel/lib/compiler.h"

bool hal_cpu_feature(unsigned i, struct hal_cpu_feature *out)
{
    const struct cpu_features *has = cpu_features();
    uintptr_t cr4 = read_cr4();
    bool rdrand_is_used = has->rdrand && !has->rdseed; /* entropy.c */
    /* NX and WP: boot32/main.c refuses to continue without them. */
    const struct hal_cpu_feature features[] = {
        {"NX", true, (read_msr(MSR_EFER) & EFER_NXE) != 0},
        {"WP", true, (read_cr0() & CR0_WP) != 0},
        {"SMEP", has->smep, (cr4 & CR4_SMEP) != 0},
        {"SMAP", has->smap, (cr4 & CR4_SMAP) != 0},
        {"UMIP", has->umip, (cr4 & CR4_UMIP) != 0},
        {"CET", has->cet, (cr4 & CR4_CET) != 0},
        {"MCE", has->mce, (cr4 & CR4_MCE) != 0},
        {"XSAVE", has->xsave, (cr4 & CR4_OSXSAVE) != 0},
        {"RDRAND", has->rdrand, rdrand_is_used},
        {"RDSEED", has->rdseed, has->rdseed},
        {"FSGSBASE", has->fsgsbase, (cr4 & CR4_FSGSBASE) != 0},
    };
    if (i >= ARRAY_COUNT(features)) {
        return false;
    }
    *out = features[i];
    return true;
}
