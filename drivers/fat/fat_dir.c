// SPDX-License-Identifier: MIT
//
// Entries of directories. A name of more than a short one is in the slots before its short entry,
// last part first, with a checksum of the short name, so that a system that knows only short names
// can remove the entry.
#include "drivers/fat/fat.h"

#include "kernel/lib/endian.h"
#include "kernel/lib/string.h"

enum {
    PART_UNITS = 13, /* units of a long name in one slot */
    PARTS_MAX = FAT_SLOTS_MAX - 1,
    LAST_PART = 0x40, /* in the first byte of the first slot */
    PART_CHECKSUM = 13,
    ATTEMPTS_MAX = 10000, /* for a short name that is free */
};

/* Where the units of a long name are in a slot. */
static const uint8_t unit_offsets[PART_UNITS] = {1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30};

static bool is_fixed_root(const struct fat *e, const struct fat_node *dir)
{
    return dir->at == 0 && !e->is_fat32;
}

/* The byte of a slot on the device. E_NOENT: the directory ends before it. */
static enum status locate_locked(struct fat *e, struct fat_node *dir, uint32_t off, uint64_t *out)
    REQUIRES(e->lock)
{
    if (is_fixed_root(e, dir)) {
        *out = e->root + off;
        return off < e->root_bytes ? OK : E_NOENT;
    }
    if (off >= FAT_DIR_MAX) {
        return E_NOENT;
    }
    uint32_t cluster;
    enum status s = fat_find_locked(e, dir, off >> e->cluster_shift, &cluster);
    if (s == OK) {
        *out = fat_byte_of(e, cluster) + (off & ((1u << e->cluster_shift) - 1));
    }
    return s;
}

static enum status read_slot_locked(struct fat *e, struct fat_node *dir, uint32_t off,
                                    uint8_t raw[FAT_ENTRY], uint64_t *at) REQUIRES(e->lock)
{
    enum status s = locate_locked(e, dir, off, at);
    return s != OK ? s : page_cache_copy(e->cache, *at, raw, FAT_ENTRY, FAT_ENTRY);
}

static enum status write_bytes_locked(struct fat *e, uint64_t at, const void *bytes, size_t len)
    REQUIRES(e->lock)
{
    struct cache_page *page;
    enum status s = page_cache_get(e->cache, at, 0, &page);
    if (s != OK) {
        return fat_fail_locked(e, s, "a directory cannot be written");
    }
    memcpy(page->bytes + at % CACHE_PAGE, bytes, len);
    page_cache_dirty(e->cache, page);
    page_cache_put(page);
    return OK;
}

static enum status write_slot_locked(struct fat *e, struct fat_node *dir, uint32_t off,
                                     const void *bytes, size_t len) REQUIRES(e->lock)
{
    uint64_t at;
    enum status s = locate_locked(e, dir, off, &at);
    return s != OK ? s : write_bytes_locked(e, at, bytes, len);
}

/* ---- Reading ---- */

/** The long name before a short entry. */
struct long_name {
    uint32_t first; /* offset of its first slot */
    uint32_t parts, left;
    uint8_t checksum;
    uint16_t units[PARTS_MAX * PART_UNITS];
};

/* Parts that do not continue the name are ignored, with the parts before them. */
static void add_part(struct long_name *l, uint32_t off, const uint8_t *raw)
{
    uint32_t order = raw[0] & 0x3fu;
    if ((raw[0] & LAST_PART) != 0) {
        l->first = off;
        l->parts = l->left = order <= PARTS_MAX ? order : 0;
        l->checksum = raw[PART_CHECKSUM];
    } else if (l->parts == 0 || order != l->left - 1 || order == 0 ||
               raw[PART_CHECKSUM] != l->checksum) {
        l->parts = 0;
    } else {
        l->left = order;
    }
    for (uint32_t i = 0; i < PART_UNITS && l->parts != 0; i++) {
        l->units[(l->left - 1) * PART_UNITS + i] = load_le16(raw + unit_offsets[i]);
    }
}

static bool take_long_name(const struct long_name *l, struct fat_entry *out)
{
    size_t count = 0;
    if (l->parts == 0 || l->left != 1 || l->checksum != fat_checksum(out->raw)) {
        return false;
    }
    while (count < (size_t)l->parts * PART_UNITS && l->units[count] != 0) {
        count++;
    }
    return count <= FAT_LONG_MAX && fat_to_utf8(l->units, count, out->name);
}

enum status fat_next_entry_locked(struct fat *e, struct fat_node *dir, uint32_t *off,
                                  struct fat_entry *out)
{
    struct long_name l;
    l.parts = l.left = 0;
    for (uint32_t at = *off;; at += FAT_ENTRY) {
        enum status s = read_slot_locked(e, dir, at, out->raw, &out->at);
        if (s != OK) {
            return s;
        }
        uint8_t attributes = out->raw[FAT_ATTRIBUTES];
        if (out->raw[0] == 0) {
            return E_NOENT;
        }
        if (out->raw[0] != FAT_DELETED && (attributes & 0x3f) == FAT_LONG) {
            add_part(&l, at, out->raw);
        } else if (out->raw[0] == FAT_DELETED || out->raw[0] == '.' ||
                   (attributes & FAT_LABEL) != 0) {
            l.parts = 0;
        } else {
            out->first = l.first;
            if (!take_long_name(&l, out)) {
                out->first = at;
                fat_short_to_utf8(out->raw, out->name);
            }
            out->off = at;
            *off = at + FAT_ENTRY;
            return OK;
        }
    }
}

static bool has_name(const struct fat_entry *entry, const char *name, size_t len)
{
    char text[VFS_NAME_MAX + 1];
    if (fat_is_same_name(entry->name, name, len)) {
        return true;
    }
    fat_short_to_utf8(entry->raw, text);
    return entry->first != entry->off && fat_is_same_name(text, name, len);
}

enum status fat_find_entry_locked(struct fat *e, struct fat_node *dir, const char *name, size_t len,
                                  struct fat_entry *out)
{
    uint32_t off = 0;
    enum status s;
    do {
        s = fat_next_entry_locked(e, dir, &off, out);
    } while (s == OK && !has_name(out, name, len));
    return s;
}

/* ---- Adding ---- */

static enum status is_short_used_locked(struct fat *e, struct fat_node *dir,
                                        const uint8_t name[FAT_SHORT], bool *out) REQUIRES(e->lock)
{
    struct fat_entry entry;
    uint32_t off = 0;
    enum status s;
    do {
        s = fat_next_entry_locked(e, dir, &off, &entry);
        *out = s == OK && memcmp(entry.raw, name, FAT_SHORT) == 0;
    } while (s == OK && !*out);
    return s == E_NOENT ? OK : s;
}

/* A short name that no other entry has. *parts: slots for the long name; 0: none is needed. */
static enum status choose_short_locked(struct fat *e, struct fat_node *dir, const uint16_t *units,
                                       int count, uint8_t out[FAT_SHORT], uint32_t *parts)
    REQUIRES(e->lock)
{
    for (uint32_t attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
        bool is_used = true;
        enum fat_short kind = fat_make_short(units, count, attempt, out);
        if (kind == FAT_SHORT_OTHER && attempt == 0) {
            continue;
        }
        enum status s = is_short_used_locked(e, dir, out, &is_used);
        if (s != OK || !is_used) {
            *parts = kind == FAT_SHORT_SAME ? 0 : ((uint32_t)count + PART_UNITS - 1) / PART_UNITS;
            return s;
        }
    }
    return E_NOSPC;
}

/* Append a cluster of free slots. */
static enum status grow_locked(struct fat *e, struct fat_node *dir, uint32_t off) REQUIRES(e->lock)
{
    uint32_t cluster;
    if (is_fixed_root(e, dir) || off >= FAT_DIR_MAX) {
        return E_NOSPC;
    }
    enum status s = fat_get_locked(e, dir, off >> e->cluster_shift, &cluster);
    s = s != OK ? s : fat_clear_locked(e, cluster);
    return s;
}

/* Find free slots in a row. A slot that begins with zero ends the directory: all after it are free,
 * whatever they contain. *end: the offset of that slot, or UINT32_MAX. */
static enum status find_slots_locked(struct fat *e, struct fat_node *dir, uint32_t count,
                                     uint32_t *first, uint32_t *end) REQUIRES(e->lock)
{
    uint32_t run = 0;
    *end = UINT32_MAX;
    for (uint32_t off = 0;;) {
        uint8_t raw[FAT_ENTRY];
        uint64_t at;
        enum status s = read_slot_locked(e, dir, off, raw, &at);
        if (s == E_NOENT) {
            s = grow_locked(e, dir, off);
            if (s == OK) {
                continue;
            }
        }
        if (s != OK) {
            return s;
        }
        if (raw[0] == 0) {
            *end = MIN(*end, off);
        }
        run = *end != UINT32_MAX || raw[0] == FAT_DELETED ? run + 1 : 0;
        off += FAT_ENTRY;
        if (run == count) {
            *first = off - count * FAT_ENTRY;
            return OK;
        }
    }
}

static void make_part(uint8_t raw[FAT_ENTRY], uint32_t order, bool is_last, const uint16_t *units,
                      int count, uint8_t checksum)
{
    memset(raw, 0, FAT_ENTRY);
    raw[0] = (uint8_t)(order | (is_last ? LAST_PART : 0));
    raw[FAT_ATTRIBUTES] = FAT_LONG;
    raw[PART_CHECKSUM] = checksum;
    for (int i = 0; i < PART_UNITS; i++) {
        int at = (int)(order - 1) * PART_UNITS + i;
        uint16_t unit = at < count ? units[at] : at == count ? 0 : 0xffff;
        store_le16(raw + unit_offsets[i], unit);
    }
}

enum status fat_add_entry_locked(struct fat *e, const struct fs_name *name,
                                 const uint8_t raw[FAT_ENTRY], uint64_t *at)
{
    struct fat_node *dir = fat_node_of(name->dir);
    uint16_t units[FAT_LONG_MAX];
    uint8_t entry[FAT_ENTRY], slot[FAT_ENTRY];
    uint32_t parts = 0, off = 0, end = 0;
    int count = fat_to_utf16(name->text, name->len, units);
    if (count <= 0) {
        return E_INVAL;
    }
    memcpy(entry, raw, FAT_ENTRY);
    entry[FAT_CASE] = 0;
    enum status s = choose_short_locked(e, dir, units, count, entry, &parts);
    s = s != OK ? s : find_slots_locked(e, dir, parts + 1, &off, &end);
    if (s != OK) {
        return s;
    }
    uint32_t last = off + parts * FAT_ENTRY, after = last + FAT_ENTRY;
    s = end < after ? write_slot_locked(e, dir, after, &(uint8_t){0}, 1) : OK;
    s = s == E_NOENT ? OK : s; /* there is none */
    for (uint32_t i = parts; i > 0 && s == OK; i--, off += FAT_ENTRY) {
        make_part(slot, i, i == parts, units, count, fat_checksum(entry));
        s = write_slot_locked(e, dir, off, slot, FAT_ENTRY);
    }
    s = s != OK ? s : locate_locked(e, dir, last, at);
    return s != OK ? s : write_bytes_locked(e, *at, entry, FAT_ENTRY);
}

enum status fat_replace_entry_locked(struct fat *e, const struct fat_entry *entry,
                                     const uint8_t raw[FAT_ENTRY])
{
    uint8_t changed[FAT_ENTRY];
    memcpy(changed, raw, FAT_ENTRY);
    memcpy(changed, entry->raw, FAT_SHORT); /* also fits the long name before it */
    changed[FAT_CASE] = entry->raw[FAT_CASE];
    return write_bytes_locked(e, entry->at, changed, FAT_ENTRY);
}

enum status fat_remove_entry_locked(struct fat *e, struct fat_node *dir,
                                    const struct fat_entry *entry)
{
    enum status s = OK;
    for (uint32_t off = entry->first; off <= entry->off && s == OK; off += FAT_ENTRY) {
        s = write_slot_locked(e, dir, off, &(uint8_t){FAT_DELETED}, 1);
    }
    return s;
}

/* ---- "." and ".." ---- */

enum status fat_init_directory_locked(struct fat *e, struct fat_node *n, uint32_t parent)
{
    uint8_t raw[2 * FAT_ENTRY] = {0};
    const uint32_t clusters[] = {n->first, parent};
    for (uint32_t i = 0; i < 2; i++) {
        uint8_t *entry = raw + (size_t)i * FAT_ENTRY;
        memset(entry, ' ', FAT_SHORT);
        memset(entry, '.', i + 1);
        entry[FAT_ATTRIBUTES] = FAT_DIRECTORY;
        fat_set_cluster(e, entry, clusters[i]);
        fat_store_time(n->modified_ns, entry + FAT_MODIFIED + 2, entry + FAT_MODIFIED);
        fat_store_time(n->modified_ns, entry + FAT_CREATED + 2, entry + FAT_CREATED);
        fat_store_time(n->modified_ns, entry + FAT_ACCESSED, NULL);
    }
    return write_bytes_locked(e, fat_byte_of(e, n->first), raw, sizeof(raw));
}

static enum status find_parent_locked(struct fat *e, uint32_t cluster, uint8_t raw[FAT_ENTRY])
    REQUIRES(e->lock)
{
    enum status s =
        page_cache_copy(e->cache, fat_byte_of(e, cluster) + FAT_ENTRY, raw, FAT_ENTRY, 0);
    return s == OK && memcmp(raw, "..         ", FAT_SHORT) != 0 ? E_CORRUPT : s;
}

enum status fat_set_parent_locked(struct fat *e, struct fat_node *n, uint32_t parent)
{
    uint8_t raw[FAT_ENTRY];
    enum status s = find_parent_locked(e, n->first, raw);
    if (s == OK) {
        fat_set_cluster(e, raw, parent);
        s = write_bytes_locked(e, fat_byte_of(e, n->first) + FAT_ENTRY, raw, FAT_ENTRY);
    }
    return s;
}

enum status fat_get_parent_locked(struct fat *e, uint32_t cluster, uint32_t *out)
{
    uint8_t raw[FAT_ENTRY];
    enum status s = find_parent_locked(e, cluster, raw);
    if (s == OK) {
        uint32_t parent = fat_cluster_of(e, raw);
        s = parent != 0 && !fat_is_cluster(e, parent) ? E_CORRUPT : OK;
        *out = e->is_fat32 && parent == e->root_cluster ? 0 : parent;
    }
    return s;
}
