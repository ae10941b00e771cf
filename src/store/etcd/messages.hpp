// Takes a stream of JSON documents apart, whatever pieces it arrives in.
#pragma once

#include <boost/json.hpp>
#include <functional>
#include <string_view>

namespace matriarch::store::etcd {

class Messages {
 public:
  // A single document may not be larger than `max_size` bytes.
  explicit Messages(std::size_t max_size) : max_size_(max_size) {}

  // Calls back with each complete document; false when the callback said so, or when the stream is broken for good.
  bool feed(std::string_view piece, const std::function<bool(const boost::json::object&)>& on_message);
  bool is_broken() const { return broken_; }

 private:
  std::size_t max_size_;
  std::size_t size_ = 0;
  bool broken_ = false;
  boost::json::stream_parser parser_;
};

}  // namespace matriarch::store::etcd
