// SPDX-License-Identifier: MIT
//
// The fake machine except its memory (memory.c) and threads (context.c): CPU, ports, console,
// status channel, interrupt controller, timer and faults.

#include "fake/fake.h"

#include "hal/cache.h"
#include "hal/calls.h"
#include "hal/console.h"
#include "hal/entropy.h"
#include "hal/io.h"
#include "hal/irq.h"
#include "hal/platform.h"
#include "hal/smp.h"
#include "hal/text.h"
#include "hal/timer.h"
#include "hal/trap.h"
#include "hal/upcall.h"
#include "hal_arch/frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct hal_cpu fake_cpu = {.self = &fake_cpu};
struct hal_cpu *fake_this_cpu = &fake_cpu;
uint64_t fake_counter;
enum exit_kind fake_exit_kind;
uint8_t fake_exit_status;
uint64_t (*fake_on_port_read)(uint16_t port, unsigned bytes);
void (*fake_on_port_write)(uint16_t port, unsigned bytes, uint64_t value);
void (*fake_on_wait)(void);
void (*fake_on_relax)(void);
enum status (*fake_on_start)(struct hal_cpu *cpu);
struct fake_end fake_end;

size_t fake_entropy_left;
bool fake_has_ports;

static char journal[4096];
static char console[65536];
static size_t console_len;
static uint64_t deadlines[CPU_MAX] = {[0 ... CPU_MAX - 1] = UINT64_MAX};

static _Noreturn void broken(const char *what)
{
    fprintf(stderr, "fake machine: %s\n", what);
    abort();
}

static _Noreturn void end(const char *what)
{
    if (!fake_end.armed) {
        fputs(console, stderr);
        broken(what);
    }
    fake_end.armed = false;
    fake_forget_frames();
    longjmp(fake_end.jump, 1);
}

void fake_reset(void)
{
    fake_cpu = (struct hal_cpu){.self = &fake_cpu};
    fake_this_cpu = &fake_cpu;
    fake_counter = 0;
    fake_exit_kind = 0;
    fake_exit_status = 0;
    fake_on_port_read = NULL;
    fake_on_port_write = NULL;
    fake_on_wait = NULL;
    fake_on_relax = NULL;
    fake_on_start = NULL;
    fake_entropy_left = 0;
    fake_has_ports = false;
    fake_end.armed = false;
    journal[0] = 0;
    console[0] = 0;
    console_len = 0;
    for (cpu_t cpu = 0; cpu < CPU_MAX; cpu++) {
        deadlines[cpu] = UINT64_MAX;
    }
    fake_memory_reset();
}

/* ---- Journal, ports, console, status ---- */

void fake_journal_add(const char *event)
{
    size_t used = strlen(journal);
    if (used + strlen(event) + 2 <= sizeof(journal)) {
        snprintf(journal + used, sizeof(journal) - used, "%s%s", used > 0 ? " " : "", event);
    }
}

const char *fake_journal(void)
{
    return journal;
}

uint64_t fake_port_read(uint16_t port, unsigned bytes)
{
    if (fake_on_port_read == NULL) {
        broken("a port was read that nobody answers");
    }
    return fake_on_port_read(port, bytes);
}

void fake_port_write(uint16_t port, unsigned bytes, uint64_t value)
{
    if (fake_on_port_write == NULL) {
        broken("a port was written that nobody answers");
    }
    fake_on_port_write(port, bytes, value);
}

void hal_early_write(const char *s, size_t len)
{
    size_t room = sizeof(console) - 1 - console_len;
    size_t n = len < room ? len : room;
    memcpy(console + console_len, s, n);
    console_len += n;
    console[console_len] = 0;
}

const char *fake_console_text(void)
{
    return console;
}

void fake_console_clear(void)
{
    console_len = 0;
    console[0] = 0;
}

void hal_exit_record(enum exit_kind kind, uint8_t status)
{
    fake_exit_kind = kind;
    fake_exit_status = status;
}

_Noreturn void hal_power_off(void)
{
    end("powered off");
}

_Noreturn void hal_power_reset(void)
{
    end("reset");
}

_Noreturn void hal_cpu_halt(void)
{
    end("halted");
}

/* ---- CPU and time ---- */

void hal_cpu_describe_mode(char *buf, size_t len)
{
    snprintf(buf, len, "host process");
}

void hal_cpu_describe(char *buf, size_t len)
{
    snprintf(buf, len, "fake CPU");
}

/* One feature in each possible state. */
bool hal_cpu_feature(unsigned i, struct hal_cpu_feature *out)
{
    static const struct hal_cpu_feature features[] = {
        {"PROTECTED", true, true}, {"UNUSED", true, false}, {"ABSENT", false, false}};
    if (i >= sizeof(features) / sizeof(features[0])) {
        return false;
    }
    *out = features[i];
    return true;
}

/* The bytes count down, so that they all differ and a test can predict them. */
size_t hal_entropy(uint8_t *buf, size_t len)
{
    size_t n = len < fake_entropy_left ? len : fake_entropy_left;
    for (size_t i = 0; i < n; i++) {
        buf[i] = (uint8_t)fake_entropy_left--;
    }
    return n;
}

void hal_icache_sync(const void *p, size_t n)
{
    if (n > 0) {
        __builtin___clear_cache((char *)(uintptr_t)p, (char *)(uintptr_t)p + n);
        fake_journal_add("icache");
    }
}

/* The host's functions have no patchable entries. */
vaddr_t hal_text_entry(vaddr_t function)
{
    (void)function;
    return 0;
}

bool hal_text_reaches(vaddr_t entry, vaddr_t target)
{
    (void)entry, (void)target;
    return false;
}

bool hal_text_step(vaddr_t entry, vaddr_t target, unsigned step)
{
    (void)entry, (void)target, (void)step;
    return false;
}

vaddr_t hal_text_after(vaddr_t entry)
{
    return entry;
}

size_t hal_text_jump(vaddr_t at, vaddr_t target, uint8_t code[HAL_JUMP_MAX])
{
    (void)at, (void)target, (void)code;
    return 0;
}

void hal_text_write(vaddr_t at, const uint8_t *code, size_t n)
{
    (void)at, (void)code, (void)n;
}

struct hal_stub hal_stubs[HAL_STUBS];
char hal_call_return[1];

vaddr_t hal_stub_address(unsigned i)
{
    (void)i;
    return 0;
}

void hal_zero_pages(void *p, size_t pages)
{
    memset(p, 0, pages * PAGE_SIZE);
}

static void timer_arm(uint64_t when)
{
    deadlines[fake_this_cpu->id] = when;
}

static void timer_disarm(void)
{
    deadlines[fake_this_cpu->id] = UINT64_MAX;
}

const struct event_timer fake_timer = {
    .name = "fake",
    .arm = timer_arm,
    .disarm = timer_disarm,
};

uint64_t fake_timer_deadline_of(cpu_t cpu)
{
    return deadlines[cpu];
}

uint64_t fake_timer_deadline(void)
{
    return fake_timer_deadline_of(fake_this_cpu->id);
}

uint64_t hal_counter_hz(void)
{
    return FAKE_COUNTER_HZ;
}

uint64_t hal_counter_at_entry(void)
{
    return 0;
}

void fake_wait_for_interrupt(void)
{
    if (fake_on_wait != NULL) {
        fake_on_wait();
    } else if (fake_timer_deadline() == UINT64_MAX) {
        broken("the CPU waits for an interrupt that nothing will raise");
    } else if (fake_counter < fake_timer_deadline()) {
        fake_counter = fake_timer_deadline();
    }
    fake_this_cpu->arch.irqs_enabled = true;
}

/* ---- Magazines ---- */

void *hal_magazine_pop(size_t unused, size_t kind)
{
    struct hal_magazine *m = &fake_this_cpu->magazines[kind / HAL_MAGAZINE(1)];
    return m->top == m->rounds ? upcall_magazine_empty(unused, kind) : *--m->top;
}

void hal_magazine_push(void *object, size_t kind)
{
    struct hal_magazine *m = &fake_this_cpu->magazines[kind / HAL_MAGAZINE(1)];
    if (m->top >= m->end) {
        upcall_magazine_full(object, kind);
    } else {
        *m->top++ = object;
    }
}

void hal_magazine_push_checked(void *object, size_t kind)
{
    struct hal_magazine *m = &fake_this_cpu->magazines[kind / HAL_MAGAZINE(1)];
    if (m->top > m->rounds && m->top[-1] == object) {
        upcall_magazine_full(object, kind);
    } else {
        hal_magazine_push(object, kind);
    }
}

/* ---- Faults ---- */

uintptr_t hal_frame_pc(const struct hal_frame *frame)
{
    return frame->pc;
}

uintptr_t hal_frame_sp(const struct hal_frame *frame)
{
    return frame->sp;
}

uintptr_t hal_frame_fp(const struct hal_frame *frame)
{
    return frame->fp;
}

uintptr_t hal_frame_caller(const struct hal_frame *frame)
{
    return frame->caller;
}

bool hal_frame_irqs_enabled(const struct hal_frame *frame)
{
    return frame->irqs_enabled;
}

void hal_frame_set_pc(struct hal_frame *frame, uintptr_t pc)
{
    frame->pc = pc;
}

void hal_frame_set_call(struct hal_frame *frame, uintptr_t stack_top, void (*fn)(void *arg),
                        void *arg)
{
    *frame = (struct hal_frame){
        .pc = (uintptr_t)fn,
        .sp = stack_top,
        .argument = (uintptr_t)arg,
        .irqs_enabled = true,
    };
}

uintptr_t hal_frame_link(const struct hal_frame *frame)
{
    return frame->caller;
}

unsigned hal_frame_register_count(void)
{
    return 3;
}

uint64_t hal_frame_register(const struct hal_frame *frame, unsigned i, const char **name)
{
    static const char *const names[] = {"pc", "sp", "fp"};
    *name = names[i];
    return i == 0 ? frame->pc : i == 1 ? frame->sp : frame->fp;
}

void hal_fault_describe(const struct fault *fault, char *buf, size_t len)
{
    snprintf(buf, len, "fault %d at 0x%zx", (int)fault->cause, (size_t)fault->pc);
}

bool hal_frame_step(uintptr_t *fp, uintptr_t *pc, uintptr_t lo, uintptr_t hi)
{
    uintptr_t at = *fp;
    if (at < lo || at % 8 != 0 || hi - lo < 16 || at > hi - 16) {
        return false;
    }
    const uintptr_t *record = (const uintptr_t *)at;
    if (record[1] == 0) {
        return false;
    }
    *fp = record[0] > at ? record[0] : 0;
    *pc = record[1];
    return true;
}

void hal_frame_capture(void (*fn)(const struct hal_frame *frame))
{
    struct hal_frame frame = {.pc = (uintptr_t)__builtin_return_address(0),
                              .fp = (uintptr_t)__builtin_frame_address(0)};
    fn(&frame);
}

uintptr_t hal_frame_here(void)
{
    return *(const uintptr_t *)__builtin_frame_address(0);
}

unsigned hal_trap_selftest(void)
{
    return 1;
}

/* ---- The composition root of a machine without devices ---- */

void hal_platform_init_core(const struct boot_info *info)
{
    (void)info;
    machine_timer_install(&fake_timer);
}

void hal_platform_init_devices(const struct boot_info *info)
{
    (void)info;
}

unsigned fake_platform_cpus;

enum status hal_platform_add_cpu(struct hal_cpu *cpu)
{
    enum status s = machine_irq_controller()->add_cpu(cpu);
    fake_platform_cpus += s == OK;
    return s;
}

void hal_platform_remove_cpu(struct hal_cpu *cpu)
{
    (void)cpu;
    fake_platform_cpus--;
}

enum status hal_platform_init_cpu(void)
{
    return machine_irq_controller()->init_cpu();
}

/* ---- Other CPUs: simulated by a test, or real ones of fake_cpus.h ---- */

enum status hal_cpu_start(struct hal_cpu *cpu, vaddr_t stack_top)
{
    (void)stack_top;
    return fake_on_start != NULL ? fake_on_start(cpu) : E_NOTSUP;
}

void hal_ipi_serve_machine(void)
{
    fake_journal_add("served");
}
