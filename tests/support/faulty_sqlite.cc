#include "tests/support/faulty_sqlite.h"

#include <sqlite3.h>

#include <cstdlib>
#include <mutex>
#include <string_view>
#include <utility>

namespace dunlin::testing {

class FaultySqlite::Impl {
 public:
  Impl() {
    current = this;
    if (sqlite3_auto_extension(Hook()) != SQLITE_OK) std::abort();
  }
  ~Impl() {
    sqlite3_cancel_auto_extension(Hook());
    current = nullptr;
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void FailFrom(int nth, bool lasts) {
    const std::lock_guard lock(mutex_);
    nth_ = nth;
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
  void OnCall(Watcher watcher) {
    const std::lock_guard lock(mutex_);
    watcher_ = std::move(watcher);
  }

 private:
  // SQLite knows no context for what it calls at an opening.
  static inline Impl* current = nullptr;

  using Extension = void (*)();
  static Extension Hook() { return reinterpret_cast<Extension>(&Opened); }

  static int Opened(sqlite3* database, char** /*message*/, const sqlite3_api_routines* /*api*/) {
    if (current->Fails("")) return SQLITE_ERROR;
    return sqlite3_set_authorizer(database, &Prepared, current);
  }

  static int Prepared(void* self, int action, const char* on, const char*, const char*, const char*) {
    switch (action) {
      case SQLITE_INSERT:
      case SQLITE_UPDATE:
      case SQLITE_DELETE:
        if (std::string_view(on).substr(0, 7) == "sqlite_") return SQLITE_OK;  // its own, part of another statement
        break;
      case SQLITE_SELECT:
      case SQLITE_TRANSACTION:
      case SQLITE_SAVEPOINT:
      case SQLITE_PRAGMA: break;
      default: return SQLITE_OK;
    }
    return static_cast<Impl*>(self)->Fails(on == nullptr ? "" : on) ? SQLITE_DENY : SQLITE_OK;
  }

  bool Fails(std::string_view about) {
    Watcher watcher;
    bool fails = false;
    {
      const std::lock_guard lock(mutex_);
      ++calls_;
      fails = nth_ > 0 && (calls_ == nth_ || (lasts_ && calls_ > nth_));
      failed_ = failed_ || fails;
      watcher = watcher_;
    }
    if (watcher) watcher(about);
    return fails;
  }

  mutable std::mutex mutex_;
  int nth_ = 0;  // 0: none
  bool lasts_ = false;
  int calls_ = 0;
  bool failed_ = false;
  Watcher watcher_;
};

FaultySqlite::FaultySqlite() : impl_(std::make_unique<Impl>()) {}
FaultySqlite::~FaultySqlite() = default;
void FaultySqlite::FailFrom(int nth, bool lasts) { impl_->FailFrom(nth, lasts); }
void FaultySqlite::Heal() { impl_->FailFrom(0, false); }
int FaultySqlite::calls() const { return impl_->calls(); }
bool FaultySqlite::failed() const { return impl_->failed(); }
void FaultySqlite::OnCall(Watcher watcher) { impl_->OnCall(std::move(watcher)); }

}  // namespace dunlin::testing
