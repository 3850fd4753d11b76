# SPDX-License-Identifier: MIT
#
# What the AArch64 kernel needs besides the common rules: proof that the code which runs with the MMU
# off holds no link-time address (scripts/lib/pc_relative.py says why).

set(HALYARD_EARLY_FILES
    arch/aarch64/cache arch/aarch64/console arch/aarch64/cpu arch/aarch64/early arch/aarch64/efi
    arch/aarch64/efi_files arch/aarch64/efi_memory arch/aarch64/entropy arch/aarch64/esr arch/aarch64/firmware arch/aarch64/frame
    arch/aarch64/mmu_settings arch/aarch64/pac arch/aarch64/power arch/aarch64/pte arch/aarch64/slide arch/aarch64/trap
    boot/acpi boot/acpi_aml boot/acpi_fadt boot/acpi_gic boot/acpi_pci boot/acpi_tables boot/devices
    boot/devicetree boot/devicetree_devices boot/devicetree_gic boot/devicetree_pci boot/efi
    boot/efi_map boot/efi_text boot/fdt
    boot/fdt_props boot/mem boot/note boot/ranges boot/slide hal/pagetable hal/pagetable_query kernel/lib/string
    kernel/lib/unicode_encode)
list(LENGTH HALYARD_EARLY_FILES early_count)
list(JOIN HALYARD_EARLY_FILES "|" early_pattern)
set(early_objects "$<FILTER:$<TARGET_OBJECTS:kernel_objects>,INCLUDE,/(${early_pattern})[.]c[.]>")

add_custom_command(OUTPUT pc_relative.stamp
    COMMAND ${HALYARD_PYTHON} "${CMAKE_SOURCE_DIR}/scripts/lib/pc_relative.py" ${early_count} ${early_objects}
    COMMAND ${CMAKE_COMMAND} -E touch pc_relative.stamp
    DEPENDS ${early_objects} "${CMAKE_SOURCE_DIR}/scripts/lib/pc_relative.py"
    COMMAND_EXPAND_LISTS VERBATIM)
add_custom_target(pc_relative ALL DEPENDS pc_relative.stamp)

# The PC's ways to boot, its keyboard controller and its clock.
set(HALYARD_OTHER_MACHINES boot/multiboot2.c boot/pvh.c drivers/input/ps2.c drivers/rtc/cmos.c)

# x18 is the firmware's while that runs, and interrupts us (UEFI 2.3.6): what runs with it leaves it alone.
set(HALYARD_FIRMWARE_FILES arch/aarch64/efi.c arch/aarch64/efi_files.c arch/aarch64/efi_memory.c boot/efi_map.c)
list(TRANSFORM HALYARD_FIRMWARE_FILES PREPEND "${CMAKE_SOURCE_DIR}/" OUTPUT_VARIABLE firmware_sources)
set_property(SOURCE ${firmware_sources} APPEND PROPERTY COMPILE_OPTIONS -ffixed-x18)
list(APPEND HALYARD_FIRMWARE_FILES arch/aarch64/string.S) # which they call
list(LENGTH HALYARD_FIRMWARE_FILES firmware_count)
list(JOIN HALYARD_FIRMWARE_FILES "|" firmware_pattern)
set(firmware_objects "$<FILTER:$<TARGET_OBJECTS:kernel_objects>,INCLUDE,/(${firmware_pattern})[.]>")
add_custom_command(OUTPUT fixed_register.stamp
    COMMAND ${HALYARD_PYTHON} "${CMAKE_SOURCE_DIR}/scripts/lib/fixed_register.py" 18 ${firmware_count} ${firmware_objects}
    COMMAND ${CMAKE_COMMAND} -E touch fixed_register.stamp
    DEPENDS ${firmware_objects} "${CMAKE_SOURCE_DIR}/scripts/lib/fixed_register.py"
    COMMAND_EXPAND_LISTS VERBATIM)
add_custom_target(fixed_register ALL DEPENDS fixed_register.stamp)
