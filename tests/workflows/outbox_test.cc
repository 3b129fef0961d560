// The file that messages go to, when it cannot take them.
#include "workflows/outbox.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <fstream>
#include <sstream>

#include "tests/support/scratch.h"

namespace dunlin::testing {
namespace {

using ::testing::HasSubstr;

std::string ContentOf(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

// As a disk that is full does: files of this process can be no longer, until it ends.
class FilesEndAt {
 public:
  explicit FilesEndAt(rlim_t bytes) {
    EXPECT_EQ(::getrlimit(RLIMIT_FSIZE, &before_), 0);
    signal_ = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{bytes, before_.rlim_max};
    EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  }
  ~FilesEndAt() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, signal_);
  }

 private:
  rlimit before_{};
  void (*signal_)(int) = SIG_DFL;
};

TEST(FileOutboxTest, AMessageThatDoesNotFitIsTakenBackWhole) {
  const ScratchDir dir;
  FileOutbox outbox(dir.File("outbox.jsonl"));
  ASSERT_TRUE(outbox.Deliver(JobId{1}, R"({"n":1})"));
  const std::string before = ContentOf(dir.File("outbox.jsonl"));
  {
    const FilesEndAt limit(before.size() + 5);
    const Status torn = outbox.Deliver(JobId{2}, R"({"n":2})");
    ASSERT_FALSE(torn);
    EXPECT_EQ(torn.error().code, Errc::kUnavailable);
    EXPECT_THAT(torn.error().detail, HasSubstr("disk full"));
  }
  EXPECT_EQ(ContentOf(dir.File("outbox.jsonl")), before);
  ASSERT_TRUE(outbox.Deliver(JobId{2}, R"({"n":2})"));
  EXPECT_EQ(ContentOf(dir.File("outbox.jsonl")), before + R"({"id":"job_2","n":2})" + "\n");
}

TEST(FileOutboxTest, WhyAFileCannotBeWrittenIsSaid) {
  FileOutbox full("/dev/full");
  const Status lost = full.Deliver(JobId{1}, "{}");
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code, Errc::kUnavailable);
  EXPECT_THAT(lost.error().detail, HasSubstr("No space left"));
}

TEST(FileOutboxTest, AFileThatCannotBeOpenedIsFoundBeforeAnythingIsSent) {
  const ScratchDir dir;
  const FileOutbox there(dir.File("outbox.jsonl"));
  EXPECT_TRUE(there.CheckWritable());
  EXPECT_EQ(ContentOf(dir.File("outbox.jsonl")), "");
  const FileOutbox nowhere(dir.File("no/such/dir"));
  const Status writable = nowhere.CheckWritable();
  ASSERT_FALSE(writable);
  EXPECT_EQ(writable.error().code, Errc::kUnavailable);
  EXPECT_THAT(writable.error().detail, HasSubstr("no/such/dir"));
}

TEST(FileOutboxTest, WhatIsNoObjectIsNotWritten) {
  const ScratchDir dir;
  FileOutbox outbox(dir.File("outbox.jsonl"));
  for (const char* message : {"", "{", "[]", "null"})
    EXPECT_EQ(outbox.Deliver(JobId{1}, message).error().code, Errc::kInvalidArgument) << message;
  EXPECT_EQ(ContentOf(dir.File("outbox.jsonl")), "");
}

}  // namespace
}  // namespace dunlin::testing
