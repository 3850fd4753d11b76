// SPDX-License-Identifier: MIT
//
// Keeps boot_info's two lists of ranges in normal form after every insertion, in place, because
// there is no heap yet and the stack is small. The lists have at most BOOT_MAX_RANGES entries, so
// linear searches are fast enough.
#include "boot/ranges.h"

#include "boot/mem.h"
#include "boot/note.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/endian.h"

/* End of the last page but one, exclusive: an end of 2^64 does not fit the type. */
#define ADDRESS_END (~(uint64_t)(PAGE_SIZE - 1))

static uint64_t end_of(const struct boot_range *r)
{
    return r->base + r->len;
}

static bool is_usable(enum boot_range_kind kind)
{
    return kind == BOOT_RAM || kind == BOOT_ACPI_RECLAIM;
}

/* Decides which kind remains where two overlap. RAM that contains tables is still RAM; all other
 * kinds forbid its use. */
static unsigned strength(enum boot_range_kind kind)
{
    if (kind == BOOT_RAM) {
        return 0;
    }
    return kind == BOOT_ACPI_RECLAIM ? 1 : 1 + (unsigned)kind;
}

static void remove_at(struct boot_range *list, uint32_t *count, uint32_t from, uint32_t n)
{
    for (uint32_t i = from; i + n < *count; i++) {
        list[i] = list[i + n];
    }
    *count -= n;
}

/* The caller has checked that there is room. */
static void insert_at(struct boot_range *list, uint32_t *count, uint32_t at, struct boot_range r)
{
    for (uint32_t i = *count; i > at; i--) {
        list[i] = list[i - 1];
    }
    list[at] = r;
    (*count)++;
}

/* Memory that is not RAM must stay so, whatever comes later: reservations always find room. */
static void leave_out(struct boot_info *info, const struct boot_range *r)
{
    boot_note(info, "memory map: too many ranges, some are left out");
    if (!is_usable(r->kind)) {
        boot_reserve(info, r->base, r->len);
    }
}

/* Fill the gap [base, end) in front of entry i, and join adjacent entries of the same kind. */
static void fill_gap(struct boot_info *info, uint32_t i, struct boot_range r)
{
    struct boot_range *list = info->ranges;
    struct boot_range *before = i > 0 ? &list[i - 1] : NULL;
    struct boot_range *after = i < info->range_count ? &list[i] : NULL;
    bool joins_before = before != NULL && before->kind == r.kind && end_of(before) == r.base;
    bool joins_after = after != NULL && after->kind == r.kind && end_of(&r) == after->base;

    if (joins_before && joins_after) {
        before->len += r.len + after->len;
        remove_at(list, &info->range_count, i, 1);
    } else if (joins_before) {
        before->len += r.len;
    } else if (joins_after) {
        after->base = r.base;
        after->len += r.len;
    } else if (info->range_count < BOOT_MAX_RANGES) {
        insert_at(list, &info->range_count, i, r);
    } else {
        leave_out(info, &r);
    }
}

/* Remove [base, end), which is inside entry i. */
static void punch(struct boot_info *info, uint32_t i, uint64_t base, uint64_t end)
{
    struct boot_range *r = &info->ranges[i];
    struct boot_range low = {.base = r->base, .len = base - r->base, .kind = r->kind};
    struct boot_range high = {.base = end, .len = end_of(r) - end, .kind = r->kind};

    if (low.len == 0 && high.len == 0) {
        remove_at(info->ranges, &info->range_count, i, 1);
    } else if (low.len == 0) {
        *r = high;
    } else if (high.len == 0) {
        *r = low;
    } else if (info->range_count < BOOT_MAX_RANGES) {
        *r = low;
        insert_at(info->ranges, &info->range_count, i + 1, high);
    } else {
        bool is_low = low.len >= high.len;
        *r = is_low ? low : high;
        leave_out(info, is_low ? &high : &low);
    }
}

/* The first entry that ends above `address`. */
static uint32_t find(const struct boot_range *list, uint32_t count, uint64_t address)
{
    uint32_t i = 0;
    while (i < count && end_of(&list[i]) <= address) {
        i++;
    }
    return i;
}

static void overlay(struct boot_info *info, uint64_t base, uint64_t end, enum boot_range_kind kind)
{
    while (base < end) {
        uint32_t i = find(info->ranges, info->range_count, base);
        const struct boot_range *r = i < info->range_count ? &info->ranges[i] : NULL;

        if (r != NULL && r->base <= base) {
            uint64_t stop = MIN(end, end_of(r));
            if (strength(kind) > strength(r->kind)) {
                punch(info, i, base, stop); /* the next iteration fills the gap */
            } else {
                base = stop;
            }
            continue;
        }
        uint64_t stop = r != NULL ? MIN(end, r->base) : end;
        fill_gap(info, i, (struct boot_range){.base = base, .len = stop - base, .kind = kind});
        base = stop;
    }
}

/* Usable ranges shrink to whole pages, others grow to whole pages. */
static void to_pages(enum boot_range_kind kind, uint64_t *base, uint64_t *end)
{
    if (is_usable(kind)) {
        *base = *base > ADDRESS_END ? ADDRESS_END : ALIGN_UP(*base, (uint64_t)PAGE_SIZE);
        *end = ALIGN_DOWN(*end, (uint64_t)PAGE_SIZE);
    } else {
        *base = ALIGN_DOWN(*base, (uint64_t)PAGE_SIZE);
        *end = *end > ADDRESS_END ? ADDRESS_END : ALIGN_UP(*end, (uint64_t)PAGE_SIZE);
    }
}

void boot_range_add(struct boot_info *info, uint64_t base, uint64_t len, enum boot_range_kind kind)
{
    uint64_t end;
    if (ADD_OVERFLOWS(base, len, &end)) {
        boot_note_value(info, "memory map: a range wraps around, base", base);
        if (is_usable(kind)) {
            return;
        }
        end = ADDRESS_END;
    }
    if (len == 0) {
        return;
    }
    to_pages(kind, &base, &end);
    overlay(info, base, end, kind);
}

void boot_limit_ram(struct boot_info *info, uint64_t limit)
{
    for (uint32_t i = info->range_count; i-- > 0;) {
        struct boot_range *r = &info->ranges[i];
        if (!is_usable(r->kind) || end_of(r) <= limit) {
            continue;
        }
        boot_note_value(info, "memory map: RAM that cannot be reached is left out, from",
                        MAX(r->base, limit));
        if (r->base >= limit) {
            remove_at(info->ranges, &info->range_count, i, 1);
        } else {
            r->len = limit - r->base;
        }
    }
}

/* Kinds other than RAM grow to whole pages, so two of them may share one. */
static bool overlaps_ram(const struct boot_info *info, uint64_t base, uint64_t end,
                         enum boot_range_kind kind)
{
    for (uint32_t i = find(info->ranges, info->range_count, base);
         base < end && i < info->range_count && info->ranges[i].base < end; i++) {
        if (is_usable(kind) || is_usable(info->ranges[i].kind)) {
            return true;
        }
    }
    return false;
}

void boot_map_add(struct boot_info *info, uint64_t base, uint64_t len, enum boot_range_kind kind)
{
    uint64_t first = base;
    uint64_t end;
    if (len > 0 && !ADD_OVERFLOWS(base, len, &end)) {
        to_pages(kind, &first, &end);
        if (overlaps_ram(info, first, end, kind)) {
            boot_note_once(info, "memory map: entries overlap, the more careful one counts, at",
                           base);
        }
    }
    boot_range_add(info, base, len, kind);
}

static enum boot_range_kind kind_e820(uint32_t type)
{
    switch (type) {
    case 1:
        return BOOT_RAM;
    case 3:
        return BOOT_ACPI_RECLAIM;
    case 4:
        return BOOT_ACPI_NVS;
    case 5:
        return BOOT_BAD;
    default:
        return BOOT_RESERVED;
    }
}

void boot_map_add_e820(struct boot_info *info, const uint8_t *e, uint64_t *previous)
{
    uint64_t base = load_le64(e);
    if (base < *previous) {
        boot_note_once(info, "memory map: not in order, sorted, from", base);
    }
    *previous = base;
    boot_map_add(info, base, load_le64(e + 8), kind_e820(load_le32(e + 16)));
}

/* Make room for one more reservation: extend the nearest one to [*base, *end). */
static void widen_to_nearest(const struct boot_info *info, uint32_t i, uint64_t *base,
                             uint64_t *end)
{
    const struct boot_range *list = info->reserved;
    uint64_t below = i > 0 ? *base - end_of(&list[i - 1]) : UINT64_MAX;
    uint64_t above = i < info->reserved_count ? list[i].base - *end : UINT64_MAX;

    if (below <= above) {
        *base -= below;
    } else {
        *end += above;
    }
}

void boot_reserve(struct boot_info *info, uint64_t base, uint64_t len)
{
    uint64_t end;
    if (len == 0) {
        return;
    }
    if (ADD_OVERFLOWS(base, len, &end) || end > ADDRESS_END) {
        end = ADDRESS_END;
    }
    base = MIN(ALIGN_DOWN(base, (uint64_t)PAGE_SIZE), ADDRESS_END - PAGE_SIZE);
    end = ALIGN_UP(end, (uint64_t)PAGE_SIZE);

    struct boot_range *list = info->reserved;
    uint32_t first = find(list, info->reserved_count, base);
    bool is_apart = (first == 0 || end_of(&list[first - 1]) != base) &&
                    (first == info->reserved_count || list[first].base > end);
    if (is_apart && info->reserved_count == BOOT_MAX_RANGES) {
        widen_to_nearest(info, first, &base, &end);
    }
    if (first > 0 && end_of(&list[first - 1]) == base) {
        first--;
    }

    uint32_t last = first; /* one past the entries that the new one covers */
    while (last < info->reserved_count && list[last].base <= end) {
        base = MIN(base, list[last].base);
        end = MAX(end, end_of(&list[last]));
        last++;
    }
    remove_at(list, &info->reserved_count, first, last - first);
    insert_at(list, &info->reserved_count, first,
              (struct boot_range){.base = base, .len = end - base, .kind = BOOT_RESERVED});
}

/* Adjacent usable ranges may have different kinds, so several may be needed to cover the bytes. */
static bool is_all_usable(const struct boot_info *info, uint64_t base, uint64_t end)
{
    for (uint32_t i = find(info->ranges, info->range_count, base);
         i < info->range_count && base < end; i++) {
        const struct boot_range *r = &info->ranges[i];
        if (r->base > base || !is_usable(r->kind)) {
            return false;
        }
        base = end_of(r);
    }
    return base >= end;
}

void boot_add_module(struct boot_info *info, uint64_t base, uint64_t len, const uint8_t *name,
                     size_t name_len)
{
    uint64_t end;
    if (ADD_OVERFLOWS(base, len, &end) || !is_all_usable(info, base, end)) {
        boot_note_value(info, "modules: one lies outside RAM and is left out, base", base);
        return;
    }
    if (info->module_count == BOOT_MAX_MODULES) {
        boot_note_value(info, "modules: too many, one is left out, base", base);
        return;
    }
    struct boot_module *module = &info->modules[info->module_count++];
    module->base = base;
    module->len = len;
    (void)boot_copy_string(name, name_len, module->name, sizeof(module->name));
    boot_reserve(info, base, len);
}

bool boot_is_any_ram(const struct boot_info *info, uint64_t base, uint64_t len)
{
    uint64_t end;
    if (len == 0) {
        return false;
    }
    if (ADD_OVERFLOWS(base, len, &end)) {
        end = UINT64_MAX;
    }
    for (uint32_t i = find(info->ranges, info->range_count, base);
         i < info->range_count && info->ranges[i].base < end; i++) {
        if (is_usable(info->ranges[i].kind)) {
            return true;
        }
    }
    return false;
}

uint64_t boot_total_ram(const struct boot_info *info)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < info->range_count; i++) {
        if (is_usable(info->ranges[i].kind)) {
            total += info->ranges[i].len;
        }
    }
    return total;
}

bool boot_next_free(const struct boot_info *info, uint64_t *cursor, struct boot_range *out)
{
    for (uint32_t i = 0; i < info->range_count; i++) {
        const struct boot_range *ram = &info->ranges[i];
        if (!is_usable(ram->kind)) {
            continue;
        }
        uint64_t base = MAX(ram->base, *cursor);
        uint64_t end = end_of(ram);
        uint32_t k = find(info->reserved, info->reserved_count, base);
        /* Merged reservations are not adjacent, so the memory after one of them is free. */
        if (k < info->reserved_count && info->reserved[k].base <= base) {
            base = end_of(&info->reserved[k]);
            k++;
        }
        if (k < info->reserved_count) {
            end = MIN(end, info->reserved[k].base);
        }
        if (base < end) {
            *out = (struct boot_range){.base = base, .len = end - base, .kind = ram->kind};
            *cursor = end;
            return true;
        }
    }
    return false;
}
