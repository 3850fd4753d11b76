// SPDX-License-Identifier: MIT
//
// The CPU's protections, tested by violating each on purpose. Each test runs on every CPU model.
// Where a protection is absent the same violation must succeed, so the list of active protections
// (hal_cpu_feature()) is proven both ways.
#include "hal/cpu.h"
#include "hal/entropy.h"
#include "hal/layout.h"
#include "hal/mmu.h"
#include "hal/pagetable.h"
#include "hal/trap.h"
#include "kernel/debug/fault_injection.h"
#include "kernel/fault/fault.h"
#include "kernel/lib/string.h"
#include "kernel/mm/vm.h"
#include "kernel/sched/thread.h"
#include "tests/kernel/provoke.h"
#include "tests/kernel/taken.h"
#include "tests/kernel/tests.h"

#define CAME_BACK 1
#define FAULTED   2

/* Names of the same feature on the two machines. */
static const char *const data_exec[] = {"NX", "PXN", NULL};
static const char *const user_exec[] = {"SMEP", "PXN", NULL};
static const char *const user_access[] = {"SMAP", "PAN", NULL};
static const char *const write_exec[] = {"WXN", NULL};
static const char *const branches[] = {"BTI", NULL};
static const char *const returns[] = {"PAC", NULL};
static const char *const not_switched_on[] = {"CET", "FSGSBASE", "RDRAND", "MTE", NULL};

static bool is_listed(const char *const *names, const char *name)
{
    while (*names != NULL && strcmp(*names, name) != 0) {
        names++;
    }
    return *names != NULL;
}

static bool is_on(const char *const *names)
{
    struct hal_cpu_feature f;
    for (unsigned i = 0; hal_cpu_feature(i, &f); i++) {
        if (f.is_on && is_listed(names, f.name)) {
            return true;
        }
    }
    return false;
}

/* "Present" is what the CPU's identification registers report, "on" what
 * its control registers report. */
static void protections_that_are_present_are_on(void)
{
    struct hal_cpu_feature f;
    unsigned count = 0;
    for (; hal_cpu_feature(count, &f); count++) {
        bool expected = is_listed(not_switched_on, f.name) ? f.is_on : f.is_present;
        if (f.is_on != expected || (f.is_on && !f.is_present)) {
            test_fail(__FILE__, __LINE__, "%s is %s, and %s", f.name,
                      f.is_present ? "present" : "absent", f.is_on ? "on" : "off");
        }
    }
    TEST_CHECK(count >= 6 && is_on(data_exec));
}

/* ---- calls that must not return ---- */

static struct thread *victim;
static struct fault seen;

static void leave(void *arg)
{
    (void)arg;
    thread_exit(FAULTED);
}

static bool end_the_victim(struct fault_owner *self, struct fault *fault)
{
    (void)self;
    if (thread_current() != victim) {
        return false;
    }
    seen = *fault;
    fault_resume_at(fault->frame, (uintptr_t)victim->context.stack_hi, leave, NULL);
    return true;
}

static void make_call(void *arg)
{
    void (*volatile fn)(void) = (void (*)(void))(uintptr_t)arg;
    victim = thread_current();
    fn();
    thread_exit(CAME_BACK);
}

static bool call_faults(uintptr_t fn)
{
    struct fault_owner owner = {.base = (uintptr_t)__extension_text_start,
                                .size = (size_t)(__extension_text_end - __extension_text_start),
                                .name = "test",
                                .handle = end_the_victim};
    const struct thread_options options = {
        .name = "victim", .entry = make_call, .arg = (void *)fn, .priority = PRIO_NORMAL};
    struct thread *t = NULL;
    int value = 0;
    seen = (struct fault){0};
    fault_own_code(&owner);
    if (thread_create(&options, &t) == OK) {
        TEST_EQUAL(test_join(t, &value), OK);
    }
    fault_disown(&owner);
    TEST_CHECK(value == CAME_BACK || value == FAULTED);
    return value == FAULTED;
}

/* True if a report would use this sentence. */
static bool is_described_as(const char *words)
{
    char line[200];
    hal_fault_describe(&seen, line, sizeof(line));
    for (const char *at = line; *at != '\0'; at++) {
        if (str_has_prefix(at, words)) {
            return true;
        }
    }
    test_fail(__FILE__, __LINE__, "%s", line);
    return false;
}

static void indirect_branches_need_a_landing_pad(void)
{
    TEST_EQUAL(call_faults((uintptr_t)provoke_no_landing_pad), is_on(branches));
    if (is_on(branches)) {
        TEST_EQUAL(seen.cause, FAULT_PROTECTION);
        TEST_EQUAL(seen.pc, (uintptr_t)provoke_no_landing_pad);
        TEST_CHECK(is_described_as("branch target exception"));
    }
}

static void return_addresses_are_signed(void)
{
    TEST_EQUAL(call_faults((uintptr_t)provoke_bad_signature), is_on(returns));
    if (is_on(returns)) {
        TEST_EQUAL(seen.cause, FAULT_PROTECTION);
        TEST_CHECK(is_described_as("pointer authentication"));
    }
}

/* ---- a page of code, and changes of its rights ---- */

static struct vm_range page;
static paddr_t page_frame;

/* Unmap the frame from the direct map, as for all code. */
static bool map_hidden(void)
{
    if (vm_hide_direct(page_frame, 1) != OK) {
        return false;
    }
    if (vm_map_frames(&page, 0, page_frame, 1, PROT_R | PROT_W) == OK) {
        return true;
    }
    bool is_armed = failure_pause();
    TEST_EQUAL(vm_show_direct(page_frame, 1), OK);
    failure_resume(is_armed);
    return false;
}

/* With the code the first of two pages. */
static bool make_page(void)
{
    const struct vm_request request = {.pages = 2, .region = HAL_REGION_VM, .name = "test"};
    if (page_alloc(0, PAGE_CODE, &page_frame) != OK) {
        test_fail(__FILE__, __LINE__, "no memory");
        return false;
    }
    memcpy(hal_direct(page_frame), provoke_code, (size_t)(provoke_code_end - provoke_code));
    if (vm_reserve(&page, &request) == OK) {
        if (map_hidden()) {
            return true;
        }
        vm_release(&page);
    }
    page_free(page_frame, 0);
    test_fail(__FILE__, __LINE__, "no memory");
    return false;
}

static void free_page(void)
{
    vm_unmap(&page, 0, 1, false);
    vm_release(&page);
    bool is_armed = failure_pause(); /* otherwise the page could not be freed */
    TEST_EQUAL(vm_show_direct(page_frame, 1), OK);
    failure_resume(is_armed);
    page_free(page_frame, 0);
}

/* The direct map can write to the frame, whatever its other mappings allow. */
static void memory_that_can_be_written_is_not_made_executable(void)
{
    const struct vm_request request = {.pages = 2, .region = HAL_REGION_VM, .name = "test"};
    struct vm_range range;
    struct hal_mapping m;
    TEST_NEED(take_pages(&range, &request, 0, 1));
    TEST_EQUAL(vm_protect(&range, 0, 1, PROT_R | PROT_X), E_INVAL);
    TEST_CHECK(hal_mmu_query(range.base, &m) && m.prot == (PROT_R | PROT_W));
    TEST_EQUAL(vm_map_frames(&range, 1, m.base, 1, PROT_R | PROT_X), E_INVAL);
    TEST_CHECK(!hal_mmu_query(range.base + PAGE_SIZE, &m));
    TEST_EQUAL(vm_map_physical(&range, m.base, PROT_R | PROT_X, MEM_DEVICE), E_INVAL);
    vm_unmap(&range, 0, 1, true);
    vm_release(&range);
}

/* The page in front of it is hidden, as it should be. */
static void all_memory_that_becomes_executable_is_looked_at(void)
{
    if (make_page()) {
        if (vm_populate(&page, 1, 1, PROT_R | PROT_W, PAGE_OTHER) == OK) {
            TEST_EQUAL(vm_protect(&page, 0, 2, PROT_R | PROT_X), E_INVAL);
            vm_unmap(&page, 1, 1, true);
        } else {
            test_fail(__FILE__, __LINE__, "no memory");
        }
        free_page();
    }
}

static void data_is_not_executable(void)
{
    if (make_page()) {
        TEST_EQUAL(call_faults(page.base), is_on(data_exec));
        TEST_EQUAL(vm_protect(&page, 0, 1, PROT_R | PROT_X), OK);
        TEST_CHECK(!call_faults(page.base));
        free_page();
    }
}

static pte_t *entry_of_page(unsigned level)
{
    paddr_t table = provoke_root();
    for (unsigned at = PT_LEVELS - 1;; at--) {
        pte_t *entry = &((pte_t *)hal_direct(table))[page.base >> PT_SHIFT(at) & (PT_ENTRIES - 1)];
        if (at == level) {
            return entry;
        }
        table = hal_pte_addr(*entry, at);
    }
}

static void put_entry(unsigned level, pte_t value)
{
    struct hal_mmu_batch batch = {.flush_all = true};
    __atomic_store_n(&entry_of_page(level)->raw, value.raw, __ATOMIC_RELEASE);
    irq_state_t state = hal_irq_save();
    hal_mmu_flush(&batch);
    hal_irq_restore(state);
}

/* Writes the entry by hand, because hal_mmu_map() refuses it. */
static void writable_code_is_not_executable(void)
{
    if (make_page()) {
        TEST_EQUAL(vm_protect(&page, 0, 1, PROT_R | PROT_X), OK);
        pte_t before = *entry_of_page(0);
        put_entry(0, provoke_writable(before));
        TEST_CHECK(hal_probe_write8((uint8_t *)(uintptr_t)page.base + PAGE_SIZE - 1, 1));
        TEST_EQUAL(call_faults(page.base), is_on(write_exec));
        put_entry(0, before);
        free_page();
    }
}

/* Nothing runs in user mode yet, and no table entry allows user accesses: this
 * test makes the only exception. */
static void the_kernel_cannot_use_user_pages(void)
{
    uint8_t byte;
    if (make_page()) {
        pte_t before[PT_LEVELS];
        const uint8_t *bytes = (const uint8_t *)(uintptr_t)page.base;
        TEST_EQUAL(vm_protect(&page, 0, 1, PROT_R | PROT_X), OK);
        TEST_CHECK(hal_probe_read8(bytes, &byte));
        for (unsigned level = 0; level < PT_LEVELS; level++) {
            before[level] = *entry_of_page(level);
            put_entry(level, provoke_user(before[level], level));
        }
        TEST_EQUAL(!hal_probe_read8(bytes, &byte), is_on(user_access));
        TEST_EQUAL(call_faults(page.base), is_on(user_exec));
        for (unsigned level = PT_LEVELS; level-- > 0;) {
            put_entry(level, before[level]);
        }
        TEST_CHECK(hal_probe_read8(bytes, &byte));
        free_page();
    }
}

/* ---- randomness ---- */

#define UNTOUCHED 0x5a

/* Two results never agree. Either the whole buffer is filled, or nothing
 * because the CPU has no generator. */
static void entropy_fills_the_whole_buffer(void)
{
    enum { ROOM = 40, GUARD = 8 };
    static const char *const generators[] = {"RDRAND", "RDSEED", "RNG", NULL};
    uint8_t first[ROOM + GUARD], second[ROOM];
    memset(first, UNTOUCHED, sizeof(first));
    size_t n = hal_entropy(first, ROOM);
    TEST_EQUAL(n, is_on(generators) ? ROOM : 0);
    for (size_t i = n; i < sizeof(first); i++) {
        TEST_EQUAL(first[i], UNTOUCHED);
    }
    TEST_EQUAL(hal_entropy(second, ROOM), n);
    TEST_CHECK(n == 0 || memcmp(first, second, n) != 0);
    TEST_EQUAL(hal_entropy(first, 0), 0);
}

const struct kernel_test security_tests[] = {
    {"security.protections_that_are_present_are_on", protections_that_are_present_are_on,
     TEST_ON_CPUS},
    {"security.indirect_branches_need_a_landing_pad", indirect_branches_need_a_landing_pad,
     TEST_ON_CPUS},
    {"security.return_addresses_are_signed", return_addresses_are_signed, TEST_ON_CPUS},
    {"security.data_is_not_executable", data_is_not_executable, TEST_ON_CPUS},
    {"security.memory_that_can_be_written_is_not_made_executable",
     memory_that_can_be_written_is_not_made_executable, TEST_ON_CPUS},
    {"security.all_memory_that_becomes_executable_is_looked_at",
     all_memory_that_becomes_executable_is_looked_at, TEST_ON_CPUS},
    {"security.writable_code_is_not_executable", writable_code_is_not_executable, TEST_ON_CPUS},
    {"security.the_kernel_cannot_use_user_pages", the_kernel_cannot_use_user_pages, TEST_ON_CPUS},
    {"security.entropy_fills_the_whole_buffer", entropy_fills_the_whole_buffer,
     TEST_ON_CPUS | TEST_ON_FIRMWARE},
    {0},
};
