// Messages of Amazon SNS: what is read keeps to the rules that make the signed text mean one thing only.
#include <algorithm>
#include <string>

#include "tests/fuzz/fuzz.h"
#include "webhooks/aws_marketplace/sns_message.h"
#include "webhooks/aws_marketplace/sns_signature.h"

DUNLIN_FUZZ_TARGET(bytes) {
  using namespace dunlin;
  const SnsResult<SnsMessage> message = ReadSnsMessage(bytes);
  if (!message) {
    DUNLIN_CHECK(!message.error().detail.empty());
    return;
  }
  const auto has_control = [](const std::string& text) {
    return std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; });
  };
  DUNLIN_CHECK(!message->message_id.empty() && !has_control(message->message_id));
  DUNLIN_CHECK(!message->topic_arn.empty() && !has_control(message->topic_arn));
  DUNLIN_CHECK(!has_control(message->token) && !has_control(message->subscribe_url));
  const std::string text = SnsStringToSign(*message);
  DUNLIN_CHECK(text.starts_with("Message\n") && text.ends_with("\n"));
  DUNLIN_CHECK(text.find("\nType\n" + std::string(SnsTypeName(message->type)) + "\n") != std::string::npos);
}
