// SPDX-License-Identifier: MIT
//
// Checking the directories of an ext2 image: every inode in use has as many names as it notes, and
// every directory can be reached from the root in one way.
#include "kernel/fs/ext2_check.h"

#include "kernel/lib/string.h"

enum {
    TYPE_DIRECTORY = 2, /* in an entry */
};

static bool is_named(const struct ext2_entry *entry, const char *name)
{
    return entry->name_len == strlen(name) && memcmp(entry->name, name, entry->name_len) == 0;
}

/* The directory that ".." names: it must be the one with the entry. */
static enum status check_parent_locked(struct ext2_check *c, uint32_t inode, uint32_t parent)
    REQUIRES(c->e->lock)
{
    struct ext2_node *n;
    struct ext2_entry entry;
    enum status s = ext2_get_node_locked(c->e, inode, &n);
    if (s != OK) {
        return s == E_CORRUPT ? OK : s; /* reported when it is read */
    }
    s = ext2_find_entry_locked(c->e, n, "..", 2, &entry);
    ext2_put_node_locked(c->e, n);
    if (s == E_NOENT || (s == OK && entry.inode != parent)) {
        fs_check_fault(c->out, "directory %u: its \"..\" is not directory %u, which has its name",
                       inode, parent);
    }
    return s == E_NOENT || s == E_CORRUPT ? OK : s;
}

/* A directory's entry, other than "." and "..". */
static enum status find_directory_locked(struct ext2_check *c, uint32_t dir, uint32_t inode)
    REQUIRES(c->e->lock)
{
    if (ext2_check_bit(c->pending, inode) || ext2_check_bit(c->reached, inode)) {
        fs_check_fault(c->out, "directory %u: its entry is not the only one of directory %u", dir,
                       inode);
        return OK;
    }
    ext2_check_set(c->pending, inode);
    return check_parent_locked(c, inode, dir);
}

static enum status check_entry_locked(struct ext2_check *c, uint32_t dir,
                                      const struct ext2_entry *entry) REQUIRES(c->e->lock)
{
    uint32_t inode = entry->inode;
    bool is_reserved = inode < c->e->first_inode && inode != EXT2_ROOT_INODE;
    if (inode > c->e->inode_count || is_reserved || !ext2_check_bit(c->inodes, inode)) {
        fs_check_fault(c->out, "directory %u: an entry names inode %u, which is free or reserved",
                       dir, inode);
        return OK;
    }
    bool is_directory = ext2_check_bit(c->directories, inode);
    if (entry->type != 0 && (entry->type == TYPE_DIRECTORY) != is_directory) {
        fs_check_fault(c->out, "directory %u: its entry of inode %u has a wrong type", dir, inode);
    }
    c->names[inode] += c->names[inode] != UINT16_MAX;
    if (is_named(entry, ".")) {
        if (inode != dir) {
            fs_check_fault(c->out, "directory %u: its \".\" is another directory", dir);
        }
        return OK;
    }
    return is_directory && !is_named(entry, "..") ? find_directory_locked(c, dir, inode) : OK;
}

static enum status check_entries_locked(struct ext2_check *c, const struct ext2_node *dir)
    REQUIRES(c->e->lock)
{
    struct ext2_walk w;
    struct ext2_entry entry;
    uint32_t inode = (uint32_t)dir->node.id;
    enum status s = OK;
    ext2_walk_start(&w, c->e, dir);
    while (s == OK && (s = ext2_walk_next(&w, &entry)) == OK) {
        s = entry.inode == 0 ? OK : check_entry_locked(c, inode, &entry);
    }
    ext2_walk_end(&w);
    if (s == E_CORRUPT) {
        fs_check_fault(c->out, "directory %u: the entry at byte %llu is malformed", inode,
                       (unsigned long long)w.off);
        return OK;
    }
    return s == E_NOENT ? OK : s;
}

static enum status check_directory_locked(struct ext2_check *c, uint32_t inode) REQUIRES(c->e->lock)
{
    struct ext2_node *n;
    enum status s = ext2_get_node_locked(c->e, inode, &n);
    if (s == E_CORRUPT) {
        fs_check_fault(c->out, "directory %u: its inode is malformed", inode);
        return OK;
    }
    if (s != OK) {
        return s;
    }
    s = check_entries_locked(c, n);
    ext2_put_node_locked(c->e, n);
    return s;
}

/* No recursion: a directory that is found is noted, and read in a later round at the latest. Each
 * is read once, whatever the entries say. */
static enum status check_directories_locked(struct ext2_check *c) REQUIRES(c->e->lock)
{
    bool is_done = false;
    enum status s = OK;
    ext2_check_set(c->pending, EXT2_ROOT_INODE);
    while (!is_done && s == OK) {
        is_done = true;
        for (uint32_t i = EXT2_ROOT_INODE; i <= c->e->inode_count && s == OK; i++) {
            if (ext2_check_bit(c->pending, i)) {
                c->pending[i / 8] = (uint8_t)(c->pending[i / 8] & ~(1u << i % 8));
                ext2_check_set(c->reached, i);
                is_done = false;
                s = check_directory_locked(c, i);
            }
        }
    }
    return s;
}

enum status ext2_check_tree_locked(struct ext2_check *c)
{
    enum status s = check_directories_locked(c);
    s = s != OK ? s : check_parent_locked(c, EXT2_ROOT_INODE, EXT2_ROOT_INODE);
    for (uint32_t i = EXT2_ROOT_INODE; i <= c->e->inode_count && s == OK; i++) {
        if (!ext2_check_bit(c->inodes, i) || c->names[i] == c->links[i]) {
            continue;
        }
        if (c->names[i] == 0) {
            fs_check_fault(c->out, "inode %u: it is in use, but has no name", i);
        } else {
            fs_check_fault(c->out, "inode %u: it has %u names, and %u are noted", i, c->names[i],
                           c->links[i]);
        }
    }
    return s;
}
