// SPDX-License-Identifier: MIT
//
// Every way to use an address in C, so that each relocation that a compiler may choose occurs. The
// note is written by hand, because halyard.h requires the code model of programs.

#if defined(__x86_64__)
#define MACHINE 62
#else
#define MACHINE 183
#endif

__attribute__((section(".note.halyard"), used, aligned(4))) static const struct {
    unsigned head[3];
    char name[8];
    unsigned desc[3];
} note = {{8, 12, 1}, "Halyard", {1, MACHINE, 7}};

struct mixed {
    char c;
    short s;
    int i;
    long l;
    __int128 q;
};

extern int imported_data, *imported_pointer;
extern int imported_function(int);
/* lld 14 cannot resolve the tiny code model's access to the address of a weak symbol */
#ifndef NO_WEAK
extern int absent_weak __attribute__((weak));
#endif

int common_array[10];
struct mixed global;
static int zeroed[1000];
static double constants[3] = {1.5, 2.5, 3.5};
static int initialised = 7;
int *const pointer_to_local = &initialised;
int (*const pointer_to_function)(int) = imported_function;
const char *const names[] = {"alpha", "beta", "gamma"};
static const unsigned char table[] = {3, 1, 4, 1, 5, 9, 2, 6};

const char *get_string(unsigned i)
{
    return i < 3 ? names[i] : "none of them";
}

struct mixed *get_global(void)
{
    return &global;
}

int read_all(int i)
{
    return zeroed[i] + imported_data + *imported_pointer + global.c + global.s + global.i +
           (int)global.l + (int)global.q + table[i & 7] + initialised;
}

void write_all(int i)
{
    zeroed[i] = imported_function(i);
    global.c = 1;
    global.s = 2;
    global.i = 3;
    global.l = 4;
    global.q = 5;
    initialised++;
    common_array[i] = i;
}

int tail_call(int x)
{
    return imported_function(x + 1);
}

int (*take_address(void))(int)
{
    return imported_function;
}

#ifndef NO_WEAK
int *take_weak(void)
{
    return &absent_weak;
}
#endif

double multiply(double x, int i)
{
    return x * constants[i] * 3.141592653589793 + 1e300;
}

__attribute__((noinline, cold)) static int rarely(int x)
{
    return imported_function(x) * 3;
}

int choose(int x)
{
    switch (x) {
    case 0:
        return imported_function(1);
    case 1:
        return 7;
    case 2:
        return 99;
    case 3:
        return read_all(4);
    case 4:
        return 1;
    case 5:
        return 12345;
    case 6:
        return tail_call(x);
    }
    return rarely(x);
}

int main(void)
{
    return choose(3);
}
