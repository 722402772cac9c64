/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cancels and deadlines: before a call, in the middle of a transfer, from a signal handler, and while core waits to try
 * again. How fast is a fact of the path (cancel_bound_ms); bounds hold in release builds, POLYFS_RELAXED_TIME=1 makes
 * them one second for sanitizers and valgrind.
 */
#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <sys/time.h>
#include <thread>

#include "case.h"

namespace conformance
{

namespace
{

int64_t Bound(int64_t ms)
{
    return getenv("POLYFS_RELAXED_TIME") ? 1000 : ms;
}

struct Switch {
    Cancel cancel{polyfs_cancel_new()};
    polyfs_call_opts call = POLYFS_CALL_OPTS_INIT;
    polyfs_write_opts write = POLYFS_WRITE_OPTS_INIT;
    polyfs_read_opts read = POLYFS_READ_OPTS_INIT;
    Switch()
    {
        call.cancel = cancel.get();
        write.call = &call;
        write.durability = POLYFS_DURABILITY_NONE;
        read.call = &call;
    }
};

/* One call that is cancelled delay_us after it began; its code, and how long it went on after the cancel. */
struct Cancelled {
    int code;
    int64_t us;
};

int64_t NowUs()
{
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<int64_t>(now.tv_sec) * 1000000 + now.tv_nsec / 1000;
}

Cancelled CancelAfter(Switch *with, int64_t delay_us, const std::function<int()> &call)
{
    std::atomic<int64_t> turned{0};
    std::atomic<bool> go{false};
    std::thread canceller([&] {
        while (!go)
            std::this_thread::yield();
        std::this_thread::sleep_for(std::chrono::microseconds(delay_us));
        turned = NowUs();
        polyfs_cancel_now(with->cancel.get());
    });
    go = true;
    int code = call();
    int64_t ended = NowUs();
    canceller.join();
    return {code, ended - turned};
}

} // namespace

CONFORMANCE_CASE(cancel, BeforeTheCall)
{
    ASSERT_CODE(POLYFS_OK, Put("a", "bytes"));
    Switch off;
    polyfs_cancel_now(off.cancel.get());
    StatInfo stat = POLYFS_STAT_INIT;
    void *data = nullptr;
    size_t n = 77;
    polyfs_list_opts list = POLYFS_LIST_OPTS_INIT;
    polyfs_remove_opts remove = POLYFS_REMOVE_OPTS_INIT;
    std::vector<Row> rows;
    list.call = &off.call;
    remove.call = &off.call;
    EXPECT_CODE(POLYFS_CANCELLED, polyfs_stat(fs(), P("a").c_str(), nullptr, &off.call, &stat, E()));
    EXPECT_CODE(POLYFS_CANCELLED, polyfs_get_all(fs(), P("a").c_str(), &off.read, &data, &n, nullptr, E()));
    EXPECT_CODE(POLYFS_CANCELLED, Put("b", "bytes", &off.write));
    EXPECT_CODE(POLYFS_CANCELLED, Put("a", "other", &off.write));
    EXPECT_CODE(POLYFS_CANCELLED, Remove("a", &remove));
    EXPECT_CODE(POLYFS_CANCELLED, List("", &list, &rows));
    EXPECT_CODE(POLYFS_CANCELLED, polyfs_rename(fs(), P("a").c_str(), P("c").c_str(), 0, &off.call, E()));
    EXPECT_CODE(POLYFS_CANCELLED,
                polyfs_copy(fs(), P("a").c_str(), fs(), P("c").c_str(), &off.write, nullptr, E()));
    EXPECT_CODE(POLYFS_CANCELLED, polyfs_remove_tree(fs(), P().c_str(), &off.call, E()));
    EXPECT_EQ(77u, n);
    EXPECT_EQ(nullptr, data);
    EXPECT_EQ("bytes", Get("a"));
    EXPECT_EQ((std::vector<std::string>{"a"}), Names());
}

namespace
{

/*
 * The object is all '1' or all '2', as far as a look at both ends and the middle tells; else what it is. A put that was
 * cancelled on the wire may still arrive meanwhile: then it is looked at once more.
 */
std::string NotWhole(polyfs_fs *fs, const std::string &path, size_t size)
{
    char bytes[4] = "";
    polyfs_error why = POLYFS_ERROR_INIT;
    StatInfo stat = POLYFS_STAT_INIT;
    int rc = POLYFS_CHANGED;
    for (unsigned look = 0; look < 10 && rc == POLYFS_CHANGED; look++) {
        polyfs_reader *opened = nullptr;
        rc = polyfs_reader_open(fs, path.c_str(), nullptr, &opened, &why);
        Reader reader(opened);
        for (unsigned i = 0; i < 3 && rc == POLYFS_OK; i++) {
            size_t n = 0;
            rc = polyfs_reader_pread(reader.get(), i * ((size - 1) / 2), &bytes[i], 1, &n, &why);
        }
        if (rc == POLYFS_OK)
            rc = polyfs_reader_stat(reader.get(), &stat, &why);
    }
    if (rc != POLYFS_OK)
        return why.message;
    bool whole =
        stat.size == size && bytes[0] == bytes[1] && bytes[1] == bytes[2] && (bytes[0] == '1' || bytes[0] == '2');
    return whole ? "" : std::to_string(stat.size) + " bytes, of them " + bytes;
}

/* Puts and gets in turn, each cancelled somewhere on its way, until enough of them were met. */
class BigTransfers
{
  public:
    BigTransfers(polyfs_fs *fs, std::string path, size_t size)
        : fs_(fs), path_(std::move(path)), one_(size, '1'), two_(size, '2')
    {
        for (unsigned kind = 0; kind < 2; kind++) {
            Switch with;
            int64_t began = NowUs();
            EXPECT_EQ(POLYFS_OK, Call(kind == 0, 0, &with));
            whole_us_[kind == 0] = NowUs() - began;
        }
    }
    Cancelled Next(unsigned i)
    {
        Switch with;
        bool put = i % 2;
        int64_t took = 0;
        Cancelled result = CancelAfter(&with, whole_us_[put] * (5 + i % 60) / 100, [&] {
            int64_t began = NowUs();
            int rc = Call(put, i, &with);
            took = NowUs() - began;
            return rc;
        });
        if (result.code == POLYFS_OK) /* it was over before the cancel: aim earlier */
            whole_us_[put] = std::min(whole_us_[put], took);
        return result;
    }

  private:
    int Call(bool put, unsigned i, Switch *with)
    {
        void *data = nullptr;
        size_t n = 0;
        const std::string &bytes = i % 4 == 1 ? one_ : two_;
        if (put)
            return polyfs_put(fs_, path_.c_str(), bytes.data(), bytes.size(), &with->write, nullptr, nullptr);
        int rc = polyfs_get_all(fs_, path_.c_str(), &with->read, &data, &n, nullptr, nullptr);
        polyfs_free(data);
        return rc;
    }

    polyfs_fs *fs_;
    const std::string path_, one_, two_;
    int64_t whole_us_[2] = {0, 0};
};

} // namespace

/*
 * Two hundred calls cancelled while big transfers are under way. Whatever the moment: the call ends in time, and the
 * object is the old one or the new one.
 */
CONFORMANCE_CASE(cancel, UnderWay)
{
    const size_t size = Network() && !SameProcess() ? 8 << 20 : 64 << 20;
    const size_t wanted = EnvNumber("POLYFS_CONFORM_CANCELS", Many(200, 20));
    std::vector<int64_t> took;
    BigTransfers transfers(fs(), P("a"), size);
    for (unsigned i = 0; took.size() < wanted && i < wanted * 10; i++) {
        Cancelled result = transfers.Next(i);
        ASSERT_TRUE(result.code == POLYFS_OK || result.code == POLYFS_CANCELLED) << polyfs_code_name(result.code);
        if (result.code == POLYFS_CANCELLED)
            took.push_back(result.us);
        ASSERT_EQ("", NotWhole(fs(), P("a"), size)) << "torn by cancel " << i;
        if (result.code == POLYFS_OK && i % 2 && Yes(POLYFS_FACT_VERSIONS)) { /* it would keep all of them */
            Purge();
            ASSERT_CODE(POLYFS_OK, Put("a", std::string(size, '1')));
        }
    }
    ASSERT_EQ(wanted, took.size()) << "calls that a cancel met";
    std::sort(took.begin(), took.end());
    const uint32_t told = caps().cancel_bound_ms;
    const int64_t most = told ? Bound(told) : 2000, median = told > 100 ? told : 20;
    RecordProperty("cancel_median_us", static_cast<int>(took[took.size() / 2]));
    RecordProperty("cancel_max_us", static_cast<int>(took.back()));
    EXPECT_LE(took[took.size() / 2], Bound(median) * 1000) << "median";
    EXPECT_LE(took.back(), most * 1000) << "the slowest";
    EXPECT_EQ((std::vector<std::string>{"a"}), Names()) << "nothing of the cancelled ones remains";
    /* One that the server has all of is carried out behind our back: not after the clearing up. */
    if (Network() && !SameProcess())
        std::this_thread::sleep_for(std::chrono::milliseconds(500));
}

CONFORMANCE_CASE(cancel, AWriter)
{
    const std::string piece(1 << 20, 'x');
    ASSERT_CODE(POLYFS_OK, Put("a", "old"));
    for (unsigned i = 0; i < Many(20, 4); i++) {
        Switch with;
        Writer writer = OpenWriter("a", &with.write);
        ASSERT_TRUE(writer);
        Cancelled result = CancelAfter(&with, 1000 + i * 500, [&] {
            int rc = POLYFS_OK;
            for (unsigned k = 0; k < 100000 && rc == POLYFS_OK; k++)
                rc = k % 64 < 63 ? Write(writer, piece) : polyfs_writer_write(writer.get(), "", 0, E());
            return rc;
        });
        EXPECT_CODE(POLYFS_CANCELLED, result.code);
        EXPECT_CODE(POLYFS_CANCELLED, Commit(writer)) << "only close is left";
        writer.reset();
        EXPECT_EQ("old", Get("a"));
        EXPECT_EQ((std::vector<std::string>{"a"}), Names());
        EXPECT_LE(result.us, Bound(caps().cancel_bound_ms ? caps().cancel_bound_ms : 2000) * 1000);
    }
}

CONFORMANCE_CASE(cancel, OneOfTwo)
{
    const std::string bytes(Network() ? 4 << 20 : 32 << 20, 'x');
    Switch with, without;
    int other = 1;
    std::thread calm([&] {
        other = polyfs_put(fs(), P("calm").c_str(), bytes.data(), bytes.size(), &without.write, nullptr, nullptr);
    });
    CancelAfter(&with, 2000, [&] {
        return polyfs_put(fs(), P("cancelled").c_str(), bytes.data(), bytes.size(), &with.write, nullptr, nullptr);
    });
    calm.join();
    EXPECT_CODE(POLYFS_OK, other);
    EXPECT_TRUE(bytes == Get("calm"));
}

namespace
{

std::atomic<polyfs_cancel *> for_the_handler{nullptr};

void TurnTheSwitch(int)
{
    polyfs_cancel *cancel = for_the_handler;
    if (cancel)
        polyfs_cancel_now(cancel);
}

} // namespace

CONFORMANCE_CASE(cancel, FromASignalHandler)
{
    Fs waiting = OpenWith("fault=stat:1+:busy:throttled");
    Switch with;
    for_the_handler = with.cancel.get();
    struct sigaction action = {}, before;
    action.sa_handler = TurnTheSwitch;
    sigaction(SIGALRM, &action, &before);
    itimerval in = {{0, 0}, {0, 30000}}, off = {};
    setitimer(ITIMER_REAL, &in, nullptr);
    int64_t began = NowUs();
    StatInfo stat = POLYFS_STAT_INIT;
    int rc = POLYFS_OK;
    while (NowUs() - began < 5000000) {
        rc = polyfs_stat(waiting.get(), P("a").c_str(), nullptr, &with.call, &stat, E());
        if (rc == POLYFS_CANCELLED)
            break;
    }
    int64_t took = NowUs() - began;
    setitimer(ITIMER_REAL, &off, nullptr);
    sigaction(SIGALRM, &before, nullptr);
    for_the_handler = nullptr;
    EXPECT_CODE(POLYFS_CANCELLED, rc);
    EXPECT_LE(took, (30 + Bound(100)) * 1000);
}

/* Core waits a second and more before it tries a throttled call again; a cancel or deadline ends the wait. */
CONFORMANCE_CASE(cancel, WhileWaitingToTryAgain)
{
    ASSERT_CODE(POLYFS_OK, Put("a", "bytes"));
    for (unsigned i = 0; i < 5; i++) {
        Fs throttled = OpenWith("fault=stat:1+:busy:throttled");
        Switch with;
        StatInfo stat = POLYFS_STAT_INIT;
        Cancelled result = CancelAfter(&with, 20000, [&] {
            return polyfs_stat(throttled.get(), P("a").c_str(), nullptr, &with.call, &stat, E());
        });
        EXPECT_ANY_CODE(result.code, POLYFS_CANCELLED, POLYFS_BUSY);
        EXPECT_LE(result.us, Bound(100) * 1000);
    }
}

CONFORMANCE_CASE(cancel, Deadline)
{
    const std::string bytes(Network() && !SameProcess() ? 16 << 20 : 64 << 20, 'x');
    ASSERT_CODE(POLYFS_OK, Put("a", "old"));
    Fs throttled = OpenWith("fault=stat:1+:busy:throttled");
    Switch with;
    StatInfo stat = POLYFS_STAT_INIT;
    with.call.timeout_ms = 50;
    int64_t began = NowUs();
    EXPECT_ANY_CODE(polyfs_stat(throttled.get(), P("a").c_str(), nullptr, &with.call, &stat, E()), POLYFS_TIMEOUT,
                    POLYFS_BUSY);
    EXPECT_LE(NowUs() - began, (50 + Bound(100)) * 1000) << "the deadline covers the pauses";
    with.call.timeout_ms = 1;
    unsigned late = 0;
    for (unsigned i = 0; i < 20; i++) {
        began = NowUs();
        int rc = Put("a", bytes, &with.write);
        int64_t took = NowUs() - began;
        if (Chaos()) {
            EXPECT_ANY_CODE(rc, POLYFS_TIMEOUT, POLYFS_OK, POLYFS_BUSY, POLYFS_NETWORK);
        } else {
            EXPECT_ANY_CODE(rc, POLYFS_TIMEOUT, POLYFS_OK);
        }
        late += rc == POLYFS_TIMEOUT;
        EXPECT_LE(took, (1 + Bound(caps().cancel_bound_ms ? caps().cancel_bound_ms : 2000)) * 1000);
        if (rc == POLYFS_OK) {
            Purge();
            ASSERT_CODE(POLYFS_OK, Put("a", "old"));
        }
    }
    EXPECT_GT(late, 0u) << "a millisecond is too short for " << bytes.size() << " bytes";
    EXPECT_EQ("old", Get("a"));
}

} // namespace conformance
