// SPDX-License-Identifier: MIT
//
// Prints how the verifier decodes instructions: reads bytes in hexadecimal, a line each, and
// prints "-" for a refused instruction or the fields of an accepted one.
// verify_decode_check.py compares them with llvm-mc.
//
//     verify_decode_tool MACHINE OFFSET
#include "tests/unit/jit/verify_decoded.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned parse(const char *text, uint8_t bytes[16])
{
    unsigned count = 0;
    for (; count < 16 && sscanf(text + 2 * (size_t)count, "%2hhx", &bytes[count]) == 1; count++) {
    }
    return count;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        return 2;
    }
    const struct verify_machine *m =
        strcmp(argv[1], "aarch64") == 0 ? &verify_aarch64 : &verify_x86_64;
    uint32_t offset = (uint32_t)strtoul(argv[2], NULL, 0);
    char line[64];
    while (fgets(line, sizeof line, stdin) != NULL) {
        uint8_t bytes[16];
        struct verify_insn i;
        unsigned count = parse(line, bytes);
        if (count == 0 || !decode_one(m, bytes, count, offset, &i)) {
            puts("-");
            continue;
        }
        printf("%s %u %u %u %u %u %u %u %u %d %lld %u %u %u %u %u %u\n", decoded_ops[i.op],
               i.length, i.size, i.d, i.a, i.b, i.c, i.base, i.index, i.disp, (long long)i.imm,
               i.scale, i.bytes, i.extend, i.shift, i.flags, i.cond);
    }
    return 0;
}
