#include "tests/support/faulty_vfs.h"

#include <sqlite3.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <vector>

namespace dunlin::testing {

class FaultyVfs::Impl {
 public:
  Impl() : base_(sqlite3_vfs_find(nullptr)), vfs_(*base_) {
    vfs_.zName = "faulty";
    vfs_.pAppData = this;
    vfs_.szOsFile = static_cast<int>(sizeof(File)) + base_->szOsFile;
    vfs_.xOpen = &Open;
    vfs_.xDelete = &Delete;
    // What is left is the base's, and must see the base.
    vfs_.xAccess = [](sqlite3_vfs* v, const char* name, int flags, int* out) {
      return Of(v).base_->xAccess(Of(v).base_, name, flags, out);
    };
    vfs_.xFullPathname = [](sqlite3_vfs* v, const char* name, int size, char* out) {
      return Of(v).base_->xFullPathname(Of(v).base_, name, size, out);
    };
    if (sqlite3_vfs_register(&vfs_, 1) != SQLITE_OK) std::abort();
  }
  ~Impl() {
    sqlite3_vfs_unregister(&vfs_);
    sqlite3_vfs_register(base_, 1);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void FailFrom(int nth, Fault fault, bool lasts) {
    const std::lock_guard lock(mutex_);
    nth_ = nth;
    fault_ = fault;
    lasts_ = lasts;
    calls_ = 0;
    failed_ = false;
  }
  int calls() const {
    const std::lock_guard lock(mutex_);
    return calls_;
  }
  bool failed() const {
    const std::lock_guard lock(mutex_);
    return failed_;
  }
  void CopyFlushed(const std::string& folder, const std::string& to) const {
    const std::lock_guard lock(mutex_);
    for (const auto& [path, bytes] : flushed_) {
      const std::filesystem::path file(path);
      if (file.parent_path() == folder) std::ofstream(to / file.filename(), std::ios::binary) << bytes;
    }
  }

 private:
  // What SQLite holds of an open file; the base's own lies behind it.
  struct File {
    sqlite3_file base;
    Impl* disk;
    const char* path;  // SQLite's, as long as the file is open; nullptr: a temporary one
    sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
  };
  static File& At(sqlite3_file* file) { return *reinterpret_cast<File*>(file); }
  static sqlite3_file* Real(sqlite3_file* file) { return At(file).real(); }
  static Impl& Of(sqlite3_vfs* vfs) { return *static_cast<Impl*>(vfs->pAppData); }

  bool Fails() {
    const std::lock_guard lock(mutex_);
    ++calls_;
    const bool fails = nth_ > 0 && (calls_ == nth_ || (lasts_ && calls_ > nth_));
    failed_ = failed_ || fails;
    return fails;
  }
  Fault fault() const {
    const std::lock_guard lock(mutex_);
    return fault_;
  }

  static int Open(sqlite3_vfs* v, const char* name, sqlite3_file* file, int flags, int* out) {
    Impl& disk = Of(v);
    file->pMethods = nullptr;  // nothing to close
    if (disk.Fails()) return SQLITE_CANTOPEN;
    At(file).disk = &disk;
    At(file).path = name;
    const int code = disk.base_->xOpen(disk.base_, name, Real(file), flags, out);
    if (code == SQLITE_OK) file->pMethods = &Methods();
    return code;
  }
  static int Delete(sqlite3_vfs* v, const char* name, int flush) {
    Impl& disk = Of(v);
    if (disk.Fails()) return SQLITE_IOERR_DELETE;
    const int code = disk.base_->xDelete(disk.base_, name, flush);
    const std::lock_guard lock(disk.mutex_);
    if (code == SQLITE_OK) disk.flushed_.erase(name);
    return code;
  }

  static int Write(sqlite3_file* f, const void* bytes, int count, sqlite3_int64 at) {
    Impl& disk = *At(f).disk;
    if (!disk.Fails()) return Real(f)->pMethods->xWrite(Real(f), bytes, count, at);
    if (disk.fault() == Fault::kFull) return SQLITE_FULL;
    Real(f)->pMethods->xWrite(Real(f), bytes, count / 2, at);
    return SQLITE_IOERR_WRITE;
  }
  static int Truncate(sqlite3_file* f, sqlite3_int64 size) {
    if (At(f).disk->Fails()) return SQLITE_IOERR_TRUNCATE;
    return Real(f)->pMethods->xTruncate(Real(f), size);
  }
  // The machine's own disk is not flushed: power never really fails here.
  static int Sync(sqlite3_file* f, int) {
    if (At(f).disk->Fails()) return SQLITE_IOERR_FSYNC;
    if (At(f).path != nullptr) At(f).disk->NoteFlushed(f);
    return SQLITE_OK;
  }
  static int ShmMap(sqlite3_file* f, int page, int size, int extend, void volatile** out) {
    if (extend != 0 && At(f).disk->Fails()) return SQLITE_IOERR_SHMMAP;
    return Real(f)->pMethods->xShmMap(Real(f), page, size, extend, out);
  }

  void NoteFlushed(sqlite3_file* f) {
    sqlite3_int64 size = 0;
    Real(f)->pMethods->xFileSize(Real(f), &size);
    std::string bytes(static_cast<std::size_t>(size), '\0');
    if (size > 0 && Real(f)->pMethods->xRead(Real(f), bytes.data(), static_cast<int>(size), 0) != SQLITE_OK) return;
    const std::lock_guard lock(mutex_);
    flushed_[At(f).path] = std::move(bytes);
  }

  static const sqlite3_io_methods& Methods() {
    static const sqlite3_io_methods methods = [] {
      sqlite3_io_methods m{};
      m.iVersion = 2;  // no mapping of the database itself
      m.xClose = [](sqlite3_file* f) { return Real(f)->pMethods->xClose(Real(f)); };
      m.xRead = [](sqlite3_file* f, void* to, int n, sqlite3_int64 at) {
        return Real(f)->pMethods->xRead(Real(f), to, n, at);
      };
      m.xWrite = &Write;
      m.xTruncate = &Truncate;
      m.xSync = &Sync;
      m.xFileSize = [](sqlite3_file* f, sqlite3_int64* out) { return Real(f)->pMethods->xFileSize(Real(f), out); };
      m.xLock = [](sqlite3_file* f, int how) { return Real(f)->pMethods->xLock(Real(f), how); };
      m.xUnlock = [](sqlite3_file* f, int how) { return Real(f)->pMethods->xUnlock(Real(f), how); };
      m.xCheckReservedLock = [](sqlite3_file* f, int* out) {
        return Real(f)->pMethods->xCheckReservedLock(Real(f), out);
      };
      m.xFileControl = [](sqlite3_file* f, int what, void* with) {
        return Real(f)->pMethods->xFileControl(Real(f), what, with);
      };
      m.xSectorSize = [](sqlite3_file* f) { return Real(f)->pMethods->xSectorSize(Real(f)); };
      m.xDeviceCharacteristics = [](sqlite3_file* f) { return Real(f)->pMethods->xDeviceCharacteristics(Real(f)); };
      m.xShmMap = &ShmMap;
      m.xShmLock = [](sqlite3_file* f, int at, int n, int how) {
        return Real(f)->pMethods->xShmLock(Real(f), at, n, how);
      };
      m.xShmBarrier = [](sqlite3_file* f) { Real(f)->pMethods->xShmBarrier(Real(f)); };
      m.xShmUnmap = [](sqlite3_file* f, int remove) { return Real(f)->pMethods->xShmUnmap(Real(f), remove); };
      return m;
    }();
    return methods;
  }

  sqlite3_vfs* const base_;
  sqlite3_vfs vfs_;
  mutable std::mutex mutex_;
  int nth_ = 0;  // 0: none
  Fault fault_ = Fault::kIo;
  bool lasts_ = false;
  int calls_ = 0;
  bool failed_ = false;
  std::map<std::string, std::string> flushed_;  // by path
};

FaultyVfs::FaultyVfs() : impl_(std::make_unique<Impl>()) {}
FaultyVfs::~FaultyVfs() = default;
void FaultyVfs::FailFrom(int nth, Fault fault, bool lasts) { impl_->FailFrom(nth, fault, lasts); }
void FaultyVfs::Heal() { impl_->FailFrom(0, Fault::kIo, false); }
int FaultyVfs::calls() const { return impl_->calls(); }
bool FaultyVfs::failed() const { return impl_->failed(); }
void FaultyVfs::CopyFlushed(const std::string& folder, const std::string& to) const { impl_->CopyFlushed(folder, to); }

}  // namespace dunlin::testing
