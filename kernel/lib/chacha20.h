// SPDX-License-Identifier: MIT
//
// The ChaCha20 block function, RFC 8439, section 2.3: 64 bytes that cannot be distinguished from
// random ones without the key.
#pragma once

#include <stdint.h>

#define CHACHA20_KEY_BYTES   32u
#define CHACHA20_NONCE_BYTES 12u
#define CHACHA20_BLOCK_BYTES 64u

/** @brief Compute one block. @context{any} Pure. */
void chacha20_block(const uint8_t key[CHACHA20_KEY_BYTES], uint32_t counter,
                    const uint8_t nonce[CHACHA20_NONCE_BYTES], uint8_t out[CHACHA20_BLOCK_BYTES]);
