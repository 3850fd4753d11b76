// SPDX-License-Identifier: MIT
//
// A 9P server in memory, for tests of the client: it is correct, and checks that requests are. A
// test can change each answer on its way.
#pragma once

#include "drivers/9p/p9_client.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** An answer before it is sent. */
struct server_answer {
    enum p9_type request;
    uint8_t *bytes;     /* P9_ANSWER_MAX + SERVER_DATA_MAX of them may be changed */
    size_t len;         /* how many arrive */
    enum status result; /* of the exchange: OK, or what the transport reports */
};

#define SERVER_DATA_MAX 8192u

struct server {
    struct p9_transport transport;
    /** NULL: nothing is changed. */
    void (*change)(struct server_answer *a);
    bool has_lied;     /* an answer was changed since server_reset() */
    unsigned requests; /* so far */
    unsigned fids;     /* that the client has */
    unsigned sessions; /* that are open */
    unsigned writes;   /* requests of this type */
};
extern struct server server;

/** Start with these: /file ("contents"), /dir/inside ("x"), /link -> file, /pipe. */
void server_reset(void);

/** Put a file into the root, or remove a name, as the server's owner does. */
void server_put(const char *name, const void *bytes, size_t len);
void server_drop(const char *name);

/** Put `count` empty files into /dir. */
void server_fill(unsigned count);
