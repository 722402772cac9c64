# SPDX-License-Identifier: Apache-2.0
# polyfs_add_plugin(NAME SOURCES … [LIBRARIES …] [TEST]): a plugin, its manifest, and where both are installed.
# TEST: for tests alone, in tests/plugins of the build tree, which nobody finds without POLYFS_PLUGIN_PATH.
# The manifest is written by running the plugin's own description through `polyfs manifest`, so the two agree.
function(polyfs_add_plugin name)
    cmake_parse_arguments(ARG "TEST" "" "SOURCES;LIBRARIES" ${ARGN})
    set(folder ${CMAKE_LIBRARY_OUTPUT_DIRECTORY}/${POLYFS_PLUGIN_SUBDIR})
    if(ARG_TEST)
        set(folder ${CMAKE_BINARY_DIR}/tests/plugins)
    endif()
    set(target polyfs-plugin-${name})
    add_library(${target} MODULE ${ARG_SOURCES})
    target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR}/include)
    target_link_libraries(${target} PRIVATE polyfs_flags ${ARG_LIBRARIES})
    set_target_properties(${target} PROPERTIES OUTPUT_NAME polyfs-${name} PREFIX "" LIBRARY_OUTPUT_DIRECTORY ${folder})
    add_custom_command(OUTPUT ${folder}/${name}.plugin
        COMMAND polyfs-manifest $<TARGET_FILE:${target}> ${folder}/${name}.plugin
        DEPENDS ${target} polyfs-manifest VERBATIM)
    add_custom_target(${target}-manifest ALL DEPENDS ${folder}/${name}.plugin)
    if(ARG_TEST)
        return()
    endif()
    install(TARGETS ${target} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/${POLYFS_PLUGIN_SUBDIR})
    install(FILES ${folder}/${name}.plugin DESTINATION ${CMAKE_INSTALL_LIBDIR}/${POLYFS_PLUGIN_SUBDIR})

    # The same sources once more for static programs, under an entry symbol of their own.
    add_library(${target}-static OBJECT EXCLUDE_FROM_ALL ${ARG_SOURCES})
    target_include_directories(${target}-static PRIVATE ${CMAKE_SOURCE_DIR}/include)
    target_compile_definitions(${target}-static PRIVATE POLYFS_STATIC)
    target_link_libraries(${target}-static PRIVATE polyfs_flags ${ARG_LIBRARIES})
endfunction()
