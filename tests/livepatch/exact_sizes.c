// SPDX-License-Identifier: MIT
//
// A patch of the running kernel (docs/extensions.md): `free` and `top` print bytes.
#include "kernel/lib/format.h"
#include "kernel/load/extension_format.h"

#define SIZE_MAX_BYTES 12 /* of `out` */

/* A patch may replace what only its own room calls. */
void shell_format_size(uint64_t bytes, char *out);

static void format_exactly(uint64_t bytes, char *out)
{
    fmt_print(out, SIZE_MAX_BYTES, "%lluB", (unsigned long long)bytes);
}

static const struct livepatch patches[] = {
    LIVEPATCH(shell_format_size, format_exactly),
    {0},
};

__attribute__((section(".note.halyard"), used, aligned(4))) //
static const struct extension_note note = {
    .name_size = sizeof(note.name), .desc_size = KERNEL_IDENTITY, .type = 4, .name = "Halyard"};

const struct extension halyard_extension = {.patches = patches};
