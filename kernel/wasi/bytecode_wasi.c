// SPDX-License-Identifier: MIT
//
// From the options of a bytecode program's start to its WASI state.
#include "kernel/wasi/bytecode_wasi.h"

#include "kernel/fs/vfs.h"
#include "kernel/lib/format.h"

/* The environment follows the arguments (bytecode.c). The folders belong to the starting thread, so
 * they are opened now. */
enum status wasi_create_for_bytecode(struct bytecode_program *p, struct wasi **out)
{
    struct wasi_folder folders[LOAD_FOLDERS] = {{.path = "/", .name = "/"}};
    char **env = p->argv + p->argc + 1;
    uint32_t env_count = 0;
    while (env[env_count] != NULL) {
        env_count++;
    }
    const struct wasi_config config = {.args = (const char *const *)p->argv,
                                       .arg_count = (uint32_t)p->argc,
                                       .env = (const char *const *)env,
                                       .env_count = env_count};
    uint32_t count = p->folders == NULL ? 1 : p->folder_count;
    for (uint32_t n = 0; n < p->folder_count; n++) {
        folders[n] = (struct wasi_folder){.path = p->folders[n].path, .name = p->folders[n].name};
    }
    return wasi_create_for_program(p->program, &config, folders, count, out);
}

/* The error does not say which folder it concerns: the first one that cannot be opened for the same
 * reason is named. */
enum status wasi_refuse_bytecode(struct bytecode_program *p, enum status s)
{
    char text[sizeof(((struct loader_error *)0)->text)] = "";
    for (uint32_t n = 0; n < p->folder_count && text[0] == '\0'; n++) {
        const char *path = p->folders[n].path;
        struct file *f;
        enum status why = vfs_open(NULL, path, VFS_READ | VFS_DIRECTORY, &f);
        if (why == OK) {
            file_close(f);
        } else if (why == s) {
            fmt_print(text, sizeof(text), "folder %s: %s", path, status_text(s));
        }
    }
    if (s == E_OVERFLOW && text[0] == '\0') { /* only WASI's copy of the strings has a limit */
        fmt_print(text, sizeof(text), "the arguments or the environment are longer than 1 MiB");
    }
    return bytecode_refuse(p, s, text);
}
