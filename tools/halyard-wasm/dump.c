// SPDX-License-Identifier: MIT
//
// Printing a function: at each stage if the engine compiles, otherwise as the front-end built it.
// Compiled code is also disassembled, by llvm-mc.
#include "kernel/wasm/run/wasm_dump.h"
#include "tools/halyard-wasm/compiled.h"
#include "tools/halyard-wasm/tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- Disassembly ---- */

#if defined(__x86_64__)
#define DISASSEMBLER                                                                               \
    "llvm-mc --disassemble --show-encoding --output-asm-variant=1 --triple=x86_64 --mattr=+avx2,+bmi,+bmi2,+fma,+avxvnni"
#elif defined(__aarch64__)
#define DISASSEMBLER "llvm-mc --disassemble --show-encoding --triple=aarch64 --mattr=+v8.5a"
#endif

/* The bytes are the lines "OFFSET: XX XX" of the dump. llvm-mc reads "0xXX 0xXX". */
static void write_bytes(const char *text, FILE *to)
{
    const char *code = strstr(text, "\n; code, ");
    for (const char *line = code; line != NULL; line = strchr(line + 1, '\n')) {
        const char *colon = strchr(line, ':'), *end = strchr(line + 1, '\n');
        if (line[1] == ';' || colon == NULL || (end != NULL && colon > end)) {
            continue;
        }
        for (const char *p = colon + 1; *p == ' '; p += 3) {
            fprintf(to, "0x%.2s ", p + 1);
        }
    }
    fprintf(to, "\n");
}

/* One instruction of llvm-mc, "text  # encoding: [0x55,...]". Its length moves the offset. */
static void print_instruction(char *line, unsigned *offset)
{
    char *encoding = strstr(line, "encoding: [");
    if (encoding == NULL) {
        return;
    }
    unsigned bytes = 1;
    for (const char *p = encoding; *p != '\0'; p++) {
        bytes += *p == ',';
    }
    char *end = encoding;
    while (end > line && strchr("#/ \t", end[-1]) != NULL) {
        end--;
    }
    *end = '\0';
    printf("%6x: %s\n", *offset, line + strspn(line, " \t"));
    *offset += bytes;
}

/* @param text The dump. */
static void disassemble(const char *text)
{
    char name[] = "/tmp/halyard-wasm-XXXXXX", command[sizeof DISASSEMBLER + sizeof name + 32];
    int fd = mkstemp(name);
    FILE *bytes = fd < 0 ? NULL : fdopen(fd, "w");
    if (bytes == NULL) {
        return;
    }
    write_bytes(text, bytes);
    fclose(bytes);
    snprintf(command, sizeof command, DISASSEMBLER " %s 2>/dev/null", name);
    FILE *listing = popen(command, "r");
    char *line = NULL;
    size_t room = 0;
    unsigned offset = 0;
    printf("; disassembly\n");
    while (listing != NULL && getline(&line, &room, listing) >= 0) {
        print_instruction(line, &offset);
    }
    if (listing == NULL || pclose(listing) != 0 || offset == 0) {
        printf(
            "; not complete: llvm-mc (package llvm) is missing, or does not know an instruction\n");
    }
    free(line);
    unlink(name);
}

static void to_text(void *ctx, const char *s, size_t len)
{
    fwrite(s, 1, len, stdout);
    fwrite(s, 1, len, ctx);
}

static int dump(const struct tool *t, const struct wasm_module *m, uint32_t function)
{
    bool is_compiled = strcmp(t->engine, "interpreter") != 0;
    char *text;
    size_t len;
    FILE *copy = open_memstream(&text, &len);
    if (copy == NULL) {
        fprintf(stderr, "halyard-wasm: no memory\n");
        return TOOL_REFUSED;
    }
    const struct jit_dump d = {.machine = is_compiled ? compiled_options.machine : NULL,
                               .features = compiled_options.jit.features,
                               .sink = to_text,
                               .ctx = copy};
    struct wasm_error err = {.text = ""};
    jit_enable_dump();
    enum status s = wasm_dump(m, function, &d, &err);
    fclose(copy);
    if (s == OK && is_compiled) {
        disassemble(text);
    }
    free(text);
    fflush(stdout);
    return s == OK ? 0 : tool_refuse(t, s, &err);
}

int tool_dump(const struct tool *t)
{
    struct wasm_module *m = tool_decode(t);
    if (m == NULL) {
        return TOOL_REFUSED;
    }
    uint32_t n;
    int result = TOOL_REFUSED;
    if (!wasm_find_function(m, t->function, &n)) {
        fprintf(stderr, "halyard-wasm: %s: no function %s\n", t->argv[0], t->function);
    } else if (n < m->imported[WASM_FUNCTION]) {
        fprintf(stderr, "halyard-wasm: %s: function %s is imported\n", t->argv[0], t->function);
    } else {
        result = dump(t, m, n);
    }
    wasm_module_free(m);
    return result;
}
