// A private directory that goes with the test.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <stdexcept>
#include <string>

namespace matriarch::system {

class ADirectory {
 public:
  ADirectory() {
    std::string name = "/tmp/matriarch-test-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
    path_ = name;
  }
  ~ADirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ADirectory(const ADirectory&) = delete;
  ADirectory& operator=(const ADirectory&) = delete;

  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace matriarch::system
