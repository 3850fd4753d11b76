// SPDX-License-Identifier: MIT
//
// What ext2.c needs to change disks. In ext2w.ko.
#include "kernel/fs/ext2_writing.h"

#include "kernel/fs/ext2_internal.h"

static const struct fs_write_ops write_ops = {
    .create = ext2_create,
    .link = ext2_link,
    .remove = ext2_remove,
    .rename = ext2_rename,
    .write = ext2_write,
    .set_size = ext2_set_size,
    .allocate = ext2_allocate,
    .set_times = ext2_set_times,
};

/* The VFS uses write_ops only after it has seen that the file system is writable
 * (fs_is_read_only()), so it is set before that, and once. */
static enum status set_mode(struct fs *fs, enum fs_mode mode)
{
    struct ext2 *e = CONTAINER_OF(fs, struct ext2, fs);
    mutex_lock(&e->lock);
    e->disk.ops = &ext2_state_ops;
    if (fs->write_ops == NULL) {
        fs->write_ops = &write_ops;
    }
    mutex_unlock(&e->lock);
    page_cache_set_writer(e->cache, ext2_write_back, e);
    return disk_state_set_mode(&e->disk, mode);
}

static void delete_locked(struct ext2 *e, struct ext2_node *n) REQUIRES(e->lock)
{
    (void)ext2_delete_locked(e, n);
}

static void end(struct ext2 *e)
{
    journal_close(e->journal);
}

static const struct ext2_writing functions = {
    .sync = ext2_sync,
    .set_mode = set_mode,
    .delete_locked = delete_locked,
    .end = end,
};

void ext2_enable_writing(void)
{
    ext2_set_writing(&functions);
}
