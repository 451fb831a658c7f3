# How cpu/*.neon.cpp are compiled, for the addon and for the driver of native/testing/variants: only for arm64, where every processor has NEON.
file(GLOB NEON_SOURCES CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/*.neon.cpp)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64|ARM64")
  set(NEON_OPTIONS -ffp-contract=fast)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # GCC would load factors so early that it has to spill sums, a few in every step (docs/performance/what-was-tried.md).
    list(APPEND NEON_OPTIONS -fno-schedule-insns)
  endif()
  set_source_files_properties(${NEON_SOURCES} PROPERTIES COMPILE_OPTIONS "${NEON_OPTIONS}")
else()
  set_source_files_properties(${NEON_SOURCES} PROPERTIES HEADER_FILE_ONLY ON)
endif()
