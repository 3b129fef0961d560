#include "tests/app/program.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <sstream>

#include "tests/support/scratch.h"

namespace dunlin::testing {
namespace {

std::vector<char*> Environment(std::vector<std::string>& more) {
  std::vector<char*> variables;
  for (char** v = environ; *v != nullptr; ++v) {
    if (std::strncmp(*v, "DUNLIN_", 7) != 0) variables.push_back(*v);
  }
  for (std::string& variable : more) variables.push_back(variable.data());
  variables.push_back(nullptr);
  return variables;
}

}  // namespace

Ran RunDunlin(const std::vector<std::string>& arguments, const std::string& in, std::vector<std::string> variables) {
  const ScratchDir scratch;
  WriteFile(scratch.File("in"), in);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 0, scratch.File("in").c_str(), O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, 1, scratch.File("out").c_str(), O_WRONLY | O_CREAT, 0600);
  posix_spawn_file_actions_addopen(&files, 2, scratch.File("err").c_str(), O_WRONLY | O_CREAT, 0600);
  const std::string program = DUNLIN_BINARY_DIR "/app/dunlin";
  std::vector<std::string> words = arguments;
  words.insert(words.begin(), program);
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_t pid = 0;
  Ran ran;
  const int started = posix_spawn(&pid, program.c_str(), &files, nullptr, argv.data(), Environment(variables).data());
  posix_spawn_file_actions_destroy(&files);
  if (started != 0) return ran;
  int status = 0;
  if (waitpid(pid, &status, 0) == pid && WIFEXITED(status)) ran.exit_code = WEXITSTATUS(status);
  ran.out = ReadFile(scratch.File("out"));
  ran.err = ReadFile(scratch.File("err"));
  return ran;
}

std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

void WriteFile(const std::string& path, const std::string& text) { std::ofstream(path, std::ios::binary) << text; }

std::string FixturePath(const std::string& name) { return std::string(DUNLIN_SOURCE_DIR "/fixtures/") + name; }

}  // namespace dunlin::testing
