// SPDX-License-Identifier: MIT
//
// wasm_gen [--vectors] SEED COUNT FOLDER: the modules of seeds SEED to SEED + COUNT - 1, as
// FOLDER/SEED.wasm.
#include "gen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

int main(int argc, char **argv)
{
    bool has_vectors = argc > 1 && strcmp(argv[1], "--vectors") == 0;
    argv += has_vectors ? 1 : 0;
    argc -= has_vectors ? 1 : 0;
    if (argc != 4) {
        fprintf(stderr, "usage: wasm_gen [--vectors] SEED COUNT FOLDER\n");
        return 2;
    }
    uint64_t seed = strtoull(argv[1], NULL, 0), count = strtoull(argv[2], NULL, 0);
    for (uint64_t n = 0; n < count; n++) {
        struct bytes b = {.data = NULL};
        module_make(seed + n, has_vectors, &b);
        if (!write_file(argv[3], seed + n, &b)) {
            return 1;
        }
        bytes_free(&b);
    }
    return 0;
}
