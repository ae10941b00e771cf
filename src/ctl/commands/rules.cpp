// rules: the tables, for people, documents and programs.
#include <fmt/format.h>
#include <fmt/ostream.h>

#include "ctl/arguments.hpp"
#include "ctl/commands/commands.hpp"
#include "model/json_text.hpp"
#include "rules/describe.hpp"
#include "rules/house.hpp"

namespace matriarch::ctl {
namespace {

namespace json = boost::json;

json::array rules_json() {
  json::array tables;
  for (const auto& table : rules::the_house().tables) {
    const auto rows = [](std::span<const rules::Rule> from) {
      json::array list;
      for (const auto& rule : from) list.push_back(json::object{{"name", rule.name}, {"explains", rule.explains}});
      return list;
    };
    tables.push_back(json::object{{"name", table.name}, {"about", table.about}, {"duties", rows(table.duties)}, {"verdicts", rows(table.verdicts)}});
  }
  return tables;
}

}  // namespace

int run_rules(Context& context, Words words) {
  bool markdown = false, as_json = false;
  Arguments arguments(context.command("rules"), "", "The tables of rules by which every decision is made, in their order");
  arguments.flag("--markdown", markdown, "As Markdown, for documents").flag("--json", as_json, "As JSON").parse(std::move(words));
  if (as_json) fmt::print(context.out(), "{}\n", model::write_json(rules_json(), model::JsonSpacing::kSpaced));
  else context.out() << (markdown ? rules::as_markdown(rules::the_house()) : rules::as_text(rules::the_house()));
  return 0;
}

}  // namespace matriarch::ctl
