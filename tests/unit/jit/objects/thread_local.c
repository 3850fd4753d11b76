// SPDX-License-Identifier: MIT
#include "halyard.h"

_Thread_local int per_thread = 1;

int main(void)
{
    return per_thread;
}
