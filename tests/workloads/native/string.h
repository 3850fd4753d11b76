// SPDX-License-Identifier: MIT
//
// The part of a C library that the workloads need, for native programs.
#pragma once

#include "halyard.h"
