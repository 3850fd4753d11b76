// SPDX-License-Identifier: MIT
//
// `jit`: lists loaded portable programs and their compiled functions, and shows a file's functions
// at each stage of compilation, and lists the features of the languages.
#include "kernel/jit/dump.h"
#include "kernel/lib/format.h"
#include "kernel/lib/sort.h"
#include "kernel/lib/string.h"
#include "kernel/load/loader.h"
#include "kernel/mm/heap.h"
#include "kernel/shell/command.h"
#include "kernel/shell/tools/tools.h"
#include "kernel/tty/console.h"

#define TIME_MAX 24

static const char *format_ms(uint64_t ns, char took[TIME_MAX])
{
    uint64_t us = ns / 1000;
    fmt_print(took, TIME_MAX, "%llu.%03llu ms", (unsigned long long)(us / 1000),
              (unsigned long long)(us % 1000));
    return took;
}

static void print_program(const struct bytecode_info *p)
{
    char file[SHELL_SIZE_MAX], code[SHELL_SIZE_MAX], memory[SHELL_SIZE_MAX], took[TIME_MAX];
    shell_format_size(p->file_bytes, file);
    shell_format_size(p->code_bytes, code);
    shell_format_size(p->memory_bytes, memory);
    console_printf("%4u %-11s %9u %10s %10s %10s %13s  %s\n", p->program, p->engine, p->functions,
                   file, code, memory, format_ms(p->load_ns, took), p->path);
}

static void list_programs(void)
{
    struct bytecode_info p;
    if (!loader_get_bytecode(0, &p)) {
        console_printf("No portable program is loaded.\n");
        return;
    }
    console_printf(
        "  ID ENGINE      FUNCTIONS       FILE       CODE     MEMORY   COMPILED IN  PATH\n");
    for (uint32_t n = 0; loader_get_bytecode(n, &p); n++) {
        print_program(&p);
    }
}

/* ---- Heaps ---- */

static void print_heap(const struct bytecode_info *p)
{
    const struct bytecode_heap *h = &p->heap;
    const uint64_t sizes[] = {h->bytes, h->live, h->allocated, h->survived};
    char text[SHELL_SIZE_MAX];
    console_printf("%4u", p->program);
    for (size_t n = 0; n < ARRAY_COUNT(sizes); n++) {
        shell_format_size(sizes[n], text);
        console_printf(" %10s", text);
    }
    console_printf(" %6u %6u %6u %6u %9llu %10llu  %s\n", h->due, h->short_of_memory, h->asked,
                   h->minor, (unsigned long long)h->pause_ns / 1000,
                   (unsigned long long)h->longest_ns / 1000, p->path);
}

/* Programs may end while this prints, as in list_functions(). */
bool tools_gc(int argc, char **argv)
{
    struct bytecode_info p;
    bool is_first = true;
    (void)argv;
    for (uint32_t n = 0; argc == 1 && loader_get_bytecode(n, &p); n++) {
        if (p.heap.exists) {
            console_printf("%s", !is_first ? ""
                                           : "  ID       HEAP       LIVE  ALLOCATED   SURVIVED    "
                                             "DUE  SHORT  ASKED  MINOR PAUSES us LONGEST us  "
                                             "PATH\n");
            print_heap(&p);
            is_first = false;
        }
    }
    if (argc == 1 && is_first) {
        console_printf("No program with a collector is loaded.\n");
    }
    return argc == 1;
}

/* ---- Functions ---- */

/** A function's place in the program, to sort by size. */
struct size {
    uint32_t n, code_bytes;
};

static bool is_larger(const void *a, const void *b)
{
    const struct size *x = a, *y = b;
    return x->code_bytes != y->code_bytes ? x->code_bytes > y->code_bytes : x->n < y->n;
}

static void print_function(const struct bytecode_function *f)
{
    char address[TIME_MAX];
    if (f->address == 0) {
        (void)str_copy(address, sizeof address, "not compiled");
    } else {
        fmt_print(address, sizeof address, "0x%012llx", (unsigned long long)f->address);
    }
    console_printf("%6u %9u %9u %7u  %-18s  %s\n", f->index, f->file_bytes, f->code_bytes,
                   f->frame_bytes, address, f->name);
}

/* The largest function first. The program may end meanwhile: then the rest is left out. */
static void print_functions(uint32_t program, uint32_t count)
{
    struct bytecode_function f;
    struct size *sizes = heap_calloc(count, sizeof *sizes);
    uint32_t known = 0;
    if (sizes == NULL) {
        shell_error("jit: %s\n", status_text(E_NOMEM));
        return;
    }
    while (known < count && loader_get_bytecode_function(program, known, &f)) {
        sizes[known] = (struct size){known, f.code_bytes};
        known++;
    }
    sort_array(sizes, known, sizeof *sizes, is_larger);
    console_printf("NUMBER  IN FILE    CODE B   STACK  ADDRESS             NAME\n");
    for (uint32_t i = 0; i < known; i++) {
        if (loader_get_bytecode_function(program, sizes[i].n, &f)) {
            print_function(&f);
        }
    }
    heap_free(sizes);
}

/* Programs end while this prints. Each call looks the program up again by its index and copies, so
 * a program that disappears only cuts the list short. */
static void list_functions(const char *number)
{
    struct bytecode_info p;
    unsigned long long wanted;
    if (!str_to_u64(number, &wanted)) {
        shell_error("jit: %s is not a program number; `jit` lists them\n", number);
        return;
    }
    for (uint32_t i = 0; loader_get_bytecode(i, &p); i++) {
        if (p.program == wanted) {
            print_functions(i, p.functions);
            return;
        }
    }
    shell_error("jit: no portable program has the number %s\n", number);
}

static void to_console(void *ctx, const char *s, size_t len)
{
    (void)ctx;
    console_write(s, len);
}

static void inspect(const char *path, const char *function)
{
    struct loader_inspection sums = {.sink = to_console};
    struct loader_error err = {.text = ""};
    char file[SHELL_SIZE_MAX], code[SHELL_SIZE_MAX], took[TIME_MAX];
    jit_enable_dump();
    if (loader_inspect(path, function, &sums, &err) != OK) {
        shell_error("jit: %s\n", err.text);
    } else if (function == NULL) {
        shell_format_size(sums.file_bytes, file);
        shell_format_size(sums.code_bytes, code);
        console_printf("%u functions, %s in the file, became %s of code in %s\n", sums.functions,
                       file, code, format_ms(sums.ns, took));
    }
}

static void list_features(void)
{
    const struct load_feature *f;
    for (uint32_t n = 0; (f = loader_feature(n)) != NULL; n++) {
        console_printf("%-24s %s\n", f->name, f->support);
    }
}

/* A word with a slash is a file, as everywhere in the shell; any other word is the number
 * of a loaded program. */
bool tools_jit(int argc, char **argv)
{
    if (argc == 1) {
        list_programs();
        return true;
    }
    if (strcmp(argv[1], "dump") == 0) {
        if (argc == 4) {
            inspect(argv[2], argv[3]);
        }
        return argc == 4;
    }
    if (argc != 2) {
        return false;
    }
    if (strcmp(argv[1], "features") == 0) {
        list_features();
    } else if (strchr(argv[1], '/') != NULL) {
        inspect(argv[1], NULL);
    } else {
        list_functions(argv[1]);
    }
    return true;
}
