// SPDX-License-Identifier: MIT
//
// wasm-gen [KIND] SEED COUNT FOLDER: write the modules of seeds SEED to SEED + COUNT - 1 to
// FOLDER/SEED.wasm. wasm-gen [KIND] --drop FILE SEED FOLDER: write one module without the
// statements and expressions whose numbers are in FILE; print the number of all of them.
#include "gen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NODES_MAX 1000000u

static uint8_t dropped[NODES_MAX];

static bool write_file(const char *folder, uint64_t seed, const struct bytes *b)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%llu.wasm", folder, (unsigned long long)seed);
    FILE *f = fopen(path, "wb");
    bool is_written = f != NULL && fwrite(b->data, 1, b->len, f) == b->len;
    if (f == NULL || fclose(f) != 0 || !is_written) {
        perror(path);
        return false;
    }
    return true;
}

static bool read_dropped(const char *path)
{
    FILE *f = fopen(path, "r");
    unsigned node;
    if (f == NULL) {
        perror(path);
        return false;
    }
    while (fscanf(f, "%u", &node) == 1) {
        if (node < NODES_MAX) {
            dropped[node] = 1;
        }
    }
    fclose(f);
    return true;
}

static bool make(uint64_t seed, enum gen_kind kind, bool counts, const char *folder)
{
    struct bytes b = {.data = NULL};
    uint32_t nodes = module_make(seed, kind, dropped, NODES_MAX, &b);
    bool is_written = write_file(folder, seed, &b);
    if (counts) {
        printf("%u\n", nodes);
    }
    bytes_free(&b);
    return is_written;
}

/* The kind that an argument names, otherwise KIND_PLAIN. */
static enum gen_kind find_kind(const char *name)
{
    static const char *const names[KIND_COUNT] = {
        [KIND_VECTORS] = "--vectors",
        [KIND_RELAXED] = "--relaxed",
        [KIND_EXCEPTIONS] = "--exceptions",
    };
    for (unsigned kind = KIND_PLAIN + 1; kind < KIND_COUNT; kind++) {
        if (strcmp(names[kind], name) == 0) {
            return (enum gen_kind)kind;
        }
    }
    return KIND_PLAIN;
}

int main(int argc, char **argv)
{
    enum gen_kind kind = find_kind(argc > 1 ? argv[1] : "");
    argv += kind != KIND_PLAIN ? 1 : 0;
    argc -= kind != KIND_PLAIN ? 1 : 0;
    if (argc == 5 && strcmp(argv[1], "--drop") == 0) {
        return !read_dropped(argv[2]) || !make(strtoull(argv[3], NULL, 0), kind, true, argv[4]);
    }
    if (argc != 4) {
        fprintf(stderr, "usage: wasm-gen [KIND] SEED COUNT FOLDER\n"
                        "       wasm-gen [KIND] --drop FILE SEED FOLDER\n"
                        "KIND: --vectors --relaxed --exceptions\n");
        return 2;
    }
    uint64_t seed = strtoull(argv[1], NULL, 0), count = strtoull(argv[2], NULL, 0);
    for (uint64_t n = 0; n < count; n++) {
        if (!make(seed + n, kind, false, argv[3])) {
            return 1;
        }
    }
    return 0;
}
