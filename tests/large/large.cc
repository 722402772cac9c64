/* SPDX-License-Identifier: Apache-2.0 */
/* See large.h. */
#include "large.h"

#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

namespace large
{

uint64_t Size()
{
    const char *wanted = getenv("POLYFS_LARGE_BYTES");
    uint64_t bytes = wanted ? strtoull(wanted, nullptr, 10) : UINT64_C(5) << 30;
    return bytes / MiB * MiB + 4104;
}

void InChild(const std::function<void()> &body)
{
    fflush(nullptr);
    pid_t pid = fork();
    ASSERT_GE(pid, 0);
    if (pid == 0) {
        body();
        polyfs_shutdown();
        exit(testing::Test::HasFailure() ? 1 : 0);
    }
    int status = 0;
    ASSERT_EQ(pid, waitpid(pid, &status, 0));
    EXPECT_EQ(0, status) << "the child failed, or died";
}

polyfs_error *Err()
{
    static polyfs_error err = POLYFS_ERROR_INIT;
    return &err;
}

std::string Said()
{
    return Err()->message;
}

Fs Open(const std::string &url, std::vector<std::string> options)
{
    polyfs_fs *fs = nullptr;
    std::vector<const char *> rows;
    for (const std::string &option : options)
        rows.push_back(option.c_str());
    rows.push_back(nullptr);
    EXPECT_CODE(POLYFS_OK, polyfs_fs_open(url.c_str(), rows.data(), &fs, nullptr, Err()));
    return Fs(fs);
}

std::string Sparse()
{
    return "every=" + std::to_string(SPARSE);
}

Writer OpenWriter(const Fs &fs, const std::string &path, uint32_t shape, uint64_t part_bytes)
{
    polyfs_writer *writer = nullptr;
    polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    opts.shape = shape;
    opts.part_bytes = part_bytes;
    EXPECT_CODE(POLYFS_OK, polyfs_writer_open(fs.get(), path.c_str(), &opts, &writer, Err()));
    return Writer(writer);
}

Reader OpenReader(const Fs &fs, const std::string &path)
{
    polyfs_reader *reader = nullptr;
    EXPECT_CODE(POLYFS_OK, polyfs_reader_open(fs.get(), path.c_str(), nullptr, &reader, Err()));
    return Reader(reader);
}

int Feed(const Writer &writer, uint64_t from, uint64_t to)
{
    std::vector<unsigned char> piece(MiB);
    int rc = POLYFS_OK;
    for (uint64_t at = from; at < to && rc == POLYFS_OK; at += piece.size()) {
        uint64_t n = std::min<uint64_t>(piece.size(), to - at);
        pattern_fill(piece.data(), at, n, PATTERN_DENSE, 0);
        rc = polyfs_writer_write(writer.get(), piece.data(), n, Err());
    }
    return rc;
}

bool Drain(const Reader &reader, uint64_t from, uint64_t to, size_t size)
{
    std::vector<unsigned char> piece(size);
    size_t n = 1;
    uint64_t at = from;
    for (; n; at += n) {
        if (polyfs_reader_read(reader.get(), piece.data(), size, &n, Err()) != POLYFS_OK) {
            ADD_FAILURE() << "at byte " << at << ": " << Said();
            return false;
        }
        if (!pattern_holds(piece.data(), at, n, PATTERN_DENSE)) {
            ADD_FAILURE() << "the " << n << " bytes at " << at << " are not those that were written";
            return false;
        }
    }
    EXPECT_EQ(to, at) << "where it ends";
    return at == to;
}

uint64_t SizeOf(const Fs &fs, const std::string &path)
{
    Stat stat = POLYFS_STAT_INIT;
    EXPECT_CODE(POLYFS_OK, polyfs_stat(fs.get(), path.c_str(), nullptr, nullptr, &stat, Err()));
    return stat.size;
}

bool Exists(const Fs &fs, const std::string &path)
{
    int exists = 0;
    EXPECT_CODE(POLYFS_OK, polyfs_exists(fs.get(), path.c_str(), nullptr, &exists, Err()));
    return exists != 0;
}

/* No huge pages: one word would make 2 MiB of them. */
Zeros::Zeros(uint64_t size) : size_(size)
{
    void *data = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (data == MAP_FAILED || madvise(data, size, MADV_NOHUGEPAGE) < 0) {
        perror("large: cannot map memory for the test's own bytes");
        exit(1);
    }
    data_ = static_cast<unsigned char *>(data);
}

Zeros::~Zeros()
{
    munmap(data_, size_);
}

static uint64_t HighWater()
{
    uint64_t kib = 0;
    char line[256];
    FILE *file = fopen("/proc/self/status", "re");
    while (file && fgets(line, sizeof(line), file))
        if (sscanf(line, "VmHWM: %" SCNu64, &kib) == 1)
            break;
    if (file)
        fclose(file);
    EXPECT_NE(0u, kib) << "/proc/self/status tells no VmHWM; this test needs it";
    return kib * 1024;
}

Memory::Memory()
{
    int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
    EXPECT_EQ(1, write(fd, "5", 1)) << "/proc/self/clear_refs cannot be written to; this test needs it";
    close(fd);
    before_ = HighWater();
}

void Memory::ExpectWithin(uint64_t bound) const
{
    struct polyfs_runtime_stats stats = {};
    stats.struct_size = sizeof(stats);
    polyfs_runtime_stats(&stats);
    EXPECT_LE(stats.peak_bytes, bound) << "as polyfs counts its memory";
    uint64_t grown = HighWater() - before_;
    printf("    grown by %" PRIu64 " KiB, of %" PRIu64 " and %" PRIu64 "; counted %" PRIu64 "\n", grown / 1024,
           bound / 1024, ALLOWANCE / 1024, stats.peak_bytes / 1024);
#ifndef POLYFS_SANITIZED /* whose shadow and quarantine are memory too */
    EXPECT_LE(grown, bound + ALLOWANCE) << "bytes that the process grew by";
#endif
}

} // namespace large
