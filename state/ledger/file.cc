#include "state/ledger/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <thread>

#include "state/ledger/schema.h"

namespace dunlin::db {
namespace {

constexpr std::string_view kScheme = "sqlite:";
constexpr std::string_view kMagic{"SQLite format 3\0", 16};

// Every page of a small file is looked at when it is opened, and of a large one by a service. Damage on a page that was
// not looked at, and does not show in the header and the schema, is found when the page is read.
constexpr std::int64_t kSmallBytes = 16 * 1024 * 1024;
constexpr std::chrono::seconds kLookAtMost{10};

std::string Reason(const char* what, const std::string& path) {
  return std::string(what) + " the ledger " + path + ": " + std::strerror(errno);
}

// Makes the file, readable by its owner alone: customers' addresses are in it. SQLite gives its companions (-wal,
// -shm) the same permissions.
Result<int> OpenFile(const std::string& path, LedgerOptions::Mode mode) {
  const bool create = mode == LedgerOptions::Mode::kOpenOrCreate;
  const int flags = O_RDWR | O_CLOEXEC | (create ? O_CREAT : 0);
  const int file = ::open(path.c_str(), flags, S_IRUSR | S_IWUSR);
  if (file >= 0) return file;
  if (errno == ENOENT && !create) return Fail(Errc::kNotFound, "there is no ledger at " + path);
  return Fail(Errc::kUnavailable, Reason("cannot open", path));
}

// Looks at its first bytes, before SQLite does and perhaps writes to it.
Status PrepareFile(const std::string& path, LedgerOptions::Mode mode) {
  const Result<int> opened = OpenFile(path, mode);
  if (!opened) return tl::unexpected(opened.error());
  const int file = *opened;
  std::array<char, 16> start{};
  const ssize_t got = ::pread(file, start.data(), start.size(), 0);
  const int error = errno;
  ::close(file);
  errno = error;
  if (got < 0) return Fail(Errc::kUnavailable, Reason("cannot read", path));
  if (got == 0) return {};  // new, or its content is still in the write-ahead log
  if (std::string_view(start.data(), static_cast<std::size_t>(got)) == kMagic) return {};
  return Fail(Errc::kCorrupt, path + " is not a Dunlin ledger: it is not an SQLite database, or its start is damaged");
}

Result<std::unique_ptr<Connection>> OpenWith(const std::string& path, const std::string& pragmas) {
  Result<std::unique_ptr<Connection>> connection = Connection::Open(path, kBusyMs);
  if (!connection) return connection;
  if (Status set = (*connection)->Run(pragmas); !set) return tl::unexpected(set.error());
  return connection;
}

// The change to a write-ahead log needs the file alone and, unlike all else, does not wait for it by itself.
Status UseWriteAheadLog(Connection& connection) {
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::milliseconds(kBusyMs);
  while (true) {
    const Result<std::string> mode = connection.Text("PRAGMA journal_mode = WAL");
    if (mode && *mode == "wal") return {};
    if (mode) return Fail(Errc::kUnavailable, "no write-ahead log can be kept beside it (journal mode " + *mode + ")");
    if (connection.broken() || std::chrono::steady_clock::now() > give_up) return tl::unexpected(mode.error());
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

// Debian's SQLite wipes what is deleted with zeros; FAST does so only where that writes no page more.
constexpr const char* kWritePragmas =
    "PRAGMA synchronous = FULL; PRAGMA secure_delete = FAST; PRAGMA foreign_keys = ON; PRAGMA cache_size = -32768; "
    "PRAGMA journal_size_limit = 67108864;";
constexpr const char* kReadPragmas = "PRAGMA query_only = ON; PRAGMA cache_size = -8192;";

// Interrupts what runs on the connection when it takes longer than that.
class Patience {
 public:
  Patience(Connection& connection, std::chrono::milliseconds patience)
      : thread_([this, &connection, patience] {
          std::unique_lock lock(mutex_);
          over_ = !changed_.wait_for(lock, patience, [this] { return ended_; });
          if (over_) connection.Interrupt();
        }) {}
  ~Patience() { Over(); }

  bool Over() {
    {
      const std::scoped_lock lock(mutex_);
      ended_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
    return over_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool ended_ = false;
  bool over_ = false;
  std::thread thread_;
};

Status QuickCheck(Connection& connection, bool whole) {
  const Result<std::int64_t> pages = connection.Number("PRAGMA page_count");
  if (!pages) return tl::unexpected(pages.error());
  const Result<std::int64_t> size = connection.Number("PRAGMA page_size");
  if (!size) return tl::unexpected(size.error());
  if (!whole && *pages * *size > kSmallBytes) return {};
  Statement check(connection, "SELECT quick_check FROM pragma_quick_check(1)", "", "t");
  std::string verdict;
  Patience patience(connection, kLookAtMost);
  const Status read = check.Each([&](Statement& row) -> Status {
    verdict = row.TakeText();
    return {};
  });
  if (patience.Over()) return {};
  if (!read) return read;
  if (verdict != "ok") return Fail(Errc::kCorrupt, "the ledger is damaged: " + verdict);
  return {};
}

}  // namespace

Result<std::unique_ptr<ServiceLock>> ServiceLock::Take(const std::string& path, LedgerOptions::Mode mode) {
  const Result<int> file = OpenFile(path, mode);
  if (!file) return tl::unexpected(file.error());
  auto lock = std::unique_ptr<ServiceLock>(new ServiceLock(*file));
  if (::flock(*file, LOCK_EX | LOCK_NB) == 0) return lock;
  if (errno == EWOULDBLOCK) {
    return Fail(Errc::kConflict,
                "another service works on the ledger " + path + "; stop it first, or use another ledger");
  }
  return Fail(Errc::kUnavailable, Reason("cannot lock", path));
}

ServiceLock::~ServiceLock() { ::close(descriptor_); }

Result<Location> ParseLocation(std::string_view location) {
  if (location.starts_with("postgresql://") || location.starts_with("postgres://")) {
    return Fail(Errc::kInvalidArgument, "PostgreSQL is not supported yet by this build; use sqlite:FILE");
  }
  if (!location.starts_with(kScheme)) {
    return Fail(Errc::kInvalidArgument, "a ledger is given as sqlite:FILE");
  }
  const std::string_view path = location.substr(kScheme.size());
  if (path == ":memory:") return Location{":memory:", true};
  if (path.empty()) return Fail(Errc::kInvalidArgument, "sqlite: needs a file name");
  if (path.find_first_of(std::string_view("\"\0", 2)) != std::string_view::npos) {
    return Fail(Errc::kInvalidArgument, "a ledger's file name cannot hold a quotation mark");
  }
  // "./" keeps SQLite from seeing more in a name than a name.
  return Location{path.front() == '/' ? std::string(path) : "./" + std::string(path), false};
}

Result<std::unique_ptr<Connection>> OpenFirst(const Location& location, const LedgerOptions& options) {
  if (!location.memory) {
    if (Status prepared = PrepareFile(location.path, options.mode); !prepared) return tl::unexpected(prepared.error());
  }
  Result<std::unique_ptr<Connection>> connection = Connection::Open(location.path, kBusyMs);
  if (!connection) return connection;
  // The journal's mode is changed last: a file that is refused stays as it was.
  Status sound = Migrate(**connection, Migrations());
  if (sound && !location.memory) sound = CheckSchema(**connection, Migrations());  // that in memory was made just now
  if (sound) sound = QuickCheck(**connection, options.sole_service);
  if (sound && !location.memory) sound = UseWriteAheadLog(**connection);
  if (sound) sound = (*connection)->Run(kWritePragmas);
  if (!sound) return Fail(sound.error().code, location.path + ": " + sound.error().detail);
  return connection;
}

Result<std::unique_ptr<Connection>> OpenToWrite(const std::string& path) { return OpenWith(path, kWritePragmas); }
Result<std::unique_ptr<Connection>> OpenToRead(const std::string& path) { return OpenWith(path, kReadPragmas); }

}  // namespace dunlin::db
