// rules: the tables, for people, documents and programs.
#include <fmt/format.h>
#include <fmt/ostream.h>

#include "ctl/arguments.hpp"
#include "ctl/commands/commands.hpp"
#include "model/json_text.hpp"
#include "rules/rule.hpp"

namespace matriarch::ctl {
namespace {

namespace json = boost::json;

std::string markdown_cell(std::string_view text) {
  std::string cell;
  for (const char c : text) cell += c == '|' ? std::string("\\|") : std::string(1, c);
  return cell;
}

void print_rules_text(std::ostream& out) {
  for (const auto* table : rules::all_tables()) {
    fmt::print(out, "{}: {}\n", table->name, table->about);
    const auto print = [&](std::string_view part, std::span<const rules::Rule> rows) {
      if (!rows.empty()) fmt::print(out, "  {}\n", part);
      for (const auto& rule : rows) fmt::print(out, "    {:<34} {}\n", rule.name, rule.explains);
    };
    print("every one that holds:", table->duties);
    print("the first one that holds:", table->verdicts);
    fmt::print(out, "\n");
  }
}

void print_rules_markdown(std::ostream& out) {
  for (const auto* table : rules::all_tables()) {
    fmt::print(out, "## {}\n\n{}\n\n", table->name, table->about);
    const auto print = [&](std::string_view part, std::span<const rules::Rule> rows) {
      if (rows.empty()) return;
      fmt::print(out, "{}\n\n| rule | when it holds, and what it does |\n| --- | --- |\n", part);
      for (const auto& rule : rows) fmt::print(out, "| `{}` | {} |\n", rule.name, markdown_cell(rule.explains));
      fmt::print(out, "\n");
    };
    print("Duties: every row that holds, in order.", table->duties);
    print("Verdict: the first row that holds.", table->verdicts);
  }
}

json::array rules_json() {
  json::array tables;
  for (const auto* table : rules::all_tables()) {
    const auto rows = [](std::span<const rules::Rule> from) {
      json::array list;
      for (const auto& rule : from) list.push_back({{"name", rule.name}, {"explains", rule.explains}});
      return list;
    };
    tables.push_back({{"name", table->name}, {"about", table->about}, {"duties", rows(table->duties)}, {"verdicts", rows(table->verdicts)}});
  }
  return tables;
}

}  // namespace

int run_rules(Context& context, Words words) {
  bool markdown = false, as_json = false;
  Arguments arguments(context.command("rules"), "", "The tables of rules by which every decision is made, in their order");
  arguments.flag("--markdown", markdown, "As Markdown, for documents").flag("--json", as_json, "As JSON").parse(std::move(words));
  if (as_json) fmt::print(context.out(), "{}\n", model::write_json(rules_json(), model::JsonSpacing::kSpaced));
  else if (markdown) print_rules_markdown(context.out());
  else print_rules_text(context.out());
  return 0;
}

}  // namespace matriarch::ctl
