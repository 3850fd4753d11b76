// SPDX-License-Identifier: MIT
//
// A system below WASI that can fail, block, and change during a call. Its tree consists of fixed
// nodes; nodes outside the program's folder must never be accessed, and handles are counted.
#pragma once

#include "kernel/wasi/system.h"

struct fake_node {
    const char *name;
    uint8_t type;
    struct fake_node *parent; /* NULL: it was removed */
    const char *target;       /* of a link */
    bool is_outside;          /* accessing it fails the test */
};

enum {
    FAKE_ROOT,   /* outside */
    FAKE_SECRET, /* outside: a file */
    FAKE_HOME,   /* the folder that programs get */
    FAKE_A,      /* home/a */
    FAKE_B,      /* home/a/b */
    FAKE_C,      /* home/a/b/c */
    FAKE_FILE,   /* home/file */
    FAKE_LINK,   /* home/link: to "a" */
    FAKE_STREAM, /* home/stream: a pipe or the like */
    FAKE_NODES,
};

extern const struct wasi_system fake_system;

extern struct fake_system_state {
    struct fake_node nodes[FAKE_NODES];
    void (*before_open)(struct wasi_handle *dir, const char *name); /* or NULL */
    uint16_t fail_with; /* error of every file call; 0: none */
    uint32_t handles;   /* open now */
    uint64_t now_ns;    /* of the monotonic clock; the other one is a second ahead */
    size_t chunk;       /* maximum number of bytes moved at once */
    size_t target_len;  /* of the last symbolic link that was made */
    uint64_t last_at;   /* offset of the last bytes moved */
    uint32_t reads, writes, syncs, yields;
    bool is_stream_ready;
    uint32_t polled;      /* number of handles in the last poll */
    uint64_t deadline_ns; /* of the last poll */
} fake;

/** Restore the initial state. */
void fake_system_reset(void);

/** Open a handle on a node. */
struct wasi_handle *fake_handle(unsigned node);
