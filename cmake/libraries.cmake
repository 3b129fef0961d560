# The libraries we build on, each as one target, all from Debian 12 (why these: docs/adr/0002-libraries.md).
find_package(Threads REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl)
pkg_check_modules(HIREDIS REQUIRED IMPORTED_TARGET hiredis)
pkg_check_modules(SPDLOG REQUIRED IMPORTED_TARGET spdlog)
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3)
pkg_check_modules(TOMLPLUSPLUS REQUIRED IMPORTED_TARGET tomlplusplus)

# Another cpp-httplib than Debian's, header-only: the folder that holds its httplib.h.
set(DUNLIN_HTTPLIB_DIR "" CACHE PATH "Folder of another httplib.h; empty: Debian's cpp-httplib")
add_library(dunlin_httplib INTERFACE)
if(DUNLIN_HTTPLIB_DIR)
  if(NOT EXISTS "${DUNLIN_HTTPLIB_DIR}/httplib.h")
    message(FATAL_ERROR "DUNLIN_HTTPLIB_DIR: there is no httplib.h in ${DUNLIN_HTTPLIB_DIR}")
  endif()
  # Before the system's folders, where Debian's header lies.
  target_include_directories(dunlin_httplib SYSTEM BEFORE INTERFACE "${DUNLIN_HTTPLIB_DIR}")
  target_link_libraries(dunlin_httplib INTERFACE Threads::Threads)
else()
  pkg_check_modules(HTTPLIB REQUIRED IMPORTED_TARGET cpp-httplib)
  target_link_libraries(dunlin_httplib INTERFACE PkgConfig::HTTPLIB)
endif()

# SOCI ships no .pc file and no usable CMake package on Debian.
find_library(SOCI_CORE soci_core REQUIRED)
find_library(SOCI_SQLITE soci_sqlite3 REQUIRED)
add_library(soci INTERFACE)
target_include_directories(soci SYSTEM INTERFACE /usr/include/soci)
target_link_libraries(soci INTERFACE ${SOCI_SQLITE} ${SOCI_CORE} PkgConfig::SQLITE)
