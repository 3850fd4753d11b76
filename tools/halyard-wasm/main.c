// SPDX-License-Identifier: MIT
//
// halyard-wasm: WebAssembly on this computer with Halyard's own front-end, compiler and host
// interface.
#include "tools/halyard-wasm/tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: halyard-wasm [OPTION...] FILE [ARGUMENT...]\n"
    "Run FILE: its function _start, with WASI and / as the current directory.\n"
    "  --compiled     as this machine's code (default)\n"
    "  --interp       in the interpreter of the intermediate representation\n"
    "  --env N=VALUE  a variable of the program's environment, which is empty otherwise\n"
    "  --dir FOLDER   a folder that the program gets as / instead of the current one\n"
    "  --no-dir       the program gets no folder\n"
    "  --invoke NAME  call this export instead, with the arguments as numbers\n"
    "  --validate     only say whether FILE is a valid module\n"
    "  --dump FUNC    show a function, by number or name, at each stage of compilation\n"
    "  --time         say on standard error how long everything took\n"
    "  --help         this text\n"
    "The exit status is the program's; 119 if it traps, 125 if it cannot be run.\n"
    "RATIO_TIME names a file that receives the seconds of _start alone.\n";

static int complain(const char *what, const char *name)
{
    fprintf(stderr, "halyard-wasm: %s%s\n%s", what, name, usage);
    return TOOL_REFUSED;
}

/* @return index of the first argument that is no option; 0: *status says how to end. */
static int read_options(int argc, char **argv, struct tool *t, int *status)
{
    for (int n = 1; n < argc; n++) {
        const char *word = argv[n];
        bool has_value = strcmp(word, "--dump") == 0 || strcmp(word, "--invoke") == 0 ||
                         strcmp(word, "--env") == 0 || strcmp(word, "--dir") == 0;
        if (word[0] != '-' || strcmp(word, "--") == 0) {
            return word[0] == '-' ? n + 1 : n;
        }
        if (has_value && n + 1 == argc) {
            *status = complain("a word must follow ", word);
            return 0;
        }
        if (strcmp(word, "--compiled") == 0) {
            t->engine = "host";
        } else if (strcmp(word, "--interp") == 0) {
            t->engine = "interpreter";
        } else if (strcmp(word, "--validate") == 0) {
            t->action = TOOL_VALIDATE;
        } else if (strcmp(word, "--time") == 0) {
            t->shows_times = true;
        } else if (strcmp(word, "--dump") == 0) {
            t->action = TOOL_DUMP;
            t->function = argv[++n];
        } else if (strcmp(word, "--invoke") == 0) {
            t->function = argv[++n];
        } else if (strcmp(word, "--env") == 0) {
            if (t->env_count == TOOL_ENV_MAX || strchr(argv[n + 1], '=') == NULL) {
                *status = complain("no NAME=VALUE, or too many: ", argv[n + 1]);
                return 0;
            }
            t->env[t->env_count++] = argv[++n];
        } else if (strcmp(word, "--dir") == 0) {
            t->folder = argv[++n];
        } else if (strcmp(word, "--no-dir") == 0) {
            t->folder = NULL;
        } else if (strcmp(word, "--help") == 0) {
            fputs(usage, stdout);
            *status = 0;
            return 0;
        } else {
            *status = complain("unknown option ", word);
            return 0;
        }
    }
    *status = complain("no file", "");
    return 0;
}

static int act(void *ctx)
{
    struct tool *t = ctx;
    switch (t->action) {
    case TOOL_VALIDATE:
        return tool_validate(t);
    case TOOL_DUMP:
        return tool_dump(t);
    default:
        return tool_run(t);
    }
}

int main(int argc, char **argv)
{
    struct tool t = {.engine = host_engines[host_engine_count - 1].name, .folder = "."};
    int status = 0, first = read_options(argc, argv, &t, &status);
    if (first == 0) {
        return status;
    }
    if (first >= argc) {
        return complain("no file", "");
    }
    t.argc = argc - first;
    t.argv = argv + first;
    if (!tool_read(&t)) {
        return TOOL_REFUSED;
    }
    return host_run(act, &t);
}
