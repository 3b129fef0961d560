// The two ways of `dunlin replay`. Both return the exit code.
#pragma once

#include "app/commands/commands.h"
#include "app/commands/replay_files.h"

namespace dunlin {

int ReplayOffline(const ReplayArguments& arguments, const ReplayFiles& files);

// `arguments.to` and `.secret` are given.
int ReplayTo(const ReplayArguments& arguments, const ReplayFiles& files);

}  // namespace dunlin
