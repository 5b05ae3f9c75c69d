# crank_math: the mathematical functions that SQLite's SQL functions name, and that crank computes a
# cgroup's weight with, from musl's archive.
#
# With glibc's libm, a shared library without a usable archive (its selection by processor needs
# the dynamic linker's private data), loading it costs every command 0.07 ms, a tenth of `crank
# version`. musl's objects stand on nothing but each other; the ones taken here are named, so that
# nothing else of musl is linked.
include_guard(GLOBAL)
set(musl_archive /usr/lib/${CMAKE_SYSTEM_PROCESSOR}-linux-musl/libc.a)
set(math_objects)
foreach(name IN ITEMS acos acosh asin asinh atan atan2 atanh cos cosh exp exp_data expm1 fmod ldexp log
    log1p log2 log2_data log_data pow pow_data scalbn sin sinh sqrt tan tanh trunc ceil floor fabs
    __cos __sin __tan __expo2 __fpclassify __signbit __rem_pio2 __rem_pio2_large __math_divzero __math_invalid
    __math_oflow __math_uflow __math_xflow)
  list(APPEND math_objects ${name}.lo)
endforeach()
set(math_directory ${CMAKE_BINARY_DIR}/math)
set(math_archive ${math_directory}/libcrank_math.a)
file(MAKE_DIRECTORY ${math_directory})
add_custom_command(OUTPUT ${math_archive}
  COMMAND ${CMAKE_AR} x ${musl_archive} ${math_objects}
  COMMAND ${CMAKE_AR} rcs ${math_archive} ${math_objects}
  DEPENDS ${musl_archive} WORKING_DIRECTORY ${math_directory} VERBATIM)
add_custom_target(crank_math_archive DEPENDS ${math_archive})
add_library(crank_math INTERFACE)
add_dependencies(crank_math crank_math_archive)
target_link_libraries(crank_math INTERFACE ${math_archive})
# The standard library, which stands behind this archive, may ask for it.
target_link_options(crank_math INTERFACE LINKER:--undefined=ldexp)
