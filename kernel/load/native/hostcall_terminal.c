// SPDX-License-Identifier: MIT
//
// Host calls for the program's terminal.
#include "kernel/load/native/abi.h"
#include "kernel/load/native/native_internal.h"

#include "hal/types.h"
#include "kernel/tty/console.h"

STATIC_ASSERT((int)ABI_TERMINAL_LINES == FOREGROUND_LINES &&
                  (int)ABI_TERMINAL_KEYS == FOREGROUND_KEYS &&
                  (int)ABI_TERMINAL_RAW == FOREGROUND_RAW,
              "modes are passed on as they are");

static int hy_terminal_mode(int mode)
{
    hostcall_enter();
    if (mode < ABI_TERMINAL_LINES || mode > ABI_TERMINAL_RAW) {
        return E_INVAL;
    }
    return (int)hostcall_leave(console_set_mode((enum foreground_mode)mode));
}

static int hy_terminal_size(struct abi_terminal_size *out)
{
    unsigned columns, rows;
    hostcall_enter();
    if (!hostcall_range_ok(out, sizeof(*out), PROT_R | PROT_W)) {
        return E_INVAL;
    }
    enum status s = console_get_size(true, &columns, &rows);
    if (s == OK) {
        *out = (struct abi_terminal_size){.columns = columns, .rows = rows};
    }
    return (int)hostcall_leave(s);
}

const struct export hostcall_terminal_exports[] = {
    {"hy_terminal_mode", 1, hy_terminal_mode},
    {"hy_terminal_size", 1, hy_terminal_size},
    {NULL, 0, NULL},
};
