#include "webhooks/aws_marketplace/certificates.h"

#include <fstream>

namespace dunlin {

Result<Certificate> PinnedCertificates::At(const std::string& url) {
  constexpr std::size_t kBytesMax = 256 * 1024;
  const std::string name = url.substr(url.rfind('/') + 1);
  std::ifstream file(folder_ + "/" + name, std::ios::binary);
  std::string bytes(kBytesMax + 1, '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<std::size_t>(file.gcount()));
  if (bytes.empty()) return Fail(Errc::kUnavailable, "no certificate " + name + " in " + folder_);
  if (bytes.size() > kBytesMax) return Fail(Errc::kUnauthenticated, folder_ + "/" + name + ": it is over 256 KiB");
  const Result<std::vector<Certificate>> read = ReadCertificates(bytes);
  if (!read) return Fail(Errc::kUnauthenticated, folder_ + "/" + name + ": " + read.error().detail);
  return read->front();
}

}  // namespace dunlin
