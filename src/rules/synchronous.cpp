#include "rules/facts.hpp"
#include "rules/tables.hpp"
namespace matriarch::rules {
namespace {
Plan nothing(const Situation&) { return {}; }
}
Table synchronous_table() { return {.name="synchronous", .about="", .verdicts={{"sync-todo", always, nothing, ""}}}; }
Table priority_table() { return {.name="priority", .about="", .verdicts={{"prio-todo", always, nothing, ""}}}; }
Table quorum_table() { return {.name="quorum", .about="", .verdicts={{"quorum-todo", always, nothing, ""}}}; }
}
