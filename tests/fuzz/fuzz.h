// What the fuzz targets share. libFuzzer calls Target with bytes of its choosing; a broken property ends the process.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "state/check.h"

#define DUNLIN_FUZZ_TARGET(bytes)                                                     \
  static void Target(std::string_view bytes);                                         \
  extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) { \
    Target({reinterpret_cast<const char*>(data), size});                              \
    return 0;                                                                         \
  }                                                                                   \
  static void Target(std::string_view bytes)
