// SPDX-License-Identifier: MIT
//
// Reads a packed file of tests.
#include "tests/conformance/spec_pack.h"

#include "kernel/lib/string.h"

static const uint8_t *take(struct spec_reader *r, size_t n)
{
    if (r->broken || n > r->left) {
        r->broken = true;
        return NULL;
    }
    const uint8_t *at = r->at;
    r->at += n;
    r->left -= n;
    return at;
}

static uint64_t number(struct spec_reader *r, unsigned bytes)
{
    const uint8_t *at = take(r, bytes);
    uint64_t n = 0;
    for (unsigned k = 0; at != NULL && k < bytes; k++) {
        n |= (uint64_t)at[k] << (8 * k);
    }
    return n;
}

static struct wasm_bytes string(struct spec_reader *r)
{
    uint32_t len = (uint32_t)number(r, 4);
    const uint8_t *at = take(r, len);
    return (struct wasm_bytes){at, at == NULL ? 0 : len};
}

static uint16_t values(struct spec_reader *r, struct spec_value *out)
{
    uint16_t count = (uint16_t)number(r, 2);
    if (count > SPEC_VALUES_MAX) {
        r->broken = true;
        return 0;
    }
    for (uint16_t n = 0; n < count; n++) {
        out[n].type = (uint8_t)number(r, 1);
        out[n].lanes = (uint8_t)number(r, 1);
        out[n].canonical = (uint16_t)number(r, 2);
        out[n].arithmetic = (uint16_t)number(r, 2);
        out[n].lo = number(r, 8);
        out[n].hi = number(r, 8);
        r->broken |= out[n].lanes == 0 || out[n].lanes > 16;
    }
    return count;
}

static void action(struct spec_reader *r, struct spec_action *out)
{
    out->is_get = number(r, 1) != 0;
    out->module = string(r);
    out->name = string(r);
    out->count = values(r, out->values);
}

bool spec_open(struct spec_reader *r, const uint8_t *bytes, size_t len)
{
    *r = (struct spec_reader){.at = bytes, .left = len};
    const uint8_t *magic = take(r, 4);
    r->commands = (uint32_t)number(r, 4);
    return !r->broken && memcmp(magic, SPEC_MAGIC, 4) == 0;
}

bool spec_next(struct spec_reader *r, struct spec_command *out)
{
    if (r->commands == 0) {
        return false;
    }
    r->commands--;
    out->kind = (uint8_t)number(r, 1);
    out->line = (uint32_t)number(r, 4);
    switch (out->kind) {
    case SPEC_MODULE:
    case SPEC_REGISTER:
    case SPEC_DEFINITION:
    case SPEC_INSTANCE:
        out->name = string(r);
        out->bytes = string(r);
        break;
    case SPEC_THREAD:
        out->name = string(r);
        out->text = string(r);
        out->bytes = string(r);
        break;
    case SPEC_WAIT:
        out->name = string(r);
        break;
    case SPEC_ACTION:
        action(r, &out->action);
        break;
    case SPEC_RETURN:
    case SPEC_EITHER:
        action(r, &out->action);
        out->expected_count = values(r, out->expected);
        break;
    case SPEC_TRAP:
    case SPEC_EXHAUSTION:
    case SPEC_EXCEPTION:
        action(r, &out->action);
        out->text = string(r);
        break;
    default:
        r->broken |= out->kind >= SPEC_KIND_COUNT;
        out->bytes = string(r);
        out->text = string(r);
        break;
    }
    return !r->broken;
}
