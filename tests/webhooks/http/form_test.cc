#include "webhooks/http/form.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dunlin {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(FormTest, AFieldIsDecodedOnce) {
  EXPECT_THAT(FormValues("a=1&x-amzn-marketplace-token=aB%2B%2f%3D&b=2", "x-amzn-marketplace-token"),
              ElementsAre("aB+/="));
  EXPECT_THAT(FormValues("t=%252B", "t"), ElementsAre("%2B"));
  EXPECT_THAT(FormValues("t=a+b", "t"), ElementsAre("a b"));
  EXPECT_THAT(FormValues("%74=a=b", "t"), ElementsAre("a=b"));
}

TEST(FormTest, EveryFieldOfTheNameCounts) {
  EXPECT_THAT(FormValues("t=1&t=2&tt=3&t", "t"), ElementsAre("1", "2", ""));
  EXPECT_THAT(FormValues("", "t"), IsEmpty());
  EXPECT_THAT(FormValues("&&=&", "t"), IsEmpty());
}

TEST(FormTest, APercentThatIsNoneStandsForItself) {
  EXPECT_THAT(FormValues("t=%&u=1", "t"), ElementsAre("%"));
  EXPECT_THAT(FormValues("t=%4", "t"), ElementsAre("%4"));
  EXPECT_THAT(FormValues("t=%zz%-1", "t"), ElementsAre("%zz%-1"));
}

}  // namespace
}  // namespace dunlin
