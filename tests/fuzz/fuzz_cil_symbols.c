// SPDX-License-Identifier: MIT
//
// Any bytes as a symbol file of the build that it claims to be of. A refusal has a reason. A line
// that is found is inside of the file. The seeds are what mcs wrote for a method with lines of
// several files, and for iterators and async methods.
#include "kernel/cil/front/symbols.h"
#include "tests/fuzz/judge.h"

#define MVID_AT 16u
#define ROWS    24u
#define OFFSETS 80u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned sum; /* so that the reads are not optimised away */

static void read_lines(const struct cil_symbols *s, const uint8_t *data, size_t size)
{
    struct cil_line found;
    for (uint32_t n = 0; n < ROWS * OFFSETS; n++) {
        if (!cil_symbols_find(s, n / OFFSETS, n % OFFSETS, &found)) {
            continue;
        }
        size_t at = (size_t)(found.path.at - data);
        if (found.line == 0 || at > size || found.path.len > size - at) {
            abort();
        }
        for (uint32_t k = 0; k < found.path.len; k++) {
            sum += found.path.at[k];
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t none[CIL_MVID_BYTES];
    struct cil_symbols s;
    struct cil_error err;
    const uint8_t *mvid = size < MVID_AT + CIL_MVID_BYTES ? none : data + MVID_AT;
    if (cil_symbols_open("fuzz.mdb", (struct cil_bytes){data, (uint32_t)size}, mvid, &s, &err) !=
        OK) {
        judge_text(err.text, sizeof err.text);
        if (err.text[0] == '\0') {
            abort();
        }
        return 0;
    }
    read_lines(&s, data, size);
    return 0;
}
