// SPDX-License-Identifier: MIT
//
// Running programs from the shell.
#include "kernel/clock.h"
#include "kernel/io/console.h"
#include "kernel/lib/string.h"
#include "kernel/run.h"
#include "kernel/shell/command_internal.h"

static void run(const struct load_options *options)
{
    struct run_result result;
    if (run_program(options, &result) != OK) {
        console_printf("run: %s\n", result.error.text);
        return;
    }
    const char *name = options->argv[0];
    switch (result.end) {
    case PROGRAM_FAULTED:
        console_printf("run: %s: ended by a fault\n", name);
        break;
    case PROGRAM_KILLED:
        console_printf("run: %s: killed\n", name);
        break;
    case PROGRAM_OUT_OF_TIME:
        console_printf("run: %s: killed, its CPU time is used up\n", name);
        break;
    default:
        if (result.status != 0) {
            console_printf("run: %s: exit status %d\n", name, result.status);
        }
        break;
    }
}

void shell_run_program(int argc, char **argv)
{
    const struct load_options options = {.argc = argc, .argv = (const char *const *)argv};
    run(&options);
}

/* "64M": a number and the first letter of its binary unit, or bytes. */
static bool parse_size(const char *text, uint64_t *out)
{
    static const char units[] = "KMGT";
    char digits[24];
    size_t len = strlen(text);
    if (len == 0 || len >= sizeof digits) {
        return false;
    }
    memcpy(digits, text, len + 1);
    const char *unit = strchr(units, digits[len - 1]);
    unsigned shift = unit == NULL ? 0 : 10 * (unsigned)(unit - units + 1);
    if (unit != NULL) {
        digits[len - 1] = '\0';
    }
    unsigned long long n;
    if (!str_to_u64(digits, &n) || n == 0 || n > UINT64_MAX >> shift) {
        return false;
    }
    *out = n << shift;
    return true;
}

static bool parse_seconds(const char *text, uint64_t *out_ns)
{
    unsigned long long n;
    if (!str_to_u64(text, &n) || n == 0 || n > UINT64_MAX / NS_PER_S) {
        return false;
    }
    *out_ns = n * NS_PER_S;
    return true;
}

/* One option and what belongs to it. @return how many words, 0: it is none. */
static int take_option(int argc, char **argv, struct load_options *out)
{
    if (strcmp(argv[0], "--interp") == 0) {
        out->engine = LOAD_ENGINE_INTERPRETER;
        return 1;
    }
    if (strcmp(argv[0], "--compiled") == 0) {
        out->engine = LOAD_ENGINE_COMPILED;
        return 1;
    }
    if (strcmp(argv[0], "--cpu") == 0) {
        return argc > 1 && parse_seconds(argv[1], &out->cpu_limit_ns) ? 2 : 0;
    }
    if (strcmp(argv[0], "--memory") == 0) {
        return argc > 1 && parse_size(argv[1], &out->memory_limit_bytes) ? 2 : 0;
    }
    return 0;
}

static bool run_run(int argc, char **argv)
{
    struct load_options options = {.argc = 0};
    int at = 1;
    while (at < argc && str_has_prefix(argv[at], "--")) {
        int words = take_option(argc - at, argv + at, &options);
        if (words == 0) {
            return false;
        }
        at += words;
    }
    if (at == argc) {
        return false;
    }
    options.argc = argc - at;
    options.argv = (const char *const *)argv + at;
    run(&options);
    return true;
}

const struct shell_command shell_run_commands[] = {
    {"run", "[--interp|--compiled] [--cpu SECONDS] [--memory SIZE] PATH [ARG...]", "run a program",
     run_run},
    {0},
};
