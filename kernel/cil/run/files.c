// SPDX-License-Identifier: MIT
//
// Files, arguments and environment of a .NET program: the calls of WASI, on the program's window.
// So a C# program has the rights of a WebAssembly program with the same folders, and no others.
#include "kernel/cil/run/natives.h"

#include "kernel/lib/string.h"
#include "kernel/wasi/wasi.h"

#define ARGUMENTS 9u  /* path_open has most */
#define NO_CALL   52u /* WASI's number for a call that does not exist */

/* In the order of enum WasiCall in lib/cil/Wasi.cs. */
static const char *const names[] = {"args_get",
                                    "args_sizes_get",
                                    "environ_get",
                                    "environ_sizes_get",
                                    "fd_close",
                                    "fd_filestat_get",
                                    "fd_filestat_set_size",
                                    "fd_prestat_dir_name",
                                    "fd_prestat_get",
                                    "fd_read",
                                    "fd_readdir",
                                    "fd_seek",
                                    "fd_sync",
                                    "fd_write",
                                    "path_create_directory",
                                    "path_filestat_get",
                                    "path_open",
                                    "path_remove_directory",
                                    "path_rename",
                                    "path_unlink_file"};

bool cil_files_are_used(const struct cil_unit *u)
{
    for (uint32_t n = 0; n < u->native_count; n++) {
        if (strcmp(u->natives[n].name, CIL_FILES_NATIVE) == 0) {
            return true;
        }
    }
    return false;
}

/* The arguments are copied, because the program's other threads may change them. A buffer that they
 * lead to is pinned by the library; WASI checks that it is inside of the window, and reads each of
 * its bytes once. */
uint64_t cil_call_wasi(struct cil_runtime *r, uint64_t number, uint64_t args, uint64_t c,
                       uint64_t d, uint64_t e)
{
    (void)c, (void)d, (void)e;
    const struct cil_system *s = r->owner;
    uint64_t copy[ARGUMENTS];
    uint32_t result;
    memcpy(copy, cil_memory(r, args, sizeof copy), sizeof copy);
    number = (uint32_t)number;
    const struct wasi_call *call =
        number < ARRAY_COUNT(names) ? wasi_find_call(names[number], strlen(names[number])) : NULL;
    if (s->wasi == NULL || call == NULL) {
        return NO_CALL;
    }
    wasi_set_upper_memory(s->wasi, &r->world->heap.large.part);
    wasi_set_memory(s->wasi, r->world->memory.base, &r->world->length);
    (void)__atomic_fetch_add(&r->world->in_calls, 1, __ATOMIC_SEQ_CST); /* cil_large_shrink() */
    cil_away(r);
    bool goes_on = wasi_run(s->wasi, call, copy, &result);
    cil_back(r);
    (void)__atomic_fetch_sub(&r->world->in_calls, 1, __ATOMIC_SEQ_CST);
    if (!goes_on) {
        cil_end(r, CIL_GOES_ON);
    }
    return result;
}
