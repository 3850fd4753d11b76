# SPDX-License-Identifier: MIT
#
# `cmake --preset NAME && ninja run`, both typed at the root: an explicit configuration writes a small
# build.ninja there that forwards to build/NAME, and points clangd to that build's flags.
#
# The preset sets HALYARD_FORWARD each time cmake is called with its name. It is cleared once used, so that a
# reconfiguration that ninja starts by itself (a file was added) does not move the root to another
# preset; scripts/run configures with it off for the same reason.
if(HALYARD_FORWARD)
    set(rules "")
    foreach(name run debug debug-tui bench iso check docs format)
        string(APPEND rules "build ${name}: forward always\n  target = ${name}\n")
    endforeach()
    configure_file("${CMAKE_SOURCE_DIR}/cmake/root.ninja.in" "${CMAKE_SOURCE_DIR}/build.ninja" @ONLY)
    file(CREATE_LINK "${CMAKE_BINARY_DIR}/compile_commands.json"
        "${CMAKE_SOURCE_DIR}/compile_commands.json" SYMBOLIC)
    set(HALYARD_FORWARD OFF CACHE BOOL "write the root's build.ninja" FORCE)
endif()
