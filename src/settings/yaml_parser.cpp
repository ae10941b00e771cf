// The only file that knows the YAML library. It is used as a stream of events, so that the bounds hold while the
// document is read and aliases cannot multiply without limit.
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <fmt/format.h>
#include <optional>
#include <set>
#include <sstream>

#include "settings/yaml.hpp"
#include "settings/yaml_scalar.hpp"

namespace matriarch::settings {
namespace {

namespace json = boost::json;

constexpr std::size_t kMostText = 1 << 20;
constexpr std::size_t kMostValues = 100'000;
constexpr std::size_t kMostExpandedText = 16 << 20;
constexpr std::size_t kDeepest = 64;
constexpr std::size_t kLongestPath = 512;  // longer paths get no line number

struct Refused {
  int line;
  std::string text;
};

// What a value costs: aliases are paid for at each use.
struct Weight {
  std::size_t values = 1;
  std::size_t text = 0;
  std::size_t depth = 1;
};

struct Anchored {
  json::value value;
  Weight weight;
};

// A list or mapping that is not finished.
struct Frame {
  bool is_map = false;
  YAML::anchor_t anchor = 0;
  std::string path;
  json::value value;                          // array or object
  std::optional<std::string> key;             // the key whose value comes next
  bool key_merges = false;                    // it is "<<"
  std::set<std::string, std::less<>> given;   // keys given here, not merged
  std::vector<json::array> merges;            // mappings to merge, one list for each "<<"
  Weight weight;
};

class Builder : public YAML::EventHandler {
 public:
  explicit Builder(std::string_view name) : name_(name) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) refuse(mark, "holds more than one document");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { add(mark, anchor, nullptr, {}, "null"); }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) refuse(mark, "has an alias to a value that contains it");
    check(mark, found->second.weight);
    const json::value& value = found->second.value;
    add(mark, 0, value, found->second.weight, value.is_string() ? std::string(value.get_string()) : json::serialize(value));
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, const std::string& text) override {
    const Weight weight{.text = text.size()};
    check(mark, weight);
    if (tag == "?" && kind_of_plain(text) == ScalarKind::kMerge && expects_key()) {
      stack_.back().key = text;
      stack_.back().key_merges = true;
      return;
    }
    add(mark, anchor, scalar(mark, tag, text), weight, text);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    if (tag != "?" && tag != "!" && tag != "tag:yaml.org,2002:seq") refuse(mark, fmt::format("has a tag that is not supported on a list"));
    open(mark, anchor, false);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    if (tag != "?" && tag != "!" && tag != "tag:yaml.org,2002:map") refuse(mark, fmt::format("has a tag that is not supported on a mapping"));
    open(mark, anchor, true);
  }
  void OnMapEnd() override { close(); }

  YamlDocument take() { return std::move(document_); }

 private:
  [[noreturn]] void refuse(const YAML::Mark& mark, std::string text) const { throw Refused{mark.line + 1, std::move(text)}; }

  bool expects_key() const { return !stack_.empty() && stack_.back().is_map && !stack_.back().key; }

  void check(const YAML::Mark& mark, const Weight& weight) {
    values_ += weight.values;
    text_ += weight.text;
    if (values_ > kMostValues) refuse(mark, fmt::format("has more than {} values, aliases expanded", kMostValues));
    if (text_ > kMostExpandedText) refuse(mark, "is too long, aliases expanded");
    if (stack_.size() + weight.depth > kDeepest) refuse(mark, fmt::format("is nested deeper than {} levels", kDeepest));
  }

  json::value scalar(const YAML::Mark& mark, const std::string& tag, const std::string& text) const {
    if (tag == "!") return json::string(text);
    if (tag == "?") {
      const ScalarKind kind = kind_of_plain(text);
      if (kind == ScalarKind::kValue || kind == ScalarKind::kMerge) {
        refuse(mark, fmt::format("has a bare {}, which means nothing here: put it in quotes", text));
      }
      return resolve_plain(text);
    }
    static const std::map<std::string, ScalarKind> kTags{
        {"tag:yaml.org,2002:str", ScalarKind::kString},   {"tag:yaml.org,2002:int", ScalarKind::kInt},
        {"tag:yaml.org,2002:float", ScalarKind::kFloat},  {"tag:yaml.org,2002:bool", ScalarKind::kBool},
        {"tag:yaml.org,2002:null", ScalarKind::kNull},    {"tag:yaml.org,2002:timestamp", ScalarKind::kTimestamp}};
    const auto found = kTags.find(tag);
    if (found == kTags.end()) refuse(mark, "has a tag that is not supported");
    const auto value = resolve_as(found->second, text);
    if (!value) refuse(mark, "has a value that does not fit its tag");
    return *value;
  }

  std::string child_path() const {
    if (stack_.empty()) return {};
    const Frame& frame = stack_.back();
    const std::string name = frame.is_map ? frame.key.value_or("") : std::to_string(frame.value.get_array().size());
    if (frame.path.size() + name.size() > kLongestPath) return std::string(kLongestPath, '?');
    return frame.path.empty() ? name : frame.path + "." + name;
  }

  void remember_line(const std::string& path, const YAML::Mark& mark) {
    if (!path.empty() && path.size() < kLongestPath) document_.lines[path] = mark.line + 1;
  }

  void open(const YAML::Mark& mark, YAML::anchor_t anchor, bool is_map) {
    check(mark, Weight{});
    if (expects_key()) refuse(mark, "has a list or mapping as a key");
    Frame frame{.is_map = is_map, .anchor = anchor, .path = child_path()};
    if (is_map) frame.value = json::object{};
    else frame.value = json::array{};
    if (!frame.path.empty() && frame.path.size() < kLongestPath) document_.lines.try_emplace(frame.path, mark.line + 1);
    stack_.push_back(std::move(frame));
    line_ = mark;
  }

  void close() {
    Frame frame = std::move(stack_.back());
    stack_.pop_back();
    if (frame.is_map) apply_merges(frame);
    if (frame.anchor != 0) anchors_[frame.anchor] = {frame.value, frame.weight};
    put(line_, std::move(frame.value), frame.weight);
  }

  // Given keys win over merged ones, the earlier mapping of a list over the later, the later "<<" over the earlier.
  static void apply_merges(Frame& frame) {
    json::object& object = frame.value.get_object();
    for (auto group = frame.merges.rbegin(); group != frame.merges.rend(); ++group) {
      for (const auto& source : *group) {
        for (const auto& [key, value] : source.get_object()) object.emplace(key, value);
      }
    }
  }

  // `text`: how it is written, for its use as a key.
  void add(const YAML::Mark& mark, YAML::anchor_t anchor, json::value value, const Weight& weight, std::string_view text) {
    if (anchor != 0) anchors_[anchor] = {value, weight};
    if (expects_key()) {
      if (value.is_structured()) refuse(mark, "has a list or mapping as a key");
      begin_pair(mark, text);
      return;
    }
    if (!stack_.empty() && !stack_.back().is_map) remember_line(child_path(), mark);
    put(mark, std::move(value), weight);
  }

  void begin_pair(const YAML::Mark& mark, std::string_view key) {
    Frame& frame = stack_.back();
    frame.key = std::string(key);
    frame.key_merges = false;
    const std::string path = child_path();
    if (!frame.given.emplace(key).second) {
      document_.warnings.push_back({.severity = Severity::kWarning,
                                    .path = path,
                                    .wrong = "is given twice; the last one counts",
                                    .where = fmt::format("{}:{}", name_, mark.line + 1)});
    }
    remember_line(path, mark);
  }

  void put(const YAML::Mark& mark, json::value value, const Weight& weight) {
    if (stack_.empty()) {
      document_.value = std::move(value);
      return;
    }
    Frame& frame = stack_.back();
    frame.weight.values += weight.values;
    frame.weight.text += weight.text;
    frame.weight.depth = std::max(frame.weight.depth, weight.depth + 1);
    if (!frame.is_map) {
      frame.value.get_array().push_back(std::move(value));
    } else if (frame.key_merges) {
      frame.merges.push_back(merge_sources(mark, value));
      frame.key.reset();
      frame.key_merges = false;
    } else {
      frame.value.get_object()[*frame.key] = std::move(value);
      frame.key.reset();
    }
  }

  json::array merge_sources(const YAML::Mark& mark, const json::value& value) const {
    json::array sources;
    if (value.is_array()) sources = value.get_array();
    else sources.push_back(value);
    for (const auto& source : sources) {
      if (!source.is_object()) refuse(mark, "merges (<<) something that is not a mapping");
    }
    return sources;
  }

  std::string name_;
  YamlDocument document_;
  std::vector<Frame> stack_;
  std::map<YAML::anchor_t, Anchored> anchors_;
  YAML::Mark line_ = YAML::Mark::null_mark();  // of the container opened last
  std::size_t values_ = 0, text_ = 0;
  int documents_ = 0;
};

// The byte after the well-formed UTF-8 sequence at `at`, or 0.
std::size_t after_utf8(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const unsigned lead = byte(at);
  if (lead < 0x80) return at + 1;
  const std::size_t length = lead >= 0xC2 && lead <= 0xDF ? 2 : lead >= 0xE0 && lead <= 0xEF ? 3 : lead >= 0xF0 && lead <= 0xF4 ? 4 : 0;
  if (length == 0) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xC0) != 0x80) return 0;
  }
  if ((lead == 0xE0 && byte(at + 1) < 0xA0) || (lead == 0xED && byte(at + 1) > 0x9F) || (lead == 0xF0 && byte(at + 1) < 0x90) ||
      (lead == 0xF4 && byte(at + 1) > 0x8F)) {
    return 0;
  }
  return at + length;
}

// YAML allows no control characters, and the library takes one of them for the end of the file.
std::optional<Refused> check_characters(std::string_view text) {
  int line = 1;
  for (std::size_t at = 0; at < text.size();) {
    const auto c = static_cast<unsigned char>(text[at]);
    if (c == '\n') ++line;
    if ((c < 0x20 && c != '\n' && c != '\r' && c != '\t') || c == 0x7F) {
      return Refused{line, fmt::format("has a control character (0x{:02x})", c)};
    }
    at = after_utf8(text, at);
    if (at == 0) return Refused{line, "is not UTF-8"};
  }
  return std::nullopt;
}

tl::unexpected<Complaint> complaint(std::string_view name, int line, std::string text) {
  return tl::unexpected(Complaint{.wrong = std::move(text), .where = line > 0 ? fmt::format("{}:{}", name, line) : std::string(name)});
}

}  // namespace

tl::expected<YamlDocument, Complaint> parse_yaml(std::string_view text, std::string_view name) {
  if (text.size() > kMostText) return complaint(name, 0, fmt::format("is longer than {} bytes", kMostText));
  if (const auto bad = check_characters(text)) return complaint(name, bad->line, bad->text);
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    Builder builder(name);
    while (parser.HandleNextDocument(builder)) {
    }
    return builder.take();
  } catch (const Refused& refused) {
    return complaint(name, refused.line, refused.text);
  } catch (const YAML::Exception& error) {
    return complaint(name, error.mark.line + 1, fmt::format("is not valid YAML: {} (column {})", error.msg, error.mark.column + 1));
  } catch (const std::exception& error) {
    return complaint(name, 0, fmt::format("cannot be read as YAML: {}", error.what()));
  }
}

}  // namespace matriarch::settings
