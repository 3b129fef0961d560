#include "workflows/outbox.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace dunlin {

Status FileOutbox::CheckWritable() const {
  const int file = ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return Fail(Errc::kUnavailable, "cannot write to " + path_ + ": " + std::strerror(errno));
  ::close(file);
  return {};
}

Status FileOutbox::Deliver(JobId id, std::string_view message) {
  if (message.size() < 2 || message.front() != '{')
    return Fail(Errc::kInvalidArgument, "the message is not a JSON object");
  std::string line = "{\"id\":\"job_" + std::to_string(ToInt(id)) + "\"";
  if (message != "{}") line += ",";
  line.append(message.substr(1));
  line += "\n";
  const std::lock_guard lock(mutex_);
  const int file = ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return Fail(Errc::kUnavailable, "cannot open the outbox file: " + std::string(std::strerror(errno)));
  struct stat before {};
  const bool known = ::fstat(file, &before) == 0;
  const ssize_t written = ::write(file, line.data(), line.size());
  const int error = errno;
  const bool whole = written == static_cast<ssize_t>(line.size());
  // A torn line would swallow the next one. Should cutting it off fail too, a reader sees one line that is no JSON.
  if (!whole && written > 0 && known) [[maybe_unused]]
    const int cut = ::ftruncate(file, before.st_size);
  ::close(file);
  if (whole) return {};
  return Fail(Errc::kUnavailable,
              "cannot write the outbox file: " + std::string(written < 0 ? std::strerror(error) : "disk full"));
}

}  // namespace dunlin
