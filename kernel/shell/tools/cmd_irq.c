// SPDX-License-Identifier: MIT
//
// `irq`: interrupts by line, their number and duration, since boot or during a given time.
#include "hal/irq.h"
#include "kernel/base/clock.h"
#include "kernel/io/irq.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/sched/thread.h"
#include "kernel/shell/command.h"
#include "kernel/shell/tools/tools.h"
#include "kernel/tty/console.h"

#define SECONDS_MAX 3600u

/* The counts of all lines at some time; NULL lines: at boot, all 0. */
struct snapshot {
    uint64_t ns;
    uint32_t count;
    struct irq_info *lines;
};

/* Lines can appear between the two passes, so the second one stops at the room of the first. A line
 * that is missing in the snapshot counts from 0, which is right: it is new. */
static bool take_snapshot(struct snapshot *out)
{
    struct irq_info info;
    uint32_t count = 0;
    while (irq_get_info(count, &info)) {
        count++;
    }
    *out = (struct snapshot){.lines = heap_calloc(count, sizeof(info)), .ns = clock_now_ns()};
    if (out->lines == NULL) {
        return false;
    }
    while (out->count < count && irq_get_info(out->count, &out->lines[out->count])) {
        out->count++;
    }
    return true;
}

/* Reduce the counts to the difference since then. */
static void subtract(const struct snapshot *then, struct irq_info *info)
{
    for (uint32_t i = 0; i < then->count; i++) {
        const struct irq_info *old = &then->lines[i];
        if (old->line == info->line) {
            info->count -= old->count;
            info->unclaimed -= old->unclaimed;
            info->busy_ns -= old->busy_ns;
        }
    }
}

static void print_shares(uint32_t line)
{
    uint32_t cpus = sched_cpu_count();
    const char *before = " [";
    for (cpu_t cpu = 0; cpus > 1 && cpu < cpus; cpu++) {
        struct irq_share share;
        if (irq_get_share(line, cpu, &share) && share.count > 0) {
            console_printf("%scpu %u: %llu", before, cpu, (unsigned long long)share.count);
            before = ", ";
        }
    }
    console_printf("%s", before[0] == ',' ? "]" : "");
}

/* One row of the table. Divisors are at least 1: a line that never interrupted has a mean of 0, and
 * a snapshot may be shorter than a microsecond. */
static void print_line(const struct irq_info *info, uint64_t ns)
{
    uint64_t per_second = info->count * (NS_PER_S / NS_PER_US) / MAX(ns / NS_PER_US, 1);
    console_printf("%4u %10llu %9llu %8llu %9llu %8llu", info->line,
                   (unsigned long long)info->count, (unsigned long long)info->unclaimed,
                   (unsigned long long)per_second, (unsigned long long)(info->busy_ns / NS_PER_US),
                   (unsigned long long)(info->busy_ns / MAX(info->count, 1)));
    for (unsigned n = 0; n < ARRAY_COUNT(info->names) && info->names[n][0] != '\0'; n++) {
        console_printf("%s %s", n > 0 ? "," : "", info->names[n]);
    }
    if (info->handlers > ARRAY_COUNT(info->names)) {
        console_printf(", %u more", info->handlers - (unsigned)ARRAY_COUNT(info->names));
    }
    console_printf("%s%s", info->handlers == 0 ? " none" : "",
                   info->storming ? " (masked: it stormed)" : "");
    if (info->cpu != 0) {
        console_printf(" (to CPU %u)", info->cpu);
    }
    print_shares(info->line);
    console_printf("\n");
}

static void print_lines(const struct snapshot *since)
{
    struct irq_totals totals;
    irq_get_totals(&totals);
    console_printf("controller %s, messages through %s, %llu spurious, %llu unowned\n",
                   machine_irq_controller()->name,
                   machine_msi_controller() != NULL ? machine_msi_controller()->name : "nothing",
                   (unsigned long long)totals.spurious, (unsigned long long)totals.unowned);
    console_printf("LINE      COUNT UNCLAIMED    PER S   BUSY us  EACH ns HANDLERS\n");
    uint64_t ns = clock_now_ns() - since->ns;
    struct irq_info info;
    for (uint32_t i = 0; irq_get_info(i, &info); i++) {
        subtract(since, &info);
        print_line(&info, ns);
    }
}

/* The snapshot belongs to this call, so several shells can watch at the same time. */
static bool watch(const char *word)
{
    unsigned long long seconds;
    if (!str_to_u64(word, &seconds) || seconds == 0 || seconds > SECONDS_MAX) {
        return false;
    }
    struct snapshot since;
    if (!take_snapshot(&since)) {
        shell_error("irq: no memory\n");
        return true;
    }
    if (thread_sleep(seconds * NS_PER_S) == OK) {
        print_lines(&since);
    }
    heap_free(since.lines);
    return true;
}

static bool resume_line(const char *word)
{
    unsigned long long line;
    if (!str_to_u64(word, &line)) {
        return false;
    }
    enum status s = line < IRQ_LINE_MAX ? irq_resume((uint32_t)line) : E_RANGE;
    if (s == E_INVAL) {
        shell_error("irq: line %llu is not masked\n", line);
    } else if (s != OK) {
        shell_error("irq: line %llu has no handlers\n", line);
    }
    return true;
}

/* Both numbers are checked before they are cut to the types of irq_set_cpu(): otherwise 2^32
 * would name line 0. */
static bool move_line(const char *line_word, const char *cpu_word)
{
    unsigned long long line, cpu;
    if (!str_to_u64(line_word, &line) || !str_to_u64(cpu_word, &cpu)) {
        return false;
    }
    enum status s = cpu >= CPU_MAX         ? E_INVAL
                    : line >= IRQ_LINE_MAX ? E_NODEV
                                           : irq_set_cpu((uint32_t)line, (cpu_t)cpu);
    if (s == E_INVAL) {
        shell_error("irq: there is no CPU %llu\n", cpu);
    } else if (s == E_NODEV) {
        shell_error("irq: line %llu has no handlers\n", line);
    } else if (s == E_NOTSUP) {
        shell_error("irq: each CPU has a line %llu of its own\n", line);
    } else if (s != OK) {
        shell_error("irq: line %llu cannot go to CPU %llu: %s\n", line, cpu, status_text(s));
    }
    return true;
}

bool tools_irq(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "move") == 0) {
        return move_line(argv[2], argv[3]);
    }
    if (argc == 3 && strcmp(argv[1], "resume") == 0) {
        return resume_line(argv[2]);
    }
    if (argc == 2) {
        return watch(argv[1]);
    }
    if (argc > 2) {
        return false;
    }
    print_lines(&(struct snapshot){.ns = 0});
    return true;
}
