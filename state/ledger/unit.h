// Writes one Unit inside a transaction that the caller has begun.
#pragma once

#include "state/ledger.h"
#include "state/ledger/db.h"
#include "state/ledger/dropper.h"
#include "state/ledger/market.h"
#include "state/ledger/usage.h"

namespace dunlin::db {

// Holds every statement that writes, prepared once for its connection, which must outlive it.
class UnitWriter {
 public:
  explicit UnitWriter(Connection& connection);

  // All of the unit, or an error and part of it: the caller rolls back to its savepoint. Errors: those of Commit.
  Result<UnitResult> Write(const Unit& unit);

 private:
  Result<UnitResult> WriteAll(const Unit& unit);
  Status Accept(const NewEvent& event, UnitResult& result);
  Status Done(JobId id);
  Status Save(const Subscription& subscription);
  Status File(const EventResult& event);
  Status OpenAttempt(const Attempt& attempt);
  Status CloseAttempt(const Attempt& attempt);
  Status AnnotateAttempt(const Attempt& attempt);
  Status Drop(const std::string& key);
  Status AddJob(const NewJob& job, UnitResult& result);
  Status JoinJob(const NewJob& job, UnitResult& result);
  Status Retry(const JobRetry& retry, UnitResult& result);
  Status Link(const PaymentLink& link);
  Status Raise(const Alert& alert, UnitResult& result);
  Status Reply(const ApiReply& reply, const UnitResult& result);
  Status Keep(const Token& token);
  Status WriteMarket(const Unit& unit, UnitResult& result);
  Status WriteUsage(const Unit& unit);

  Connection& connection_;
  MarketWriter market_;
  Dropper dropper_;
  UsageWriter usage_;
  Statement insert_event_, insert_body_, file_event_;
  Statement insert_job_, delete_job_, drop_job_, find_job_, wake_job_, move_job_, retry_job_;
  Statement insert_subscription_, update_subscription_;
  Statement insert_attempt_, close_attempt_, annotate_attempt_;
  Statement insert_timeline_, insert_alias_, insert_payment_, insert_invoice_;
  Statement raise_alert_, settle_alert_, insert_reply_, upsert_token_;
};

}  // namespace dunlin::db
