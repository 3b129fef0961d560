# Writes OUT, a source file that holds the numbered .sql files of DIR.
file(GLOB files "${DIR}/*.sql")
list(SORT files)
set(rows "")
set(expected 0)
set(numbered "^([0-9][0-9][0-9][0-9])_")
foreach(file ${files})
  get_filename_component(name "${file}" NAME_WE)
  if(NOT name MATCHES "${numbered}")
    message(FATAL_ERROR "${file}: a migration is named NNNN_what.sql")
  endif()
  string(REGEX REPLACE "^0+" "" number "${CMAKE_MATCH_1}")
  math(EXPR expected "${expected} + 1")
  if(NOT number EQUAL expected)
    message(FATAL_ERROR "${file}: migrations count from 1 without a gap; ${expected} comes next")
  endif()
  file(READ "${file}" sql)
  string(APPEND rows "    {${number}, \"${name}\", R\"sql(${sql})sql\"},\n")
endforeach()
file(WRITE "${OUT}" "// Made from state/ledger/schema/ by state/ledger/embed.cmake.
#include \"state/ledger/schema.h\"

namespace dunlin::db {
namespace {
constexpr Migration kMigrations[] = {
${rows}};
}  // namespace
std::span<const Migration> Migrations() { return kMigrations; }
}  // namespace dunlin::db
")
