// SPDX-License-Identifier: MIT
//
// What a portable program finds in the kernel: its streams, its arguments, and the whole of the
// name space as its folder.
#include "kernel/jit/portable_internal.h"

#include "kernel/lib/compiler.h"

enum status portable_add_wasi(struct portable *p)
{
    static const struct wasi_folder folders[] = {{.path = "/", .name = "/"}};
    static const char *const env[] = {"PWD=/"};
    const struct wasi_config config = {.args = (const char *const *)p->argv,
                                       .arg_count = (uint32_t)p->argc,
                                       .env = env,
                                       .env_count = ARRAY_COUNT(env)};
    enum status s =
        wasi_create_for_program(p->program, &config, folders, ARRAY_COUNT(folders), &p->wasi);
    return s == OK ? wasm_wasi_add(p->store, p->wasi, &p->binding) : s;
}
