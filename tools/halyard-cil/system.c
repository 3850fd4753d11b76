// SPDX-License-Identifier: MIT
//
// What programs ask of this computer.
#include "kernel/wasi/wasi.h"
#include "tools/halyard-cil/engine.h"
#include "tools/halyard-wasm/wasi_posix.h"

#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static int32_t write_stream(struct cil_system *s, uint32_t stream, const void *bytes, size_t len)
{
    (void)s;
    FILE *to = stream == 2 ? stderr : stdout;
    return fwrite(bytes, 1, len, to) == len && fflush(to) == 0 ? 0 : CIL_SYSTEM_FAILED;
}

static int32_t read_stream(struct cil_system *s, void *bytes, size_t len)
{
    (void)s;
    ssize_t done = read(STDIN_FILENO, bytes, len < INT32_MAX ? len : INT32_MAX);
    return done < 0 ? CIL_SYSTEM_FAILED : (int32_t)done;
}

static int64_t clock_ns(struct cil_system *s, bool is_monotonic)
{
    struct timespec t = {0, 0};
    (void)s;
    (void)clock_gettime(is_monotonic ? CLOCK_MONOTONIC : CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

const struct cil_system engine_system = {
    .write = write_stream, .read = read_stream, .clock_ns = clock_ns};

/* Without streams, which have calls of their own: descriptors 0 to 2 lead nowhere. */
struct wasi *engine_files(const char *const *args, uint32_t count)
{
    const struct wasi_config config = {.system = &wasi_posix, .args = args, .arg_count = count};
    struct wasi *w;
    if (wasi_create(&config, &w) != OK) {
        return NULL;
    }
    enum status s = OK;
    for (int n = 0; s == OK && n < 4; n++) {
        int fd = n < 3 ? open("/dev/null", O_RDWR | O_CLOEXEC)
                       : open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct wasi_handle *h = fd < 0 ? NULL : wasi_posix_handle(fd);
        s = h == NULL ? E_NOMEM
            : n < 3   ? wasi_add_stream(w, h, n == 0, n != 0)
                      : wasi_add_folder(w, h, "/");
    }
    if (s != OK) {
        wasi_destroy(w);
        return NULL;
    }
    return w;
}
