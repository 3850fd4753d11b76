// SPDX-License-Identifier: MIT
//
// halyard-cil: .NET assemblies on this computer, with Halyard's own loader.
#include "kernel/cil/run/heap.h"
#include "tools/halyard-cil/engine.h"
#include "tools/halyard-wasm/engines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: halyard-cil [--interp] [--trusted] [--lib FOLDER]... FILE [WORD...]\n"
    "       halyard-cil --check [--trusted] [--lib FOLDER]... FILE...\n"
    "       halyard-cil --layout [--lib FOLDER]... FILE\n"
    "       halyard-cil --dump FILE\n"
    "       halyard-cil --run TYPE::METHOD [--interp] [--trusted] [--lib FOLDER]... FILE\n"
    "                   [NUMBER...]\n"
    "       halyard-cil --tests [--interp] [--lib FOLDER]... FILE\n"
    "Run .NET programs, check assemblies and print what is in them.\n"
    "  --check       print whether each FILE is valid: headers, streams, tables, types,\n"
    "                signatures, layouts and code, with the assemblies that it refers to;\n"
    "                each method that is refused is a line on standard error\n"
    "  --trusted     allow code that cannot be verified: pointers, calli, cpblk, localloc\n"
    "  --time        print on standard error how long each step took\n"
    "  --layout      print size, references and offsets of fields of each type\n"
    "  --dump        print references, tables, types, fields and methods, without looking\n"
    "                at other assemblies\n"
    "  --run         run a static method on numbers, and what it calls; other methods are\n"
    "                not compiled yet\n"
    "  --tests       run each static method test_N_NAME, which must return N\n"
    "  --compiled    run machine code of this computer; this is the default\n"
    "  --interp      interpret the intermediate representation instead\n"
    "  --code quick  without the compiler's passes, which optimise\n"
    "  --code few    with four registers of each kind\n"
    "  --code old    as on the oldest CPU\n"
    "  --code calls  without inlining short methods\n"
    "  --code frames as if the program asked which methods are active\n"
    "  --gc-stress   collect at every allocation, move all objects, and examine the heap\n"
    "  --gc          print on standard error what the collector did\n"
    "  --gc-lose TYPE::METHOD\n"
    "                do not tell the collector of some references in a method, as a mistake\n"
    "                of the compiler would\n"
    "  --gc-unmark TYPE::METHOD\n"
    "                do not note stores of references in a method, which collections of young\n"
    "                objects need; also as a mistake would\n"
    "  --memory MIB  the limit of a program's memory; 1024 if it is not given\n"
    "  --lib FOLDER  where assemblies are that FILE refers to; its own folder comes first\n"
    "  --help        print this text\n"
    "Traces have files and lines if mcs -debug has written FILE.mdb beside a FILE.\n"
    "The exit status is 125 if a file is refused, and 119 if a method traps or a test fails;\n"
    "the reason is on standard error.\n";

static int complain(const char *what, const char *name)
{
    fprintf(stderr, "halyard-cil: %s%s\n%s", what, name, usage);
    return TOOL_REFUSED;
}

static int check(struct tool *t, const char *path)
{
    struct cil_assembly *a = tool_load(t, path);
    if (a == NULL) {
        return TOOL_REFUSED;
    }
    int status = tool_check(t, a, path);
    cil_domain_free(a->domain);
    return status;
}

/* What looks at one assembly. Compiled code may run. */
static int examine(void *ctx)
{
    struct tool *t = ctx;
    struct cil_assembly *a = tool_load(t, t->path);
    if (a == NULL) {
        return TOOL_REFUSED;
    }
    int status = t->action == TOOL_LAYOUT ? tool_layout(a)
                 : t->action == TOOL_RUN  ? tool_run(t, a)
                 : t->action == TOOL_MAIN ? tool_main(t, a)
                                          : tool_tests(t, a);
    cil_domain_free(a->domain);
    return status;
}

static int dump(const char *path)
{
    static struct cil_image m;
    struct cil_bytes file;
    struct cil_error err;
    if (!tool_map(path, &file)) {
        return TOOL_REFUSED;
    }
    return cil_image_load(tool_file_name(path), file, &m, &err) == OK ? tool_dump(&m)
                                                                      : tool_refuse(&err);
}

static bool read_action(struct tool *t, const char *word)
{
    static const char *const words[] = {[TOOL_CHECK] = "--check",
                                        [TOOL_DUMP] = "--dump",
                                        [TOOL_LAYOUT] = "--layout",
                                        [TOOL_RUN] = "--run",
                                        [TOOL_TESTS] = "--tests"};
    for (unsigned n = TOOL_CHECK; n < ARRAY_COUNT(words); n++) {
        if (strcmp(word, words[n]) == 0 && t->action == TOOL_NONE) {
            t->action = n;
            return true;
        }
    }
    return false;
}

/* @return index of the first file; 0: *status is the exit status. */
static int read_options(int argc, char **argv, struct tool *t, int *status)
{
    int n = 1;
    t->folder_count = 1; /* the file's own */
    for (; n < argc && argv[n][0] == '-'; n++) {
        if (strcmp(argv[n], "--help") == 0) {
            fputs(usage, stdout);
            *status = 0;
            return 0;
        }
        if (strcmp(argv[n], "--trusted") == 0) {
            t->is_trusted = true;
        } else if (strcmp(argv[n], "--time") == 0) {
            t->shows_times = true;
        } else if (strcmp(argv[n], "--gc") == 0) {
            t->shows_heap = true;
        } else if (strcmp(argv[n], "--gc-stress") == 0) {
            t->gc_checks = CIL_GC_ALL;
        } else if (strcmp(argv[n], "--gc-lose") == 0 && n + 1 < argc) {
            t->gc_lost = argv[++n];
        } else if (strcmp(argv[n], "--gc-unmark") == 0 && n + 1 < argc) {
            t->gc_unmarked = argv[++n];
        } else if (strcmp(argv[n], "--memory") == 0 && n + 1 < argc) {
            unsigned long mib = strtoul(argv[++n], NULL, 10);
            t->memory_mib = (unsigned)MIN(mib, 4095ul);
        } else if (strcmp(argv[n], "--interp") == 0 || strcmp(argv[n], "--compiled") == 0) {
            t->is_interpreted = strcmp(argv[n], "--interp") == 0;
        } else if (strcmp(argv[n], "--code") == 0 && n + 1 < argc && engine_has_way(argv[n + 1])) {
            t->way = argv[++n];
        } else if (strcmp(argv[n], "--lib") == 0 && n + 1 < argc &&
                   t->folder_count <= TOOL_FOLDERS_MAX) {
            t->folders[t->folder_count++] = argv[++n];
        } else if (!read_action(t, argv[n]) || (t->action == TOOL_RUN && t->method == NULL &&
                                                (t->method = argv[++n]) == NULL)) {
            *status = complain("wrong option ", n < argc ? argv[n] : "");
            return 0;
        }
    }
    if (n == argc) {
        *status = complain("no file", "");
        return 0;
    }
    t->action = t->action == TOOL_NONE ? TOOL_MAIN : t->action;
    t->argv = argv + n + 1;
    t->argc = argc - n - 1;
    if (t->action != TOOL_CHECK && t->action != TOOL_RUN && t->action != TOOL_MAIN &&
        t->argc != 0) {
        *status = complain("more than one file", "");
        return 0;
    }
    return n;
}

int main(int argc, char **argv)
{
    struct tool t = {.action = TOOL_NONE};
    int status = 0, n = read_options(argc, argv, &t, &status);
    int end = t.action == TOOL_CHECK ? argc : n + 1;
    for (; n != 0 && n < end; n++) {
        t.path = argv[n];
        int one = t.action == TOOL_CHECK  ? check(&t, argv[n])
                  : t.action == TOOL_DUMP ? dump(argv[n])
                                          : host_run(examine, &t);
        status = MAX(status, one);
    }
    return status;
}
