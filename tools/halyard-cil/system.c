// SPDX-License-Identifier: MIT
//
// What programs ask of this computer.
#include "tools/halyard-cil/engine.h"

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
