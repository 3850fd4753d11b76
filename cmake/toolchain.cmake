# SPDX-License-Identifier: MIT
#
# clang and lld for a bare machine. HALYARD_ARCH (x86_64 or aarch64) comes from the preset.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR ${HALYARD_ARCH})

# try_compile reads this file again in a project of its own, where the cache is empty.
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES HALYARD_ARCH)
# There is no C library to link the probe with.
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)

set(CMAKE_C_COMPILER clang)
set(CMAKE_ASM_COMPILER clang)
# Both are needed: without the second, .S files go to the host's assembler.
set(CMAKE_C_COMPILER_TARGET ${HALYARD_ARCH}-none-elf)
set(CMAKE_ASM_COMPILER_TARGET ${HALYARD_ARCH}-none-elf)

# clang would link x86_64-none-elf by calling the host's gcc; the linker is called directly instead,
# so target_link_options() are plain lld flags.
set(CMAKE_C_LINK_EXECUTABLE "ld.lld <LINK_FLAGS> <OBJECTS> -o <TARGET> <LINK_LIBRARIES>")

set(CMAKE_C_FLAGS_RELEASE "-O2 -g")
set(CMAKE_C_FLAGS_DEBUG "-Og -g -DHALYARD_DEBUG=1")
set(CMAKE_ASM_FLAGS_RELEASE "-g")
set(CMAKE_ASM_FLAGS_DEBUG "-g -DHALYARD_DEBUG=1")
