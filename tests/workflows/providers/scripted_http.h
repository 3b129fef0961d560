// An HTTP server on 127.0.0.1 that answers what a test tells it to, bad manners included, and keeps what it was sent.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace dunlin::testing {

struct Reply {
  enum class Manner {
    kAnswer,       // `bytes`, and the connection stays open
    kHangUpFirst,  // closes before it reads anything
    kHangUpAfter,  // reads the request, sends `bytes` (perhaps none), closes
    kSilence,      // reads the request and says nothing until the server stops
  };
  Manner manner = Manner::kAnswer;
  std::string bytes;
  std::size_t after_requests = 0;  // answered only when the server has read so many in all
};

// A whole answer with these header lines ("Name: value\r\n") and that body.
Reply Answer(int status, const std::string& body, const std::string& header_lines = "");

struct SeenRequest {
  std::string line;  // "POST /v1/… HTTP/1.1"
  std::string head;  // the header lines
  std::string body;
  std::string Header(const std::string& name) const;  // empty: none
};

class ScriptedHttp {
 public:
  explicit ScriptedHttp(std::deque<Reply> replies);  // one a request, in order; then it hangs up
  ~ScriptedHttp();
  ScriptedHttp(const ScriptedHttp&) = delete;
  ScriptedHttp& operator=(const ScriptedHttp&) = delete;

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  std::vector<SeenRequest> requests();
  int connections();

 private:
  void Accept();
  void Serve(int fd);
  bool ReadRequest(int fd, std::string& buffer, SeenRequest& request);
  Reply Next();
  void Keep(SeenRequest request, std::size_t wait_for_requests);

  int listener_ = -1;
  int port_ = 0;
  std::mutex mutex_;  // guards what follows
  std::deque<Reply> replies_;
  std::vector<SeenRequest> requests_;
  std::vector<int> open_;
  std::vector<std::thread> servers_;
  bool stopping_ = false;
  std::condition_variable changed_;
  std::thread acceptor_;
};

// A port that nothing listens on.
int ClosedPort();

}  // namespace dunlin::testing
