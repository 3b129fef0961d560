// A file system of a given size that can be filled up, for programs that this process starts after it was made.
#pragma once

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/support/scratch.h"

namespace dunlin::testing {

// The mount is seen by this process and its children alone, and goes with them. Mounting is for root; without that
// right the disk is not usable, and problem() says why. One in a process; to be made before its threads.
class SmallDisk {
 public:
  explicit SmallDisk(std::size_t bytes) {
    const std::string size = "size=" + std::to_string(bytes);
    if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("tmpfs", folder().c_str(), "tmpfs", 0, size.c_str()) != 0) {
      problem_ = std::strerror(errno);
    }
  }
  ~SmallDisk() {
    if (usable()) ::umount2(folder().c_str(), MNT_DETACH);
  }

  bool usable() const { return problem_.empty(); }
  const std::string& problem() const { return problem_; }
  std::string folder() const { return scratch_.File("."); }

  void Fill() {
    std::ofstream file(Filler(), std::ios::binary | std::ios::app);
    const std::string block(4096, 'x');
    while (file.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
    }
  }
  void Free() {
    std::error_code none;  // when it was not filled
    std::filesystem::remove(Filler(), none);
  }

 private:
  std::string Filler() const { return scratch_.File("filler"); }

  ScratchDir scratch_;
  std::string problem_;
};

}  // namespace dunlin::testing
