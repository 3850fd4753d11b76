// SPDX-License-Identifier: MIT
//
// Links one object for given addresses and writes its three parts to files, for comparison with a
// linker's output for the same object (tests/unit/jit/compare_with_lld.py).
//
//     link_tool OBJECT MACHINE CODE RODATA DATA IMPORTS PREFIX
//
// Prints a line for each import and one with the sizes, or the reason for a
// refusal, and then exits with 1.
#include "arch/aarch64/jit/aarch64.h"
#include "arch/x86_64/jit/x86_64.h"
#include "kernel/load/elf/elf.h"
#include "tests/unit/jit/host_load.h"

static uint8_t *read_file(const char *path, size_t *len)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        return NULL;
    }
    fseek(f, 0, SEEK_END);
    *len = (size_t)ftell(f);
    rewind(f);
    uint8_t *bytes = malloc(*len);
    size_t got = fread(bytes, 1, *len, f);
    fclose(f);
    return got == *len ? bytes : NULL;
}

static void write_part(const char *prefix, const char *name, const struct load_memory *part)
{
    char path[512];
    snprintf(path, sizeof(path), "%s.%s", prefix, name);
    FILE *f = fopen(path, "wb");
    fwrite(part->bytes, 1, part->size, f);
    fclose(f);
}

int main(int argc, char **argv)
{
    if (argc != 8) {
        fprintf(stderr, "usage: link_tool OBJECT MACHINE CODE RODATA DATA IMPORTS PREFIX\n");
        return 2;
    }
    host_reset();
    for (unsigned i = 0; i < LOAD_PART_COUNT; i++) {
        host.address[i] = strtoull(argv[3 + i], NULL, 0);
    }
    host.import_address = strtoull(argv[6], NULL, 0);

    struct load load = {
        .backend = strcmp(argv[2], "x86_64") == 0 ? &jit_backend_x86_64 : &jit_backend_aarch64,
        .err = &host.error,
    };
    load.bytes = read_file(argv[1], &load.len);
    if (load.bytes == NULL) {
        fprintf(stderr, "link_tool: cannot read %s\n", argv[1]);
        return 2;
    }
    enum status s = elf_front_end.load(&load);
    if (s == OK) {
        static const char *const names[] = {"code", "rodata", "data"};
        for (unsigned i = 0; i < host.imports; i++) {
            printf("import %s 0x%llx\n", host.import_name[i],
                   (unsigned long long)(host.import_address + i * 4096));
        }
        for (unsigned i = 0; i < LOAD_PART_COUNT; i++) {
            write_part(argv[7], names[i], &load.part[i]);
        }
        for (uint32_t i = 0; i < load.names.symbol_count; i++) {
            printf("symbol 0x%x %s\n", load.names.symbols[i].start,
                   load.names.text + load.names.symbols[i].name);
        }
        for (uint32_t i = 0; i < load.names.line_count; i++) {
            const struct code_line *l = &load.names.lines[i];
            printf("line 0x%x %s:%u\n", l->start, l->line == 0 ? "-" : load.names.text + l->file,
                   l->line);
        }
    } else {
        printf("refused: %s\n", host.error.text);
    }
    host_free(&load);
    free((void *)(uintptr_t)load.bytes);
    return s != OK;
}
