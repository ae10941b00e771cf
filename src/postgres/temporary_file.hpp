// A private file with a secret, gone with its owner.
#pragma once

#include <memory>
#include <string>

#include "model/names.hpp"

namespace matriarch::postgres {

class TemporaryFile {
 public:
  // In $TMPDIR or /tmp, readable by us alone. Blocking: for the file threads.
  static model::Result<std::shared_ptr<TemporaryFile>, std::string> create(const std::string& content);
  explicit TemporaryFile(std::string path) : path_(std::move(path)) {}
  ~TemporaryFile();
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace matriarch::postgres
