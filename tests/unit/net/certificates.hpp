// Certificates made for one test.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace matriarch::net {

// A certificate authority that lives in a directory and writes PEM files there.
class AnAuthority {
 public:
  AnAuthority(std::string directory, std::string name);
  ~AnAuthority();
  AnAuthority(const AnAuthority&) = delete;
  AnAuthority& operator=(const AnAuthority&) = delete;

  const std::string& cafile() const { return cafile_; }

  struct Issued {
    std::string certfile;
    std::string keyfile;
  };
  // `names`: as in "DNS:db1" or "IP:127.0.0.1", valid for server and client alike. A password encrypts the key.
  Issued issue(const std::string& common_name, const std::string& names, const std::string& password = {});

 private:
  struct Keys;
  std::string directory_;
  std::string name_;
  std::string cafile_;
  std::unique_ptr<Keys> keys_;
  int issued_ = 0;
};

}  // namespace matriarch::net
