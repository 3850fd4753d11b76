// SPDX-License-Identifier: MIT
//
// Compares all writable memory of the process before and after, which shows whatever code in the
// sandbox changed outside of it.
#define _GNU_SOURCE

#include "tests/oracle/flip/flip.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define RANGES_MAX  256u
#define LEARNED_MAX 8192u
#define MAPS_BYTES  (256u << 10)
#define LOW         ((uintptr_t)1 << 32) /* a smaller number need not be an address */

struct range {
    uintptr_t start, end;
    uint64_t *copy;
};

static struct {
    struct range left_out[32], ranges[RANGES_MAX], mapped[RANGES_MAX];
    uint32_t left_out_count, range_count, mapped_count, learned_count;
    uintptr_t learned[LEARNED_MAX]; /* words, ascending */
} memory;
static char maps[MAPS_BYTES];

static void fail(const char *why)
{
    fprintf(stderr, "wasm-flip: %s\n", why);
    _exit(3);
}

void memory_leave_out(const void *at, size_t size)
{
    struct range *r = &memory.left_out[memory.left_out_count++];
    if (memory.left_out_count == sizeof memory.left_out / sizeof memory.left_out[0]) {
        fail("too much is left out");
    }
    r->start = (uintptr_t)at & ~(uintptr_t)7;
    r->end = ((uintptr_t)at + size + 7) & ~(uintptr_t)7;
}

static void add_range(uintptr_t start, uintptr_t end)
{
    if (memory.range_count == RANGES_MAX) {
        fail("too many ranges of memory");
    }
    memory.ranges[memory.range_count++] = (struct range){.start = start, .end = end};
}

/* Add the range without the excluded ones: split it at the first, then handle the rest. */
static void add_parts(uintptr_t start, uintptr_t end)
{
    while (start < end) {
        const struct range *hole = NULL;
        for (uint32_t n = 0; n < memory.left_out_count; n++) {
            const struct range *r = &memory.left_out[n];
            if (r->end > start && r->start < end && (hole == NULL || r->start < hole->start)) {
                hole = r;
            }
        }
        if (hole == NULL) {
            add_range(start, end);
            return;
        }
        if (hole->start > start) {
            add_range(start, hole->start);
        }
        start = hole->end;
    }
}

static void read_maps(void)
{
    int file = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    size_t len = 0;
    for (ssize_t got = 1; file >= 0 && got > 0 && len < sizeof maps - 1; len += (size_t)got) {
        got = read(file, maps + len, sizeof maps - 1 - len);
        if (got < 0) {
            fail("/proc/self/maps cannot be read");
        }
    }
    close(file);
    maps[len] = '\0';
}

static void take_line(const char *line)
{
    unsigned long start, end;
    char rights[5];
    if (sscanf(line, "%lx-%lx %4s", &start, &end, rights) != 3) {
        return;
    }
    if (rights[0] == 'r' && memory.mapped_count < RANGES_MAX) {
        memory.mapped[memory.mapped_count++] = (struct range){.start = start, .end = end};
    }
    if (rights[1] == 'w' && rights[3] == 'p') {
        add_parts(start, end);
    }
}

static void copy_all(void)
{
    for (uint32_t n = 0; n < memory.range_count; n++) {
        memcpy(memory.ranges[n].copy, (const void *)memory.ranges[n].start,
               memory.ranges[n].end - memory.ranges[n].start);
    }
}

void memory_begin(void)
{
    memory_leave_out(&memory, sizeof memory);
    memory_leave_out(maps, sizeof maps);
    read_maps();
    for (char *line = maps; line != NULL && *line != '\0';) {
        char *end = strchr(line, '\n');
        take_line(line);
        line = end == NULL ? NULL : end + 1;
    }
    size_t size = 0;
    for (uint32_t n = 0; n < memory.range_count; n++) {
        size += memory.ranges[n].end - memory.ranges[n].start;
    }
    uint8_t *copies = mmap(NULL, size, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (copies == MAP_FAILED) {
        fail("no memory for a copy of all memory");
    }
    for (uint32_t n = 0; n < memory.range_count; n++) {
        memory.ranges[n].copy = (uint64_t *)copies;
        copies += memory.ranges[n].end - memory.ranges[n].start;
    }
    copy_all();
}

/* The first word from here on that differs. */
static uintptr_t next_change(const struct range *r, uintptr_t from)
{
    const uint64_t *now = (const uint64_t *)r->start;
    size_t count = (r->end - r->start) / 8, n = (from - r->start) / 8;
    while (n < count && n % 512 != 0 && now[n] == r->copy[n]) {
        n++;
    }
    while (n % 512 == 0 && n + 512 <= count && memcmp(now + n, r->copy + n, 4096) == 0) {
        n += 512;
    }
    while (n < count && now[n] == r->copy[n]) {
        n++;
    }
    return r->start + 8 * n;
}

static bool is_learned(uintptr_t at)
{
    uint32_t low = 0, high = memory.learned_count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (memory.learned[middle] < at) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < memory.learned_count && memory.learned[low] == at;
}

void memory_learn(void)
{
    for (uint32_t n = 0; n < memory.range_count; n++) {
        const struct range *r = &memory.ranges[n];
        for (uintptr_t at = next_change(r, r->start); at < r->end; at = next_change(r, at + 8)) {
            if (memory.learned_count == LEARNED_MAX) {
                fail("too much changes");
            }
            memory.learned[memory.learned_count++] = at;
        }
    }
    copy_all();
}

bool memory_has_changed(uintptr_t *out)
{
    for (uint32_t n = 0; n < memory.range_count; n++) {
        const struct range *r = &memory.ranges[n];
        for (uintptr_t at = next_change(r, r->start); at < r->end; at = next_change(r, at + 8)) {
            if (!is_learned(at)) {
                *out = at;
                return true;
            }
        }
    }
    return false;
}

bool memory_has(uint64_t address)
{
    for (uint32_t n = 0; address >= LOW && n < memory.mapped_count; n++) {
        if (address - memory.mapped[n].start < memory.mapped[n].end - memory.mapped[n].start) {
            return true;
        }
    }
    return false;
}
