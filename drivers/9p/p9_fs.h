// SPDX-License-Identifier: MIT
//
// The file system over a session: shared by p9_fs.c, which handles nodes and contents, and
// p9_names.c, which handles directories.
#pragma once

#include "drivers/9p/p9_client.h"
#include "kernel/fs/fs.h"

/** Bytes of entries that one request reads. */
#define P9_LISTING_BYTES 8192u

/** A listing stops after this many entries, so that one without end is an error. */
#define P9_ENTRIES_MAX (1u << 20)

/** The position of a listing, and entries that were read ahead. */
struct p9_listing {
    uint32_t fid;        /* open for reading; the node's own fid must stay closed for walks */
    uint64_t next;       /* the server's offset of the entry at `at` */
    size_t at, len;      /* in data */
    uint32_t entries;    /* since the start of the directory */
    uint64_t seen;       /* an earlier offset: if it comes again, the listing runs in a circle */
    uint32_t since, lap; /* entries since `seen`; after `lap` of them the current one is noted */
    uint8_t data[P9_LISTING_BYTES];
};

/** Field protection:  [I] set when it is made   [n] lock */
struct p9_node {
    struct fs_node node;
    uint32_t fid; /* [I] */
    bool is_open; /* [I] set by open() or create(), before others see the node: for reads, writes */
    bool has_attr;       /* [I] `attr` is what the look-up found */
    struct p9_attr attr; /* [I] */
    struct mutex lock;
    struct p9_listing *listing; /* [n] directories; NULL: none yet */
};

struct p9_fs {
    struct fs fs;
    struct p9_session session;
    /* Held by a write at the end of a file, from asking for its size to the write: two writers on
     * this machine then never overwrite each other. */
    struct mutex appending;
};

static inline struct p9_fs *p9_fs_of(const struct fs_node *node)
{
    return CONTAINER_OF(node->fs, struct p9_fs, fs);
}

static inline struct p9_node *p9_node_of(struct fs_node *node)
{
    return CONTAINER_OF(node, struct p9_node, node);
}

/**
 * @brief Create a file system of what a server offers.
 * @param t  Closed when the file system is unmounted, or here on failure.
 * @return as p9_session_open(); E_NOMEM.
 */
enum status p9_mount(struct p9_transport *t, struct fs **out);

/** @brief Create a node; it takes over the fid. @return NULL: no memory, and the fid is clunked. */
struct p9_node *p9_make_node(struct p9_fs *f, uint32_t fid, const struct p9_qid *qid,
                             enum file_type type);

/* Functions of struct fs_ops and struct fs_write_ops. */
enum status p9_fs_lookup(struct fs_node *dir, const char *name, size_t len, struct fs_node **out);
enum status p9_fs_read_dir(struct fs_node *dir, uint64_t *cookie, struct dir_entry *out);
enum status p9_fs_create(const struct fs_name *at, enum file_type type, const char *target,
                         struct fs_node **out);
enum status p9_fs_link(struct fs_node *node, const struct fs_name *to);
enum status p9_fs_remove(const struct fs_name *at, enum fs_remove what);
enum status p9_fs_rename(const struct fs_name *from, const struct fs_name *to);
