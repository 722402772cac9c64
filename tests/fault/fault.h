/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the fault tests share: the proxy in front of a real server (proxy.py, whose rules these tests write as JSON), its
 * journal, and a filesystem of its own for each case, so that nothing learned in one helps another.
 */
#ifndef POLYFS_FAULT_FAULT_H
#define POLYFS_FAULT_FAULT_H

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/conformance/handles.h"

namespace fault
{

constexpr size_t MiB = 1 << 20;
using handles::Fs, handles::Reader, handles::Stat, handles::Writer;

/* One request as the proxy saw it. Headers by their names in lower case; those with secrets say "hidden". */
struct Request {
    std::string method, target, listener;
    std::map<std::string, std::string> headers;
    long connection = 0, body_bytes = 0, status = 0;
    int rule = -1; /* which rule acted on it */
    bool applied = false;
    double time_s = 0;
};

/* How a store spells what the cases are about that run on several. */
struct Dialect {
    struct Refusal {
        int status;
        const char *code;
        int rc;
    };
    const char *scheme;
    const char *put_method, *put;           /* of a whole object: in its target */
    const char *stat_method, *stat;         /* the same of a look at one */
    const char *part;                       /* in the target of a part's PUT */
    const char *complete_method, *complete; /* in the target of the end of an upload */
    const char *busy, *failed;              /* codes of a 503 and a 500 */
    const char *request_id, *wish_ms;       /* headers of an answer; no wish in milliseconds: NULL */
    const char *version;                    /* a header of an answer that names the version, with another one */
    const char *down;                       /* how the server goes away: "kill", or "stop" where it forgets then */
    std::vector<Refusal> final;             /* what cannot help is not repeated */
};
const Dialect &D();
/* A rule for the end of an upload, without its brackets: `"method": ..., "target": ..., `; for a put, and for a stat. */
std::string AtComplete();
std::string AtPut();
std::string AtStat();
/* The range that a request asks for, by whichever header; and whether it names the version that it wants. */
std::string RangeOf(Request &request);
bool IsPinned(Request &request);

class Fault : public testing::Test
{
  protected:
    void SetUp() override;

    /* JSON of the rules, comma-separated: `{"method": "GET", "status": 503, "count": 2}`. The journal begins anew. */
    void Rules(const std::string &rules);
    /* Those of the journal that match, in order; empty: any. */
    std::vector<Request> Journal(const std::string &method = "", const std::string &in_target = "");
    void Server(const std::string &what); /* kill, start */

    /* A filesystem through the proxy, with options of its own. */
    Fs Open(const std::vector<std::string> &options = {});
    /* One past the proxy, to make ready and to look after. */
    polyfs_fs *Direct()
    {
        return direct_.get();
    }
    polyfs_fs *fs()
    {
        return fs_.get();
    }
    /* Path of this case's object, in the bucket. */
    std::string P(const std::string &name) const;

    /* In the case's objects. */
    int Put(const std::string &name, const std::string &bytes, uint32_t flags = 0);
    int Get(const std::string &name, std::string *out);
    std::string There(const std::string &name); /* past the proxy; "(absent)" when it is not there */
    void Make(const std::string &name, const std::string &bytes);
    /* All of a recursive listing of the case's folder "l"; stops at 10,000 rows, which none of these has. */
    int List(std::vector<std::string> *out);
    /* Writes through a stream in parts of 5 MiB. */
    int Stream(const std::string &name, const std::string &bytes, uint32_t flags = 0);

    polyfs_error *E()
    {
        error_ = POLYFS_ERROR_INIT;
        return &error_;
    }
    const polyfs_error &error() const
    {
        return error_;
    }
    struct polyfs_fs_stats Stats();

  private:
    Fs fs_, direct_;
    std::string folder_;
    polyfs_error error_ = POLYFS_ERROR_INIT;
};

std::string Bytes(size_t size, unsigned seed = 1);
double Now(); /* s, of a clock that only goes forward */

#define ASSERT_CODE(code, call) ASSERT_EQ(code, call) << error().message
#define EXPECT_CODE(code, call) EXPECT_EQ(code, call) << error().message

} // namespace fault

#endif
