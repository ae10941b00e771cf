// Between etcd's JSON and the machine's values.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <string>
#include <tl/expected.hpp>

#include "consensus/machine/command.hpp"
#include "consensus/machine/outcome.hpp"
#include "consensus/server/json_fields.hpp"

namespace matriarch::consensus::server {

// Requests. The errors are in the fields' shared error.
machine::RangeRequest range_request(const JsonFields& fields);
machine::PutRequest put_request(const JsonFields& fields);
machine::DeleteRequest delete_request(const JsonFields& fields);
machine::Transaction transaction(const JsonFields& fields);
// The extension `dedup: {client, sequence}`.
machine::Origin origin(const JsonFields& fields);

struct WatchRequest {
  machine::KeyRange keys;
  machine::Revision start_revision = 0;
  bool puts = true;
  bool deletes = true;
  bool prev_kv = false;
  bool progress_notify = false;
  std::int64_t watch_id = 0;
  std::int64_t progress_interval_ms = 0;  // an extension; 0 = the server's
};
WatchRequest watch_request(const JsonFields& fields);

// Answers. Zero, empty and false are left out, as protobuf's JSON does.
struct Header {
  std::uint64_t cluster_id = 0;
  std::uint64_t member_id = 0;
  machine::Revision revision = 0;
  std::uint64_t raft_term = 0;
};
boost::json::object to_json(const Header& header);
boost::json::object to_json(const machine::KeyValue& kv, bool keys_only = false);
boost::json::object to_json(const machine::RangeOutcome& outcome);
boost::json::object to_json(const machine::PutOutcome& outcome);
boost::json::object to_json(const machine::DeleteOutcome& outcome);
boost::json::object to_json(const machine::TransactionOutcome& outcome, machine::Revision revision);
boost::json::object to_json(const machine::Event& event, bool prev_kv);

void put_number(boost::json::object& object, std::string_view name, std::int64_t value);
void put_number(boost::json::object& object, std::string_view name, std::uint64_t value);

}  // namespace matriarch::consensus::server
