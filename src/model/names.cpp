#include "model/names.hpp"

#include <algorithm>

namespace matriarch::model {

bool SystemId::valid() const {
  return text.size() >= 10 && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace matriarch::model
