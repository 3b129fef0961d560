// Which URLs in a message of Amazon SNS may be asked. Pure; the strings are taken as they stand, nothing is decoded,
// trimmed or folded before it is judged.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "state/result.h"
#include "webhooks/aws_marketplace/sns_message.h"

namespace dunlin {

// A host of SNS is sns.REGION.amazonaws.com or sns.REGION.amazonaws.com.cn (REGION: three or more letters, digits and
// hyphens), or one of `more_hosts`, whole and exact: for partitions with names of their own.
//
// https://HOST/SimpleNotificationService-HEX.pem and nothing else: no port, user, query, fragment or other path.
// Errors: kInvalidArgument, naming the part that is wrong.
Status CheckSigningCertUrl(std::string_view url, std::span<const std::string> more_hosts = {});

// Whether asking the message's SubscribeURL confirms that message's topic at SNS and does nothing else:
// https://HOST/? with exactly one each of Action=ConfirmSubscription, TopicArn and Token equal to the message's.
// Errors: kInvalidArgument, naming the part that is wrong.
Status CheckSubscribeUrl(const SnsMessage& message, std::span<const std::string> more_hosts = {});

// The names for which the certificate at a checked URL may have been issued. Most regions share sns.amazonaws.com;
// newer and separate ones have a name of their own (as the AWS SDK for Java 2 lists them).
std::vector<std::string> SigningCertNames(std::string_view url);

}  // namespace dunlin
