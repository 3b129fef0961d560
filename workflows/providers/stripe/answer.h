// What Stripe's answers to our calls mean (protocols: the retry rule, the error types). Pure.
#pragma once

#include <string>

#include "workflows/provider.h"
#include "workflows/providers/http_call.h"

namespace dunlin::stripe {

// The outcome of `POST /v1/invoices/{id}/pay`:
//   not one byte was sent                                    kNotExecuted
//   no answer, or half of one                                kUnknown
//   2xx  the invoice is paid / a payment is processing       kPaid / kProcessing
//   2xx  its payment was declined, or waits for the customer kDeclined
//   2xx  anything else                                       kStoredError: ask how it stands
//   2xx  no JSON                                             kUnknown: torn on the way
//   3xx, and 4xx without an error object of Stripe's         kUnknown: something stands between us and Stripe
//   401, 403                                                 kNotExecuted: the key is an operator's to mend
//   409  the same key is being executed                      kUnknown
//   409  otherwise                                           kNotExecuted; kRefused if Stripe-Should-Retry is false
//   429, code rate_limit or lock_timeout                     kNotExecuted
//   402, or a card error, or an action is required           kDeclined
//   4xx with Stripe-Should-Retry: true                       kNotExecuted
//   400, 404 and other 4xx                                   kRefused; so is a key used with other parameters, loudly
//   5xx with Stripe-Should-Retry: true                       kUnknown: the same key may go out again
//   502, 503, 504 without an error object of Stripe's        kUnknown: Stripe has stored nothing that we saw
//   5xx otherwise                                            kStoredError
PayAnswer ReadPayAnswer(const HttpAnswer& http);

// Why a call other than Pay did not give what was asked for; see ProviderApi for the codes.
Error ReadFailure(const HttpAnswer& http);

// `text` without what must not be in a log: keys, client secrets, e-mail addresses, card numbers. At most 200 bytes.
std::string Scrub(std::string_view text);

}  // namespace dunlin::stripe
