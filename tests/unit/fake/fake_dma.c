// SPDX-License-Identifier: MIT
//
// See fake_dma.h.

#include "fake/fake_dma.h"

#include "fake/fake.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHARED_MAX 8192
#define LATE_MAX   8

enum fake_barrier fake_dma_dropped = FAKE_BARRIERS;
void (*fake_on_barrier)(enum fake_barrier kind);
unsigned fake_dma_told_early;

static uint8_t *shared;
static size_t shared_size;
static uint8_t fenced[SHARED_MAX]; /* contents at the last barrier for stores */
static struct late {
    uint8_t *at;
    size_t len;
    uint8_t data[16];
} late[LATE_MAX]; /* in the order of the device's writes */
static unsigned late_count;

static size_t offset(const void *at, size_t len)
{
    size_t o = (size_t)((const uint8_t *)at - shared);
    if (shared == NULL || o > shared_size || len > shared_size - o) {
        fprintf(stderr, "fake device: that memory is not shared with it\n");
        abort();
    }
    return o;
}

void fake_dma_share(void *memory, size_t size)
{
    if (size > SHARED_MAX) {
        abort();
    }
    shared = memory;
    shared_size = size;
    late_count = 0;
    if (memory != NULL) {
        memcpy(fenced, memory, size);
    }
}

void fake_dma_read(void *out, const void *at, size_t len, bool newest)
{
    size_t o = offset(at, len);
    memcpy(out, newest ? shared + o : fenced + o, len);
}

void fake_dma_write(void *at, const void *data, size_t len, bool is_late)
{
    size_t o = offset(at, len);
    memcpy(fenced + o, data, len); /* the device sees its own writes */
    if (!is_late) {
        memcpy(at, data, len);
        return;
    }
    if (late_count == LATE_MAX || len > sizeof(late[0].data)) {
        abort();
    }
    struct late *l = &late[late_count++];
    l->at = at;
    l->len = len;
    memcpy(l->data, data, len);
}

static void barrier(enum fake_barrier kind)
{
    static const char *const names[] = {"wmb", "rmb", "mb"};
    if (kind == fake_dma_dropped) {
        return;
    }
    fake_journal_add(names[kind]);
    if (fake_on_barrier != NULL) {
        fake_on_barrier(kind);
    }
    for (unsigned i = 0; kind != FAKE_WMB && i < late_count; i++) {
        memcpy(late[i].at, late[i].data, late[i].len);
    }
    late_count = kind == FAKE_WMB ? late_count : 0;
    if (kind != FAKE_RMB && shared != NULL) {
        memcpy(fenced, shared, shared_size);
    }
}

void fake_register_written(void)
{
    if (shared != NULL && memcmp(fenced, shared, shared_size) != 0) {
        fake_dma_told_early++;
    }
}

void fake_dma_wmb(void)
{
    barrier(FAKE_WMB);
}

void fake_dma_rmb(void)
{
    barrier(FAKE_RMB);
}

void fake_dma_mb(void)
{
    barrier(FAKE_MB);
}
