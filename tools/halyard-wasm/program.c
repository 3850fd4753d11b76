// SPDX-License-Identifier: MIT
//
// The host's side of a program: WASI, with the standard streams and folders of this computer.
#define _GNU_SOURCE

#include "tools/halyard-wasm/program.h"

#include "tools/halyard-wasm/wasi_posix.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

/* as in the kernel: a larger status would be cut to 8 bits, and could look like success */
#define STATUS_MAX 255

static struct wasi_handle *handle_of(int fd)
{
    return fd < 0 ? NULL : wasi_posix_handle(fd);
}

static enum status add_streams(struct wasi *w)
{
    for (int fd = 0; fd < 3; fd++) {
        /* A stream that is closed here is empty for the program. */
        int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        struct wasi_handle *h = handle_of(copy >= 0 ? copy : open("/dev/null", O_RDWR | O_CLOEXEC));
        enum status s = h == NULL ? E_NOMEM : wasi_add_stream(w, h, fd == 0, fd != 0);
        if (s != OK) {
            return s;
        }
    }
    return OK;
}

static enum status add_folders(struct wasi *w, const struct tool *t)
{
    enum status s = OK;
    for (uint32_t n = 0; n < t->folder_count && s == OK; n++) {
        const struct tool_folder *f = &t->folders[n];
        struct wasi_handle *h = handle_of(open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        s = h == NULL ? E_NOENT : wasi_add_folder(w, h, f->name);
        if (s != OK) {
            fprintf(stderr, "halyard-wasm: folder %s cannot be opened\n", f->path);
        }
    }
    return s;
}

enum status program_open(const struct tool *t, struct wasm_store *s, struct program *out)
{
    const struct wasi_config config = {.system = &wasi_posix,
                                       .args = (const char *const *)t->argv,
                                       .env = t->env,
                                       .arg_count = (uint32_t)t->argc,
                                       .env_count = t->env_count};
    /* writing to a pipe without a reader returns EPIPE, as in the kernel */
    (void)signal(SIGPIPE, SIG_IGN);
    enum status status = wasi_create(&config, &out->wasi);
    if (status == OK) {
        status = add_streams(out->wasi);
    }
    if (status == OK) {
        status = add_folders(out->wasi, t);
    }
    return status == OK ? wasm_wasi_add(s, out->wasi, &out->bound) : status;
}

void program_close(struct program *p)
{
    wasm_wasi_free(p->bound);
    wasi_destroy(p->wasi);
}

int program_status(const struct tool *t, const struct program *p)
{
    uint32_t status;
    if (!wasi_has_ended(p->wasi, &status)) {
        return 0;
    }
    if (status > STATUS_MAX) {
        fprintf(stderr, "halyard-wasm: %s: exit status %u is too large, reported as %d\n",
                t->argv[0], status, STATUS_MAX);
        return STATUS_MAX;
    }
    return (int)status;
}
