#include "state/backup.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>

#include "state/ledger/file.h"
#include "state/ledger/schema.h"

namespace dunlin {
namespace {

using db::Connection;

std::string Reason(const std::string& what, const std::string& path) {
  return what + " " + path + ": " + std::strerror(errno);
}

std::string Quoted(const std::string& text) {
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("''") : std::string(1, c);
  return quoted + "'";
}

// A file of that name that is ours alone until it is renamed. Errors: kConflict when it is there.
Status Claim(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (file < 0) {
    if (errno == EEXIST) {
      return Fail(Errc::kConflict, path +
                                       " is there already: another copy is being written, or one was cut short; remove "
                                       "it when none is under way");
    }
    return Fail(Errc::kUnavailable, Reason("cannot make", path));
  }
  ::close(file);
  return {};
}

Status FlushToDisk(const std::string& path, int flags) {
  const int file = ::open(path.c_str(), flags | O_CLOEXEC);
  if (file < 0) return Fail(Errc::kUnavailable, Reason("cannot open", path));
  // Some file systems of the network have nothing to flush for a folder, and say so.
  const bool flushed = ::fsync(file) == 0 || ((flags & O_DIRECTORY) != 0 && errno == EINVAL);
  const int error = errno;
  ::close(file);
  errno = error;
  if (!flushed) return Fail(Errc::kUnavailable, Reason("cannot flush", path));
  return {};
}

std::string FolderOf(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path();
  return folder.empty() ? "." : folder;
}

// Copies the database at `from` to the empty file `to`.
Status Copy(const std::string& from, const std::string& to) {
  const Result<std::unique_ptr<Connection>> connection = Connection::Open(from, db::kBusyMs);
  if (!connection) return tl::unexpected(connection.error());
  return (*connection)->Run("VACUUM INTO " + Quoted(to));
}

// Every page of it, and that it is a ledger at all.
Status CheckWhole(Connection& connection, const std::string& of) {
  const Result<std::int64_t> application = connection.Number("PRAGMA application_id");
  if (!application) return tl::unexpected(application.error());
  if (*application != db::kApplicationId) return Fail(Errc::kCorrupt, of + " is not a Dunlin ledger");
  const Result<std::string> verdict = connection.Text("SELECT integrity_check FROM pragma_integrity_check(1)");
  if (!verdict) return tl::unexpected(verdict.error());
  if (*verdict != "ok") return Fail(Errc::kCorrupt, of + " is damaged: " + *verdict);
  return {};
}

// What a copy must become before it is a ledger of its own.
Status MakeOwn(Connection& connection) {
  Status sound = db::Migrate(connection, db::Migrations());
  if (sound) sound = db::CheckSchema(connection, db::Migrations());
  if (!sound) return sound;
  return connection.Run("UPDATE meta SET value = lower(hex(randomblob(8))) WHERE key = 'instance'");
}

// Copies `from` to `made` and makes sure of the copy. `own`: it becomes a ledger of its own.
Status CheckedCopy(const std::string& from, const std::string& made, bool own) {
  if (Status copied = Copy(from, made); !copied) return Fail(copied.error().code, from + ": " + copied.error().detail);
  const Result<std::unique_ptr<Connection>> copy = Connection::Open(made, db::kBusyMs);
  if (!copy) return tl::unexpected(copy.error());
  Status done = CheckWhole(**copy, from);
  if (done && own) done = MakeOwn(**copy);
  return done;
}

// Takes away what a failed copy has left.
Status OrRemove(const Status& done, const std::string& path) {
  if (!done) ::unlink(path.c_str());
  return done;
}

// The finished file gets its name, durably, or is taken away.
Status Publish(const std::string& made, const std::string& name) {
  if (Status flushed = FlushToDisk(made, O_RDWR); !flushed) return OrRemove(flushed, made);
  // link() and not rename(): what has appeared there meanwhile is not overwritten.
  const bool linked = ::link(made.c_str(), name.c_str()) == 0;
  const int error = errno;
  ::unlink(made.c_str());  // from here on another copy may be made under that name
  errno = error;
  if (linked) return OrRemove(FlushToDisk(FolderOf(name), O_RDONLY | O_DIRECTORY), name);
  if (errno == EEXIST) return Fail(Errc::kConflict, name + " is there already; move it away, or choose another name");
  return Fail(Errc::kUnavailable, Reason("cannot make", name));
}

// Makes it beside `name`, so that what bears the name is whole.
Status CopyAs(const std::string& from, const std::string& name, bool own) {
  const std::string made = name + ".part";
  if (Status claimed = Claim(made); !claimed) return claimed;
  const Status copied = CheckedCopy(from, made, own);
  return copied ? Publish(made, name) : OrRemove(copied, made);
}

bool Exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

}  // namespace

Status BackUpLedger(std::string_view location, const std::string& to) {
  const Result<db::Location> from = db::ParseLocation(location);
  if (!from) return tl::unexpected(from.error());
  if (from->memory) return Fail(Errc::kInvalidArgument, "a ledger in memory has no file to copy");
  if (!Exists(from->path)) return Fail(Errc::kNotFound, "there is no ledger at " + from->path);
  if (Exists(to)) return Fail(Errc::kConflict, to + " is there already; move it away, or choose another name");
  return CopyAs(from->path, to, false);
}

Status RestoreLedger(const std::string& from, std::string_view location) {
  const Result<db::Location> to = db::ParseLocation(location);
  if (!to) return tl::unexpected(to.error());
  if (to->memory) return Fail(Errc::kInvalidArgument, "a ledger in memory cannot be restored to; use sqlite:FILE");
  if (!Exists(from)) return Fail(Errc::kNotFound, "there is no backup at " + from);
  for (const char* suffix : {"", "-wal", "-shm"}) {
    if (Exists(to->path + suffix)) {
      return Fail(Errc::kConflict, to->path + suffix + " is there already; stop the service and move it away first");
    }
  }
  return CopyAs(from, to->path, true);
}

}  // namespace dunlin
