// SPDX-License-Identifier: MIT
//
// Prints the SHA-256 digest of files (FIPS 180-4) as sha256sum does: "<hex>  <path>".
#include "halyard.h"

static const uint32_t k[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

#define BLOCK 64u

struct sha256 {
    uint32_t h[8];
    uint64_t bytes;
    uint8_t tail[BLOCK]; /* the first bytes % BLOCK of it are data of an incomplete block */
};

static uint32_t rotate(uint32_t x, unsigned n)
{
    return x >> n | x << (32 - n);
}

static uint32_t load_be(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void add_block(struct sha256 *s, const uint8_t *p)
{
    uint32_t w[64];
    for (int i = 0; i < 16; i++) {
        w[i] = load_be(p + 4 * i);
    }
    for (int i = 16; i < 64; i++) {
        uint32_t s0 = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3;
        uint32_t s1 = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10;
        w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }

    uint32_t v[8];
    memcpy(v, s->h, sizeof(v));
    for (int i = 0; i < 64; i++) {
        uint32_t s1 = rotate(v[4], 6) ^ rotate(v[4], 11) ^ rotate(v[4], 25);
        uint32_t choice = (v[4] & v[5]) ^ (~v[4] & v[6]);
        uint32_t t1 = v[7] + s1 + choice + k[i] + w[i];
        uint32_t s0 = rotate(v[0], 2) ^ rotate(v[0], 13) ^ rotate(v[0], 22);
        uint32_t majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);
        uint32_t t2 = s0 + majority;
        v[7] = v[6];
        v[6] = v[5];
        v[5] = v[4];
        v[4] = v[3] + t1;
        v[3] = v[2];
        v[2] = v[1];
        v[1] = v[0];
        v[0] = t1 + t2;
    }
    for (int i = 0; i < 8; i++) {
        s->h[i] += v[i];
    }
}

static void start(struct sha256 *s)
{
    static const uint32_t first[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    memcpy(s->h, first, sizeof(first));
    s->bytes = 0;
}

static void add(struct sha256 *s, const uint8_t *p, size_t len)
{
    size_t used = s->bytes % BLOCK;
    s->bytes += len;
    if (used != 0) {
        size_t n = len < BLOCK - used ? len : BLOCK - used;
        memcpy(s->tail + used, p, n);
        p += n;
        len -= n;
        if (used + n < BLOCK) {
            return;
        }
        add_block(s, s->tail);
    }
    for (; len >= BLOCK; len -= BLOCK, p += BLOCK) {
        add_block(s, p);
    }
    memcpy(s->tail, p, len);
}

static void finish(struct sha256 *s)
{
    static const uint8_t pad[BLOCK] = {0x80};
    uint64_t bits = s->bytes * 8;
    uint8_t length[8];
    for (int i = 0; i < 8; i++) {
        length[i] = (uint8_t)(bits >> (56 - 8 * i));
    }
    size_t used = s->bytes % BLOCK;
    add(s, pad, used < 56 ? 56 - used : 120 - used);
    add(s, length, sizeof(length));
}

/* "-" stands for standard input, which stays open. */
static int hash_file(const char *path)
{
    static uint8_t buf[256 * 1024];
    struct sha256 s;
    int is_input = path[0] == '-' && path[1] == 0;
    int fd = is_input ? 0 : hy_open(path, HY_READ);
    if (fd < 0) {
        hy_dprintf(2, "sha256: %s: %s\n", path, hy_status_text(fd));
        return 1;
    }
    start(&s);
    int64_t n;
    while ((n = hy_read(fd, buf, sizeof(buf))) > 0) {
        add(&s, buf, (size_t)n);
    }
    if (!is_input) {
        hy_close(fd);
    }
    if (n < 0) {
        hy_dprintf(2, "sha256: %s: %s\n", path, hy_status_text((int)n));
        return 1;
    }
    finish(&s);

    char hex[65];
    for (int i = 0; i < 8; i++) {
        hy_snprintf(hex + 8 * i, 9, "%08x", s.h[i]);
    }
    hy_printf("%s  %s\n", hex, path);
    return 0;
}

int main(int argc, char **argv)
{
    if (hy_shows_help(argc, argv, "sha256 [FILE...]")) {
        return 0;
    }
    int status = argc < 2 ? hash_file("-") : 0;
    for (int i = 1; i < argc; i++) {
        status |= hash_file(argv[i]);
    }
    return status;
}
