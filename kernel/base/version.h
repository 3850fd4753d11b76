// SPDX-License-Identifier: MIT
//
// The version that the greeting and `uname` show.
#pragma once

#define HALYARD_VERSION "0.9"
