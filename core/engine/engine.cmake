# Included by llama.cpp's CMake (CMAKE_PROJECT_INCLUDE, set in .cargo/config.toml) before any
# target exists. Together with frozen.h it takes the compiler, the C library and the
# environment of the process out of the numerics.
#
# Cargo does not rebuild the engine when this file changes:
#   cargo clean -p llama-cpp-sys-2
include_guard(GLOBAL)

# No multiply and add may be fused unless the source says so with an intrinsic.
add_compile_options(-ffp-contract=off)
if (CMAKE_C_COMPILER_ID STREQUAL "GNU")
    # gcc's vectorizer forms fmaddsub in RoPE in spite of -ffp-contract=off. ggml's hot loops
    # are intrinsics: nothing is lost.
    add_compile_options(-fno-tree-vectorize)
endif()

# Builds in different directories are the same bytes, and no path of the build machine is kept.
add_compile_options("-ffile-prefix-map=${CMAKE_SOURCE_DIR}=llama.cpp")
add_compile_options("-ffile-prefix-map=${CMAKE_BINARY_DIR}=build")

# libm and getenv become functions of ours (core/src/engine/frozen.rs).
add_compile_options("SHELL:-include ${CMAKE_CURRENT_LIST_DIR}/frozen.h")

# Which version of these two files the engine was built with: core/build.rs compares.
file(SHA256 "${CMAKE_CURRENT_LIST_FILE}" attestlm_cmake_sha256)
file(SHA256 "${CMAKE_CURRENT_LIST_DIR}/frozen.h" attestlm_frozen_sha256)
set(ATTESTLM_ENGINE_SHA256 "${attestlm_cmake_sha256}${attestlm_frozen_sha256}" CACHE INTERNAL "")
