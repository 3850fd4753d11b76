// SPDX-License-Identifier: MIT
//
// Shared by cpio.c, which builds a tree from an archive, and cpio_entry.c, which reads its entries.
#pragma once

#include "kernel/lib/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cpio_archive {
    const uint8_t *bytes;
    size_t len;
};

/* Identifies a file on the system where the archive was made. */
struct cpio_identity {
    uint32_t major, minor, inode;
};

struct cpio_entry {
    struct cpio_identity identity;
    uint32_t mode, links, mtime_s, size;
    const char *name;
    size_t name_len;
    const uint8_t *data;
    size_t next; /* offset of the next header */
};

/** @brief Read the entry whose header is at byte `at`. @param out Points into the archive.
 * @return false: there is none, or it is not entirely inside the archive. */
bool cpio_read_entry(const struct cpio_archive *a, size_t at, struct cpio_entry *out);

/** @brief True for the entry that ends an archive. */
bool cpio_is_trailer(const struct cpio_entry *e);

/** @brief Recognise a newc archive; log it if the data is compressed instead.
 * @return OK; E_FORMAT; E_NOTSUP: it is compressed. */
enum status cpio_recognise(const struct cpio_archive *a);
