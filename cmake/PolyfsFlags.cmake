# SPDX-License-Identifier: Apache-2.0
# Warnings, hardening and sanitizers, for every target of this project (docs/architecture.md, "The build").
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()

add_library(polyfs_flags INTERFACE)
target_compile_options(polyfs_flags INTERFACE -Wall -Wextra -Wshadow -Wconversion -Werror $<$<C_COMPILER_ID:GNU>:-Wno-format-truncation> -Werror=format-security
    $<$<COMPILE_LANGUAGE:C>:-Wmissing-prototypes>)
target_compile_definitions(polyfs_flags INTERFACE $<$<COMPILE_LANGUAGE:C>:_GNU_SOURCE>)
if(CMAKE_SIZEOF_VOID_P EQUAL 4)
    target_compile_definitions(polyfs_flags INTERFACE _FILE_OFFSET_BITS=64) # files of more than 2 GiB
endif()
target_link_options(polyfs_flags INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack)

if(POLYFS_SANITIZE)
    target_compile_options(polyfs_flags INTERFACE -fsanitize=${POLYFS_SANITIZE} -fno-omit-frame-pointer
        -fno-sanitize-recover=all)
    target_link_options(polyfs_flags INTERFACE -fsanitize=${POLYFS_SANITIZE})
else()
    target_compile_options(polyfs_flags INTERFACE -fstack-protector-strong -fstack-clash-protection -fcf-protection
        $<$<AND:$<COMPILE_LANGUAGE:C>,$<C_COMPILER_ID:GNU>>:-ftrivial-auto-var-init=zero>)
    if(NOT CMAKE_BUILD_TYPE STREQUAL Debug)
        target_compile_options(polyfs_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
    endif()
    # A sanitizer's runtime leaves symbols to be found at run time, so only plain builds can insist.
    target_link_options(polyfs_flags INTERFACE $<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,SHARED_LIBRARY>:-Wl,-z,defs>
        $<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,MODULE_LIBRARY>:-Wl,-z,defs>)
endif()
