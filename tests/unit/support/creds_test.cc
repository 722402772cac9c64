/* SPDX-License-Identifier: Apache-2.0 */
/* Keys that end: who asks for new ones, who waits, and what is used when the source is down (F24, F25). */
#include <atomic>
#include <gtest/gtest.h>
#include <thread>
#include <vector>

#include "host.h"

namespace
{

/* A source whose answers the test writes. */
struct Script {
    std::atomic<int> asked{0}, inside{0}, most_inside{0};
    std::atomic<int64_t> life_s{3600};
    std::atomic<int> answer{1}, same{0}, delay_ms{0};
};

int Load(void *arg, polyfs_call *call, ps_keys *out, polyfs_error *err)
{
    (void)call;
    Script *s = static_cast<Script *>(arg);
    int now_inside = ++s->inside, serial = ++s->asked;
    s->most_inside = std::max<int>(s->most_inside, now_inside);
    std::this_thread::sleep_for(std::chrono::milliseconds(s->delay_ms));
    s->inside--;
    if (s->answer < 0)
        return polyfs_fail(err, s->answer, "the source is down");
    if (s->answer == 0)
        return 0;
    out->expires_s = s->life_s < 0 ? PS_NEVER : TestTime() + s->life_s;
    int rc = ps_keys_set(out, s->same ? "id" : ("id" + std::to_string(serial)).c_str(), "secret", nullptr, err);
    return rc == POLYFS_OK ? 1 : rc;
}

int Nothing(void *arg, polyfs_call *call, ps_keys *out, polyfs_error *err)
{
    (void)arg, (void)call, (void)out, (void)err;
    return 0;
}

int None(void *arg, polyfs_error *err)
{
    (void)arg;
    return polyfs_fail(err, POLYFS_AUTH, "nobody has keys");
}

const ps_source rows[] = {{"nothing", Nothing}, {"script", Load}};

class Creds : public testing::Test
{
  protected:
    void SetUp() override
    {
        SetTestTime(1000000);
        ASSERT_EQ(POLYFS_OK, ps_creds_new(rows, 2, &script, None, &creds, nullptr));
    }
    void TearDown() override
    {
        ps_creds_free(creds);
    }
    /* The id given, or the code. */
    std::string Id()
    {
        const ps_keys *keys = nullptr;
        polyfs_error err = POLYFS_ERROR_INIT;
        int rc = ps_creds_get(creds, nullptr, &keys, &err);
        if (rc != POLYFS_OK)
            return std::to_string(rc) + " " + err.message;
        std::string id = keys->id;
        ps_creds_release(creds, keys);
        return id;
    }

    Script script;
    ps_creds *creds = nullptr;
};

} // namespace

TEST_F(Creds, OnceIsEnough)
{
    script.life_s = -1;
    for (int i = 0; i < 100; i++)
        EXPECT_EQ("id1", Id());
    SetTestTime(int64_t{1} << 33);
    EXPECT_EQ("id1", Id());
    EXPECT_EQ(1, script.asked);
}

TEST_F(Creds, RenewedAQuarterOfAnHourAhead)
{
    EXPECT_EQ("id1", Id());
    SetTestTime(1000000 + 3600 - 901);
    EXPECT_EQ("id1", Id());
    SetTestTime(1000000 + 3600 - 899);
    EXPECT_EQ("id2", Id());
    EXPECT_EQ("id2", Id());
    EXPECT_EQ(2, script.asked);
}

TEST_F(Creds, OneAsksAndTheOthersGoOn)
{
    EXPECT_EQ("id1", Id());
    SetTestTime(1000000 + 3600 - 800);
    script.delay_ms = 300;
    std::thread asking([this] { EXPECT_EQ("id2", Id()); });
    while (!script.inside)
        std::this_thread::yield();
    EXPECT_EQ("id1", Id()) << "they hold for 13 minutes still";
    asking.join();
    EXPECT_EQ(2, script.asked);
}

TEST_F(Creds, OneAsksAndTheOthersWait)
{
    script.delay_ms = 100;
    for (int64_t at : {int64_t{1000000}, int64_t{1000000 + 3600 - 500}, int64_t{1000000 + 3 * 3600}}) {
        SetTestTime(at);
        int before = script.asked;
        std::vector<std::thread> threads;
        for (int i = 0; i < 16; i++)
            threads.emplace_back([this, before] { EXPECT_EQ("id" + std::to_string(before + 1), Id()); });
        for (std::thread &thread : threads)
            thread.join();
        EXPECT_EQ(before + 1, script.asked);
    }
    EXPECT_EQ(1, script.most_inside);
}

TEST_F(Creds, ASourceThatIsDown)
{
    EXPECT_EQ("id1", Id());
    script.answer = POLYFS_NETWORK;
    SetTestTime(1000000 + 3600 - 60);
    EXPECT_EQ("id1", Id());
    EXPECT_EQ("id1", Id());
    EXPECT_EQ(2, script.asked) << "not at every request";
    SetTestTime(1000000 + 3600 - 29);
    EXPECT_EQ("id1", Id());
    EXPECT_EQ(3, script.asked);
    SetTestTime(1000000 + 3600);
    EXPECT_EQ(std::to_string(POLYFS_NETWORK) + " the source is down", Id());
    script.answer = 1;
    EXPECT_EQ("id5", Id());
}

TEST_F(Creds, KeysOfAShortLifeAreNotAskedForEachTime)
{
    script.life_s = 300;
    EXPECT_EQ("id1", Id());
    EXPECT_EQ("id1", Id());
    EXPECT_EQ(1, script.asked);
    script.life_s = 0;
    SetTestTime(1000400);
    EXPECT_NE(std::string::npos, Id().find("keys that are over"));
}

TEST_F(Creds, NobodyHasKeys)
{
    script.answer = 0;
    EXPECT_EQ(std::to_string(POLYFS_AUTH) + " nobody has keys", Id());
}

TEST_F(Creds, RefusedByTheServer)
{
    const ps_keys *refused = nullptr;
    script.life_s = -1;
    ASSERT_EQ(POLYFS_OK, ps_creds_get(creds, nullptr, &refused, nullptr));
    script.delay_ms = 100;
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; i++)
        threads.emplace_back([this, refused] { EXPECT_EQ(1, ps_creds_renew(creds, nullptr, refused)); });
    for (std::thread &thread : threads)
        thread.join();
    EXPECT_EQ(2, script.asked) << "eight refusals, one question";
    EXPECT_STREQ("id1", refused->id) << "whoever uses them keeps them";
    ps_creds_release(creds, refused);
    EXPECT_EQ("id2", Id());
}

TEST_F(Creds, RefusedAndNoOthers)
{
    const ps_keys *refused = nullptr;
    script.life_s = -1;
    script.same = 1;
    ASSERT_EQ(POLYFS_OK, ps_creds_get(creds, nullptr, &refused, nullptr));
    EXPECT_EQ(0, ps_creds_renew(creds, nullptr, refused)) << "the same again";
    script.answer = POLYFS_NETWORK;
    EXPECT_EQ(0, ps_creds_renew(creds, nullptr, refused)) << "the source is down";
    script.answer = 0;
    EXPECT_EQ(0, ps_creds_renew(creds, nullptr, refused)) << "and now it has none";
    EXPECT_EQ("id", Id());
    ps_creds_release(creds, refused);
}
