// SPDX-License-Identifier: MIT
//
// Runs what the command line asks for and reports the run's exit status.

#include "kernel/boot/boot.h"

#include "hal/power.h"
#include "kernel/base/clock.h"
#include "kernel/base/log.h"
#include "kernel/fs/vfs.h"
#include "kernel/io/host_file.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/lib/words.h"
#include "kernel/mm/heap.h"
#include "kernel/module/extension.h"
#include "kernel/sched/thread.h"
#include "kernel/shell/run.h"
#include "kernel/shell/shell.h"
#include "kernel/test/bench.h"
#include "kernel/test/test.h"
#include "kernel/tty/console.h"

#define ARGS_MAX       64
#define STATUS_FAULT   119 /* exit status of scripts/run for a program that faulted or was killed */
#define STATUS_REFUSED 125 /* for a program that could not be started, or missing tests */

/* The host's file that says what input on the first console is: keys from a terminal of that size,
 * or FRAMES. */
#define INPUT_FILE     "opt/halyard/input"
#define INPUT_FILE_MAX 64
#define FRAMES         "frames"

static uint64_t busy_ns; /* [I] */

uint64_t boot_busy_ns(void)
{
    return busy_ns;
}

static void note_ready(void)
{
    struct sched_stats stats;
    sched_get_stats(&stats);
    busy_ns = clock_now_ns() - stats.boot_idle_ns;
    log_debug("boot", "ready after %llu us of work", (unsigned long long)(busy_ns / NS_PER_US));
}

static void record_status(int status)
{
    hal_exit_record(EXIT_STATUS, (uint8_t)status);
}

/* The file with the tests may be missing or belong to another kernel;
 * extension_get() prints which. */
static bool has_tests(void)
{
    if (extension_get() == NULL) {
        hal_exit_record(EXIT_REFUSED, STATUS_REFUSED);
        return false;
    }
    return true;
}

static void run_tests(const char *glob)
{
    if (has_tests()) {
        record_status(test_run(glob));
    }
}

static void run_benchmarks(const char *glob)
{
    console_hold_log(); /* a figure must be alone on its line */
    if (has_tests()) {
        record_status(bench_run(glob));
    }
    console_release_log();
}

static void refuse(const char *what)
{
    console_printf("run: %s\n", what);
    hal_exit_record(EXIT_REFUSED, STATUS_REFUSED);
}

static bool add_folders(const struct cmdline *cmdline, struct run_stage *stage)
{
    if (cmdline->is_kept_in) {
        run_give_no_folder(stage);
    }
    for (unsigned i = 0; i < cmdline->folder_count; i++) {
        if (!run_give_folder(stage, cmdline->folders[i])) {
            return false;
        }
    }
    return true;
}

/* "80 25": the size of the terminal where a person types. */
static bool read_size(struct console *c, char *text)
{
    char *words[3];
    unsigned long long columns, rows;
    if (words_split(text, words, ARRAY_COUNT(words)) != 2 || !str_to_u64(words[0], &columns) ||
        !str_to_u64(words[1], &rows) || columns == 0 || columns > UINT16_MAX || rows == 0 ||
        rows > UINT16_MAX) {
        return false;
    }
    console_set_size(c, (uint16_t)columns, (uint16_t)rows);
    return true;
}

/* The host says what input it will send, and waits for EXIT_READY before it does. */
static void read_kind_of_input(void)
{
    struct console *c = console_at(0);
    char text[INPUT_FILE_MAX + 1];
    void *bytes;
    size_t len;
    if (c == NULL || host_file_read(INPUT_FILE, INPUT_FILE_MAX, &bytes, &len) != OK) {
        return;
    }
    memcpy(text, bytes, len);
    text[len] = '\0';
    heap_free(bytes);
    if (strcmp(text, FRAMES) == 0) {
        console_set_framed(c);
    } else if (!read_size(c, text)) {
        log_warn("boot", INPUT_FILE ": unknown kind of input");
    }
}

/* If the terminal's size is known without querying it, pass it in COLUMNS and LINES, the variables
 * that the shell sets for its programs, too. */
static void set_size(struct load_options *options)
{
    static char columns_text[24], rows_text[24];
    static const char *const env[] = {"PWD=/", columns_text, rows_text};
    unsigned columns, rows;
    if (console_get_size(false, &columns, &rows) == OK) {
        fmt_print(columns_text, sizeof columns_text, "COLUMNS=%u", columns);
        fmt_print(rows_text, sizeof rows_text, "LINES=%u", rows);
        options->env = env;
        options->env_count = ARRAY_COUNT(env);
    }
}

/* The status goes out through hal_exit_record(), a device, and is never parsed from console text.
 * Each outcome records exactly one status. */
static void run_one(const struct cmdline *cmdline)
{
    static char text[sizeof(((struct cmdline *)0)->text)];
    char *argv[ARGS_MAX + 1];
    str_copy(text, sizeof(text), cmdline->run_args);
    argv[0] = (char *)(uintptr_t)cmdline->run;
    int argc = words_split(text, argv + 1, ARGS_MAX);
    if (argc < 0) {
        refuse("more than 64 arguments");
        return;
    }

    /* tells scripts/run that the program may read the console */
    hal_exit_record(EXIT_READY, console_is_framed());
    struct run_stage stage = {.options = {.argc = argc + 1, .argv = (const char *const *)argv}};
    set_size(&stage.options);
    if (!add_folders(cmdline, &stage)) {
        refuse("dir= needs PATH or PATH::NAME");
        return;
    }
    if (run_program(&stage) != OK) {
        refuse(stage.result.error.text);
    } else if (stage.result.end == PROGRAM_EXITED) {
        record_status(stage.result.status);
    } else {
        hal_exit_record(EXIT_FAULT, STATUS_FAULT);
    }
}

/* In this order: tests, benchmarks, a program, and then either power-off or the shell, which never
 * returns. Each step before the last one records its result with hal_exit_record(). */
void boot_serve(const struct cmdline *cmdline)
{
    note_ready();
    read_kind_of_input();
    if (cmdline->test != NULL) {
        run_tests(cmdline->test);
    }
    if (cmdline->bench != NULL) {
        run_benchmarks(cmdline->bench);
    }
    if (cmdline->run != NULL) {
        run_one(cmdline);
    }
    if (cmdline->poweroff && !cmdline->shell) {
        bool has_status = cmdline->test != NULL || cmdline->bench != NULL || cmdline->run != NULL;
        vfs_shut_down();
        console_drain();
        if (!has_status) {
            hal_exit_record(EXIT_OFF, 0);
        }
        hal_power_off();
    }
    shell_main();
}
