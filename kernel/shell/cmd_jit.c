// SPDX-License-Identifier: MIT
//
// `jit`: lists loaded portable programs and their compiled functions, and shows a file's functions
// at each stage of compilation.
#include "kernel/lib/string.h"
#include "kernel/load/loader.h"
#include "kernel/shell/command_internal.h"
#include "kernel/tty/console.h"

static void print_program(const struct bytecode_info *p)
{
    console_printf(
        "%4u %-11s %5u functions, %6u KiB of %s became %6u KiB in %6u us; memory %u KiB\n",
        p->program, p->engine, p->functions, (unsigned)(p->file_bytes / 1024), p->path,
        (unsigned)(p->code_bytes / 1024), (unsigned)(p->load_ns / 1000),
        (unsigned)(p->memory_bytes / 1024));
}

static void list_programs(void)
{
    struct bytecode_info p;
    unsigned n = 0;
    while (loader_get_bytecode(n, &p)) {
        print_program(&p);
        n++;
    }
    if (n == 0) {
        console_printf("No portable program is loaded.\n");
    }
}

static void print_function(const struct bytecode_function *f)
{
    console_printf("%6u %6u bytes -> %6u at 0x%012llx, %5u of stack  %s\n", f->index, f->file_bytes,
                   f->code_bytes, (unsigned long long)f->address, f->frame_bytes, f->name);
}

/* Programs end while this prints. Each call looks the program up again by its index and copies, so
 * a program that disappears only cuts the list short. */
static void list_functions(const char *number)
{
    struct bytecode_info p;
    struct bytecode_function f;
    unsigned long long wanted;
    if (!str_to_u64(number, &wanted)) {
        shell_error("jit: %s is not a program number; `jit` lists them\n", number);
        return;
    }
    for (uint32_t i = 0; loader_get_bytecode(i, &p); i++) {
        for (uint32_t n = 0; p.program == wanted && loader_get_bytecode_function(i, n, &f); n++) {
            print_function(&f);
        }
        if (p.program == wanted) {
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
    struct loader_error err = {.text = ""};
    if (loader_inspect(path, function, to_console, NULL, &err) != OK) {
        shell_error("jit: %s\n", err.text);
    }
}

/* A word with a slash is a file, as everywhere in the shell; any other word is the number
 * of a loaded program. */
static bool run_jit(int argc, char **argv)
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
    if (strchr(argv[1], '/') != NULL) {
        inspect(argv[1], NULL);
    } else {
        list_functions(argv[1]);
    }
    return true;
}

const struct shell_command shell_jit_commands[] = {
    {"jit", "[PROGRAM | FILE | dump FILE FUNCTION]", "portable programs, their functions and code",
     run_jit},
    {0},
};
