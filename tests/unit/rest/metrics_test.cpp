#include "rest/metrics.hpp"

#include <gmock/gmock.h>

#include "unit/rest/situation.hpp"

namespace matriarch::rest {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string metrics(const Situation& situation) {
  const auto reading = situation.reading();
  return metrics_text(reading, status_of(reading), {.answers = {{200, 5}}, .seconds = 0.5});
}

TEST(Metrics, AreCalledAsInPatroni) {
  Situation primary;
  primary.as_primary().with_lease();
  const auto text = metrics(primary);
  for (const char* line :
       {"# HELP patroni_version Patroni semver without periods.\n# TYPE patroni_version gauge\npatroni_version{scope=\"orders\",name=\"pg-a\"} 040104\n",
        "patroni_postgres_running{scope=\"orders\",name=\"pg-a\"} 1\n", "patroni_postmaster_start_time{scope=\"orders\",name=\"pg-a\"} 1772439304.117203\n",
        "patroni_primary{scope=\"orders\",name=\"pg-a\"} 1\n", "# TYPE patroni_xlog_location counter\n", "patroni_xlog_location{scope=\"orders\",name=\"pg-a\"} 83886424\n",
        "patroni_xlog_received_location{scope=\"orders\",name=\"pg-a\"} 0\n", "patroni_xlog_replayed_timestamp{scope=\"orders\",name=\"pg-a\"} 0\n",
        "patroni_postgres_streaming{scope=\"orders\",name=\"pg-a\"} 0\n", "patroni_postgres_server_version{scope=\"orders\",name=\"pg-a\"} 150004\n",
        "patroni_cluster_unlocked{scope=\"orders\",name=\"pg-a\"} 0\n", "patroni_postgres_timeline{scope=\"orders\",name=\"pg-a\"} 4\n",
        "patroni_dcs_last_seen{scope=\"orders\",name=\"pg-a\"} 1772439312\n", "# Values: 0=initdb, 1=initdb_failed", "14=crashed\n# TYPE patroni_postgres_state gauge\n",
        "patroni_postgres_state{scope=\"orders\",name=\"pg-a\"} 5\n", "patroni_failover_priority{scope=\"orders\",name=\"pg-a\"} 1\n",
        "matriarch_lease_margin_seconds{scope=\"orders\",name=\"pg-a\"} 20\n", "matriarch_api_answers_total{scope=\"orders\",name=\"pg-a\",code=\"200\"} 5\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
  EXPECT_EQ(text.back(), '\n');
}

TEST(Metrics, PrintZeroForWhatIsNotKnown) {
  Situation down;
  down.as_replica().without_store().node().query_failed = true;
  const auto text = metrics(down);
  EXPECT_THAT(text, HasSubstr("patroni_xlog_replayed_location{scope=\"orders\",name=\"pg-a\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("patroni_postgres_state{scope=\"orders\",name=\"pg-a\"} -1\n"));
  EXPECT_THAT(text, HasSubstr("patroni_cluster_unlocked{scope=\"orders\",name=\"pg-a\"} 1\n"));
  EXPECT_THAT(text, Not(HasSubstr("patroni_postgres_streaming")));
  EXPECT_THAT(text, Not(HasSubstr("None")));
}

TEST(Metrics, EscapeLabels) {
  Situation odd;
  odd.settings.scope = "a\"b\\c\nd";
  EXPECT_THAT(metrics(odd), HasSubstr("scope=\"a\\\"b\\\\c\\nd\""));
}

}  // namespace
}  // namespace matriarch::rest
