// SPDX-License-Identifier: MIT
//
// The list of proposals. tests/unit/test_wasm_features.c has a module for each.
#include "kernel/wasm/front/features.h"

const struct load_feature wasm_features[] = {
    /* 2.0 */
    {"mutable-globals", "yes"},
    {"sign-extension", "yes"},
    {"nontrapping-float-to-int", "yes"},
    {"multi-value", "yes"},
    {"bulk-memory", "yes"},
    {"reference-types", "yes"},
    {"simd", "yes"},
    /* 3.0 */
    {"extended-const", "yes"},
    {"function-references", "yes"},
    {"tail-call", "yes"},
    {"multi-memory", "yes"},
    {"memory64", "yes"},
    {"exception-handling", "yes"},
    {"relaxed-simd", "yes"},
    {"gc", "no"},
    /* other */
    {"legacy-exceptions", "yes"},
    {"threads", "yes"},
    {"wide-arithmetic", "no"},
    {"custom-page-sizes", "no"},
    {NULL, NULL},
};
