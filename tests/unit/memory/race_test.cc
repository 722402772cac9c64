/* SPDX-License-Identifier: Apache-2.0 */
/* Sixteen threads on one store: conditions are decided once, bytes never mix, a fork finds the lock free. */
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "tests/conformance/still.h"

namespace
{

const int THREADS = 16;

} /* namespace */

class RaceTest : public MemoryTest
{
  protected:
    /* Run on many threads, each with a filesystem of its own on the store of the test. */
    void race(const std::function<void(Fs &, int)> &body, const std::map<std::string, std::string> &more = {})
    {
        std::vector<std::thread> threads;
        for (int i = 0; i < THREADS; i++)
            threads.emplace_back([this, i, &body, &more] {
                Fs own;
                openAs(&own, more);
                body(own, i);
            });
        for (std::thread &thread : threads)
            thread.join();
    }
};

static int createByParts(Fs &own, const std::string &path, const std::string &data)
{
    std::string id;
    struct polyfs_part part;
    int code = own.start(path, &id);
    if (code == POLYFS_OK)
        code = own.part(path, id, 1, data, &part);
    if (code == POLYFS_OK)
        code = own.complete(path, id, {part}, Put().createOnly());
    if (code != POLYFS_OK)
        own.abort(path, id);
    return code;
}

static int createPlaced(Fs &own, const std::string &path, const std::string &data)
{
    void *handle = nullptr;
    EXPECT_EQ(POLYFS_OK, own.placed(path, &handle));
    EXPECT_EQ(POLYFS_OK, own.placedWrite(handle, 0, data));
    int code = own.placedCommit(handle, data.size(), Put().createOnly());
    if (code != POLYFS_OK)
        own.placedAbort(handle);
    return code;
}

static int createStreamed(Fs &own, const std::string &path, const std::string &data)
{
    void *handle = nullptr;
    EXPECT_EQ(POLYFS_OK, own.stream(path, &handle));
    EXPECT_EQ(POLYFS_OK, own.streamWrite(handle, data));
    int code = own.streamCommit(handle, Put().createOnly());
    if (code != POLYFS_OK)
        own.streamAbort(handle);
    return code;
}

/* The four shapes, and as the fifth a rename. */
static int createOnly(Fs &own, int shape, const std::string &path, const std::string &data)
{
    switch (shape) {
    case 0: return own.put(path, data, Put().createOnly());
    case 1: return createByParts(own, path, data);
    case 2: return createPlaced(own, path, data);
    case 3: return createStreamed(own, path, data);
    default:
        EXPECT_EQ(POLYFS_OK, own.put(path + "/" + data, data));
        return own.rename(path + "/" + data, path, Put().createOnly());
    }
}

TEST_F(RaceTest, CreateOnlyHasOneWinnerInEveryShape)
{
    open();
    for (int shape = 0; shape < 5; shape++) {
        for (int round = 0; round < 20; round++) {
            const std::string path = "k" + std::to_string(shape) + "." + std::to_string(round);
            std::atomic<int> won{0}, lost{0}, other{0}, winner{-1};
            race([&](Fs &own, int i) {
                int code = createOnly(own, shape, path, std::to_string(i));
                won += code == POLYFS_OK;
                lost += code == POLYFS_EXISTS;
                other += code != POLYFS_OK && code != POLYFS_EXISTS;
                if (code == POLYFS_OK)
                    winner = i;
            });
            ASSERT_EQ(1, won) << shape;
            ASSERT_EQ(THREADS - 1, lost);
            ASSERT_EQ(0, other);
            ASSERT_EQ(std::to_string(winner), fs.read(path));
        }
    }
}

TEST_F(RaceTest, IfMatchLosesNoUpdate)
{
    open();
    ASSERT_EQ(POLYFS_OK, fs.put("n", "0"));
    const int each = 100;
    std::atomic<int> bad{0};
    race([&](Fs &own, int) {
        for (int done = 0; done < each;) {
            if (own.get("n") != POLYFS_OK) {
                bad++;
                return;
            }
            std::string etag = own.stat.etag;
            int code = own.put("n", std::to_string(std::stoi(own.bytes) + 1), Put().ifMatch(etag.c_str()));
            done += code == POLYFS_OK;
            bad += code != POLYFS_OK && code != POLYFS_CONDITION;
        }
    });
    EXPECT_EQ(0, bad);
    EXPECT_EQ(std::to_string(THREADS * each), fs.read("n"));
}

TEST_F(RaceTest, AppendsLoseNothing)
{
    open();
    const int each = 100;
    race([&](Fs &own, int i) {
        for (int done = 0; done < each; done++)
            EXPECT_EQ(POLYFS_OK, own.append("log", std::string(20, static_cast<char>('a' + i)) + "\n"));
    });
    std::string whole = fs.read("log");
    ASSERT_EQ(static_cast<size_t>(THREADS * each * 21), whole.size());
    std::map<char, int> lines;
    for (size_t at = 0; at < whole.size(); at += 21) {
        EXPECT_EQ(std::string(20, whole[at]) + "\n", whole.substr(at, 21));
        lines[whole[at]]++;
    }
    for (const auto &line : lines)
        EXPECT_EQ(each, line.second);
}

TEST_F(RaceTest, ReadsNeverMixVersions)
{
    open();
    ASSERT_EQ(POLYFS_OK, fs.put("a", std::string(100000, 'a')));
    std::atomic<int> mixed{0};
    race([&](Fs &own, int i) {
        for (int round = 0; round < 60; round++) {
            if (i < 4) {
                EXPECT_EQ(POLYFS_OK, own.put("a", std::string(100000, static_cast<char>('a' + (round + i) % 26))));
                continue;
            }
            if (own.get("a") != POLYFS_OK || own.bytes != std::string(100000, own.bytes[0]))
                mixed++;
        }
    });
    EXPECT_EQ(0, mixed);
}

TEST_F(RaceTest, PlacedWritesOverlapOnOneHandle)
{
    open();
    void *placed = nullptr;
    const size_t piece = 30000;
    ASSERT_EQ(POLYFS_OK, fs.placed("a", &placed));
    race([&](Fs &own, int i) {
        for (size_t round = 0; round < 8; round++) {
            size_t index = round * THREADS + static_cast<size_t>(i);
            std::string data(piece, static_cast<char>('a' + index % 26));
            EXPECT_EQ(POLYFS_OK, own.placedWrite(placed, index * piece, data));
        }
    });
    ASSERT_EQ(POLYFS_OK, fs.placedCommit(placed, 8 * THREADS * piece));
    Get request;
    for (size_t index = 0; index < 8 * THREADS; index++) {
        request.offset = index * piece;
        request.length = piece;
        ASSERT_EQ(POLYFS_OK, fs.get("a", request));
        EXPECT_EQ(std::string(piece, static_cast<char>('a' + index % 26)), fs.bytes);
    }
}

TEST_F(RaceTest, PartsOfOneUploadOverlap)
{
    open();
    std::string id;
    ASSERT_EQ(POLYFS_OK, fs.start("a", &id));
    std::vector<polyfs_part> parts(THREADS * 10);
    race([&](Fs &own, int i) {
        for (int round = 0; round < 10; round++) {
            size_t index = static_cast<size_t>(round * THREADS + i);
            std::string data(100, static_cast<char>('a' + index % 26));
            EXPECT_EQ(POLYFS_OK, own.part("a", id, static_cast<uint32_t>(index + 1), data, &parts[index]));
        }
    });
    ASSERT_EQ(POLYFS_OK, fs.complete("a", id, parts));
    EXPECT_EQ(parts.size() * 100, fs.stat.size);
}

/* One of everything: nothing crashes, and every code is one that may be. */
void disturbOnce(Fs &own, int i, int round, bool real)
{
    const std::string folder = "d" + std::to_string((i + round) % 3),
                      path = folder + "/" + std::to_string(round % 7);
    std::vector<Row> rows;
    int code = POLYFS_OK;
    switch ((i * 7 + round) % 10) {
    case 0: code = own.put(path, std::string(1000, 'x')); break;
    case 1: code = own.get(path); break;
    case 2: code = own.remove(path); break;
    case 3: code = own.rename(path, folder + "/moved"); break;
    case 4: code = own.copy(path, folder + "/copied", nullptr, Put().keep()); break;
    case 5: code = own.list(folder + "/", round % 2 ? POLYFS_LIST_FLAT : 0, &rows, 2); break;
    case 6: code = own.mkdir(folder, POLYFS_MKDIR_EXIST_OK); break;
    case 7: code = own.removeTree(folder); break;
    case 8: code = real ? own.rename(folder, "r" + std::to_string(i)) : own.append(path, "y"); break;
    default: code = own.setMetadata(path, Put().type("t/t").meta({{"k", "v"}})); break;
    }
    EXPECT_TRUE(code == POLYFS_OK || code == POLYFS_NOT_FOUND || code == POLYFS_IS_DIR) << code;
}

void disturb(Fs &own, int i, bool real)
{
    for (int round = 0; round < 150; round++)
        disturbOnce(own, i, round, real);
    if (real)
        own.removeTree("r" + std::to_string(i));
}

TEST_F(RaceTest, EverythingAtOnce)
{
    open();
    race([](Fs &own, int i) { disturb(own, i, false); });
}

TEST_F(RaceTest, EverythingAtOnceWithVersions)
{
    open({{"versioning", "1"}});
    race([](Fs &own, int i) { disturb(own, i, false); }, {{"versioning", "1"}});
}

TEST_F(RaceTest, EverythingAtOnceWithRealFolders)
{
    open({{"folders", "real"}});
    race([](Fs &own, int i) { disturb(own, i, true); }, {{"folders", "real"}});
}

TEST_F(RaceTest, ForkFindsTheStoreWhole)
{
    open();
    ASSERT_EQ(POLYFS_OK, fs.put("kept", "whole"));
    std::atomic<bool> enough{false};
    Still still;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; i++)
        threads.emplace_back([this, i, &enough, &still] {
            Fs own;
            openAs(&own);
            for (int round = 0; !enough; round = (round + 1) % 150) {
                auto moving = still.hold<std::shared_lock<std::shared_mutex>>();
                disturbOnce(own, i, round, false);
            }
        });
    for (int round = 0; round < 100 && !HasFailure(); round++) {
        auto standing = still.hold<std::unique_lock<std::shared_mutex>>();
        pthread_rwlock_wrlock(&fake::gate); /* what core's handler does */
        pid_t child = fork();
        if (child != 0)
            pthread_rwlock_unlock(&fake::gate);
        if (child == 0) {
            fake::gate = PTHREAD_RWLOCK_INITIALIZER; /* threads that waited at it are not there */
            alarm(20);
            bool good = fs.read("kept") == "whole" && fs.put("mine", "1") == POLYFS_OK &&
                        fs.names("", POLYFS_LIST_FLAT).find("mine") != std::string::npos &&
                        fs.removeTree("") == POLYFS_OK;
            _exit(good ? 0 : 1);
        }
        int status = -1;
        EXPECT_EQ(child, waitpid(child, &status, 0));
        EXPECT_EQ(0, status);
    }
    enough = true;
    for (std::thread &thread : threads)
        thread.join();
    EXPECT_EQ(POLYFS_NOT_FOUND, fs.info("mine"));
}
