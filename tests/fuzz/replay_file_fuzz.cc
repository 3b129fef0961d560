// Files of events and scenarios, as `dunlin replay` reads them.
#include "app/commands/replay_files.h"
#include "tests/fuzz/fuzz.h"

DUNLIN_FUZZ_TARGET(bytes) {
  using namespace dunlin;
  const Result<ReplayFiles> files = ReadReplayText(bytes, "fuzz.json");
  if (!files) {
    DUNLIN_CHECK(!files.error().detail.empty());
    return;
  }
  for (const ReplayEvent& event : files->events) {
    DUNLIN_CHECK(!event.id.empty() && event.where.starts_with("fuzz.json"));
    // It is sent as it stands in the file.
    DUNLIN_CHECK(bytes.find(event.body) != std::string_view::npos);
  }
}
