// SPDX-License-Identifier: MIT
//
// Reads a whole file into memory.
#include "tests/oracle/read_file.h"

#include <stdio.h>
#include <stdlib.h>

uint8_t *read_file(const char *path, uint32_t *len)
{
    FILE *f = fopen(path, "rb");
    uint8_t *bytes = NULL;
    if (f != NULL && fseek(f, 0, SEEK_END) == 0) {
        long size = ftell(f);
        bytes = malloc(size > 0 ? (size_t)size : 1);
        rewind(f);
        if (bytes != NULL && size >= 0 && fread(bytes, 1, (size_t)size, f) == (size_t)size) {
            *len = (uint32_t)size;
        }
    }
    if (f != NULL) {
        fclose(f);
    }
    return bytes;
}
