// Says a recurring complaint once in a while instead of every time.
#pragma once

#include <chrono>
#include <map>
#include <string>

#include "consensus/log.hpp"

namespace matriarch::consensus {

class Complaints {
 public:
  explicit Complaints(Log log, std::chrono::seconds pause = std::chrono::seconds(30))
      : log_(std::move(log)), pause_(pause) {}

  // `about` is who or what it concerns; the same words about it are said again only after the pause.
  void say(const std::string& about, const std::string& what, LogLevel level = LogLevel::kWarning) {
    const auto now = std::chrono::steady_clock::now();
    if (said_.size() > kMaxRemembered) said_.clear();
    auto& last = said_[about];
    if (last.what == what && now - last.when < pause_) return;
    last = {.what = what, .when = now};
    log_(level, what);
  }
  void settled(const std::string& about) { said_.erase(about); }

 private:
  static constexpr std::size_t kMaxRemembered = 256;
  struct Said {
    std::string what;
    std::chrono::steady_clock::time_point when;
  };
  Log log_;
  std::chrono::seconds pause_;
  std::map<std::string, Said> said_;
};

}  // namespace matriarch::consensus
