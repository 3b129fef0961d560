#include "tests/support/sns_sender.h"

#include <openssl/evp.h>

#include <vector>

namespace dunlin::testing {

using nlohmann::json;

json SnsNotification() {
  return {{"Type", "Notification"},
          {"MessageId", "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324"},
          {"TopicArn", kTopic},
          {"Message", "{\n\"action\": \"subscribe-success\",\n\"customer-identifier\": \"X01EXAMPLEX\"\n}"},
          {"Timestamp", kSentAt},
          {"SigningCertURL", kCertUrl},
          {"UnsubscribeURL", "https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe&SubscriptionArn=x"}};
}

json SnsConfirmation(const std::string& type) {
  const std::string token = "2336412f37fb687f5d51e6e241d59b68c9e8b5f4a1d2f1c6";
  return {{"Type", type},
          {"MessageId", "165545c9-2a5c-472c-8df2-7ff2be2b3b1b"},
          {"TopicArn", kTopic},
          {"Token", token},
          {"Message", "You have chosen to subscribe to the topic."},
          {"SubscribeURL", "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=" +
                               std::string(kTopic) + "&Token=" + token},
          {"Timestamp", kSentAt},
          {"SigningCertURL", kCertUrl}};
}

std::string SnsSignedText(const json& message) {
  std::vector<const char*> keys = {"Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"};
  if (message.at("Type") != "Notification") {
    keys = {"Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"};
  }
  std::string text;
  for (const std::string key : keys) {
    const auto found = message.find(key);
    if (found == message.end() || found->is_null()) continue;
    text += key + "\n" + found->get<std::string>() + "\n";
  }
  return text;
}

json SnsSigned(json message, const KeyPair& key, const std::string& version) {
  message["SignatureVersion"] = version;
  message["Signature"] = Base64(key.Sign(SnsSignedText(message), version == "1" ? "SHA1" : "SHA256"));
  return message;
}

std::string Base64(const std::string& bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  return text;
}

}  // namespace dunlin::testing
