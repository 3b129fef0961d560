// What is SQLite's own: the file, its schema's versions, other processes, a failing disk, a killed process.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <sstream>
#include <thread>

#include "state/ledger.h"
#include "state/ledger/db.h"
#include "state/ledger/schema.h"
#include "tests/support/ledger_values.h"
#include "tests/support/scratch.h"

namespace dunlin::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr int kBusyMs = 1000;

std::string ReadFile(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

void WriteFile(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

class SqliteLedgerTest : public ::testing::Test {
 protected:
  std::unique_ptr<Ledger> Open() {
    auto opened = OpenLedger("sqlite:" + path_);
    EXPECT_TRUE(opened) << opened.error().detail;
    return opened ? std::move(*opened) : nullptr;
  }
  Error Refused() {
    auto opened = OpenLedger("sqlite:" + path_);
    EXPECT_FALSE(opened);
    return opened ? Error{Errc::kInvalidArgument, "it was opened"} : opened.error();
  }
  // A database of any shape.
  void Script(const std::string& sql) {
    auto connection = db::Connection::Open(path_, kBusyMs);
    ASSERT_TRUE(connection);
    const Status run = (*connection)->Run(sql);
    ASSERT_TRUE(run) << run.error().detail;
  }
  // A ledger with something in it, closed.
  void MakeLedger(int events) {
    auto ledger = Open();
    std::vector<Unit> units;
    const std::string body(2000, 'x');
    for (int i = 0; i < events; ++i) units.push_back(Accept(MakeEvent("evt_" + std::to_string(i), body)));
    for (const auto& result : ledger->CommitAll(std::move(units))) ASSERT_TRUE(result);
  }

  ScratchDir scratch_;
  std::string path_ = scratch_.File("a ledger=1.db");
};

bool HasEvent(Ledger& ledger, const std::string& id) {
  return ledger.FindEvent(Provider::kStripe, EventId(id)).value().has_value();
}

// ---- Versions ----------------------------------------------------------------------------------------------------

constexpr db::Migration kOne{1, "one", "CREATE TABLE a (x INTEGER) STRICT; INSERT INTO a VALUES (41);"};
constexpr db::Migration kTwo{2, "two", "ALTER TABLE a ADD COLUMN y TEXT; UPDATE a SET x = x + 1, y = 'new';"};
constexpr db::Migration kBroken{3, "broken", "UPDATE a SET x = 0; INSERT INTO nowhere VALUES (1);"};

TEST_F(SqliteLedgerTest, AnOlderSchemaIsBroughtForwardWithItsRows) {
  auto connection = std::move(*db::Connection::Open(path_, kBusyMs));
  ASSERT_TRUE(db::Migrate(*connection, std::vector{kOne}));
  EXPECT_EQ(connection->Number("PRAGMA user_version"), 1);
  ASSERT_TRUE(db::Migrate(*connection, std::vector{kOne, kTwo}));
  EXPECT_EQ(connection->Number("PRAGMA user_version"), 2);
  EXPECT_EQ(connection->Number("SELECT x FROM a"), 42);
  EXPECT_TRUE(db::CheckSchema(*connection, std::vector{kOne, kTwo}));
  ASSERT_TRUE(db::Migrate(*connection, std::vector{kOne, kTwo}));  // again: nothing to do
  EXPECT_EQ(connection->Number("SELECT x FROM a"), 42);
}

TEST_F(SqliteLedgerTest, ALedgerOfTheFirstVersionKeepsItsContent) {
  {
    auto connection = std::move(*db::Connection::Open(path_, kBusyMs));
    ASSERT_TRUE(db::Migrate(*connection, db::Migrations().first(1)));
    ASSERT_TRUE(connection->Run(
        "INSERT INTO events (provider, id, type, created_ms, received_ms, livemode, object, subscription, outcome, "
        "detail) VALUES ('stripe', 'evt_old', 'invoice.paid', 1, 2, 0, '', '', 'waiting', '');"
        "INSERT INTO event_bodies VALUES (1, x'7b7d');"
        "INSERT INTO jobs (kind, key, subject, created_ms, due_ms, state, tries, last_error, event_seq, payload) "
        "VALUES ('apply', '', '', 2, 2, 'ready', 0, '', 1, ''), ('mail', 'm', '', 2, 3, 'ready', 0, '', NULL, '{}')"));
  }
  const auto ledger = Open();
  EXPECT_TRUE(HasEvent(*ledger, "evt_old"));
  EXPECT_THAT(ledger->DueJobs(kNoon, 10).value(), SizeIs(2));
  EXPECT_EQ(ledger->LoadWork(std::vector{JobId{1}}).value().at(0).event->body, "{}");
}

TEST_F(SqliteLedgerTest, OneServiceAtATimeWorksOnIt) {
  const auto serve = [&] { return OpenLedger("sqlite:" + path_, {.sole_service = true}); };
  auto service = serve();
  ASSERT_TRUE(service) << service.error().detail;
  EXPECT_TRUE(Open()) << "the commands are no service";
  const auto second = serve();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::kConflict);
  EXPECT_THAT(second.error().detail, HasSubstr("another service works on the ledger " + path_));
  service->reset();
  EXPECT_TRUE(serve());
}

TEST_F(SqliteLedgerTest, AnEmptyFileGetsEveryVersionInTurn) {
  auto connection = std::move(*db::Connection::Open(path_, kBusyMs));
  ASSERT_TRUE(db::Migrate(*connection, std::vector{kOne, kTwo}));
  EXPECT_EQ(connection->Number("SELECT x FROM a"), 42);
  EXPECT_EQ(connection->Number("PRAGMA application_id"), db::kApplicationId);
}

TEST_F(SqliteLedgerTest, AFailingMigrationLeavesTheVersionBefore) {
  auto connection = std::move(*db::Connection::Open(path_, kBusyMs));
  const Status migrated = db::Migrate(*connection, std::vector{kOne, kTwo, kBroken});
  ASSERT_FALSE(migrated);
  EXPECT_THAT(migrated.error().detail, HasSubstr("schema version 3 (broken)"));
  EXPECT_EQ(connection->Number("PRAGMA user_version"), 2);
  EXPECT_EQ(connection->Number("SELECT x FROM a"), 42);
}

TEST_F(SqliteLedgerTest, ManyAtOnceMigrateOnce) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      auto opened = OpenLedger("sqlite:" + path_);
      EXPECT_TRUE(opened) << opened.error().detail;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Open()->instance(), Open()->instance());
}

TEST_F(SqliteLedgerTest, ANewerSchemaIsRefusedNamingBothVersions) {
  MakeLedger(1);
  Script("PRAGMA user_version = 99");
  const Error error = Refused();
  EXPECT_EQ(error.code, Errc::kInvalidArgument);
  EXPECT_THAT(error.detail, HasSubstr("99"));
  EXPECT_THAT(error.detail, HasSubstr("up to " + std::to_string(db::Migrations().size())));
}

// A ledger as version 1 left it, with a row in every table that version 3 makes anew, and one job done already.
constexpr const char* kVersionOneRows = R"sql(
INSERT INTO events VALUES (7, 'stripe', 'evt_1', 'invoice.paid', 1000, 2000, 1, 'in_1', 'sub_1', 'waiting', 'why',
  NULL);
INSERT INTO event_bodies VALUES (7, CAST('{"id":"evt_1"}' AS BLOB));
INSERT INTO jobs VALUES (41, 'apply', '', 'sub_1', 2000, 2000, 'ready', 0, NULL, '', 7, '{}');
INSERT INTO jobs VALUES (99, 'mail', 'mail/1', 'sub_1', 2000, 9000, 'dead', 3, 2500, 'no answer', NULL, '{"a":1}');
DELETE FROM jobs WHERE id = 99;
INSERT INTO jobs VALUES (42, 'charge', 'charge/sub_1', 'sub_1', 2000, 9000, 'dead', 3, 2500, 'no', NULL, '{"a":1}');
INSERT INTO subscriptions VALUES ('sub_1', 'stripe', 'cus_1', 5, 'past_due', 'revoked', 'pro', 9000, 8000, NULL,
  NULL, 1,  3000, 'waiting', 'in_1', 'default', 3, 2500, 9000, 1, 'evt_m', '', 'evt_f',
  '{"s":[{"e":"evt_1","c":1000,"s":"past_due"}]}');
INSERT INTO timeline VALUES (1, 'sub_1', 3000, 'change', 'active', 'past_due', 'granted', 'revoked', '', 'R24d',
  'default@3', 'evt_1', 'provider', 'It is overdue.', '');
)sql";

TEST_F(SqliteLedgerTest, AVersionOneLedgerIsBroughtForwardWithEverythingInIt) {
  {
    auto connection = std::move(*db::Connection::Open(path_, kBusyMs));
    ASSERT_TRUE(db::Migrate(*connection, db::Migrations().first(1)));
    const Status filled = connection->Run(kVersionOneRows);
    ASSERT_TRUE(filled) << filled.error().detail;
  }
  auto ledger = Open();
  const auto event = ledger->FindEvent(Provider::kStripe, EventId("evt_1")).value();
  ASSERT_TRUE(event);
  EXPECT_EQ(event->seq, 7);
  EXPECT_EQ(event->body, R"({"id":"evt_1"})");
  EXPECT_EQ(event->outcome, EventOutcome::kWaiting);
  EXPECT_EQ(event->subscription, "sub_1");
  EXPECT_EQ(event->received_at, FromUnixMillis(2000));
  EXPECT_TRUE(event->livemode);

  const std::vector<Job> jobs = ledger->Jobs({}, {}).value().items;
  ASSERT_THAT(jobs, SizeIs(2));
  EXPECT_EQ(jobs[0].id, JobId{41});
  EXPECT_EQ(jobs[0].event_seq, 7);
  EXPECT_EQ(jobs[1].kind, JobKind::kCharge);
  EXPECT_EQ(jobs[1].state, JobState::kDead);
  EXPECT_EQ(jobs[1].tries, 3);
  EXPECT_EQ(jobs[1].last_error, "no");
  EXPECT_EQ(jobs[1].payload, R"({"a":1})");

  const auto record = ledger->LoadSubscription(SubscriptionId("sub_1")).value();
  ASSERT_TRUE(record);
  EXPECT_EQ(record->subscription.version, 5);
  EXPECT_EQ(record->subscription.values.status, SubscriptionStatus::kPastDue);
  EXPECT_EQ(record->subscription.recovery.next_attempt_at, FromUnixMillis(9000));
  EXPECT_EQ(record->subscription.recovery.failure_seen, EventId("evt_f"));
  EXPECT_THAT(record->subscription.facts.snapshots, SizeIs(1));
  EXPECT_THAT(ledger->Timeline(SubscriptionId("sub_1")).value(), SizeIs(1));

  // Number 99 was given out once, so it is never given out again; what is new is accepted.
  EXPECT_GT(ToInt(ledger->Commit(Add(MakeJob(JobKind::kMeter, kNoon)))->new_jobs[0].id), 99);
  NewEvent of_aws = MakeEvent("eb/1");
  of_aws.provider = Provider::kAwsMarketplace;
  EXPECT_TRUE(ledger->Commit(Accept(of_aws))->stored[0]);
}

// ---- Files that are no ledgers -----------------------------------------------------------------------------------

TEST_F(SqliteLedgerTest, AnotherProgramsDatabaseIsRefusedAndStaysAsItWas) {
  Script("CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)");
  const std::string before = ReadFile(path_);
  const Error error = Refused();
  EXPECT_EQ(error.code, Errc::kCorrupt);
  EXPECT_THAT(error.detail, HasSubstr("not a Dunlin ledger"));
  EXPECT_EQ(ReadFile(path_), before);
}

TEST_F(SqliteLedgerTest, AFileThatIsNoDatabaseIsRefusedAndStaysAsItWas) {
  for (const std::string& bytes : {std::string("hello"), std::string(5000, 'x')}) {
    WriteFile(path_, bytes);
    EXPECT_EQ(Refused().code, Errc::kCorrupt);
    EXPECT_EQ(ReadFile(path_), bytes);
  }
}

TEST_F(SqliteLedgerTest, ACutFileIsRefused) {
  MakeLedger(50);
  const std::string whole = ReadFile(path_);
  for (const std::size_t size : {std::size_t{20}, std::size_t{4096}, whole.size() / 2, whole.size() - 4096}) {
    WriteFile(path_, whole.substr(0, size));
    EXPECT_EQ(Refused().code, Errc::kCorrupt) << size;
  }
}

TEST_F(SqliteLedgerTest, ADamagedPageIsFoundWhenASmallLedgerIsOpened) {
  MakeLedger(50);
  std::string bytes = ReadFile(path_);
  bytes.replace(bytes.size() - 8192, 4096, std::string(4096, '\x5a'));
  WriteFile(path_, bytes);
  EXPECT_EQ(Refused().code, Errc::kCorrupt);
}

TEST_F(SqliteLedgerTest, AServiceFindsADamagedPageInALargeLedgerToo) {
  {
    auto ledger = OpenLedger("sqlite:" + path_);
    ASSERT_TRUE(ledger);
    for (int i = 0; i < 20; ++i) {
      NewEvent event = testing::MakeEvent("evt_" + std::to_string(i));
      event.body = std::string(1 << 20, 'b');
      ASSERT_TRUE((*ledger)->Commit(testing::Accept(event)));
    }
  }
  std::string bytes = ReadFile(path_);
  ASSERT_GT(bytes.size(), 18U << 20);
  EXPECT_TRUE(OpenLedger("sqlite:" + path_, {.sole_service = true}));
  bytes.replace(bytes.size() / 2 / 4096 * 4096, 4096, std::string(4096, '\x5a'));
  WriteFile(path_, bytes);
  EXPECT_TRUE(OpenLedger("sqlite:" + path_)) << "a command does not look at every page";
  const auto opened = OpenLedger("sqlite:" + path_, {.sole_service = true});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::kCorrupt);
  EXPECT_THAT(opened.error().detail, HasSubstr("damaged"));
}

TEST_F(SqliteLedgerTest, AMissingIndexIsNamed) {
  MakeLedger(1);
  Script("DROP INDEX jobs_ready_outside");
  const Error error = Refused();
  EXPECT_EQ(error.code, Errc::kCorrupt);
  EXPECT_THAT(error.detail, HasSubstr("index jobs_ready_outside is missing"));
}

TEST_F(SqliteLedgerTest, AWordThatIsNotKnownIsCorruptWhenItIsRead) {
  MakeLedger(1);
  Script("PRAGMA ignore_check_constraints = ON; UPDATE events SET outcome = 'eaten'");
  auto ledger = OpenLedger("sqlite:" + path_);  // a small file is checked whole
  ASSERT_FALSE(ledger);
  EXPECT_EQ(ledger.error().code, Errc::kCorrupt);
}

TEST_F(SqliteLedgerTest, LocationsThatCannotBeAreRefusedByName) {
  for (const auto& [location, code, text] : std::vector<std::tuple<std::string, Errc, std::string>>{
           {"postgresql://localhost/x", Errc::kInvalidArgument,
            "PostgreSQL is not supported yet by this build; use sqlite:FILE"},
           {"postgres://localhost/x", Errc::kInvalidArgument,
            "PostgreSQL is not supported yet by this build; use sqlite:FILE"},
           {"mysql://x", Errc::kInvalidArgument, "sqlite:FILE"},
           {"sqlite:", Errc::kInvalidArgument, "file name"},
           {"sqlite:a\"b", Errc::kInvalidArgument, "quotation"},
           {"sqlite:" + scratch_.File("no/such/dir.db"), Errc::kUnavailable, "No such file"}}) {
    auto opened = OpenLedger(location);
    ASSERT_FALSE(opened) << location;
    EXPECT_EQ(opened.error().code, code) << location;
    EXPECT_THAT(opened.error().detail, HasSubstr(text));
  }
  auto missing = OpenLedger("sqlite:" + path_, {.mode = LedgerOptions::Mode::kOpenExisting});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Errc::kNotFound);
}

TEST_F(SqliteLedgerTest, ADirectoryWithoutPermissionIsUnavailable) {
  const std::string dir = scratch_.File("locked");
  ASSERT_EQ(mkdir(dir.c_str(), 0555), 0);
  const bool root = geteuid() == 0;
  if (root) {
    ASSERT_EQ(seteuid(65534), 0);
  }
  auto opened = OpenLedger("sqlite:" + dir + "/ledger.db");
  if (root) {
    ASSERT_EQ(seteuid(0), 0);
  }
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::kUnavailable);
  EXPECT_THAT(opened.error().detail, HasSubstr("Permission denied"));
}

TEST_F(SqliteLedgerTest, OnlyItsOwnerCanReadTheFile) {
  MakeLedger(1);
  struct stat info {};
  ASSERT_EQ(stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
}

// ---- Several on one file -----------------------------------------------------------------------------------------

TEST_F(SqliteLedgerTest, TwoLedgersOnOneFileSeeEachOthersWrites) {
  auto service = Open();
  auto command = Open();
  EXPECT_EQ(service->instance(), command->instance());
  ASSERT_TRUE(service->Commit(Accept(MakeEvent("evt_1"))));
  EXPECT_TRUE(HasEvent(*command, "evt_1"));
  EXPECT_FALSE(command->Commit(Accept(MakeEvent("evt_1")))->stored[0]);
  ASSERT_TRUE(command->Commit(Add(MakeJob(JobKind::kCharge, kNoon))));
  EXPECT_THAT(service->DueJobs(kNoon, 10).value(), SizeIs(2));
}

TEST_F(SqliteLedgerTest, AnotherProcessesTransactionIsWaitedForAndThenGivenUp) {
  auto ledger = Open();
  auto other = std::move(*db::Connection::Open(path_, kBusyMs));
  ASSERT_TRUE(other->Run("BEGIN IMMEDIATE"));
  std::thread ends([&] {
    std::this_thread::sleep_for(200ms);
    EXPECT_TRUE(other->Run("COMMIT"));
  });
  EXPECT_TRUE(ledger->Commit(Accept(MakeEvent("evt_1"))));
  ends.join();

  ASSERT_TRUE(other->Run("BEGIN IMMEDIATE"));
  EXPECT_TRUE(HasEvent(*ledger, "evt_1"));  // reads do not wait
  const auto result = ledger->Commit(Accept(MakeEvent("evt_2")));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Errc::kUnavailable);
  ASSERT_TRUE(other->Run("ROLLBACK"));
  EXPECT_FALSE(HasEvent(*ledger, "evt_2"));
  EXPECT_TRUE(ledger->Commit(Accept(MakeEvent("evt_2"))));
}

// ---- What is let go of -------------------------------------------------------------------------------------------

TEST_F(SqliteLedgerTest, ADroppedBodyIsWipedFromTheFile) {
  {
    const auto ledger = Open();
    for (int i = 0; i < 200; ++i) {
      NewEvent event = MakeEvent("evt_" + std::to_string(i),
                                 std::string(50, ' ') + "let-go" + std::string(static_cast<std::size_t>(i) * 50, '.'));
      event.outcome = EventOutcome::kKept;
      ASSERT_TRUE(ledger->Commit(Accept(std::move(event))));
    }
  }
  ASSERT_NE(ReadFile(path_).find("let-go"), std::string::npos);
  {
    const auto ledger = Open();
    Unit unit;
    unit.drop_bodies = BodyDrop{.received_before = Timestamp::max(), .naming = {}};
    ASSERT_EQ(ledger->Commit(std::move(unit)).value().dropped.bodies, 200);
  }
  EXPECT_EQ(ReadFile(path_).find("let-go"), std::string::npos);
}

// ---- Disks that fail, processes that die -------------------------------------------------------------------------

// While it lives no file of this process can grow: every write past its size fails as on a broken disk.
class NoRoom {
 public:
  NoRoom() {
    before_ = signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &limit_);
    const rlimit none{0, limit_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &none);
  }
  ~NoRoom() {
    setrlimit(RLIMIT_FSIZE, &limit_);
    signal(SIGXFSZ, before_);
  }

 private:
  rlimit limit_{};
  sighandler_t before_ = nullptr;
};

TEST_F(SqliteLedgerTest, WhileTheDiskFailsNothingIsPromisedAndAfterwardsAllGoesOn) {
  auto ledger = Open();
  ASSERT_TRUE(ledger->Commit(Accept(MakeEvent("evt_before"))));
  for (int round = 0; round < 3; ++round) {
    const std::string lost = "evt_lost" + std::to_string(round), kept = "evt_kept" + std::to_string(round);
    {
      const NoRoom no_room;
      std::vector<Unit> units;
      for (const auto& id : {lost + "a", lost + "b"}) units.push_back(Accept(MakeEvent(id, std::string(9000, 'x'))));
      for (const auto& result : ledger->CommitAll(std::move(units))) {
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error().code, Errc::kUnavailable) << result.error().detail;
      }
      EXPECT_FALSE(ledger->CheckWritable());
      EXPECT_TRUE(HasEvent(*ledger, "evt_before"));
    }
    ASSERT_TRUE(ledger->Commit(Accept(MakeEvent(kept))));
    EXPECT_TRUE(ledger->CheckWritable());
    EXPECT_FALSE(HasEvent(*ledger, lost + "a"));
    EXPECT_TRUE(HasEvent(*ledger, kept));
  }
  ledger.reset();
  EXPECT_TRUE(HasEvent(*Open(), "evt_kept0"));
}

// Commits for ever from four threads; each id goes to `out` once it is promised.
[[noreturn]] void CommitUntilKilled(const std::string& path, int round, int out) {
  auto opened = OpenLedger("sqlite:" + path);
  if (!opened) _exit(3);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0;; ++i) {
        const std::string id = "evt_" + std::to_string(round) + "_" + std::to_string(t) + "_" + std::to_string(i);
        if (!(*opened)->Commit(Accept(MakeEvent(id, std::string(2000, 'x'))))) _exit(4);
        const std::string line = id + "\n";
        if (write(out, line.data(), line.size()) < 0) _exit(5);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  _exit(6);
}

TEST_F(SqliteLedgerTest, WhatWasPromisedOutlivesAKilledProcess) {
  std::size_t promised = 0;
  for (int round = 0; round < 4; ++round) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) CommitUntilKilled(path_, round, ends[1]);
    close(ends[1]);
    std::string text(4096, '\0');
    std::string ids;
    const auto stop = std::chrono::steady_clock::now() + std::chrono::milliseconds(150 + 70 * round);
    bool killed = false;
    for (ssize_t n = 1; n > 0;) {
      n = read(ends[0], text.data(), text.size());
      if (n > 0) ids.append(text, 0, static_cast<std::size_t>(n));
      if (!killed && !ids.empty() && std::chrono::steady_clock::now() > stop) killed = kill(child, SIGKILL) == 0;
    }
    close(ends[0]);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child ended by itself: " << status;

    auto ledger = Open();
    std::istringstream lines(ids);
    for (std::string id; std::getline(lines, id);) {
      ++promised;
      const auto event = ledger->FindEvent(Provider::kStripe, EventId(id)).value();
      ASSERT_TRUE(event) << id;
      EXPECT_EQ(event->body.size(), 2000U);
    }
    const Backlog backlog = ledger->CountBacklog(kNoon).value();
    EXPECT_GE(static_cast<std::size_t>(backlog.waiting), promised);  // each with its job
  }
  EXPECT_GT(promised, 100U);
}

}  // namespace
}  // namespace dunlin::testing
