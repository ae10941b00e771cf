#include "consensus/raft/receipts.hpp"

#include <gtest/gtest.h>

namespace matriarch::consensus::raft {
namespace {

using namespace std::chrono_literals;

Ticket ticket(std::uint64_t number) { return {.session = 7, .number = number}; }

TEST(Receipts, AnEntryIsKnownByItsTicketOnce) {
  Receipts receipts;
  receipts.note(ticket(1), 10ns);
  receipts.note(ticket(2), 20ns);
  EXPECT_EQ(receipts.take(ticket(1)), 10ns);
  EXPECT_EQ(receipts.take(ticket(1)), std::nullopt);
  EXPECT_EQ(receipts.take({.session = 8, .number = 2}), std::nullopt);
  EXPECT_EQ(receipts.take(ticket(2)), 20ns);
}

TEST(Receipts, WhatWasTruncatedIsForgottenWithTheNextThatIsApplied) {
  Receipts receipts(3);
  receipts.note(ticket(1), 10ns);  // never committed
  receipts.note(ticket(2), 20ns);
  EXPECT_EQ(receipts.take(ticket(2)), 20ns);
  EXPECT_EQ(receipts.take(ticket(1)), std::nullopt);
  for (std::uint64_t i = 3; i < 6; ++i) receipts.note(ticket(i), 30ns);
  EXPECT_EQ(receipts.take(ticket(3)), 30ns);
}

TEST(Receipts, TheOldestIsForgottenWhenThereAreTooMany) {
  Receipts receipts(2);
  for (std::uint64_t i = 1; i < 4; ++i) receipts.note(ticket(i), 10ns * i);
  EXPECT_EQ(receipts.take(ticket(1)), std::nullopt);
  EXPECT_EQ(receipts.take(ticket(2)), 20ns);
  EXPECT_EQ(receipts.take(ticket(3)), 30ns);
}

}  // namespace
}  // namespace matriarch::consensus::raft
