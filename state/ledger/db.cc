#include "state/ledger/db.h"

// Debian builds SOCI with Boost, and its package does not ask for Boost's headers. We bind none of Boost's types, and
// only templates for those depend on this.
// clang-format off
#include <soci/soci-config.h>
#undef SOCI_HAVE_BOOST
#include <soci/soci.h>
// clang-format on
#include <soci/sqlite3/soci-sqlite3.h>

#include <utility>
#include <vector>

#include "state/check.h"

namespace dunlin::db {

namespace api = sqlite_api;

struct Connection::Impl {
  soci::session session;
  api::sqlite3* raw = nullptr;
  bool broken = false;

  // `what()` of SOCI's errors holds the bound values, bodies and secrets among them: only the message is used.
  Error Describe(const soci::soci_error& error);
  Error Describe(int code, const std::string& message);
};

namespace {

constexpr int kPrimaryCode = 0xff;

Errc CodeOfConstraint(int extended) {
  if (extended == SQLITE_CONSTRAINT_UNIQUE || extended == SQLITE_CONSTRAINT_PRIMARYKEY) return Errc::kConflict;
  return Errc::kInvalidArgument;
}

// Runs `action`, which may throw a soci_error, and hands on its result.
template <class T, class Owner, class F>
Result<T> Guarded(Owner& owner, F&& action) {
  try {
    return action();
  } catch (const soci::soci_error& error) {
    return tl::unexpected(owner.Describe(error));
  }
}

int CountFrames(void* frames, api::sqlite3* /*raw*/, const char* /*schema*/, int pages) {
  static_cast<std::atomic<std::int64_t>*>(frames)->store(pages, std::memory_order_relaxed);
  return SQLITE_OK;
}

// Once, before the first connection: no connection is used by two threads at a time, so that SQLite's own locks and its
// count of allocated memory, which all threads would share, only cost time.
void ConfigureSqlite() {
  static const bool done = [] {
    DUNLIN_CHECK(api::sqlite3_config(SQLITE_CONFIG_MULTITHREAD) == SQLITE_OK);
    DUNLIN_CHECK(api::sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0) == SQLITE_OK);
    return true;
  }();
  DUNLIN_CHECK(done);
}

}  // namespace

Error Connection::Impl::Describe(const soci::soci_error& error) {
  const auto* sqlite = dynamic_cast<const soci::sqlite3_soci_error*>(&error);
  return Describe(sqlite == nullptr ? SQLITE_ERROR : sqlite->result(), error.get_error_message());
}

Error Connection::Impl::Describe(int code, const std::string& message) {
  switch (code & kPrimaryCode) {
    case SQLITE_CONSTRAINT: return {CodeOfConstraint(api::sqlite3_extended_errcode(raw)), message};
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: broken = true; return {Errc::kCorrupt, message};
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return {Errc::kUnavailable, message};
    case SQLITE_IOERR:
    case SQLITE_FULL:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    default:  // codes of a foreign interface: what is not known is not trusted
      broken = true;
      return {Errc::kUnavailable, message};
  }
}

Connection::Connection(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Connection::~Connection() = default;

Result<std::unique_ptr<Connection>> Connection::Open(const std::string& path, int busy_ms) {
  if (path.find('"') != std::string::npos) {
    return Fail(Errc::kInvalidArgument, "a ledger's file name cannot hold a quotation mark");
  }
  ConfigureSqlite();
  auto impl = std::make_unique<Impl>();
  return Guarded<std::unique_ptr<Connection>>(*impl, [&]() -> Result<std::unique_ptr<Connection>> {
    impl->session.open(soci::sqlite3, "dbname=\"" + path + "\"");
    impl->raw = static_cast<soci::sqlite3_session_backend*>(impl->session.get_backend())->conn_;
    std::unique_ptr<Connection> connection(new Connection(std::move(impl)));
    connection->SetBusyTimeout(busy_ms);
    return connection;
  });
}

Status Connection::Run(const std::string& sql) {
  const int code = api::sqlite3_exec(impl_->raw, sql.c_str(), nullptr, nullptr, nullptr);
  if (code == SQLITE_OK) return {};
  return tl::unexpected(impl_->Describe(code, api::sqlite3_errmsg(impl_->raw)));
}

Result<std::int64_t> Connection::Number(const std::string& sql) {
  Statement statement(*this, sql, "", "i");
  Result<bool> found = statement.One();
  if (!found) return tl::unexpected(found.error());
  if (!*found) return Fail(Errc::kCorrupt, "no row where there must be one");
  return statement.TakeInt();
}

Result<std::string> Connection::Text(const std::string& sql) {
  Statement statement(*this, sql, "", "t");
  Result<bool> found = statement.One();
  if (!found) return tl::unexpected(found.error());
  if (!*found) return Fail(Errc::kCorrupt, "no row where there must be one");
  return statement.TakeText();
}

std::int64_t Connection::LastId() const { return api::sqlite3_last_insert_rowid(impl_->raw); }
bool Connection::InTransaction() const { return api::sqlite3_get_autocommit(impl_->raw) == 0; }
bool Connection::broken() const { return impl_->broken; }
void Connection::SetBusyTimeout(int busy_ms) { api::sqlite3_busy_timeout(impl_->raw, busy_ms); }
void Connection::Interrupt() { api::sqlite3_interrupt(impl_->raw); }
void Connection::CountWalFrames(std::atomic<std::int64_t>* frames) {
  api::sqlite3_wal_hook(impl_->raw, &CountFrames, frames);
}

// SOCI keeps the addresses of what it binds: the slots live as long as the statement and never move.
struct Statement::Impl {
  struct Slot {
    char kind;
    long long number = 0;
    std::string text;
    soci::indicator indicator = soci::i_ok;
    bool IsText() const { return kind == 't' || kind == 'T'; }
    bool Nullable() const { return kind == 'I' || kind == 'T'; }
  };

  Impl(Connection::Impl& c, std::string text, std::string_view in, std::string_view out)
      : connection(c), sql(std::move(text)) {
    for (const char kind : in) given.push_back({.kind = kind});
    for (const char kind : out) taken.push_back({.kind = kind});
  }

  void Prepare();
  Slot& Give(char kind);
  Slot& Take(char kind);
  Result<bool> Execute();

  Connection::Impl& connection;
  std::string sql;
  std::vector<Slot> given;
  std::vector<Slot> taken;
  std::size_t next_given = 0;
  std::size_t next_taken = 0;
  std::optional<soci::statement> statement;
};

void Statement::Impl::Prepare() {
  statement.emplace(connection.session);
  for (Slot& slot : taken) {
    if (slot.IsText()) {
      statement->exchange(soci::into(slot.text, slot.indicator));
    } else {
      statement->exchange(soci::into(slot.number, slot.indicator));
    }
  }
  for (Slot& slot : given) {
    if (slot.IsText()) {
      statement->exchange(soci::use(slot.text, slot.indicator));
    } else {
      statement->exchange(soci::use(slot.number, slot.indicator));
    }
  }
  statement->alloc();
  statement->prepare(sql);
  statement->define_and_bind();
  api::sqlite3_stmt* raw = static_cast<soci::sqlite3_statement_backend*>(statement->get_backend())->stmt_;
  DUNLIN_CHECK(static_cast<std::size_t>(api::sqlite3_bind_parameter_count(raw)) == given.size());
  DUNLIN_CHECK(taken.empty() || static_cast<std::size_t>(api::sqlite3_column_count(raw)) == taken.size());
}

// After a failure SOCI has finalized the statement: it is prepared again at the next run.
Result<bool> Statement::Impl::Execute() {
  DUNLIN_CHECK(next_given == given.size());
  next_given = 0;
  next_taken = 0;
  Result<bool> row = Guarded<bool>(connection, [&] {
    if (!statement) Prepare();
    return statement->execute(true);
  });
  if (!row) statement.reset();
  return row;
}

Statement::Impl::Slot& Statement::Impl::Give(char kind) {
  DUNLIN_CHECK(next_given < given.size());
  Slot& slot = given[next_given++];
  DUNLIN_CHECK(slot.kind == kind);
  return slot;
}

Statement::Impl::Slot& Statement::Impl::Take(char kind) {
  DUNLIN_CHECK(next_taken < taken.size());
  Slot& slot = taken[next_taken++];
  DUNLIN_CHECK(slot.kind == kind);
  return slot;
}

Statement::Statement(Connection& connection, std::string sql, std::string_view in, std::string_view out)
    : impl_(std::make_unique<Impl>(*connection.impl_, std::move(sql), in, out)) {}
Statement::~Statement() = default;
Statement::Statement(Statement&&) noexcept = default;

Statement& Statement::Int(std::int64_t value) {
  impl_->Give('i').number = value;
  return *this;
}
Statement& Statement::MaybeInt(std::optional<std::int64_t> value) {
  Impl::Slot& slot = impl_->Give('I');
  slot.number = value.value_or(0);
  slot.indicator = value ? soci::i_ok : soci::i_null;
  return *this;
}
Statement& Statement::Text(std::string_view value) {
  impl_->Give('t').text = value;
  return *this;
}
Statement& Statement::MaybeText(std::optional<std::string_view> value) {
  Impl::Slot& slot = impl_->Give('T');
  slot.text = value.value_or("");
  slot.indicator = value ? soci::i_ok : soci::i_null;
  return *this;
}

Result<std::int64_t> Statement::Run() {
  Result<bool> row = impl_->Execute();
  if (!row) return tl::unexpected(row.error());
  return Guarded<std::int64_t>(impl_->connection, [&] { return impl_->statement->get_affected_rows(); });
}

Result<bool> Statement::One() {
  Result<bool> row = First();
  if (row && *row) {
    // To the end, or the statement would keep its lock; the values of the row stay.
    Result<bool> more = Next();
    if (!more) return more;
    DUNLIN_CHECK(!*more);
    impl_->next_taken = 0;
  }
  return row;
}

Result<bool> Statement::First() { return impl_->Execute(); }

Result<bool> Statement::Next() {
  impl_->next_taken = 0;
  Result<bool> row = Guarded<bool>(impl_->connection, [&] { return impl_->statement->fetch(); });
  if (!row) impl_->statement.reset();
  return row;
}

void Statement::Close() { impl_->statement.reset(); }

std::int64_t Statement::TakeInt() { return impl_->Take('i').number; }
std::optional<std::int64_t> Statement::TakeMaybeInt() {
  const Impl::Slot& slot = impl_->Take('I');
  if (slot.indicator == soci::i_null) return std::nullopt;
  return slot.number;
}
std::string Statement::TakeText() { return std::move(impl_->Take('t').text); }
std::optional<std::string> Statement::TakeMaybeText() {
  Impl::Slot& slot = impl_->Take('T');
  if (slot.indicator == soci::i_null) return std::nullopt;
  return std::move(slot.text);
}

}  // namespace dunlin::db
