// SPDX-License-Identifier: MIT
//
// Calls on sockets. No descriptor is a socket, so all fail with ENOTSOCK.
#include "kernel/wasi/wasi_internal.h"

static uint32_t no_socket(struct wasi *w, uint64_t number)
{
    struct wasi_fd *fd;
    uint16_t e = wasi_fd_find(w, number, &fd);
    return e != WASI_SUCCESS ? e : WASI_ENOTSOCK;
}

uint32_t wasi_sock_accept(struct wasi *w, const uint64_t *args)
{
    return no_socket(w, args[0]);
}

uint32_t wasi_sock_recv(struct wasi *w, const uint64_t *args)
{
    return no_socket(w, args[0]);
}

uint32_t wasi_sock_send(struct wasi *w, const uint64_t *args)
{
    return no_socket(w, args[0]);
}

uint32_t wasi_sock_shutdown(struct wasi *w, const uint64_t *args)
{
    return no_socket(w, args[0]);
}
