// Where messages leave: mails, notifications and alerts.
#pragma once

#include <mutex>
#include <string>
#include <string_view>

#include "state/id.h"
#include "state/result.h"

namespace dunlin {

class Outbox {  // thread-safe
 public:
  virtual ~Outbox() = default;
  // Delivers one message, a JSON object. A message may be delivered again after a crash: `id` is the same then.
  // Errors: kUnavailable (again later).
  virtual Status Deliver(JobId id, std::string_view message) = 0;
};

// Appends each message to a file as one JSON line, with the job's id as "id". On return the line is in the file.
class FileOutbox final : public Outbox {
 public:
  explicit FileOutbox(std::string path) : path_(std::move(path)) {}
  Status CheckWritable() const;  // makes the file when it is missing. Errors: kUnavailable, naming it
  Status Deliver(JobId id, std::string_view message) override;

 private:
  const std::string path_;
  std::mutex mutex_;
};

}  // namespace dunlin
