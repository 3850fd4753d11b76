// SPDX-License-Identifier: MIT
//
// See the header. The depth and the number of entries are limited, because a corrupt
// directory may contain itself.
#include "fs/fs_visit.h"

#include "kernel/fs/vfs.h"

#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX   3
#define ENTRIES_MAX 64
#define READ_MAX    (1 << 20)

static unsigned bit(enum status s)
{
    return 1u << -(int)s;
}

static unsigned read_file(const char *path)
{
    static char buf[48 * 1024]; /* large enough that some reads bypass the cache */
    struct file *f;
    unsigned seen = 0;
    enum status s = vfs_open(NULL, path, VFS_READ, &f);
    if (s != OK) {
        return bit(s);
    }
    size_t n = 1;
    for (size_t total = 0; n != 0 && total < READ_MAX; total += n) {
        size_t len = total % 3 == 0 ? sizeof(buf) : 777;
        s = file_read(f, buf, len, &n);
        seen |= bit(s);
        if (s != OK) {
            break;
        }
    }
    file_close(f);
    return seen;
}

static unsigned visit(const char *dir, int depth);

static unsigned visit_entry(const char *dir, const char *name, int depth)
{
    char path[VFS_PATH_MAX];
    char target[VFS_PATH_MAX];
    struct file_stat st;
    enum status s = vfs_join(dir, name, path, sizeof(path));
    if (s == OK) {
        s = vfs_stat(NULL, path, false, &st);
    }
    if (s != OK) {
        return bit(s);
    }
    unsigned seen = bit(s);
    if (st.type == FILE_SYMLINK) {
        seen |= bit(vfs_read_link(NULL, path, target, sizeof(target)));
    }
    if (st.type == FILE_DIRECTORY && depth < DEPTH_MAX) {
        return seen | visit(path, depth + 1);
    }
    return seen | read_file(path);
}

static unsigned visit(const char *dir, int depth)
{
    struct file *d;
    struct dir_entry entry;
    enum status s = vfs_open(NULL, dir, VFS_READ | VFS_DIRECTORY, &d);
    if (s != OK) {
        return bit(s);
    }
    unsigned seen = 0;
    for (int i = 0; s == OK && i < ENTRIES_MAX; i++) {
        s = file_read_dir(d, &entry);
        if (s == OK) {
            seen |= visit_entry(dir, entry.name, depth);
        }
    }
    file_close(d);
    return s == E_NOENT ? seen : seen | bit(s);
}

unsigned fs_visit(const char *dir)
{
    return visit(dir, 0);
}
