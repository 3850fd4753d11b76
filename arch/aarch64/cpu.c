// SPDX-License-Identifier: MIT
//
// Identifies this CPU, its features, and its mode. ID registers: Arm ARM (DDI 0487), D19.2.
#include "arch/aarch64/cpu.h"

#include "hal_arch/sysreg.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/format.h"

SYSREG_READ(s3_0_c0_c6_2) /* ID_AA64ISAR2_EL1 */

struct hal_cpu boot_cpu;

static unsigned entered_level;
static uint64_t counter_at_entry;

void cpu_note_entry(unsigned level, uint64_t counter)
{
    entered_level = level;
    counter_at_entry = counter;
}

uint64_t cpu_counter_at_entry(void)
{
    return counter_at_entry;
}

/* ID_AA64MMFR0_EL1.PARange, limited to 48 bits: larger
 * addresses need another format of descriptors (LPA2). */
static unsigned physical_range(void)
{
    return MIN(id_field(read_id_aa64mmfr0_el1(), 0), 5u);
}

unsigned cpu_physical_bits(void)
{
    static const uint8_t bits[] = {32, 36, 40, 42, 44, 48};
    return bits[physical_range()];
}

uint64_t cpu_physical_range_field(void)
{
    return physical_range();
}

bool cpu_has_pan(void)
{
    return id_field(read_id_aa64mmfr1_el1(), 20) != 0;
}

bool cpu_has_rng(void)
{
    return id_field(read_id_aa64isar0_el1(), 60) != 0;
}

bool cpu_has_bti(void)
{
    return id_field(read_id_aa64pfr1_el1(), 0) != 0;
}

/* 1: only the instructions, which do nothing; 2 and 3: memory has tags. */
bool cpu_has_mte(void)
{
    return id_field(read_id_aa64pfr1_el1(), 8) >= 2;
}

/* One of three algorithms: APA (QARMA5), API (implementation defined), APA3 (QARMA3). */
bool cpu_has_pac(void)
{
    uint64_t isar1 = read_id_aa64isar1_el1();
    return id_field(isar1, 4) != 0 || id_field(isar1, 8) != 0 ||
           id_field(read_s3_0_c0_c6_2(), 12) != 0;
}

void cpu_enable_pan(void)
{
    if (cpu_has_pan()) {
        __asm__ volatile(".inst 0xd500419f"
                         :
                         :
                         : "memory"); /* msr pan, #1, which ARMv8.0 assemblers do not know */
    }
}

uint64_t cpu_hardware_id(void)
{
    return read_mpidr_el1() & 0xff00ffffff;
}

void hal_cpu_halt(void)
{
    write_daif(PSTATE_DAIF);
    for (;;) {
        __asm__ volatile("wfi" : : : "memory");
    }
}

static unsigned current_level(void)
{
    return (unsigned)(read_currentel() >> 2) & 3u;
}

void hal_cpu_describe_mode(char *buf, size_t len)
{
    uint64_t sctlr = read_sctlr_el1();
    fmt_print(buf, len, "EL%u, MMU %s, caches %s, entered at EL%u", current_level(),
              (sctlr & SCTLR_M) != 0 ? "on" : "off",
              (sctlr & SCTLR_C) != 0 && (sctlr & SCTLR_I) != 0 ? "on" : "off", entered_level);
}

static const struct {
    uint8_t implementer;
    uint16_t part;
    char name[20];
} models[] = {
    {0x00, 0x051, "QEMU max"},      {0x41, 0xd03, "Cortex-A53"},  {0x41, 0xd05, "Cortex-A55"},
    {0x41, 0xd07, "Cortex-A57"},    {0x41, 0xd08, "Cortex-A72"},  {0x41, 0xd0b, "Cortex-A76"},
    {0x41, 0xd0c, "Neoverse N1"},   {0x41, 0xd40, "Neoverse V1"}, {0x41, 0xd49, "Neoverse N2"},
    {0x46, 0x001, "Fujitsu A64FX"}, {0x61, 0x022, "Apple M1"},    {0x61, 0x023, "Apple M1"},
};

static const char *model_name(uint64_t midr)
{
    for (size_t i = 0; i < ARRAY_COUNT(models); i++) {
        if (models[i].implementer == (midr >> 24 & 0xff) && models[i].part == (midr >> 4 & 0xfff)) {
            return models[i].name;
        }
    }
    return "unknown model";
}

void hal_cpu_describe(char *buf, size_t len)
{
    uint64_t midr = read_midr_el1();
    fmt_print(buf, len, "%s r%up%u (MIDR 0x%08x), %u-bit physical addresses", model_name(midr),
              id_field(midr, 20), id_field(midr, 0), (unsigned)midr, cpu_physical_bits());
}
