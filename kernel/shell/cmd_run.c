// SPDX-License-Identifier: MIT
//
// The options of `run`. pipeline.c runs the program.
#include "kernel/base/clock.h"
#include "kernel/lib/string.h"
#include "kernel/shell/command.h"
#include "kernel/shell/run.h"

/* Parse "64M": a number with the first letter of a binary unit, or bytes. */
static bool parse_size(const char *text, uint64_t *out)
{
    unsigned long long n;
    if (!str_to_u64(text, &n) || n == 0) {
        return false;
    }
    *out = n;
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

/* Parse one option with its argument. @return the number of words; 0: not a valid option. */
static int take_option(int argc, char **argv, struct run_stage *out)
{
    struct load_options *options = &out->options;
    if (strcmp(argv[0], "--interp") == 0) {
        options->engine = LOAD_ENGINE_INTERPRETER;
        return 1;
    }
    if (strcmp(argv[0], "--compiled") == 0) {
        options->engine = LOAD_ENGINE_COMPILED;
        return 1;
    }
    if (strcmp(argv[0], "--compile-all") == 0) {
        options->engine = LOAD_ENGINE_COMPILED;
        options->compile_all = true;
        return 1;
    }
    if (strcmp(argv[0], "--relaxed-native") == 0) {
        options->relaxed_native = true;
        return 1;
    }
    if (strcmp(argv[0], "--no-dir") == 0) {
        run_give_no_folder(out);
        return 1;
    }
    if (argc == 1) {
        return 0;
    }
    if (strcmp(argv[0], "--dir") == 0) {
        return run_give_folder(out, argv[1]) ? 2 : 0;
    }
    if (strcmp(argv[0], "--cpu") == 0) {
        return parse_seconds(argv[1], &options->cpu_limit_ns) ? 2 : 0;
    }
    if (strcmp(argv[0], "--memory") == 0) {
        return parse_size(argv[1], &options->memory_limit_bytes) ? 2 : 0;
    }
    return 0;
}

int run_parse(int argc, char **argv, struct run_stage *out)
{
    int at = 1;
    while (at < argc && str_has_prefix(argv[at], "--")) {
        int words = take_option(argc - at, argv + at, out);
        if (words == 0) {
            return -1;
        }
        at += words;
    }
    return at < argc ? at : -1;
}

/* Never called: syntax.c and pipeline.c handle these themselves. */
static bool run_run(int argc, char **argv)
{
    (void)argc, (void)argv;
    return false;
}

const struct shell_command shell_run_commands[] = {
    {"run",
     "[--interp|--compiled|--compile-all] [--relaxed-native] [--cpu SECONDS] [--memory SIZE] "
     "[--dir PATH[::NAME]] [--no-dir] PATH [ARG...]",
     "run a program", run_run},
    {"sh", "FILE [ARG...] | -c TEXT", "run a script", run_run},
    {"time", "PIPELINE", "run it and print how long it took", run_run},
    {0},
};
