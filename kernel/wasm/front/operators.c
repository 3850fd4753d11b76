// SPDX-License-Identifier: MIT
//
// The tables of operators, and skipping their immediates.
//
// operators.def is the only list of the operators with one byte and with
// prefix 0xfc; it is included twice, for two tables. A code without a row
// has shape WASM_SHAPE_ILLEGAL, which is 0. The shape says which immediates
// follow; the action, which function of the builder handles the operator.
#include "kernel/wasm/front/operators.h"

#include "kernel/wasm/front/newer.h"

enum {
    WASM_NONE = 0,
    SWAP = WASM_SWAP,
};

#define WASM_OP_FC(code, name, shape, action, in, out, op, extra)
#define WASM_OP(code, name, shape, action, in, out, op, extra)                                     \
    [code] = {                                                                                     \
        name, WASM_SHAPE_##shape, WASM_ACTION_##action, WASM_##in, WASM_##out, op, extra,          \
    },
const struct wasm_operator wasm_operators[256] = {
#include "kernel/wasm/front/operators.def"
};
#undef WASM_OP
#undef WASM_OP_FC

#define WASM_OP(code, name, shape, action, in, out, op, extra)
#define WASM_OP_FC(code, name, shape, action, in, out, op, extra)                                  \
    [code] = {                                                                                     \
        name, WASM_SHAPE_##shape, WASM_ACTION_##action, WASM_##in, WASM_##out, op, extra,          \
    },
static const struct wasm_operator more[] = {
#include "kernel/wasm/front/operators.def"
};

const struct wasm_operator *wasm_more_operator(uint32_t number)
{
    return number < ARRAY_COUNT(more) ? &more[number] : NULL;
}

const struct wasm_operator *wasm_prefixed_operator(struct wasm_reader *r, uint8_t prefix,
                                                   uint32_t *number)
{
    const uint8_t *where = r->at - 1;
    if (!wasm_u32(r, number)) {
        return NULL;
    }
    bool is_more = prefix == WASM_PREFIX_MORE, is_atomic = prefix == WASM_PREFIX_ATOMIC;
    const struct wasm_operator *o = is_more     ? wasm_more_operator(*number)
                                    : is_atomic ? wasm_atomic_operator(*number)
                                                : wasm_vector_operator(*number);
    if (o == NULL || o->shape == WASM_SHAPE_ILLEGAL) {
        if (!is_more || !wasm_fail_newer(r, where, WASM_PLACE_MORE, *number)) {
            (void)wasm_fail(r, where, E_CORRUPT, "unknown operator 0x%02x %u", prefix, *number);
        }
        return NULL;
    }
    return o;
}

static bool skip_bytes(struct wasm_reader *r, size_t n)
{
    if ((size_t)(r->end - r->at) < n) {
        return wasm_end_early(r);
    }
    r->at += n;
    return true;
}

static bool skip_index(struct wasm_reader *r)
{
    uint32_t ignored;
    return wasm_u32(r, &ignored);
}

static bool skip_place(struct wasm_reader *r)
{
    uint32_t align;
    uint64_t offset;
    return wasm_u32(r, &align) && ((align & WASM_ALIGN_HAS_MEMORY) == 0 || skip_index(r)) &&
           wasm_u64(r, &offset);
}

static bool skip_labels(struct wasm_reader *r)
{
    uint32_t count;
    if (!wasm_count(r, 1, &count)) {
        return false;
    }
    for (uint64_t n = 0; n < (uint64_t)count + 1; n++) {
        if (!skip_index(r)) {
            return false;
        }
    }
    return true;
}

static bool skip_types(struct wasm_reader *r)
{
    uint32_t count, type;
    if (!wasm_count(r, 1, &count)) {
        return false;
    }
    for (uint32_t n = 0; n < count; n++) {
        if (!wasm_value_type(r, &type)) {
            return false;
        }
    }
    return true;
}

static bool skip_block_type(struct wasm_reader *r)
{
    int64_t index;
    uint32_t type;
    return r->at < r->end && wasm_begins_reference(*r->at) ? wasm_value_type(r, &type)
                                                           : wasm_i33(r, &index);
}

bool wasm_clause(struct wasm_reader *r, uint8_t *kind, uint32_t *tag, uint32_t *label)
{
    const uint8_t *where = r->at;
    *tag = 0;
    if (!wasm_byte(r, kind)) {
        return false;
    }
    if (*kind > WASM_CATCH_ALL_REF) {
        return wasm_fail(r, where, E_CORRUPT, "malformed catch clause 0x%02x", *kind);
    }
    return (*kind >= WASM_CATCH_ALL || wasm_u32(r, tag)) && wasm_u32(r, label);
}

bool wasm_skip_clauses(struct wasm_reader *r)
{
    uint32_t count, tag, label;
    uint8_t kind;
    if (!wasm_count(r, 2, &count)) {
        return false;
    }
    for (uint32_t n = 0; n < count; n++) {
        if (!wasm_clause(r, &kind, &tag, &label)) {
            return false;
        }
    }
    return true;
}

/* Read the immediates of an operator without using them. Every shape
 * must be here: the scan relies on it to find the next operator, and
 * a wrong length would make it read immediates as operators. */
bool wasm_skip_immediates(struct wasm_reader *r, unsigned shape)
{
    int32_t small;
    int64_t large;
    uint32_t type;
    switch ((enum wasm_shape)shape) {
    case WASM_SHAPE_ILLEGAL:
        return !wasm_fail_newer(r, r->at - 1, WASM_PLACE_OPERATOR, r->at[-1]) &&
               wasm_fail(r, r->at - 1, E_CORRUPT, "unknown operator 0x%02x", r->at[-1]);
    case WASM_SHAPE_NONE:
    case WASM_SHAPE_STOP:
    case WASM_SHAPE_THROW:
    case WASM_SHAPE_CATCH_ALL:
    case WASM_SHAPE_ELSE:
    case WASM_SHAPE_END:
        return true;
    case WASM_SHAPE_BLOCK:
    case WASM_SHAPE_LOOP:
    case WASM_SHAPE_IF:
    case WASM_SHAPE_TRY:
        return skip_block_type(r);
    case WASM_SHAPE_TRY_TABLE:
        return skip_block_type(r) && wasm_skip_clauses(r);
    case WASM_SHAPE_INDEX:
    case WASM_SHAPE_STOP_INDEX:
    case WASM_SHAPE_CALL:
    case WASM_SHAPE_THROW_INDEX:
    case WASM_SHAPE_RETHROW:
    case WASM_SHAPE_CATCH:
    case WASM_SHAPE_DELEGATE:
    case WASM_SHAPE_BR:
    case WASM_SHAPE_BR_IF:
    case WASM_SHAPE_LOCAL:
    case WASM_SHAPE_LOCAL_SET:
        return skip_index(r);
    case WASM_SHAPE_INDEX2:
    case WASM_SHAPE_STOP_INDEX2:
    case WASM_SHAPE_CALL_INDIRECT:
        return skip_index(r) && skip_index(r);
    case WASM_SHAPE_MEMORY:
        return skip_place(r);
    case WASM_SHAPE_BR_TABLE:
        return skip_labels(r);
    case WASM_SHAPE_TYPES:
        return skip_types(r);
    case WASM_SHAPE_TYPE:
        return wasm_heap_type(r, &type);
    case WASM_SHAPE_I32:
        return wasm_i32(r, &small);
    case WASM_SHAPE_I64:
        return wasm_i64(r, &large);
    case WASM_SHAPE_F32:
        return skip_bytes(r, 4);
    case WASM_SHAPE_F64:
        return skip_bytes(r, 8);
    case WASM_SHAPE_LANE:
        return skip_bytes(r, 1);
    case WASM_SHAPE_LANES:
        return skip_bytes(r, 16);
    case WASM_SHAPE_MEMORY_LANE:
        return skip_place(r) && skip_bytes(r, 1);
    }
    return false;
}
