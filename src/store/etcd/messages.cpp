#include "store/etcd/messages.hpp"

namespace matriarch::store::etcd {

bool Messages::feed(std::string_view piece, const std::function<bool(const boost::json::object&)>& on_message) {
  while (!piece.empty() && !broken_) {
    if (size_ == 0) {
      const auto begin = piece.find_first_not_of(" \t\r\n");
      if (begin == std::string_view::npos) return true;
      piece.remove_prefix(begin);
    }
    boost::json::error_code error;
    const std::size_t taken = parser_.write_some(piece.data(), piece.size(), error);
    size_ += taken;
    broken_ = error.failed() || size_ > max_size_;
    if (broken_ || !parser_.done()) {
      piece.remove_prefix(broken_ ? 0 : taken);
      continue;
    }
    piece.remove_prefix(taken);
    const boost::json::value document = parser_.release();
    parser_.reset();
    size_ = 0;
    broken_ = !document.is_object();
    if (!broken_ && !on_message(document.get_object())) return false;
  }
  return !broken_;
}

}  // namespace matriarch::store::etcd
