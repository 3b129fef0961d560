#include "state/ledger/usage.h"

#include <string>

#include "state/ledger/rows.h"

namespace dunlin::db {
namespace {

Status AnyRows(const Result<std::int64_t>& changed) {
  if (!changed) return tl::unexpected(changed.error());
  return {};
}

Status OneRow(const Result<std::int64_t>& changed, const std::string& otherwise) {
  if (!changed) return tl::unexpected(changed.error());
  if (*changed == 1) return {};
  return Fail(Errc::kConflict, otherwise);
}

// The columns that say which hour it is.
void GiveTerms(Statement& statement, const UsageHour& hour) {
  statement.Text(hour.subscription.str())
      .Text(MeterId(hour.meter))
      .Text(hour.meter.product.str())
      .Text(hour.meter.licence.str())
      .Text(hour.meter.account.str())
      .Text(hour.meter.customer.str())
      .Text(hour.dimension)
      .Int(ToUnixMillis(hour.hour))
      .Int(hour.quantity);
}

constexpr const char* kInsertHour =
    "INSERT INTO usage_hours (subscription, meter, product, licence, aws_account, customer, dimension, hour_ms, "
    "quantity, state, stamp_ms, frozen_ms, closes_ms, batch, settled_ms, metering_record_id, detail) "
    "VALUES (:subscription, :meter, :product, :licence, :account, :customer, :dimension, :hour, :quantity, ";

}  // namespace

UsageWriter::UsageWriter(Connection& c)
    : version_(c, "SELECT 1 FROM subscriptions WHERE id = :id AND version = :version", "ti", "i"),
      add_(c,
           std::string(kInsertHour) +
               "'open', NULL, NULL, NULL, '', NULL, '', '') ON CONFLICT (meter, dimension, hour_ms) DO UPDATE "
               "SET quantity = quantity + excluded.quantity WHERE state = 'open' "
               "AND quantity + excluded.quantity <= 2147483647 RETURNING seq",
           "tttttttii", "i"),
      insert_entry_(c,
                    "INSERT INTO usage_entries (account, key, subscription, user, dimension, quantity, at_ms, "
                    "received_ms, hour_seq) VALUES (:account, :key, :subscription, :user, :dimension, :quantity, :at, "
                    ":received, :hour) ON CONFLICT (account, key) DO NOTHING",
                    "tttttiiiI"),
      open_(c,
            "SELECT " + std::string(kUsageColumns) +
                " FROM usage_hours WHERE seq = :seq AND state = 'open' AND quantity = :quantity",
            "ii", kUsageOut),
      shift_entries_(c, "UPDATE usage_entries SET hour_seq = :to WHERE hour_seq = :from", "ii"),
      remove_(c, "DELETE FROM usage_hours WHERE seq = :seq", "i"),
      insert_frozen_(c,
                     std::string(kInsertHour) +
                         "'frozen', :stamp, :frozen, :closes, :batch, NULL, '', '') "
                         "ON CONFLICT (meter, dimension, hour_ms) DO NOTHING",
                     "tttttttiiIIIt"),
      freeze_(c,
              "UPDATE usage_hours SET state = 'frozen', stamp_ms = :stamp, frozen_ms = :frozen, closes_ms = :closes, "
              "batch = :batch WHERE seq = :seq AND state = 'open' AND quantity = :quantity",
              "IIItii"),
      settle_(c,
              "UPDATE usage_hours SET state = :state, settled_ms = :at, metering_record_id = :record, "
              "detail = :detail WHERE seq = :seq AND state = 'frozen'",
              "titti") {}

Result<std::int64_t> UsageWriter::AddTo(const UsageHour& hour) {
  GiveTerms(add_, hour);
  const Result<bool> added = add_.One();
  if (!added) return tl::unexpected(added.error());
  if (!*added) return Fail(Errc::kConflict, "the hour is not open, or is full");
  return add_.TakeInt();
}

Status UsageWriter::Book(const UsageBooking& booking) {
  const UsageEntry& entry = booking.entry;
  const Result<bool> same = version_.Text(entry.subscription.str()).Int(booking.version).One();
  if (!same) return tl::unexpected(same.error());
  if (!*same) return Fail(Errc::kConflict, "the subscription has another version: " + entry.subscription.str());
  std::optional<std::int64_t> seq;
  if (booking.hour) {
    UsageHour hour;
    hour.subscription = entry.subscription;
    hour.meter = booking.meter;
    hour.dimension = entry.dimension;
    hour.hour = *booking.hour;
    hour.quantity = entry.quantity;
    const Result<std::int64_t> added = AddTo(hour);
    if (!added) return tl::unexpected(added.error());
    seq = *added;
  }
  insert_entry_.Text(entry.account.str()).Text(entry.key).Text(entry.subscription.str()).Text(entry.user);
  insert_entry_.Text(entry.dimension).Int(entry.quantity).Int(ToUnixMillis(entry.at));
  insert_entry_.Int(ToUnixMillis(entry.received_at)).MaybeInt(seq);
  return OneRow(insert_entry_.Run(), "the account has used this key");
}

Status UsageWriter::Shift(const UsageShift& shift) {
  const Result<bool> found = open_.Int(shift.id).Int(shift.quantity).One();
  if (!found) return tl::unexpected(found.error());
  if (!*found) return Fail(Errc::kConflict, "the hour is not open, or holds more by now");
  Result<UsageHour> hour = TakeUsageHour(open_);
  if (!hour) return tl::unexpected(hour.error());
  hour->hour = shift.to;
  hour->meter = shift.meter;
  const Result<std::int64_t> to = AddTo(*hour);
  if (!to) return tl::unexpected(to.error());
  if (Status done = AnyRows(shift_entries_.Int(*to).Int(shift.id).Run()); !done) return done;
  return AnyRows(remove_.Int(shift.id).Run());
}

Status UsageWriter::Freeze(const UsageHour& hour) {
  if (hour.id == 0) return Insert(hour);
  freeze_.MaybeInt(ToColumn(hour.stamp)).MaybeInt(ToColumn(hour.frozen_at)).MaybeInt(ToColumn(hour.closes_at));
  return OneRow(freeze_.Text(hour.batch).Int(hour.id).Int(hour.quantity).Run(),
                "the hour is not open, or holds more by now");
}

Status UsageWriter::Insert(const UsageHour& hour) {
  GiveTerms(insert_frozen_, hour);
  insert_frozen_.MaybeInt(ToColumn(hour.stamp)).MaybeInt(ToColumn(hour.frozen_at));
  insert_frozen_.MaybeInt(ToColumn(hour.closes_at)).Text(hour.batch);
  return OneRow(insert_frozen_.Run(), "the hour is there by now");
}

Status UsageWriter::Settle(const UsageResult& result) {
  return OneRow(settle_.Text(UsageStateName(result.state))
                    .Int(ToUnixMillis(result.at))
                    .Text(result.metering_record_id)
                    .Text(result.detail)
                    .Int(result.id)
                    .Run(),
                "the hour is not frozen");
}

}  // namespace dunlin::db
