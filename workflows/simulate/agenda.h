// What will happen at which time, but for what parts of the simulation find out by themselves.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <utility>

#include "state/time.h"

namespace dunlin::simulate {

class Agenda {
 public:
  void Add(Timestamp at, std::function<void()> act) { items_.emplace(at, std::move(act)); }
  std::optional<Timestamp> Next() const { return items_.empty() ? std::nullopt : std::optional(items_.begin()->first); }
  // Of equal times the one that was added first.
  void RunNext() {
    auto item = items_.extract(items_.begin());
    item.mapped()();
  }

 private:
  std::multimap<Timestamp, std::function<void()>> items_;
};

}  // namespace dunlin::simulate
