// SPDX-License-Identifier: MIT
//
// An example of an extension (docs/extensions.md): a read-only file system and a shell command.
//
// A tinyfs disk has one folder with up to 15 files. Its first sector is a table; the files follow,
// each in whole sectors. All numbers are little-endian:
//
//      0   8 bytes    "TINYFS1" and a zero
//      8   4 bytes    number of files
//     16   32 bytes   for each file: its name in 24 bytes, zero-terminated; the number of its first
//                     sector in 4 bytes; its size in 4 bytes
#include "kernel/io/block.h"
#include "kernel/io/device.h"
#include "kernel/lib/endian.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/module/additions.h"
#include "kernel/tty/console.h"

#define MAGIC     "TINYFS1"
#define COUNT_AT  8u
#define FILES_AT  16u
#define FILE_ROW  32u
#define NAME_SIZE 24u
#define FILES_MAX ((BLOCK_SECTOR - FILES_AT) / FILE_ROW)
#define ROOT_ID   1u

struct tiny_node {
    struct fs_node node;  /* first: see struct fs_node */
    char name[NAME_SIZE]; /* [I] as all that follows */
    uint32_t sector, size;
};

struct tinyfs {
    struct fs fs;             /* first: see struct fs */
    struct block_device *dev; /* [I] a reference */
    uint32_t count;           /* [I] of files */
    struct tiny_node root, files[FILES_MAX];
};

static struct tinyfs *tinyfs_of(const struct fs_node *node)
{
    return CONTAINER_OF(node->fs, struct tinyfs, fs);
}

static struct tiny_node *tiny_node_of(struct fs_node *node)
{
    return CONTAINER_OF(node, struct tiny_node, node);
}

/* ---- The functions of the file system ---- */

static enum status tiny_lookup(struct fs_node *dir, const char *name, size_t len,
                               struct fs_node **out)
{
    struct tinyfs *t = tinyfs_of(dir);
    for (uint32_t i = 0; i < t->count; i++) {
        struct tiny_node *n = &t->files[i];
        if (strlen(n->name) == len && memcmp(n->name, name, len) == 0) {
            atomic_fetch_add_explicit(&n->node.refs, 1, memory_order_relaxed);
            *out = &n->node;
            return OK;
        }
    }
    return E_NOENT;
}

/* Up to the end of one sector. Disks are read by the sector, so bytes pass through a buffer. */
static enum status read_part(const struct tinyfs *t, const struct tiny_node *n, uint64_t off,
                             void *buf, size_t *len)
{
    uint8_t sector[BLOCK_SECTOR];
    enum status s = block_read(t->dev, n->sector + off / BLOCK_SECTOR, sector, sizeof(sector));
    if (s != OK) {
        return s;
    }
    size_t at = (size_t)(off % BLOCK_SECTOR);
    *len = MIN(*len, sizeof(sector) - at);
    memcpy(buf, sector + at, *len);
    return OK;
}

static enum status tiny_read(struct fs_node *node, uint64_t off, void *buf, size_t len,
                             size_t *done)
{
    const struct tiny_node *n = tiny_node_of(node);
    size_t end = off >= n->size ? 0 : (size_t)MIN((uint64_t)len, n->size - off);
    size_t at = 0;
    while (at < end) {
        size_t part = end - at;
        enum status s = read_part(tinyfs_of(node), n, off + at, (uint8_t *)buf + at, &part);
        if (s != OK && at == 0) {
            return s;
        }
        if (s != OK) {
            break; /* the next call reports it */
        }
        at += part;
    }
    *done = at;
    return OK;
}

static enum status tiny_read_dir(struct fs_node *dir, uint64_t *cookie, struct dir_entry *out)
{
    const struct tinyfs *t = tinyfs_of(dir);
    if (*cookie >= t->count) {
        return E_NOENT;
    }
    const struct tiny_node *n = &t->files[(*cookie)++];
    *out = (struct dir_entry){.inode = n->node.id, .type = n->node.type};
    (void)str_copy(out->name, sizeof(out->name), n->name);
    return OK;
}

static enum status tiny_read_link(struct fs_node *link, char *buf, size_t len)
{
    (void)link;
    (void)buf;
    (void)len;
    return E_INVAL; /* never called: there are no links */
}

static enum status tiny_stat(struct fs_node *node, struct file_stat *out)
{
    const struct tiny_node *n = tiny_node_of(node);
    bool is_root = node->type == FILE_DIRECTORY;
    *out = (struct file_stat){.inode = node->id,
                              .size = n->size,
                              .blocks_512 = ((uint64_t)n->size + BLOCK_SECTOR - 1) / BLOCK_SECTOR,
                              .links = 1,
                              .mode = is_root ? 0555 : 0444,
                              .type = node->type};
    return OK;
}

static void tiny_release(struct fs_node *node)
{
    (void)node; /* never called: a mounted file system keeps a reference to each node */
}

static void tiny_usage(struct fs *fs, uint64_t *total_bytes, uint64_t *free_bytes)
{
    *total_bytes = CONTAINER_OF(fs, struct tinyfs, fs)->dev->sectors * BLOCK_SECTOR;
    *free_bytes = 0;
}

static void tiny_unmount(struct fs *fs)
{
    struct tinyfs *t = CONTAINER_OF(fs, struct tinyfs, fs);
    block_close(t->dev);
    heap_free(t);
}

static const struct fs_ops ops = {
    .lookup = tiny_lookup,
    .read = tiny_read,
    .read_dir = tiny_read_dir,
    .read_link = tiny_read_link,
    .stat = tiny_stat,
    .release = tiny_release,
    .usage = tiny_usage,
    .unmount = tiny_unmount,
};

/* ---- Mounting: the table comes from the disk, so every number in it is checked ---- */

static void init_node(struct tinyfs *t, struct tiny_node *n, uint64_t id, enum file_type type)
{
    n->node.fs = &t->fs;
    n->node.id = id;
    n->node.type = type;
    atomic_store_explicit(&n->node.refs, 1, memory_order_relaxed);
}

static bool is_name(const struct tinyfs *t, const char *name)
{
    for (uint32_t i = 0; i < t->count; i++) {
        if (strcmp(t->files[i].name, name) == 0) {
            return false;
        }
    }
    return name[0] != '\0' && strchr(name, '/') == NULL && strcmp(name, ".") != 0 &&
           strcmp(name, "..") != 0;
}

static enum status add_file(struct tinyfs *t, const uint8_t *row)
{
    struct tiny_node *n = &t->files[t->count];
    memcpy(n->name, row, NAME_SIZE);
    n->sector = load_le32(row + NAME_SIZE);
    n->size = load_le32(row + NAME_SIZE + 4);
    uint64_t sectors = ((uint64_t)n->size + BLOCK_SECTOR - 1) / BLOCK_SECTOR;
    bool is_inside = n->sector != 0 && n->sector + sectors <= t->dev->sectors;
    if (n->name[NAME_SIZE - 1] != '\0' || !is_name(t, n->name) || !is_inside) {
        return E_CORRUPT;
    }
    init_node(t, n, ROOT_ID + 1 + t->count, FILE_REGULAR);
    t->count++;
    return OK;
}

/* A disk with larger sectors would need larger buffers: it is never a tinyfs. */
static enum status read_table(struct tinyfs *t)
{
    uint8_t table[BLOCK_SECTOR];
    if (t->dev->logical_block != BLOCK_SECTOR) {
        return E_FORMAT;
    }
    enum status s = block_read(t->dev, 0, table, sizeof(table));
    if (s == OK && memcmp(table, MAGIC, sizeof(MAGIC)) != 0) {
        return E_FORMAT;
    }
    uint32_t count = load_le32(table + COUNT_AT);
    if (s == OK && count > FILES_MAX) {
        return E_CORRUPT;
    }
    for (uint32_t i = 0; s == OK && i < count; i++) {
        s = add_file(t, table + FILES_AT + (size_t)i * FILE_ROW);
    }
    return s;
}

static enum status tiny_make(struct block_device *dev, struct fs **out)
{
    struct tinyfs *t = heap_zalloc(sizeof(*t));
    if (t == NULL) {
        return E_NOMEM;
    }
    t->dev = block_open(dev->name);
    if (t->dev == NULL) {
        heap_free(t);
        return E_NODEV;
    }
    t->fs = (struct fs){.type = "tinyfs", .ops = &ops, .root = &t->root.node};
    init_node(t, &t->root, ROOT_ID, FILE_DIRECTORY);
    enum status s = read_table(t);
    if (s != OK) {
        tiny_unmount(&t->fs);
        return s;
    }
    *out = &t->fs;
    return OK;
}

/* ---- The command ---- */

static void print_files(const struct tinyfs *t)
{
    for (uint32_t i = 0; i < t->count; i++) {
        console_printf("%10u %s\n", t->files[i].size, t->files[i].name);
    }
    console_printf("%u of %u files\n", t->count, FILES_MAX);
}

static enum status print_disk(const char *name)
{
    struct block_device *dev = block_open(name);
    if (dev == NULL) {
        return E_NODEV;
    }
    struct fs *fs;
    enum status s = tiny_make(dev, &fs);
    if (s == OK) {
        print_files(CONTAINER_OF(fs, struct tinyfs, fs));
        tiny_unmount(fs);
    }
    block_close(dev);
    return s;
}

static bool run_tinyfs(int argc, char **argv)
{
    if (argc != 2) {
        return false;
    }
    enum status s = print_disk(argv[1]);
    if (s != OK) {
        console_printf("tinyfs: %s: %s\n", argv[1], s == E_FORMAT ? "no tinyfs" : status_text(s));
    }
    return true;
}

/* ---- What the loader finds ---- */

static const struct shell_command commands[] = {
    {"tinyfs", "DISK", "the files on a tinyfs disk", run_tinyfs},
    {0},
};

static const struct fs_format format = {.name = "tinyfs", .make = tiny_make};
static const struct fs_format *const file_systems[] = {&format, NULL};

static const struct additions added = {.commands = commands, .file_systems = file_systems};

static const struct driver tinyfs = {.name = "tinyfs", .version = "1.0", .additions = &added};

DRIVER_MODULE(tinyfs, "tinyfs", "1.0", "MIT");
