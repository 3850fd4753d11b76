# SPDX-License-Identifier: MIT
#
# The kernel of one machine: objects from the tree, linked by that machine's script into halyard.elf.

include(sanitize)

set(arch_dir "${CMAKE_SOURCE_DIR}/arch/${HALYARD_ARCH}")
# Through a glob, so that a script that appears later is noticed.
file(GLOB linker_script CONFIGURE_DEPENDS "${arch_dir}/kernel.lds")

set(HALYARD_MACHINE_FLAGS_x86_64 -mcmodel=kernel -mno-red-zone -mgeneral-regs-only)
# Strict alignment: before the MMU is on all memory is Device memory, where unaligned accesses fault.
set(HALYARD_MACHINE_FLAGS_aarch64 -mstrict-align -mgeneral-regs-only -mbranch-protection=standard)

set(patchable_default module program shell)
set(HALYARD_PATCHABLE_ROOMS "${patchable_default}" CACHE STRING
    "Rooms of kernel/ with functions that `livepatch` can replace; empty shows what their entries cost")
# Rooms that cannot have them: the handler of a breakpoint and the code that times calls run functions of these, which
# would stop at their own breakpoint, or be timed while a call is being timed, without end.
set(unpatchable_rooms base debug fault lib trace)
set(HALYARD_PATCHABLE_x86_64 -fpatchable-function-entry=5) # one nop, as long as a jump
set(HALYARD_PATCHABLE_aarch64 -fpatchable-function-entry=1)

# Paths in __FILE__ and in debug information are relative to the root: builds of the same commit are
# the same bytes wherever the tree lies.
set(HALYARD_PATH_FLAGS "-ffile-prefix-map=${CMAKE_SOURCE_DIR}/=" -fdebug-compilation-dir=.)

set(kernel_flags
    -ffreestanding -fno-pic -fno-common -ffunction-sections -fdata-sections
    -fno-omit-frame-pointer # panic walks the frames
    -fno-asynchronous-unwind-tables
    ${HALYARD_MACHINE_FLAGS_${HALYARD_ARCH}}
    ${HALYARD_PATH_FLAGS})

halyard_portable_sources(portable_sources)
list(REMOVE_ITEM portable_sources ${HALYARD_MODULES})
foreach(folder IN LISTS HALYARD_MODULE_FOLDERS)
    list(FILTER portable_sources EXCLUDE REGEX "^${folder}/")
endforeach()
# Rooms that are extensions: kernel/NAME/, and what a front-end has for it, kernel/*/NAME/ (cmake/extension.cmake).
set(extension_rooms cil ext2w livepatch tools)
foreach(room IN LISTS extension_rooms)
    set(${room}_sources ${portable_sources})
    list(FILTER ${room}_sources INCLUDE REGEX "/kernel/([a-z]+/)?${room}/")
    list(REMOVE_ITEM portable_sources ${${room}_sources})
endforeach()
# What only tools.ko has, though it belongs to a lower room: printing a function at each stage of its compilation (`jit
# dump`), interpreting WebAssembly (`run --interp`), looking for faults in ext2 (`check`), taking samples (`profile`), and
# reading ext4.
set(interpreter kernel/jit/ir/ir_interp.c kernel/wasm/run/wasm_interp.c)
set(only_tools kernel/jit/dump.c kernel/jit/ir/ir_print.c kernel/jit/codegen/vcode_print.c ${interpreter}
    kernel/fs/ext2_check.c kernel/fs/ext2_check_tree.c kernel/trace/report/profile.c kernel/trace/report/calltree.c
    kernel/fs/ext2_checksum.c kernel/fs/ext2_extents.c kernel/fs/ext4.c kernel/lib/crc32c.c)
# And the compiler's checks of its own work, for both of the first. In a debug kernel each compilation is checked.
set(compiler_checks kernel/jit/checks.c
    kernel/jit/codegen/vcheck.c kernel/jit/codegen/vcheck_refs.c kernel/jit/codegen/vcheck_selection.c
    kernel/jit/codegen/vcheck_sets.c
    kernel/jit/ir/ir_verify.c kernel/jit/ir/ir_verify_types.c kernel/jit/ir/ir_verify_vector.c)
set(also_in_tests ${interpreter})
if(NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
    list(APPEND only_tools ${compiler_checks})
    list(APPEND also_in_tests ${compiler_checks})
endif()
list(TRANSFORM also_in_tests PREPEND "${CMAKE_SOURCE_DIR}/")
# And of livepatch.ko: the list of applied patches, tracing of calls, and whether the start of compiled code can be replaced.
set(only_livepatch kernel/module/livepatch_list.c kernel/module/livepatch_trace.c kernel/trace/report/trace_prepare.c
    kernel/jit/verify/verify_entry.c)
# And of ext2w.ko: changing disks of ext2 and ext3, and their journals.
set(only_ext2w kernel/fs/ext2_writing.c kernel/fs/ext2_alloc.c kernel/fs/ext2_change.c kernel/fs/ext2_entry.c
    kernel/fs/ext2_index_change.c kernel/fs/ext2_journal.c kernel/fs/ext2_map_change.c kernel/fs/ext2_names.c
    kernel/fs/ext2_node_change.c kernel/fs/ext2_state.c kernel/fs/ext2_write.c kernel/fs/journal.c
    kernel/fs/journal_commit.c kernel/fs/journal_map.c kernel/fs/journal_replay.c)
foreach(room tools livepatch ext2w)
    list(TRANSFORM only_${room} PREPEND "${CMAKE_SOURCE_DIR}/")
    list(REMOVE_ITEM portable_sources ${only_${room}})
    list(APPEND ${room}_sources ${only_${room}})
endforeach()
halyard_arch_sources(${HALYARD_ARCH} arch_sources)
halyard_font_source(font_source)

# What one machine needs besides: sets HALYARD_MACHINE_OBJECTS (linked as they are), HALYARD_MACHINE_LINK_FLAGS,
# HALYARD_EARLY_FILES (sources, without .c, that run where nothing of the kernel is in its place) and
# HALYARD_OTHER_MACHINES (portable sources for firmware and devices that this machine does not have); may edit arch_sources.
set(HALYARD_MACHINE_OBJECTS "")
set(HALYARD_MACHINE_LINK_FLAGS "")
set(HALYARD_EARLY_FILES "")
set(HALYARD_OTHER_MACHINES "")
include("${arch_dir}/machine.cmake" OPTIONAL)
list(TRANSFORM HALYARD_OTHER_MACHINES PREPEND "${CMAKE_SOURCE_DIR}/")
list(REMOVE_ITEM portable_sources ${HALYARD_OTHER_MACHINES})

set(kernel_sources ${portable_sources} ${font_source} ${arch_sources})

# halyard_kernel_objects(TARGET SOURCE...): compiled as everything in the kernel is.
function(halyard_kernel_objects target)
    add_library(${target} OBJECT ${ARGN})
    target_include_directories(${target} PRIVATE "${CMAKE_SOURCE_DIR}" "${arch_dir}/include")
    target_compile_options(${target} PRIVATE
        ${kernel_flags}
        "$<$<COMPILE_LANGUAGE:C>:-std=gnu2x;${HALYARD_WARNINGS}>")
    if(EXISTS "${arch_dir}/string.S" AND NOT HALYARD_SANITIZE STREQUAL "address") # kernel/lib/string.c
        target_compile_definitions(${target} PRIVATE HALYARD_MACHINE_COPIES=1)
    endif()
    halyard_sanitize(${target} ${HALYARD_EARLY_FILES})
endfunction()

if(kernel_sources)
    halyard_kernel_objects(kernel_objects ${kernel_sources})
    foreach(room IN LISTS extension_rooms)
        halyard_kernel_objects(${room}_objects ${${room}_sources})
    endforeach()
    # Saving and restoring a frame would be a third of the fast paths. They are leaves: they end in jumps, not in calls.
    set_property(SOURCE kernel/mm/heap.c APPEND PROPERTY COMPILE_OPTIONS -momit-leaf-frame-pointer)
    # In a release, code that runs once, or that waits for a device or a person, is compiled to be small. So is the
    # verifier of machine code: it is a sixth smaller, and executes a twentieth more. Everything else is compiled to be
    # fast: locks, memory, the scheduler, interrupts, disks, and the compiler and interpreter of programs.
    macro(optimise_small level regex)
        set(small_sources ${kernel_sources} ${tools_sources} ${ext2w_sources})
        list(FILTER small_sources INCLUDE REGEX "${regex}")
        set_property(SOURCE ${small_sources} APPEND PROPERTY COMPILE_OPTIONS "$<$<CONFIG:Release>:${level}>")
    endmacro()
    optimise_small(-Os "/(hal|kernel/fault)/.*\\.c$|/arch/[a-z0-9_]+/[a-z0-9_]+\\.c$")
    optimise_small(-Os "/kernel/jit/(ir/ir_[bc].*|opt/(fold_divide|motion_decide)|codegen/(regalloc_refs|select_range))\\.c$|/jit/(verify/)?verify[^/]*\\.c$|/arch/aarch64/jit/asm\\.c$")
    optimise_small(-Os "/kernel/jit/code/(code_builder|codemem|codepool)\\.c$|/kernel/lib/chacha20\\.c$")
    optimise_small(-Oz "/boot/.*\\.c$|/drivers/([c-u]|video/).*\\.c$|/drivers/virtio/(pci|virtio)\\.c$|/kernel/base/log\\.c$")
    optimise_small(-Oz "/arch/[a-z0-9_]+/(describe|early|efi.*|esr|features|firmware|gicv2m|gicv3_.*|mmu_final|mmu_settings|platform|power)\\.c$")
    optimise_small(-Oz "/kernel/(debug|fs|load|module|program|shell|test|trace|tty|wasi|wasm/run)/.*\\.c$")
    optimise_small(-Os "/kernel/fs/(known_run|walk_kept)\\.c$") # every path, name and read passes through them
    optimise_small(-Oz "/kernel/base/(backtrace|machine|panic|symbols)\\.c$|/kernel/lib/(format|softfloat|unicode.*)\\.c$")
    optimise_small(-Oz "/kernel/io/(device|host_file|partition.*|random)\\.c$|/kernel/sched/(cpu_snapshot|placement|watchdog)\\.c$")
    optimise_small(-Oz "/kernel/mm/(aslr|heap_debug|heap_quarantine|heap_site|layout|page_early|page_init|page_look|page_poison)\\.c$")
    optimise_small(-Oz "/kernel/jit/(dump|codegen/(vcheck.*|vcode_print)|ir/ir_(eval_vector|[pv].*))\\.c$")
    # The functions that can be replaced and traced while the kernel runs (kernel/module/livepatch.h): each begins with a
    # nop that a jump can replace. A call of one costs an instruction more, on AArch64 up to two, and each takes up to 8
    # bytes. So these are rooms that work at a person's pace; not the rooms that docs/performance.md measures (locks,
    # memory, the scheduler, interrupts, disks, files, the compiler and compiled code), nor the terminals, through
    # which each character passes, nor the trace, nor code that runs before there is a shell. The table that the compiler
    # makes of the entries is not in the image: the nop itself shows that an entry can be replaced. docs/performance.md
    # has what each other room would cost.
    foreach(room IN LISTS HALYARD_PATCHABLE_ROOMS)
        set(patchable ${kernel_sources})
        list(FILTER patchable INCLUDE REGEX "/kernel/${room}/.*\\.c$")
        if(NOT patchable OR room IN_LIST unpatchable_rooms)
            message(FATAL_ERROR "HALYARD_PATCHABLE_ROOMS: functions of kernel/${room} cannot have entries")
        endif()
        set_property(SOURCE ${patchable} APPEND PROPERTY COMPILE_OPTIONS "${HALYARD_PATCHABLE_${HALYARD_ARCH}}")
    endforeach()
    optimise_small(-Oz "/kernel/wasm/front/(atomic|build_table|build_try|newer|types|decode_(constant|functypes|layout|names|segments|types))\\.c$")
    optimise_small(-Oz "/kernel/jit/verify/verify_(access|branch|call|demand|fact|frame|land|loop)\\.c$")
endif()

if(NOT kernel_sources OR NOT linker_script)
    return()
endif()

# Three links. The second adds the names and lines of the first's functions, for backtraces: the table lies in
# .rodata, behind the code, so no function moves; symbols.py proves it. The third adds where the second holds addresses
# of the image, which change when it is moved at boot: that table lies behind all of these places. A fourth link, to
# another address, is only compared: slide.py proves that nothing else would have to change.
set(symbols_tool ${HALYARD_PYTHON} "${CMAKE_SOURCE_DIR}/scripts/lib/symbols.py")
set(slide_tool ${HALYARD_PYTHON} "${CMAKE_SOURCE_DIR}/scripts/lib/slide.py")
set(image_moved_x86_64 0x12340000)
set(image_moved_aarch64 0xffffffedcba90000) # down

# halyard_link_kernel(NAME MOVED SOURCES FLAG...)
function(halyard_link_kernel name moved tables)
    set_source_files_properties(${tables} PROPERTIES GENERATED ON)
    add_executable(${name} $<TARGET_OBJECTS:kernel_objects> ${HALYARD_MACHINE_OBJECTS} ${tables})
    set_source_files_properties(${HALYARD_MACHINE_OBJECTS} PROPERTIES EXTERNAL_OBJECT ON GENERATED ON)
    set_target_properties(${name} PROPERTIES
        SUFFIX ".elf"
        LINKER_LANGUAGE C
        LINK_DEPENDS "${linker_script};${CMAKE_SOURCE_DIR}/scripts/lib/elfcheck.py;${CMAKE_SOURCE_DIR}/scripts/lib/slide.py")
    target_link_options(${name} PRIVATE
        -static -O2 -T "${linker_script}" --fatal-warnings --orphan-handling=error -z max-page-size=4096
        --build-id=none "-Map=${CMAKE_BINARY_DIR}/${name}.map" --defsym=IMAGE_MOVED=${moved}
        ${HALYARD_MACHINE_LINK_FLAGS} ${HALYARD_SHADOW_LINK_FLAGS} ${ARGN})
endfunction()

add_custom_command(OUTPUT symbols-none.S
    COMMAND ${symbols_tool} --empty -o symbols-none.S
    DEPENDS "${CMAKE_SOURCE_DIR}/scripts/lib/symbols.py" VERBATIM)
add_custom_command(OUTPUT slide-none.S
    COMMAND ${slide_tool} --empty -o slide-none.S
    DEPENDS "${CMAKE_SOURCE_DIR}/scripts/lib/slide.py" VERBATIM)
halyard_link_kernel(halyard-unnamed 0 "${CMAKE_BINARY_DIR}/symbols-none.S;${CMAKE_BINARY_DIR}/slide-none.S")

add_custom_command(OUTPUT symbols.S
    COMMAND ${symbols_tool} $<TARGET_FILE:halyard-unnamed> -o symbols.S
    DEPENDS halyard-unnamed "${CMAKE_SOURCE_DIR}/scripts/lib/symbols.py" "${CMAKE_SOURCE_DIR}/scripts/lib/grammar.py" VERBATIM)
set(slide_table slide-none.S) # what the address sanitizer checks by a fixed offset stays where it is linked
if(NOT HALYARD_SANITIZE STREQUAL "address")
    set(slide_table slide.S)
    halyard_link_kernel(halyard-named 0 "${CMAKE_BINARY_DIR}/symbols.S;${CMAKE_BINARY_DIR}/slide-none.S"
        --emit-relocs --strip-debug)
    add_custom_command(OUTPUT slide.S
        COMMAND ${slide_tool} $<TARGET_FILE:halyard-named> -o slide.S
        DEPENDS halyard-named "${CMAKE_SOURCE_DIR}/scripts/lib/slide.py" VERBATIM)
endif()
halyard_link_kernel(halyard 0 "${CMAKE_BINARY_DIR}/symbols.S;${CMAKE_BINARY_DIR}/${slide_table}")
if(NOT HALYARD_SANITIZE STREQUAL "address")
    halyard_link_kernel(halyard-moved ${image_moved_${HALYARD_ARCH}}
        "${CMAKE_BINARY_DIR}/symbols.S;${CMAKE_BINARY_DIR}/slide.S" --strip-debug)
    add_dependencies(halyard halyard-moved) # so that what is compared is there
    set(same_when_moved COMMAND ${slide_tool} --check $<TARGET_FILE:halyard> $<TARGET_FILE:halyard-moved>)
endif()

# The image's limit: 929,792 bytes for what boots to a shell and runs WebAssembly from a disk, and a row for each feature
# that was added to that: how much it may add. What checks itself, or is compiled to be debugged, is larger. The first
# number is what the larger image, AArch64's, had without the features (docs/performance.md, "Size"). A build with more
# patchable rooms than the default has no limit.
set(image_allowances
    24576 # the terminal of programs, the shell's language, jobs and messages; tools.ko has the commands, 9p.ko the share
    32768 # compiled vectors: their instructions, how they are selected and verified
    4096 # relaxed vector operations
    15360 # files that last: a page cache; ext2w.ko has writing to disks
    8192 # partitions, and checking file systems
    6144 # reading ext4: extents and checksums
    4096 # names of ext2 that were looked up are kept
    16384 # WebAssembly 3.0 without vectors and exceptions: references, memories, 64-bit indices
    16384 # WebAssembly functions that are compiled when they are first called: validated quickly
    6144 # .NET programs: references that live across calls are kept where a collector finds them
    13312 # atomic operations of WebAssembly: selected, encoded, verified; and waiting for a word
    4096 # compiling all functions of a program on all CPUs
    20480 # exceptions of WebAssembly: both kinds, landings and their verification, and freeing exceptions
    4096 # threads of WebAssembly programs
    8192 # functions that can be replaced while the kernel runs: their entries, and writing text
    -46080 # what tools.ko took over with WebAssembly 3.0, its interpreter and the compiler's checks of its own work; and
           # what boots another machine
)
set(image_bytes_max "")
if(CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT HALYARD_SANITIZE AND "${HALYARD_PATCHABLE_ROOMS}" STREQUAL "${patchable_default}")
    set(image_bytes_max 929792)
    foreach(bytes IN LISTS image_allowances)
        math(EXPR image_bytes_max "${image_bytes_max} + ${bytes}")
    endforeach()
endif()
add_custom_command(TARGET halyard POST_BUILD
    COMMAND ${symbols_tool} --same-text $<TARGET_FILE:halyard-unnamed> $<TARGET_FILE:halyard>
    ${same_when_moved}
    COMMAND ${HALYARD_PYTHON} "${CMAKE_SOURCE_DIR}/scripts/lib/elfcheck.py" $<TARGET_FILE:halyard> ${image_bytes_max}
    VERBATIM)
if(HALYARD_ARCH STREQUAL "aarch64")
    add_custom_command(TARGET halyard POST_BUILD
        COMMAND llvm-objcopy -O binary $<TARGET_FILE:halyard> "${CMAKE_BINARY_DIR}/halyard.img" VERBATIM
        BYPRODUCTS "${CMAKE_BINARY_DIR}/halyard.img")
endif()
