// SPDX-License-Identifier: MIT
//
// What only the commands of livepatch.ko need of the applied patches.
#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"
#include "kernel/module/livepatch_state.h"

bool livepatch_get_info(uint32_t i, struct livepatch_info *out)
{
    bool found = false;
    mutex_lock(&livepatch_lock);
    LIST_FOR_EACH (&livepatch_applied, n) {
        const struct livepatch_patch *p = CONTAINER_OF(n, struct livepatch_patch, link);
        if (i-- == 0) {
            out->functions = p->functions;
            str_copy(out->name, sizeof(out->name), p->name);
            found = true;
            break;
        }
    }
    mutex_unlock(&livepatch_lock);
    return found;
}

void livepatch_exclude(void (*fn)(void *arg), void *arg)
{
    mutex_lock(&livepatch_lock);
    fn(arg);
    mutex_unlock(&livepatch_lock);
}
