#include "workflows/providers/read_event.h"

#include "workflows/providers/aws_marketplace/stored_event.h"
#include "workflows/providers/stripe/read_event.h"

namespace dunlin {

Result<Digest> ReadEvent(Provider provider, std::string_view body) {
  switch (provider) {
    case Provider::kStripe: return ReadStripeEvent(body);
    case Provider::kAwsMarketplace: return ReadMarketplaceEvent(body);
  }
  return Fail(Errc::kCorrupt, "an event of a provider that there is none of");
}

}  // namespace dunlin
