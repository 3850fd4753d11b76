# SPDX-License-Identifier: MIT
#
# What the x86-64 kernel needs besides the common rules: the C of the 32-bit start (boot32/).
#
# It is compiled for i386, as assembly, which the x86-64 assembler then takes in .code32: lld links
# only one ELF class. The walker (hal/pagetable.c, pte.c) and the search for aslr=off are in it a second
# time as 32-bit code, so every name but the two that entry.S calls becomes local.

# Of 2 MiB, that the bootstrap tables have pages for: a kernel that checks itself is larger.
set(image_blocks 2)
set(boot32_checks "")
if(HALYARD_SANITIZE)
    set(image_blocks 8)
    set(boot32_checks -ftrivial-auto-var-init=pattern)
endif()
if(HALYARD_SANITIZE STREQUAL "address")
    list(APPEND boot32_checks -DHALYARD_ADDRESS=1)
endif()
set(HALYARD_MACHINE_LINK_FLAGS "--defsym=IMAGE_BLOCKS=${image_blocks}")

set(boot32_dir "${CMAKE_BINARY_DIR}/boot32")
set(boot32_flags
    --target=i386-none-elf -march=i686 -Os -std=gnu2x
    -ffreestanding -fno-pic -fno-common -fno-asynchronous-unwind-tables -fno-jump-tables
    -mgeneral-regs-only ${HALYARD_WARNINGS} ${HALYARD_PATH_FLAGS}
    "-I${CMAKE_SOURCE_DIR}" "-I${arch_dir}/include" -DIMAGE_BLOCKS=${image_blocks} ${boot32_checks})

file(GLOB boot32_sources CONFIGURE_DEPENDS "${arch_dir}/boot32/*.c")
list(APPEND boot32_sources "${arch_dir}/pte.c" "${CMAKE_SOURCE_DIR}/hal/pagetable.c" "${CMAKE_SOURCE_DIR}/hal/pagetable_query.c"
    "${CMAKE_SOURCE_DIR}/boot/mem.c" "${CMAKE_SOURCE_DIR}/boot/slide.c")
file(MAKE_DIRECTORY "${boot32_dir}")

set(boot32_objects "")
foreach(source IN LISTS boot32_sources)
    get_filename_component(name "${source}" NAME_WE)
    get_filename_component(folder "${source}" DIRECTORY)
    get_filename_component(folder "${folder}" NAME)
    string(PREPEND name "${folder}-")
    add_custom_command(OUTPUT "boot32/${name}.part.o"
        COMMAND clang ${boot32_flags} -MD -MT "boot32/${name}.part.o" -MF "${boot32_dir}/${name}.d"
            -S "${source}" -o "${boot32_dir}/${name}.s"
        COMMAND clang --target=x86_64-none-elf "-DBOOT32_SOURCE=\"${boot32_dir}/${name}.s\""
            -c "${arch_dir}/boot32/code32.S" -o "${boot32_dir}/${name}.part.o"
        DEPENDS "${source}" "${arch_dir}/boot32/code32.S"
        DEPFILE "${boot32_dir}/${name}.d"
        VERBATIM)
    list(APPEND boot32_objects "${boot32_dir}/${name}.part.o")
endforeach()

add_custom_command(OUTPUT boot32.o
    COMMAND ld.lld -r ${boot32_objects} -o boot32.o
    COMMAND llvm-objcopy --keep-global-symbol=boot32_main --keep-global-symbol=boot32_exception boot32.o
    DEPENDS ${boot32_objects} VERBATIM)
set(HALYARD_MACHINE_OBJECTS "${CMAKE_BINARY_DIR}/boot32.o")

# Device trees, UEFI's own calls (GRUB makes them here), and Arm's UART and clock.
set(HALYARD_OTHER_MACHINES boot/devicetree.c boot/devicetree_devices.c boot/devicetree_gic.c boot/devicetree_pci.c
    boot/efi.c boot/efi_map.c boot/efi_text.c boot/fdt.c boot/fdt_props.c drivers/rtc/pl031.c drivers/serial/pl011.c)
