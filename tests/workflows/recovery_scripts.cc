#include "tests/workflows/recovery_scripts.h"

namespace dunlin::testing {

CollectionPolicy Steps(std::vector<Millis> retry_after, Exhausted exhausted) {
  CollectionPolicy policy = ServicePolicy();
  policy.retry_after = std::move(retry_after);
  policy.exhausted = exhausted;
  return policy;
}
CollectionPolicy OneStep(Exhausted exhausted) { return Steps({kDay}, exhausted); }
CollectionPolicy ProviderPolicy() { return {}; }
CollectionPolicy MethodWaits() {
  CollectionPolicy policy = ServicePolicy();
  policy.retry_on_new_payment_method = false;
  return policy;
}

const std::vector<Script>& Scripts() {
  const CollectionPolicy service = ServicePolicy();
  const CollectionPolicy stay = OneStep(Exhausted::kStayPastDue);
  static const std::vector<Script> scripts = {
      // The schedule.
      {"ASecondChargeRecovers", service, "fail taken_over due declined:insufficient_funds due paid",
       "D2 D3 D7 D20 D7 D35"},
      {"AfterTheLastStepItIsCancelled", Steps({kDay, kDay}), "fail taken_over due declined due declined deleted",
       "D2 D3 D7 D20 D7 D22 D57"},
      {"AfterTheLastStepItStaysPastDue", stay, "fail taken_over due declined", "D2 D3 D7 D23"},
      {"AnUnknownAttemptSpendsNoStep", OneStep(), "fail taken_over due unknown due unknown due unknown",
       "D2 D3 D7 D20 D7 D20 D7 D22"},
      {"ARefusedAttemptSpendsItsStepButCancelsNobody", OneStep(), "fail taken_over due refused staff declined",
       "D2 D3 D7 D23 D25 D22"},
      {"ARefusalBesideADeclineDoesNotStopTheEnd", Steps({kDay, kDay}), "fail taken_over due declined due refused",
       "D2 D3 D7 D20 D7 D22"},
      {"TooEarlyIsNotDue", service, "fail taken_over early early due", "D2 D3 - - D7"},
      {"ARepeatedLookChangesNothing", service, "fail look taken_over look due look look", "D2 - D3 - D7 - -"},
      {"AFailureThatWasHeardOfLateMovesThePlan", service, "fail taken_over wait:1h again", "D2 D3 D10"},
      {"TheProviderWouldNotCancel", OneStep(), "fail taken_over due declined cancelling end_refused",
       "D2 D3 D7 D22 D59 D26"},
      {"WithoutAnAnswerItIsCancelledAgain", OneStep(),
       "fail taken_over due declined cancelling look cancelling deleted", "D2 D3 D7 D22 D59 - D59 D57"},
      // Declines that must not be retried on the same card (R18).
      {"AHardDeclineWaitsForAMethod", service, "fail taken_over:stolen_card method due paid", "D2 D4 D18 D7 D35"},
      {"AHardDeclineOfOursWaitsForAMethod", service, "fail taken_over due declined:lost_card method due",
       "D2 D3 D7 D21 D18 D7"},
      {"AHardDeclineThatIsLearntLaterStopsThePlan", service, "fail taken_over know:stolen_card", "D2 D3 D11"},
      {"AHardDeclineStopsEvenAnAttemptThatIsDue", service, "fail taken_over wait:2d know:stolen_card early",
       "D2 D3 D11 -"},
      {"WithoutAMethodTheScheduleEndsAnyway", OneStep(), "fail taken_over:stolen_card look due", "D2 D4 - D16"},
      {"WithoutAMethodTheScheduleEndsInPastDueAnyway", stay, "fail taken_over:stolen_card due", "D2 D4 D17"},
      {"ASofterDeclineLetsTheScheduleGoOn", service, "fail taken_over:stolen_card know:insufficient_funds",
       "D2 D4 D14"},
      {"AMethodThatMustWaitForTheScheduleDoes", MethodWaits(), "fail taken_over:stolen_card method due",
       "D2 D4 D14 D7"},
      {"AfterTheEndAHardDeclineCancels", OneStep(), "fail wait:2d taken_over:stolen_card", "D2 D5"},
      {"AfterTheEndAHardDeclineStaysPastDue", stay, "fail wait:2d taken_over:stolen_card", "D2 D6"},
      {"AHardDeclineOfLongAgoCancelsAtOnce", OneStep(), "fail taken_over wait:3d know:stolen_card", "D2 D3 D12"},
      {"AHardDeclineOfLongAgoExhaustsAtOnce", stay, "fail taken_over wait:3d know:stolen_card", "D2 D3 D13"},
      // A new method (R5) and staff (R19).
      {"ANewMethodDoesNotWaitForTheSchedule", service, "fail taken_over method due paid", "D2 D3 D9 D7 D35"},
      {"CardsThatWereDeclinedForGoodAreNotTriedInTurn", service,
       "fail taken_over method:pm_a due declined:stolen_card method:pm_b due declined:lost_card method:pm_a "
       "method:pm_b "
       "method:pm_c due",
       "D2 D3 D9 D7 D21 D18 D7 D21 - - D18 D7"},
      {"BackToACardThatWasDeclinedForGoodStopsTheAttempt", service,
       "fail taken_over method:pm_a due declined:stolen_card method:pm_b method:pm_a early",
       "D2 D3 D9 D7 D21 D18 D11 -"},
      {"ANewMethodAfterTheEndIsTried", stay, "fail taken_over due declined method due declined",
       "D2 D3 D7 D23 D24 D7 D23"},
      {"ANewMethodStopsACancellationThatDidNotGoOut", OneStep(),
       "fail taken_over due declined method due declined cancelling", "D2 D3 D7 D22 D60 D7 D22 D59"},
      {"ANewMethodWaitsWhileTheCancellationIsOut", OneStep(),
       "fail taken_over due declined cancelling method look cancelling due", "D2 D3 D7 D22 D59 - - D60 D7"},
      {"StaffStopACancellationThatDidNotGoOut", OneStep(), "fail taken_over due declined staff paid",
       "D2 D3 D7 D22 D61 D35"},
      {"StaffCannotStopACancellationThatIsOut", OneStep(), "fail taken_over due declined cancelling staff",
       "D2 D3 D7 D22 D59 -"},
      {"StaffRetryWhileWaiting", service, "fail taken_over staff declined due", "D2 D3 D8 D20 D7"},
      {"StaffRetryWhileAMethodIsAwaited", service, "fail taken_over:stolen_card staff declined:stolen_card",
       "D2 D4 D19 D21"},
      {"StaffRetryAfterTheEnd", stay, "fail taken_over due declined staff declined", "D2 D3 D7 D23 D25 D23"},
      // Two owners (R21).
      {"TakenBackWhileWaiting", service, "fail taken_over taken_back due taken_over due", "D2 D3 D28 - D3 D7"},
      {"TakenBackWhileAMethodIsAwaited", service, "fail taken_over:stolen_card taken_back taken_over", "D2 D4 D29 D4"},
      {"TakenBackAfterTheEnd", stay, "fail taken_over due declined taken_back", "D2 D3 D7 D23 D30"},
      {"TheProviderCollectsAndWeFollow", ProviderPolicy(), "fail again again paid", "D1 D27 D27 D31"},
      {"AFollowedRecoveryNeverCharges", ProviderPolicy(), "fail due staff method wait:30d due", "D1 - - - -"},
      // Paid, whatever the way (R4).
      {"PaidWhileTakingOver", service, "fail paid", "D2 D32"},
      {"PaidWhileWaiting", service, "fail taken_over paid due", "D2 D3 D33 -"},
      {"PaidWhileAMethodIsAwaited", service, "fail taken_over:stolen_card paid", "D2 D4 D34"},
      {"PaidWhileEnding", OneStep(), "fail taken_over due declined paid cancelling", "D2 D3 D7 D22 D36 -"},
      {"PaidAfterTheEnd", stay, "fail taken_over due declined paid", "D2 D3 D7 D23 D37"},
      // Nothing left to collect.
      {"VoidWhileFollowing", ProviderPolicy(), "fail void", "D1 D38"},
      {"VoidWhileTakingOver", service, "fail void", "D2 D39"},
      {"VoidWhileWaiting", service, "fail taken_over void due", "D2 D3 D40 -"},
      {"VoidWhileAMethodIsAwaited", service, "fail taken_over:stolen_card void", "D2 D4 D41"},
      {"VoidWhileCharging", service, "fail taken_over due void refused", "D2 D3 D7 D42 -"},
      {"VoidWhileEnding", OneStep(), "fail taken_over due declined void", "D2 D3 D7 D22 D43"},
      {"VoidAfterTheEnd", stay, "fail taken_over due declined void", "D2 D3 D7 D23 D44"},
      // A late fact disproves it.
      {"DisprovedWhileFollowing", ProviderPolicy(), "fail disproved", "D1 D45"},
      {"DisprovedWhileTakingOver", service, "fail disproved", "D2 D46"},
      {"DisprovedWhileWaiting", service, "fail taken_over disproved due", "D2 D3 D47 -"},
      {"DisprovedWhileAMethodIsAwaited", service, "fail taken_over:stolen_card disproved", "D2 D4 D48"},
      {"DisprovedWhileCharging", service, "fail taken_over due disproved", "D2 D3 D7 D49"},
      {"DisprovedWhileEnding", OneStep(), "fail taken_over due declined disproved", "D2 D3 D7 D22 D50"},
      {"DisprovedAfterTheEnd", stay, "fail taken_over due declined disproved", "D2 D3 D7 D23 D51"},
      {"TheNextInvoiceBeginsItsOwn", service, "fail taken_over next_invoice", "D2 D3 D47+D2+D3"},
      {"TheNextInvoiceWaitsForAnAttemptThatIsOut", service, "fail taken_over due next_invoice declined",
       "D2 D3 D7 D49 D2+D3"},
      {"TheNextInvoiceHasAScheduleOfItsOwn", Steps({kDay, kDay}),
       "fail taken_over wait:12d next_invoice_untold due declined due declined", "D2 D3 D47+D2+D3 D7 D20 D7 D22"},
      // An attempt that the provider refused to make, and the next one is out when it is over: nobody needs to act on
      // it.
      {"PaidWhileChargingAfterARefusal", service, "fail taken_over due refused due paid", "D2 D3 D7 D20 D7 D35"},
      {"VoidWhileChargingAfterARefusal", service, "fail taken_over due refused due void", "D2 D3 D7 D20 D7 D42"},
      {"DisprovedWhileChargingAfterARefusal", service, "fail taken_over due refused due disproved",
       "D2 D3 D7 D20 D7 D49"},
      {"CancelledWhileChargingAfterARefusal", service, "fail taken_over due refused due cancel", "D2 D3 D7 D20 D7 D56"},
      // Cancelled (R17).
      {"CancelledWhileFollowing", ProviderPolicy(), "fail cancel", "D1 D52"},
      {"CancelledWhileTakingOver", service, "fail cancel", "D2 D53"},
      {"CancelledWhileWaiting", service, "fail taken_over cancel due staff method", "D2 D3 D54 - - -"},
      {"CancelledWhileAMethodIsAwaited", service, "fail taken_over:stolen_card deleted method", "D2 D4 D55 -"},
      {"CancelledWhileCharging", service, "fail taken_over due cancel declined due", "D2 D3 D7 D56 - -"},
      {"CancelledAfterTheEnd", stay, "fail taken_over due declined deleted", "D2 D3 D7 D23 D58"},
  };
  return scripts;
}

}  // namespace dunlin::testing
