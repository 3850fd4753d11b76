// SPDX-License-Identifier: MIT
//
// Floating point with results that are known exactly: a product of matrices of small integers,
// which a double holds without rounding, and the five outer bodies of the solar system, whose
// energy after a thousand steps is published to nine places (the n-body benchmark).
// `compute TIMES` computes the product that number of times.
#include "halyard.h"

#define SIZE 96

static double a[SIZE][SIZE], b[SIZE][SIZE], c[SIZE][SIZE];

/* a[i][j] = i + j and b[i][j] = i - j, so each element of the product has a closed formula. */
static bool check_product(void)
{
    for (int i = 0; i < SIZE; i++) {
        for (int j = 0; j < SIZE; j++) {
            a[i][j] = i + j;
            b[i][j] = i - j;
            c[i][j] = 0;
        }
    }
    for (int i = 0; i < SIZE; i++) {
        for (int n = 0; n < SIZE; n++) {
            for (int j = 0; j < SIZE; j++) {
                c[i][j] += a[i][n] * b[n][j];
            }
        }
    }
    const int64_t ones = SIZE;
    const int64_t sum = ones * (ones - 1) / 2;
    const int64_t squares = (ones - 1) * ones * (2 * ones - 1) / 6;
    for (int i = 0; i < SIZE; i++) {
        for (int j = 0; j < SIZE; j++) {
            /* sum over n of (i + n)(n - j) */
            int64_t expected = squares + (i - j) * sum - (int64_t)i * j * ones;
            if (c[i][j] != (double)expected) {
                return false;
            }
        }
    }
    return true;
}

#define BODIES 5
#define PI     3.141592653589793
#define SOLAR  (4 * PI * PI)
#define DAYS   365.24

struct body {
    double x[3], v[3], mass;
};

static struct body bodies[BODIES] = {
    {{0, 0, 0}, {0, 0, 0}, SOLAR},
    {{4.84143144246472090e+00, -1.16032004402742839e+00, -1.03622044471123109e-01},
     {1.66007664274403694e-03 * DAYS, 7.69901118419740425e-03 * DAYS,
      -6.90460016972063023e-05 * DAYS},
     9.54791938424326609e-04 * SOLAR},
    {{8.34336671824457987e+00, 4.12479856412430479e+00, -4.03523417114321381e-01},
     {-2.76742510726411868e-03 * DAYS, 4.99852801234917238e-03 * DAYS,
      2.30417297573763929e-05 * DAYS},
     2.85885980666130812e-04 * SOLAR},
    {{1.28943695621391310e+01, -1.51111514016986312e+01, -2.23307578892655734e-01},
     {2.96460137564761618e-03 * DAYS, 2.37847173959480950e-03 * DAYS,
      -2.96589568540237556e-05 * DAYS},
     4.36624404335156298e-05 * SOLAR},
    {{1.53796971148509165e+01, -2.59193146099879641e+01, 1.79258772950371181e-01},
     {2.68067772490389322e-03 * DAYS, 1.62824170038242295e-03 * DAYS,
      -9.51592254519715870e-05 * DAYS},
     5.15138902046611451e-05 * SOLAR},
};

static double distance2(const struct body *p, const struct body *q)
{
    double sum = 0;
    for (int d = 0; d < 3; d++) {
        double delta = p->x[d] - q->x[d];
        sum += delta * delta;
    }
    return sum;
}

static double energy(void)
{
    double e = 0;
    for (int i = 0; i < BODIES; i++) {
        const struct body *p = &bodies[i];
        e += 0.5 * p->mass * (p->v[0] * p->v[0] + p->v[1] * p->v[1] + p->v[2] * p->v[2]);
        for (int j = i + 1; j < BODIES; j++) {
            e -= p->mass * bodies[j].mass / __builtin_sqrt(distance2(p, &bodies[j]));
        }
    }
    return e;
}

/* Set the sun's velocity so that the momentum of the whole system is zero. */
static void stop_drift(void)
{
    for (int d = 0; d < 3; d++) {
        double momentum = 0;
        for (int i = 0; i < BODIES; i++) {
            momentum += bodies[i].v[d] * bodies[i].mass;
        }
        bodies[0].v[d] = -momentum / SOLAR;
    }
}

static void step(double dt)
{
    for (int i = 0; i < BODIES; i++) {
        for (int j = i + 1; j < BODIES; j++) {
            struct body *p = &bodies[i];
            struct body *q = &bodies[j];
            double d2 = distance2(p, q);
            double magnitude = dt / (d2 * __builtin_sqrt(d2));
            for (int d = 0; d < 3; d++) {
                double delta = p->x[d] - q->x[d];
                p->v[d] -= delta * q->mass * magnitude;
                q->v[d] += delta * p->mass * magnitude;
            }
        }
    }
    for (int i = 0; i < BODIES; i++) {
        for (int d = 0; d < 3; d++) {
            bodies[i].x[d] += dt * bodies[i].v[d];
        }
    }
}

static bool is_close(double v, double expected)
{
    double delta = v - expected;
    return delta < 5e-10 && delta > -5e-10;
}

static bool check_bodies(void)
{
    char before[48], after[48];
    stop_drift();
    double first = energy();
    for (int i = 0; i < 1000; i++) {
        step(0.01);
    }
    double last = energy();
    hy_printf("compute: energy %s, after 1000 steps %s\n",
              hy_format_double(before, sizeof(before), first, 9),
              hy_format_double(after, sizeof(after), last, 9));
    return is_close(first, -0.169075164) && is_close(last, -0.169087605);
}

static int parse_times(const char *digits)
{
    int times = 0;
    for (; *digits >= '0' && *digits <= '9' && times < 100000000; digits++) {
        times = times * 10 + (*digits - '0');
    }
    return *digits == '\0' ? times : 0;
}

int main(int argc, char **argv)
{
    if (hy_shows_help(argc, argv, "compute [TIMES]")) {
        return 0;
    }
    int times = argc > 1 ? parse_times(argv[1]) : 1;
    if (argc > 2 || times < 1) {
        hy_dprintf(2, "usage: compute [TIMES]\n");
        return 2;
    }
    bool product = true;
    for (int i = 0; i < times && product; i++) {
        product = check_product();
    }
    hy_printf("compute: product of %d x %d matrices %s\n", SIZE, SIZE, product ? "exact" : "WRONG");
    bool motion = check_bodies();
    hy_printf("compute: %s\n", product && motion ? "ok" : "FAILED");
    return product && motion ? 0 : 1;
}
