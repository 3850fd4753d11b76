// SPDX-License-Identifier: MIT
// Debian's build of Lua makes this file: part of the path of modules in machine code.
#define DEB_HOST_MULTIARCH "wasm32-wasi"
