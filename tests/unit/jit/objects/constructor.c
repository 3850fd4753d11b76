// SPDX-License-Identifier: MIT
#include "halyard.h"

static volatile int ready; /* volatile: otherwise clang would evaluate the constructor itself */

__attribute__((constructor)) static void prepare(void)
{
    ready = 1;
}

int main(void)
{
    return ready;
}
