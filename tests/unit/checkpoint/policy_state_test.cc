/* SPDX-License-Identifier: Apache-2.0 */
/* The state of the policy: saved, restored, and its key. */
#include <cstring>
#include <string>

#include "policy_fixture.h"

namespace
{

using PolicyState = Policy;

} // namespace

TEST_F(PolicyState, StateComesBack)
{
    opts_.monitor = "val";
    opts_.save_top_k = 3;
    opts_.save_last = POLYFS_POLICY_LAST_COPY;
    Start();
    Epoch(1, 0.1);
    Epoch(2, kNan);
    Epoch(3, -1e300);
    std::string state = State();
    int whole = -1;
    Start();
    ASSERT_EQ(POLYFS_OK, Restore(state, &whole)) << err_.message;
    EXPECT_EQ(1, whole);
    EXPECT_EQ("", Event(POLYFS_POLICY_EPOCH_END, 3)) << "this step is saved";
    EXPECT_EQ("save /r/s4 copy /r/last<-/r/s4 remove /r/s2", Epoch(4, 5));
}

TEST_F(PolicyState, StateOfLightning)
{
    opts_.monitor = "val";
    Start();
    int whole = -1;
    ASSERT_EQ(POLYFS_OK,
              Restore(R"({"monitor": "val", "best_model_score": 1.0, "best_model_path": "/r/a", "current_score": 1,
                          "dirpath": "/r", "best_k_models": {"/r/a": 1.0}, "kth_best_model_path": "/r/a",
                          "kth_value": 1.0, "last_model_path": ""})",
                      &whole))
        << err_.message;
    EXPECT_EQ(1, whole);
    EXPECT_EQ("save /r/s5 remove /r/a", Epoch(5, 0.5));
}

TEST_F(PolicyState, WhatIsNoState)
{
    Start();
    std::string state = State();
    const char *const rest = R"("best_model_path":"","dirpath":"/r")";
    for (const std::string &text :
         {std::string(""), std::string("{"), std::string("[]"), std::string("{}"),
          state.substr(0, state.size() - 1), std::string("{") + rest + "}",
          std::string("{") + rest + R"(,"best_k_models":[],"kth_value":"inf"})",
          std::string("{") + rest + R"(,"best_k_models":{"a":"x"},"kth_value":"inf"})",
          std::string("{") + rest + R"(,"best_k_models":{},"kth_value":null})",
          std::string("{") + rest + R"(,"best_k_models":{},"kth_value":1,"best_model_score":"x"})",
          std::string("{") + rest + R"(,"best_k_models":{},"kth_value":1,"last_global_step_saved":"x"})",
          std::string("{") + rest + R"(,"best_k_models":{},"kth_value":1,"kept":[{"path":1}]})"}) {
        EXPECT_EQ(POLYFS_CORRUPT, Restore(text)) << text;
        EXPECT_EQ(state, State()) << text;
    }
    EXPECT_EQ(POLYFS_OK, Restore(std::string("{") + rest + R"(,"best_k_models":{"a":"nan"},"kth_value":"nan"})"));
    EXPECT_NE(std::string::npos, State().find("\"a\":\"inf\"")) << State();
}

TEST_F(PolicyState, Key)
{
    struct {
        const char *monitor, *repr;
    } const rows[] = {{nullptr, "None"},
                      {"val", "'val'"},
                      {"it's", "\"it's\""},
                      {"'\"", "'\\'\"'"},
                      {"a\\b\n\r\t\x01\x7f", "'a\\\\b\\n\\r\\t\\x01\\x7f'"},
                      {"\xc3\xa9\xc2\xa0\xe2\x80\xa8\xf3\xa0\x80\x81", "'\xc3\xa9\\xa0\\u2028\\U000e0001'"}};
    for (const auto &row : rows) {
        char *key = nullptr;
        opts_.monitor = row.monitor;
        Start();
        ASSERT_EQ(POLYFS_OK, polyfs_policy_state_key(policy_, &key, &err_));
        EXPECT_EQ(
            std::string("ModelCheckpoint{'monitor': ") + row.repr +
                ", 'mode': 'min', 'every_n_train_steps': 0, 'every_n_epochs': 1, 'train_time_interval': None}",
            key);
        free(key);
    }
    char *key = nullptr;
    opts_.train_time_interval_ms = 86401001;
    Start();
    ASSERT_EQ(POLYFS_OK, polyfs_policy_state_key(policy_, &key, &err_));
    EXPECT_NE(nullptr, strstr(key, "datetime.timedelta(days=1, seconds=1, microseconds=1000)}")) << key;
    free(key);
}

TEST_F(PolicyState, Format)
{
    polyfs_policy_moment moment = POLYFS_POLICY_MOMENT_INIT;
    moment.step = 7;
    char *name = nullptr;
    opts_.ext = nullptr;
    Start();
    ASSERT_EQ(POLYFS_OK, polyfs_policy_format(policy_, nullptr, "pre", 2, &moment, &name, &err_));
    EXPECT_STREQ("pre-s7-v2.ckpt", name);
    free(name);
    name = nullptr;
    EXPECT_EQ(POLYFS_INVALID, polyfs_policy_format(policy_, "{x:q}", nullptr, -1, &moment, &name, &err_));
    EXPECT_EQ(nullptr, name);
}
