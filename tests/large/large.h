/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of large objects share. Every case runs in a child of its own, so that no other has left memory or
 * threads behind, and measures how much the resident memory of that process grows at most (VmHWM).
 */
#ifndef POLYFS_LARGE_LARGE_H
#define POLYFS_LARGE_LARGE_H

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#include <polyfs/checkpoint.h>
#pragma GCC diagnostic pop

#include "pattern.h"
#include "tests/conformance/handles.h"

namespace large
{

constexpr uint64_t MiB = 1 << 20;
constexpr uint64_t BUDGET = 32 * MiB; /* the default */
constexpr uint64_t PART = 8 * MiB;    /* the default */

/*
 * What the process itself may take beside the budget and one part: stacks of 12 workers, tables of parts (190 bytes
 * each, so 120 KiB for 5 GiB), the test's own MiB, pages of libraries that are touched for the first time, and what the
 * C library keeps of freed blocks. Up to 1.3 MiB were seen.
 */
constexpr uint64_t ALLOWANCE = 4 * MiB;

constexpr uint64_t SPARSE = MiB; /* from one word of a sparse pattern to the next */

/* About POLYFS_LARGE_BYTES, 5 GiB by default: whole MiB and a little more, so that the last part is short. */
uint64_t Size();

/* Runs @body in a child, whose failures are this test's. */
void InChild(const std::function<void()> &body);

using handles::Fs, handles::Reader, handles::Stat, handles::Writer;

/* Of the last call that was given it. */
polyfs_error *Err();
std::string Said(); /* its text, for messages of failures */

#define ASSERT_CODE(code, call) ASSERT_EQ(code, call) << large::Said()
#define EXPECT_CODE(code, call) EXPECT_EQ(code, call) << large::Said()

Fs Open(const std::string &url, std::vector<std::string> options);
inline Fs Sink(const std::vector<std::string> &options)
{
    return Open("sink://large", options);
}
std::string Sparse(); /* the option that makes a sink expect, and give, the sparse pattern */
Writer OpenWriter(const Fs &fs, const std::string &path, uint32_t shape = 0, uint64_t part_bytes = 0);
Reader OpenReader(const Fs &fs, const std::string &path);

/* Writes bytes [@from, @to) of the dense pattern, a MiB at a time. The first code that is not OK. */
int Feed(const Writer &writer, uint64_t from, uint64_t to);
/* Reads all that is left in pieces of @size bytes. True when it is the dense pattern, from @from to @to. */
bool Drain(const Reader &reader, uint64_t from, uint64_t to, size_t size);
uint64_t SizeOf(const Fs &fs, const std::string &path);
bool Exists(const Fs &fs, const std::string &path);

/* Memory of any size that reads as zeros and takes pages only where it was written to. */
class Zeros
{
  public:
    explicit Zeros(uint64_t size);
    ~Zeros();
    Zeros(const Zeros &) = delete;
    Zeros &operator=(const Zeros &) = delete;
    unsigned char *data() const
    {
        return data_;
    }
    uint64_t size() const
    {
        return size_;
    }

  private:
    unsigned char *data_ = nullptr;
    uint64_t size_;
};

/* The same with the sparse pattern in it: a page a MiB. */
class Lent : public Zeros
{
  public:
    explicit Lent(uint64_t size) : Zeros(size)
    {
        pattern_fill(data(), 0, size, SPARSE, 1);
    }
};

/* How much the process grows from here on. */
class Memory
{
  public:
    Memory();
    /* At most @bound bytes and ALLOWANCE more; and polyfs's own count never above @bound. */
    void ExpectWithin(uint64_t bound) const;

  private:
    uint64_t before_;
};

} // namespace large

#endif
