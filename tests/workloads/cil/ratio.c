// SPDX-License-Identifier: MIT
//
// The computations of ratio.cs in C.
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct body {
    double x, y, z, w;
};

__attribute__((noinline)) static struct body move(struct body a, struct body b)
{
    struct body c;
    c.x = a.x + b.x * 0.5;
    c.y = a.y - b.y * 0.25;
    c.z = a.z + b.w;
    c.w = a.w * 0.999 + b.z;
    return c;
}

static int structs(void)
{
    struct body a = {1, 1, 1, 1}, b = {0.001, 0.001, 0.001, 0.001};
    for (int n = 0; n < 60000000; n++) {
        a = move(a, b);
    }
    return (int)(a.x + a.y + a.z + a.w);
}

/* As a virtual_calls call: the function is found through the object. */
struct shape {
    const struct methods {
        uint32_t (*next)(const struct shape *self, uint32_t seed);
    } * methods;
};

static uint32_t triangle(const struct shape *self, uint32_t seed)
{
    (void)self;
    return seed * 1664525 + 1013904223;
}

static uint32_t square(const struct shape *self, uint32_t seed)
{
    (void)self;
    return seed ^ (seed >> 7);
}

static uint32_t circle(const struct shape *self, uint32_t seed)
{
    (void)self;
    return seed * 22695477 + 1;
}

static int virtual_calls(void)
{
    static const struct methods all[] = {{triangle}, {square}, {circle}};
    struct shape *shapes[3];
    uint32_t seed = 1;
    for (int n = 0; n < 3; n++) {
        shapes[n] = malloc(sizeof *shapes[n]);
        shapes[n]->methods = &all[n];
    }
    for (int n = 0; n < 100000000; n++) {
        const struct shape *s = shapes[seed % 3];
        seed = s->methods->next(s, seed);
    }
    return (int)(seed & 0x7fffffff);
}

struct node {
    struct node *left, *right;
};

static struct node *make(int depth)
{
    struct node *n = calloc(1, sizeof *n);
    if (depth > 0) {
        n->left = make(depth - 1);
        n->right = make(depth - 1);
    }
    return n;
}

static int count(const struct node *n)
{
    return n->left == NULL ? 1 : 1 + count(n->left) + count(n->right);
}

static void drop(struct node *n)
{
    if (n != NULL) {
        drop(n->left);
        drop(n->right);
        free(n);
    }
}

static int trees(void)
{
    int sum = 0;
    for (int n = 0; n < 150; n++) {
        struct node *all = make(15);
        sum += count(all);
        drop(all);
    }
    return sum;
}

#define SIZE 400

static int matrix(void)
{
    double *a = calloc(SIZE * SIZE, sizeof *a), *b = calloc(SIZE * SIZE, sizeof *b);
    double *c = calloc(SIZE * SIZE, sizeof *c);
    for (int n = 0; n < SIZE * SIZE; n++) {
        a[n] = n % 7;
        b[n] = n % 5;
    }
    for (int round = 0; round < 8; round++) {
        for (int i = 0; i < SIZE; i++) {
            for (int j = 0; j < SIZE; j++) {
                double sum = 0;
                for (int k = 0; k < SIZE; k++) {
                    sum += a[i * SIZE + k] * b[k * SIZE + j];
                }
                c[i * SIZE + j] = sum;
            }
        }
    }
    return (int)c[SIZE * SIZE / 2 + 17];
}

static int sieve(void)
{
    enum { LAST = 4000000 };
    int primes = 0;
    for (int round = 0; round < 20; round++) {
        bool *composite = calloc(LAST + 1, sizeof *composite);
        primes = 0;
        for (int n = 2; n <= LAST; n++) {
            if (composite[n]) {
                continue;
            }
            primes++;
            for (long m = (long)n * n; m <= LAST; m += n) {
                composite[m] = true;
            }
        }
        free(composite);
    }
    return primes;
}

static int hash(void)
{
    enum { BYTES = 1 << 20 };
    uint8_t *bytes = malloc(BYTES);
    for (int n = 0; n < BYTES; n++) {
        bytes[n] = (uint8_t)(n * 31 >> 3);
    }
    uint32_t value = 2166136261;
    for (int round = 0; round < 400; round++) {
        for (int n = 0; n < BYTES; n++) {
            value = (value ^ bytes[n]) * 16777619;
        }
    }
    return (int)(value & 0x7fffffff);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(void);
    } all[] = {{"structs", structs}, {"virtual", virtual_calls}, {"trees", trees},
               {"matrix", matrix},   {"sieve", sieve},           {"hash", hash}};
    int result = 0;
    for (size_t n = 0; n < sizeof all / sizeof *all; n++) {
        if (argc > 1 && strcmp(argv[1], all[n].name) == 0) {
            result = all[n].run();
        }
    }
    printf("%d\n", result);
    return 0;
}
