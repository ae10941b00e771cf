#include "rules/describe.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace matriarch::rules {
namespace {

std::size_t longest_name(const std::vector<Rule>& rules) {
  std::size_t longest = 0;
  for (const Rule& rule : rules) longest = std::max(longest, rule.name.size());
  return longest;
}

void print_rows(std::string& out, std::string_view heading, const std::vector<Rule>& rules) {
  if (rules.empty()) return;
  out += fmt::format("  {}\n", heading);
  for (const Rule& rule : rules) out += fmt::format("    {:<{}}  {}\n", rule.name, longest_name(rules), rule.explains);
}

void print_markdown(std::string& out, std::string_view heading, const std::vector<Rule>& rules) {
  if (rules.empty()) return;
  out += fmt::format("\n{}\n\n| rule | when it holds, and what it does |\n| --- | --- |\n", heading);
  for (const Rule& rule : rules) out += fmt::format("| `{}` | {} |\n", rule.name, rule.explains);
}

}  // namespace

std::string as_text(const House& house) {
  std::string out;
  for (const Table& table : house.tables) {
    out += fmt::format("{}: {}\n", table.name, table.about);
    print_rows(out, "duties (every row that holds)", table.duties);
    print_rows(out, "verdict (the first row that holds)", table.verdicts);
    out += '\n';
  }
  return out;
}

std::string as_markdown(const House& house) {
  std::string out =
      "# The rules\n\n"
      "Printed by `matriarch rules --markdown` from the tables themselves.\n\n"
      "A decision walks from `prologue` to `situation`, from there to the table of the situation, and ends with `epilogue`.\n"
      "In a table, every *duty* that holds is carried out, in order; of the *verdicts* the first that holds decides, here or in\n"
      "the table it hands over to. `matriarch why` names the rows that fired. S1 to S26 are in [invariants.md](invariants.md).\n";
  for (const Table& table : house.tables) {
    out += fmt::format("\n## {}\n\n{}\n", table.name, table.about);
    print_markdown(out, "Duties:", table.duties);
    print_markdown(out, "Verdicts:", table.verdicts);
  }
  return out;
}

}  // namespace matriarch::rules
