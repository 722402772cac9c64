/* SPDX-License-Identifier: Apache-2.0 */
/* Servers that are not there, go away and come back, or send elsewhere: F05, F21, F40. */
#include "fault.h"

#include <chrono>
#include <random>
#include <thread>

using namespace fault;

class Servers : public Fault
{
};

TEST_F(Servers, F05Refused)
{
    Fs nobody = Open({"endpoint_url=http://127.0.0.1:1"});
    char buffer[4];
    size_t n = 0;
    const double began = Now();
    EXPECT_CODE(POLYFS_NETWORK, polyfs_get(nobody.get(), P("a").c_str(), nullptr, buffer, 4, &n, nullptr, E()));
    EXPECT_NE(nullptr, strstr(error().message, "127.0.0.1:1")) << error().message;
    EXPECT_LE(Now() - began, 2);
}

TEST_F(Servers, F05Restarted)
{
    std::string bytes;
    Make("a", "bytes");
    ASSERT_CODE(POLYFS_OK, Get("a", &bytes));
    Server(D().down);
    EXPECT_CODE(POLYFS_NETWORK, Get("a", &bytes));
    Server("start");
    EXPECT_CODE(POLYFS_OK, Get("a", &bytes)) << "on a connection that was warm";
    EXPECT_EQ("bytes", bytes);
}

/* To another host, another port, another scheme: not one request goes there. */
TEST_F(Servers, F21RedirectsAreNotFollowed)
{
    const std::string foreign = getenv("POLYFS_FAULT_FOREIGN");
    Make("a", "bytes");
    for (const std::string &to :
         {foreign + "/x", std::string("file:///etc/passwd"), std::string("http://127.0.0.1:1/")})
        for (int status : {301, 302, 303, 307, 308}) {
            std::string bytes;
            Rules(R"({"count": 0, "status": )" + std::to_string(status) + R"(, "headers": [["Location", ")" + to +
                  R"("]], "body": ""})");
            EXPECT_NE(POLYFS_OK, Get("a", &bytes)) << status << to;
            EXPECT_NE(POLYFS_NOT_FOUND, error().code) << status << to;
            EXPECT_NE(POLYFS_OK, Put("b", "bytes")) << status << to;
            for (const Request &request : Journal())
                EXPECT_EQ("main", request.listener) << status << to;
        }
    Rules("");
    EXPECT_EQ("(absent)", There("b"));
}

/* Killed at any moment of a save: the object is whole, or not there; and what was there before stays until then. */
TEST_F(Servers, F40KilledWhileWriting)
{
    const std::string old = Bytes(1000, 1), bytes = Bytes(24 * MiB, 2);
    std::random_device random; /* the moment is told when it fails */
    for (int round = 0; round < 6; round++) {
        Make("a", old);
        const auto moment = std::chrono::milliseconds(random() % 250);
        int rc = POLYFS_OK;
        std::thread writer([&] { rc = Stream("a", bytes); });
        std::this_thread::sleep_for(moment);
        Server("kill");
        Server("start");
        writer.join();
        const std::string there = There("a");
        EXPECT_TRUE(there == bytes || (rc != POLYFS_OK && there == old))
            << "after " << moment.count() << " ms: " << error().message;
    }
}
