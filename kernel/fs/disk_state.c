// SPDX-License-Identifier: MIT
//
// The states of a file system on a disk, for ext2 and FAT: read-only, writable and failed. No file
// system's format is known here.
#include "kernel/fs/disk_state.h"

#include "kernel/base/log.h"

/* The VFS looks at is_read_only without the lock, so that it can refuse early. What decides is
 * is_writable, under the lock. Release pairs with fs_is_read_only(). */
static void set_writable_locked(struct disk_state *d, bool is_writable)
{
    d->is_writable = is_writable;
    atomic_store_explicit(&d->fs->is_read_only, !is_writable, memory_order_release);
}

enum status disk_state_fail_locked(struct disk_state *d, enum status s, const char *why)
{
    if (!d->has_failed) {
        log_error(d->ops->area, "%s: %s (%s): read-only from now on", d->dev->name, why,
                  status_text(s));
        d->has_failed = true;
        if (d->ops->fail != NULL) {
            d->ops->fail(d);
        }
        /* That it is not clean is on the device already. */
        set_writable_locked(d, false);
    }
    return s;
}

enum status disk_state_give_up_locked(struct disk_state *d, enum status s)
{
    s = disk_state_fail_locked(d, s, "what was changed cannot be written, and is lost");
    page_cache_abandon(d->cache);
    return s;
}

/* All of the image is written, not only one file. */
enum status disk_state_sync(struct disk_state *d)
{
    mutex_lock(d->lock);
    bool is_writable = d->is_writable;
    enum status s = is_writable ? d->ops->store(d) : d->has_failed ? E_IO : OK;
    mutex_unlock(d->lock);
    if (s != OK || !is_writable) {
        return s;
    }
    s = page_cache_sync(d->cache);
    if (s != OK) {
        mutex_lock(d->lock);
        s = disk_state_give_up_locked(d, s);
        mutex_unlock(d->lock);
    }
    return s;
}

/* The counts come before the mark that says "clean". The flush at the end of page_cache_sync()
 * keeps the disk from having the mark first. */
static enum status write_marked_locked(struct disk_state *d, bool is_clean)
{
    enum status s = is_clean ? d->ops->store(d) : OK;
    s = s != OK || !is_clean ? s : page_cache_sync(d->cache);
    s = s != OK ? s : d->ops->mark(d, is_clean);
    s = s != OK ? s : page_cache_sync(d->cache);
    return s == OK ? OK : disk_state_give_up_locked(d, s);
}

static enum status may_be_written(const struct disk_state *d)
{
    if (d->has_failed) {
        log_error(d->ops->area, "%s: it has failed: unmount and check it before it is written",
                  d->dev->name);
        return E_CORRUPT;
    }
    return d->dev->read_only ? E_ROFS : OK;
}

/* Under the lock is_writable is cleared before the last writes, so no operation can begin after the
 * mark says "clean". */
static enum status make_read_only_locked(struct disk_state *d, bool is_final)
{
    enum status s = d->ops->end(d, is_final);
    if (s != OK) {
        return s;
    }
    set_writable_locked(d, false);
    return write_marked_locked(d, true);
}

/* A crash at any point leaves either the old state or one with the mark. The VFS
 * refuses writes until the last line. */
static enum status make_writable_locked(struct disk_state *d)
{
    enum status s = may_be_written(d);
    s = s != OK ? s : d->ops->prepare(d);
    s = s != OK ? s : page_cache_pause(d->cache); /* fills its reserve */
    s = s != OK || d->ops->open == NULL ? s : d->ops->open(d);
    s = s != OK ? s : write_marked_locked(d, false);
    if (s != OK) {
        return s;
    }
    d->is_writable = true;
    s = d->ops->begin != NULL ? d->ops->begin(d) : OK;
    if (s == OK) {
        set_writable_locked(d, true);
    } else if (!d->has_failed) {
        enum status ended = make_read_only_locked(d, /* is_final */ false);
        s = ended != OK ? ended : s;
    }
    return s;
}

enum status disk_state_set_mode(struct disk_state *d, enum fs_mode mode)
{
    /* Without the lock, which the thread of write-back takes after its own. */
    enum status s =
        mode == FS_WRITABLE && !d->dev->read_only ? page_cache_allow_writes(d->cache) : OK;
    if (s != OK) {
        return s;
    }
    mutex_lock(d->lock);
    if (mode == FS_WRITABLE) {
        s = d->is_writable ? OK : make_writable_locked(d);
    } else if (d->is_writable) {
        s = make_read_only_locked(d, mode == FS_FINAL);
    } else if (d->has_failed) {
        s = mode == FS_FINAL ? E_IO : OK; /* what was not written is lost */
    }
    mutex_unlock(d->lock);
    return s;
}
