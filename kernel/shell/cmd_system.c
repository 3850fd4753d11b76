// SPDX-License-Identifier: MIT
//
// Commands about the system as a whole.
#include "hal/power.h"
#include "kernel/test/bench.h"
#include "kernel/base/clock.h"
#include "kernel/tty/console.h"
#include "kernel/lib/string.h"
#include "kernel/base/log.h"
#include "kernel/base/panic.h"
#include "kernel/fs/vfs.h"
#include "kernel/mm/page.h"
#include "kernel/shell/command.h"
#include "kernel/test/test.h"

#define USAGE_COLUMNS 20

/* A long usage has a line of its own, so that the explanations stay in their column. */
static void print_help_line(void *ctx, const struct shell_command *c)
{
    (void)ctx;
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
        if (c != NULL) {
            shell_print_help(c);
        } else if (!shell_is_command(argv[1])) {
            shell_complain_text("help", argv[1], "no such command");
        }
        return true;
    }
    shell_visit_commands(true, print_help_line, NULL);
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

static bool run_free(int argc, char **argv)
{
    (void)argv;
    if (argc > 1) {
        return false;
    }
    struct page_stats stats;
    char total[SHELL_SIZE_MAX], used[SHELL_SIZE_MAX], left[SHELL_SIZE_MAX];
    page_get_stats(&stats);
    uint64_t free_pages = stats.by_owner[PAGE_FREE];
    shell_format_size(stats.total_pages * PAGE_SIZE, total);
    shell_format_size((stats.total_pages - free_pages) * PAGE_SIZE, used);
    shell_format_size(free_pages * PAGE_SIZE, left);
    console_printf("%s in all, %s used, %s free\n", total, used, left);
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
    {"dmesg", "", "the same as log", run_log},
    {"free", "", "memory used and free", run_free},
    {"test", "[GLOB]", "run the kernel's tests (TAP)", run_test},
    {"bench", "[GLOB]", "run the benchmarks", run_bench},
    {"panic", "", "stop the kernel with a full report", run_panic},
    {"reboot", "", "reset the machine", run_reboot},
    {"poweroff", "", "switch the machine off", run_poweroff},
    {0},
};
