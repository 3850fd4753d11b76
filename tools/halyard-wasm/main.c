// SPDX-License-Identifier: MIT
//
// halyard-wasm: WebAssembly on this computer with
// Halyard's own front-end, compiler and host interface.
#include "kernel/wasm/front/features.h"
#include "tools/halyard-wasm/compiled.h"
#include "tools/halyard-wasm/tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: halyard-wasm [OPTION...] FILE [ARGUMENT...]\n"
    "Run _start of FILE with WASI; the current directory is /.\n"
    "  --compiled     compile to this machine's code (default)\n"
    "  --parallel     compile on four threads\n"
    "  --lazy         compile each function when it is first called\n"
    "  --interp       interpret the intermediate representation\n"
    "  --env N=VALUE  set an environment variable; the environment is empty otherwise\n"
    "  --relaxed-native\n"
    "                 compile relaxed sums of products (FMA, dot products) to this CPU's\n"
    "                 instructions: their results may differ from those of other CPUs\n"
    "  --dir FOLDER[::NAME]\n"
    "                 let the program reach this folder, under its path or NAME, instead of\n"
    "                 the current directory; may be repeated\n"
    "  --no-dir       let the program reach no folder\n"
    "  --invoke NAME  call this export instead, after _initialize if there is one; the\n"
    "                 arguments are numbers: decimal, hexadecimal (0x), inf or nan\n"
    "  --validate     only check whether FILE is a valid module\n"
    "  --dump FUNC    print a function, by number or name, at each stage of compilation\n"
    "  --features     list the proposals of WebAssembly, each with yes or no\n"
    "  --time         print on standard error how long each step took\n"
    "  --help         print this text\n"
    "The exit status is the program's, or 255 with a message if it is above 255; 119 if the\n"
    "program traps; 125 if it cannot run.\n"
    "The seconds of _start alone go to the file that the variable RATIO_TIME names.\n";

static int complain(const char *what, const char *name)
{
    fprintf(stderr, "halyard-wasm: %s%s\n%s", what, name, usage);
    return TOOL_REFUSED;
}

/* "FOLDER" or "FOLDER::NAME"; the text is cut at the colons in place. */
static bool add_folder(struct tool *t, bool *has_default, char *text)
{
    char *between = strstr(text, "::");
    const char *name = between == NULL ? text : between + 2;
    if (*has_default) { /* the first --dir replaces the default, the current directory */
        t->folder_count = 0;
        *has_default = false;
    }
    if (text[0] == '\0' || between == text || name[0] == '\0' ||
        t->folder_count == TOOL_FOLDERS_MAX) {
        return false;
    }
    if (between != NULL) {
        *between = '\0';
    }
    t->folders[t->folder_count++] = (struct tool_folder){.path = text, .name = name};
    return true;
}

static void list_features(void)
{
    for (const struct load_feature *f = wasm_features; f->name != NULL; f++) {
        printf("%-24s %s\n", f->name, f->support);
    }
}

/* @return index of the first argument that is not an option; 0: *status is the exit status. */
static int read_options(int argc, char **argv, struct tool *t, int *status)
{
    bool has_default_folder = true;
    for (int n = 1; n < argc; n++) {
        const char *word = argv[n];
        bool has_value = strcmp(word, "--dump") == 0 || strcmp(word, "--invoke") == 0 ||
                         strcmp(word, "--env") == 0 || strcmp(word, "--dir") == 0;
        if (word[0] != '-' || strcmp(word, "--") == 0) {
            return word[0] == '-' ? n + 1 : n;
        }
        if (has_value && n + 1 == argc) {
            *status = complain("missing value after ", word);
            return 0;
        }
        if (strcmp(word, "--compiled") == 0) {
            t->engine = "host";
        } else if (strcmp(word, "--parallel") == 0) {
            t->engine = "parallel";
        } else if (strcmp(word, "--lazy") == 0) {
            t->engine = "lazy";
        } else if (strcmp(word, "--interp") == 0) {
            t->engine = "interpreter";
        } else if (strcmp(word, "--relaxed-native") == 0) {
            compiled_relaxed_native = true;
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
                *status = complain("not NAME=VALUE, or too many: ", argv[n + 1]);
                return 0;
            }
            t->env[t->env_count++] = argv[++n];
        } else if (strcmp(word, "--dir") == 0) {
            if (!add_folder(t, &has_default_folder, argv[++n])) {
                *status = complain("not FOLDER or FOLDER::NAME, or too many: ", argv[n]);
                return 0;
            }
        } else if (strcmp(word, "--no-dir") == 0) {
            t->folder_count = 0;
            has_default_folder = false;
        } else if (strcmp(word, "--features") == 0) {
            list_features();
            *status = 0;
            return 0;
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
    struct tool t = {.engine = "host", .folders = {{.path = ".", .name = "/"}}, .folder_count = 1};
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
