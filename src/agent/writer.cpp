#include "agent/writer.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <fmt/format.h>

#include "agent/keeper.hpp"
#include "agent/unexpected.hpp"

namespace matriarch::agent {

namespace asio = boost::asio;
using model::WriteKind;

// A refused member key is written again at the next look after this, or at once under a new session.
constexpr model::Milliseconds kMemberAgainAfter{200};

void Writer::write(const model::CreateInitialize& action) {
  spawn(WriteKind::kInitialize, "initialize", world_.store.create_initialize(action.text, world_.keeper.state().session, timeout()));
}
void Writer::write(const model::SetInitialize& action) {
  spawn(WriteKind::kInitialize, "initialize", world_.store.set_initialize(action.system_id, timeout()));
}
void Writer::write(const model::CancelInitialize&) {
  spawn(WriteKind::kInitialize, "initialize", world_.store.cancel_initialize(timeout()));
}
void Writer::write(const model::WriteConfig& action) {
  spawn(WriteKind::kConfig, "config", world_.store.write_config(action.document, std::nullopt, timeout()));
}

// Written when the content changed, or when the session did: the key lives as long as its session.
void Writer::write(const model::PublishMember& action) {
  const auto session = world_.keeper.state().session;
  if (!session.valid() || under_way_.contains(WriteKind::kMember)) return;
  if (session.value == refused_session_ && world_.clock.now() < member_again_at_) return;
  const std::string content = fmt::format("{}:{}", session.value, boost::json::serialize(action.document));
  const auto view = world_.store.view();
  const model::Member* published = view ? view->find(settings_->name) : nullptr;
  if (content == published_member_ && published && published->session == session.value) return;
  published_member_ = content;
  spawn(WriteKind::kMember, "members/" + settings_->name.text,
        world_.store.publish_member(settings_->name, action.document, session, timeout()));
}

void Writer::write(const model::WriteStatus& action) {
  const auto view = world_.store.view();
  if (view && view->status == action.status) return;
  spawn(WriteKind::kStatus, "status", world_.store.write_status(action.status, settings_->name, timeout()));
}
void Writer::write(const model::WriteFailsafe& action) {
  const auto view = world_.store.view();
  if (view && view->failsafe == action.members) return;
  spawn(WriteKind::kFailsafe, "failsafe", world_.store.write_failsafe(action.members, settings_->name, timeout()));
}
void Writer::write(const model::WriteSync& action) {
  spawn(WriteKind::kSync, "sync", world_.store.write_sync(action, timeout()));
}
void Writer::write(const model::DeleteSync& action) {
  spawn(WriteKind::kSync, "sync", world_.store.delete_sync(action.expected, timeout()));
}
void Writer::write(const model::ClearFailover& action) {
  spawn(WriteKind::kFailover, "failover", world_.store.write_failover(boost::json::object{}, action.expected, timeout()));
}
void Writer::write(const model::WriteHistory& action) {
  spawn(WriteKind::kHistory, "history", world_.store.write_history(action.lines, timeout()));
}

void Writer::release(const model::ReleaseLease& action) {
  if (!under_way_.insert(WriteKind::kReleaseLease).second) return;
  asio::co_spawn(executor_, release_with_status(action.optime), EndsTheAgent{});
}

asio::awaitable<void> Writer::release_with_status(std::optional<model::Lsn> optime) {
  const auto view = world_.store.view();
  if (optime && view) {
    model::StatusKey status = view->status;
    status.optime = *optime;
    auto written = co_await world_.store.write_status(status, settings_->name, timeout());
    if (!written) world_.journal.log(ports::Level::kWarning, "could not write the last position to /status: " + written.error().what);
  }
  world_.keeper.release([this] {
    asio::post(executor_, [this] {
      under_way_.erase(WriteKind::kReleaseLease);
      notify_("lease given back");
    });
  });
}

void Writer::spawn(WriteKind kind, std::string what, Write write) {
  if (!under_way_.insert(kind).second) return;
  asio::co_spawn(executor_, carry_out(kind, std::move(what), std::move(write)), EndsTheAgent{});
}

asio::awaitable<void> Writer::carry_out(WriteKind kind, std::string what, Write write) {
  auto written = co_await std::move(write);
  under_way_.erase(kind);
  if (!written) {
    if (kind == WriteKind::kMember) {
      published_member_.clear();
      refused_session_ = world_.keeper.state().session.value;
      member_again_at_ = world_.clock.now() + kMemberAgainAfter;
    }
    const bool raced = written.error().failure == ports::StoreFailure::kConflict;
    world_.journal.log(raced ? ports::Level::kInfo : ports::Level::kWarning,
                       fmt::format("could not write /{}: {}", what, written.error().what));
  }
  notify_("wrote /" + what);
}

}  // namespace matriarch::agent
