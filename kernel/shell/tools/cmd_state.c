// SPDX-License-Identifier: MIT
//
// Commands about the state of the whole system: its CPUs, its threads, how long it has run.
#include "hal/cpu.h"
#include "hal/layout.h"
#include "hal/smp.h"
#include "kernel/base/clock.h"
#include "kernel/base/version.h"
#include "kernel/lib/string.h"
#include "kernel/sched/smp.h"
#include "kernel/sched/thread.h"
#include "kernel/shell/command.h"
#include "kernel/shell/tools/tools.h"
#include "kernel/tty/console.h"

bool tools_uptime(int argc, char **argv)
{
    (void)argv;
    if (argc > 1) {
        return false;
    }
    uint64_t now = clock_now_ns(), wall;
    struct sched_stats stats;
    sched_get_stats(&stats);
    console_printf(
        "up %llu.%03llu s, idle %llu.%03llu s, %llu switches, ",
        (unsigned long long)(now / NS_PER_S), (unsigned long long)(now / NS_PER_MS % 1000),
        (unsigned long long)(stats.idle_ns / NS_PER_S),
        (unsigned long long)(stats.idle_ns / NS_PER_MS % 1000), (unsigned long long)stats.switches);
    if (clock_wall_ns(&wall)) {
        char date[SHELL_DATE_MAX];
        shell_format_date(wall / NS_PER_S, date);
        console_printf("%s UTC\n", date);
    } else {
        console_printf("no wall clock\n");
    }
    return true;
}

/* Print the features in one of the three states on a line, if there are any. */
static void print_features(const char *title, bool is_present, bool is_on)
{
    struct hal_cpu_feature f;
    bool is_first = true;
    for (unsigned i = 0; hal_cpu_feature(i, &f); i++) {
        if (f.is_present == is_present && f.is_on == is_on) {
            if (is_first) {
                console_printf("       %s:", title);
            }
            is_first = false;
            console_printf(" %s", f.name);
        }
    }
    if (!is_first) {
        console_printf("\n");
    }
}

/** Data that a CPU reports about itself. */
struct cpu_report {
    char model[100], mode[100];
    uint64_t interrupts, from_cpus, hw_id;
};

/* Runs on the CPU that it reports, through smp_call(), because features and modes can be read only
 * there. It runs in an interrupt handler there, so it only stores what tools_cpus() prints. */
static void report_cpu(void *arg)
{
    struct cpu_report *r = arg;
    const struct hal_cpu *cpu = hal_this_cpu();
    hal_cpu_describe(r->model, sizeof(r->model));
    hal_cpu_describe_mode(r->mode, sizeof(r->mode));
    r->interrupts = cpu->irq_count;
    r->from_cpus = cpu->ipi_count;
    r->hw_id = cpu->hw_id;
}

bool tools_cpus(int argc, char **argv)
{
    (void)argv;
    if (argc > 1) {
        return false;
    }
    struct cpu_report r;
    for (cpu_t i = 0; i < cpus_count(); i++) {
        smp_call(i, report_cpu, &r);
        console_printf("cpu %u: %s\n       %s\n", i, r.model, r.mode);
        console_printf("       firmware ID 0x%llx, %llu interrupts, %llu from other CPUs\n",
                       (unsigned long long)r.hw_id, (unsigned long long)r.interrupts,
                       (unsigned long long)r.from_cpus);
    }
    print_features("on", true, true);
    print_features("not used", true, false);
    print_features("absent", false, false);
    return true;
}

static void print_thread(const struct thread_info *t)
{
    static const char *const states[] = {"blocked", "ready", "running", "dead", "moving"};
    uint64_t permille = t->age_ns == 0 ? 0 : t->run_ns / (t->age_ns / 1000 + 1);
    char memory[SHELL_SIZE_MAX] = "-";
    if (t->pages != 0) {
        shell_format_size(t->pages * PAGE_SIZE, memory);
    }
    console_printf("%4u %3u %3u %-7s %4llu.%llu %8llu.%03llu %10llu %9s %-10s %-16s %s", t->id,
                   t->cpu, t->priority, states[t->state], (unsigned long long)(permille / 10),
                   (unsigned long long)(permille % 10), (unsigned long long)(t->run_ns / NS_PER_MS),
                   (unsigned long long)(t->run_ns / NS_PER_US % 1000),
                   (unsigned long long)t->switches, memory,
                   t->terminal != NULL ? t->terminal->name : "-",
                   t->waiting_on[0] != '\0' ? t->waiting_on : "-", t->name);
    if (t->program[0] != '\0') {
        console_printf(" (%s)", t->program);
    }
    console_printf("\n");
}

/* Threads start and end while this prints. Each row is a copy of the i-th thread at that moment; a
 * thread may be missing or appear twice, but no row mixes two. */
bool tools_ps(int argc, char **argv)
{
    (void)argv;
    if (argc > 1) {
        return false;
    }
    struct thread_info t;
    console_printf("  ID CPU PRI STATE     %%CPU %12s %10s %9s %-10s %-16s NAME\n", "RUN ms",
                   "SWITCHES", "MEMORY", "CONSOLE", "WAITS ON");
    for (uint32_t i = 0; thread_get_info(i, &t); i++) {
        print_thread(&t);
    }
    return true;
}

/* The parts that these letters name; 0: a letter names none. */
static unsigned parts_of(const char *letters)
{
    static const char names[] = "srm"; /* system, release, machine */
    unsigned parts = 0;
    for (; *letters != '\0'; letters++) {
        const char *at = strchr(names, *letters);
        if (at == NULL && *letters != 'a') {
            return 0;
        }
        parts |= at == NULL ? 7u : 1u << (at - names);
    }
    return parts;
}

bool tools_uname(int argc, char **argv)
{
    const char *const texts[] = {"Halyard", HALYARD_VERSION, hal_layout.machine}, *space = "";
    unsigned parts = argc == 1 ? 7 : argv[1][0] == '-' ? parts_of(argv[1] + 1) : 0;
    if (parts == 0 || argc > 2) {
        return false;
    }
    for (unsigned i = 0; i < ARRAY_COUNT(texts); i++) {
        if ((parts >> i & 1) != 0) {
            console_printf("%s%s", space, texts[i]);
            space = " ";
        }
    }
    console_printf("\n");
    return true;
}
