// SPDX-License-Identifier: MIT
//
// Commands about the system as a whole.
#include "hal/cpu.h"
#include "hal/layout.h"
#include "hal/smp.h"
#include "hal/mmu.h"
#include "hal/power.h"
#include "kernel/test/bench.h"
#include "kernel/base/clock.h"
#include "kernel/tty/console.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/base/log.h"
#include "kernel/base/version.h"
#include "kernel/base/panic.h"
#include "kernel/fs/vfs.h"
#include "kernel/sched/thread.h"
#include "kernel/sched/smp.h"
#include "kernel/shell/command_internal.h"
#include "kernel/test/test.h"

#define USAGE_COLUMNS 20

/* A long usage has a line of its own, so that the explanations stay in their column. */
static void print_help_line(const struct shell_command *c)
{
    if (strlen(c->usage) <= USAGE_COLUMNS) {
        console_printf("%-9s %-20s %s\n", c->name, c->usage, c->help);
    } else {
        console_printf("%-9s %s\n%-30s %s\n", c->name, c->usage, "", c->help);
    }
}

void shell_print_help(const struct shell_command *c)
{
    console_printf("usage: %s%s%s\n%s\n", c->name, c->usage[0] != '\0' ? " " : "", c->usage,
                   c->help);
    shell_print_manual(c->name);
}

static bool run_help(int argc, char **argv)
{
    if (argc > 2) {
        return false;
    }
    if (argc == 2) {
        const struct shell_command *c = shell_find_command(argv[1]);
        if (c == NULL) {
            shell_error("help: %s: no such command\n", argv[1]);
        } else {
            shell_print_help(c);
        }
        return true;
    }
    const struct shell_command *c;
    for (unsigned i = 0; (c = shell_command_at(i)) != NULL; i++) {
        print_help_line(c);
    }
    console_printf("Other words run programs: help sh\n");
    return true;
}

/* log_read() finds the next record by its number, so the log may grow and lose old records
 * meanwhile; no lock is held while the terminal is slow. */
static bool run_log(int argc, char **argv)
{
    (void)argv;
    if (argc > 1) {
        return false;
    }
    static const char letters[] = "EWID";
    struct log_record record; /* not static: several sessions may run it */
    uint64_t sequence = 0;
    while (log_read(&sequence, &record)) {
        uint64_t us = record.time_ns / NS_PER_US;
        console_printf("[%4llu.%06llu] %u %c %s\n", (unsigned long long)(us / 1000000),
                       (unsigned long long)(us % 1000000), record.cpu, letters[record.level & 3],
                       record.text);
    }
    return true;
}

/* Convert days since 1970-01-01 to a civil date, by eras of 400 years that start on 1 March. */
void shell_format_date(uint64_t unix_s, char *out)
{
    uint64_t days = unix_s / 86400 + 719468, second = unix_s % 86400;
    uint64_t era = days / 146097, day_of_era = days % 146097;
    uint64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    uint64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    uint64_t month_from_march = (5 * day_of_year + 2) / 153;
    unsigned day = (unsigned)(day_of_year - (153 * month_from_march + 2) / 5 + 1);
    unsigned month =
        (unsigned)(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
    unsigned year = (unsigned)(year_of_era + era * 400 + (month <= 2));
    fmt_print(out, SHELL_DATE_MAX, "%04u-%02u-%02u %02u:%02u:%02u", year, month, day,
              (unsigned)(second / 3600), (unsigned)(second / 60 % 60), (unsigned)(second % 60));
}

static bool run_uptime(int argc, char **argv)
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
 * there. It runs in an interrupt handler there, so it only stores what run_cpus() prints. */
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

static bool run_cpus(int argc, char **argv)
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
static bool run_ps(int argc, char **argv)
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

static bool run_uname(int argc, char **argv)
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

static bool run_test(int argc, char **argv)
{
    if (argc > 2) {
        return shell_condition(argc, argv);
    }
    shell_set_status(test_run(argc == 2 ? argv[1] : "*"));
    return true;
}

static bool run_bench(int argc, char **argv)
{
    if (argc > 2) {
        return false;
    }
    shell_set_status(bench_run(argc == 2 ? argv[1] : "*"));
    return true;
}

static bool run_panic(int argc, char **argv)
{
    (void)argv;
    if (argc > 1) {
        return false;
    }
    panic("shell: requested by the panic command");
}

static bool run_reboot(int argc, char **argv)
{
    (void)argv;
    if (argc > 1) {
        return false;
    }
    vfs_shut_down();
    console_drain();
    hal_exit_record(EXIT_REBOOT, 0);
    hal_power_reset();
}

/* Output that is still queued would be lost with the power. Other sessions and running
 * programs are not asked. */
static bool run_poweroff(int argc, char **argv)
{
    (void)argv;
    if (argc > 1) {
        return false;
    }
    vfs_shut_down();
    console_drain();
    hal_exit_record(EXIT_OFF, 0);
    hal_power_off();
}

const struct shell_command shell_system_commands[] = {
    {"help", "[COMMAND]", "list the commands, or explain one", run_help},
    {"log", "", "the last lines of the kernel log", run_log},
    {"dmesg", "", "the same", run_log},
    {"uptime", "", "time since boot, idle time, date", run_uptime},
    {"cpus", "", "processors, their mode and security features", run_cpus},
    {"uname", "[-asrm]", "the system's name, version and machine", run_uname},
    {"ps", "", "threads, their CPUs, and what each waits for", run_ps},
    {"test", "[GLOB]", "run the kernel's tests (TAP)", run_test},
    {"bench", "[GLOB]", "run the benchmarks", run_bench},
    {"panic", "", "stop the kernel with a full report", run_panic},
    {"reboot", "", "reset the machine", run_reboot},
    {"poweroff", "", "switch the machine off", run_poweroff},
    {0},
};
