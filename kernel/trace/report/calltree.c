// SPDX-License-Identifier: MIT
//
// Each sample is added by walking the tree from its root, one list of callees after the other:
// chains are some tens of calls deep, and most functions call few others.
#include "kernel/trace/report/calltree.h"

#include "kernel/lib/string.h"

#define NO_ROOM_NAME "(others)"

/* FNV-1a */
static uint32_t hash(const char *name)
{
    uint32_t h = 2166136261u;
    for (; *name != '\0'; name++) {
        h = (h ^ (uint8_t)*name) * 16777619u;
    }
    return h ^ h >> 16;
}

/* The name's slot, or the free one where it belongs. */
static uint16_t *slot_of(struct calltree *t, const char *name)
{
    uint32_t at = hash(name) % CALLTREE_SLOTS;
    while (t->slots[at] != 0 && strcmp(t->names[t->slots[at]], name) != 0) {
        at = (at + 1) % CALLTREE_SLOTS;
    }
    return &t->slots[at];
}

uint16_t calltree_name(struct calltree *t, const char *name)
{
    char cut[CALLTREE_NAME_MAX];
    (void)str_copy(cut, sizeof cut, name);
    uint16_t *slot = slot_of(t, cut);
    if (*slot == 0 && t->name_count < CALLTREE_NAMES - 1) {
        *slot = (uint16_t)++t->name_count;
        (void)str_copy(t->names[*slot], CALLTREE_NAME_MAX, cut);
    }
    return *slot;
}

uint16_t calltree_enter(struct calltree *t, uint16_t node, uint16_t name)
{
    struct calltree_node *caller = &t->nodes[node];
    for (uint16_t n = caller->child; n != 0; n = t->nodes[n].sibling) {
        if (t->nodes[n].name == name) {
            return n;
        }
    }
    if (t->node_count == CALLTREE_NODES - 1) {
        return node;
    }
    uint16_t added = (uint16_t)++t->node_count;
    t->nodes[added] =
        (struct calltree_node){.name = name, .parent = node, .sibling = caller->child};
    caller->child = added;
    return added;
}

void calltree_count(struct calltree *t, uint16_t node)
{
    t->nodes[node].count++;
}

/* Build the chain from its end towards the front of the buffer, then move it to the beginning. */
static void describe(const struct calltree *t, uint16_t node, char *buf, size_t len)
{
    size_t at = len - 1;
    buf[at] = '\0';
    for (; node != 0; node = t->nodes[node].parent) {
        const char *name = t->nodes[node].name == 0 ? NO_ROOM_NAME : t->names[t->nodes[node].name];
        size_t bytes = strlen(name), mark = at < len - 1 ? 1 : 0;
        if (bytes + mark > at) {
            break;
        }
        if (mark != 0) {
            buf[--at] = ';';
        }
        at -= bytes;
        memcpy(buf + at, name, bytes);
    }
    memmove(buf, buf + at, len - at);
}

uint32_t calltree_next(const struct calltree *t, uint32_t *at, char *buf, size_t len)
{
    while (*at < t->node_count) {
        uint16_t node = (uint16_t)++ * at;
        if (t->nodes[node].count != 0) {
            describe(t, node, buf, len);
            return t->nodes[node].count;
        }
    }
    return 0;
}
