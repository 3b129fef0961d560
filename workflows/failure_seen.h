// Recovery::failure_seen: of which failure the customer was told. Pure.
#pragma once

#include "state/facts.h"

namespace dunlin {

// What is remembered when the customer is told of the newest failure that is known of the invoice; empty: none is.
EventId NewestFailure(const InvoiceFact& owed);

// What is remembered when another card is asked for after as many failures as there are now.
EventId AskedAfter(const InvoiceFact& owed);

// The newest failure is none that `told` stands for.
bool HasUntoldFailure(const InvoiceFact& owed, const EventId& told);

}  // namespace dunlin
