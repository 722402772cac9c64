/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operations drawn at random, each outcome and now and then all that is there compared with a model that fits a page.
 * POLYFS_SEED repeats a run, POLYFS_CONFORM_RANDOM says how many operations; the table of operations and outcomes goes
 * to stderr.
 */
#include <map>
#include <random>
#include <set>

#include "case.h"

namespace conformance
{

namespace
{

using Codes = std::set<int>;

/* What a store holds: objects, and where folders are real those too. Paths are relative. */
struct Model {
    bool real;
    std::map<std::string, std::string> objects;
    std::set<std::string> folders = {""};

    static std::string Parent(const std::string &path)
    {
        size_t slash = path.rfind('/');
        return slash == std::string::npos ? "" : path.substr(0, slash);
    }
    bool IsDir(const std::string &path) const
    {
        if (real)
            return folders.count(path) > 0;
        auto next = objects.lower_bound(path + "/");
        return next != objects.end() && next->first.compare(0, path.size() + 1, path + "/") == 0;
    }
    /* What stands in the way of the folder that a path lies in. */
    Codes Above(const std::string &path) const
    {
        for (std::string up = Parent(path); real && !up.empty(); up = Parent(up))
            if (objects.count(up))
                return {POLYFS_NOT_DIR};
        return real && !folders.count(Parent(path)) ? Codes{POLYFS_NOT_FOUND} : Codes{};
    }
    Codes Put(const std::string &path) const
    {
        Codes above = Above(path);
        if (above.empty() && real && IsDir(path))
            above = {POLYFS_IS_DIR};
        return above.empty() ? Codes{POLYFS_OK} : above;
    }
    Codes Missing(const std::string &path) const
    {
        return Above(path).count(POLYFS_NOT_DIR) ? Codes{POLYFS_NOT_FOUND, POLYFS_NOT_DIR}
                                                 : Codes{POLYFS_NOT_FOUND};
    }
    Codes Get(const std::string &path) const
    {
        if (objects.count(path))
            return {POLYFS_OK};
        if (IsDir(path))
            return real ? Codes{POLYFS_IS_DIR} : Codes{POLYFS_IS_DIR, POLYFS_NOT_FOUND};
        return Missing(path);
    }
    /* Copy and rename fail for either end, whichever a store looks at first. */
    Codes Between(const std::string &from, const std::string &to) const
    {
        Codes codes = Get(from), put = Put(to);
        if (codes.count(POLYFS_OK) && put.count(POLYFS_OK))
            return {POLYFS_OK};
        codes.insert(put.begin(), put.end());
        codes.erase(POLYFS_OK);
        return codes;
    }
    bool Empty(const std::string &path) const
    {
        auto inside = [&](const std::string &name) { return name.compare(0, path.size() + 1, path + "/") == 0; };
        for (const auto &object : objects)
            if (inside(object.first))
                return false;
        for (const std::string &folder : folders)
            if (inside(folder))
                return false;
        return true;
    }
    void RemoveTree(const std::string &path)
    {
        auto inside = [&](const std::string &name) {
            return name == path || name.compare(0, path.size() + 1, path + "/") == 0;
        };
        for (auto at = objects.begin(); at != objects.end();)
            at = inside(at->first) ? objects.erase(at) : std::next(at);
        for (auto at = folders.begin(); at != folders.end();)
            at = inside(*at) ? folders.erase(at) : std::next(at);
    }
    std::vector<std::string> All() const
    {
        std::set<std::string> names;
        for (const auto &object : objects) {
            names.insert(object.first);
            for (std::string up = Parent(object.first); !up.empty(); up = Parent(up))
                names.insert(up + "/");
        }
        for (const std::string &folder : folders)
            if (!folder.empty() && real)
                names.insert(folder + "/");
        return {names.begin(), names.end()};
    }
};

class Dice
{
  public:
    explicit Dice(uint64_t seed) : engine_(seed)
    {
    }
    unsigned Below(unsigned n)
    {
        return static_cast<unsigned>(engine_() % n);
    }
    std::string Path()
    {
        static const char *const parts[] = {"a", "b", "ab", "a-b", "c d"};
        std::string path = parts[Below(5)];
        for (unsigned depth = Below(3); depth; depth--)
            path += std::string("/") + parts[Below(5)];
        return path;
    }

  private:
    std::mt19937_64 engine_;
};

using Table = std::map<std::string, std::map<std::string, unsigned>>;

void PrintTable(const std::string &store, uint64_t seed, const Table &table)
{
    fprintf(stderr, "%s: POLYFS_SEED=%llu\n", store.c_str(), static_cast<unsigned long long>(seed));
    for (const auto &operation : table) {
        fprintf(stderr, "  %-12s", operation.first.c_str());
        for (const auto &outcome : operation.second)
            fprintf(stderr, " %s %u", outcome.first.c_str(), outcome.second);
        fprintf(stderr, "\n");
    }
}

std::string Told(const Codes &codes)
{
    std::string text;
    for (int code : codes)
        text += std::string(" ") + polyfs_code_name(code);
    return text;
}

const char *const operations[] = {"put",  "writer", "create", "swap",  "get",   "stat",
                                  "copy", "rename", "remove", "mkdir", "rmdir", "remove_tree"};

} // namespace

/* One operation on the store and on the model; what the model allows, and what came. */
class RandomCase : public Case
{
  public:
    using Case::Case;

  protected:
    Codes Writing(unsigned kind, const std::string &path, const std::string &bytes, int *rc)
    {
        polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
        Codes codes = model_.Put(path);
        bool there = model_.objects.count(path) > 0;
        std::string etag = "none";
        opts.durability = POLYFS_DURABILITY_NONE;
        if (kind == 2) {
            opts.flags = POLYFS_WRITE_CREATE_ONLY;
            if (there || codes.count(POLYFS_IS_DIR))
                codes = there ? Codes{POLYFS_EXISTS} : Codes{POLYFS_EXISTS, POLYFS_IS_DIR};
            if (No(POLYFS_FACT_CREATE_ONLY))
                codes = {POLYFS_UNSUPPORTED};
        } else if (kind == 3) {
            if (there)
                etag = Etag(path);
            else if (codes.count(POLYFS_OK))
                codes = {POLYFS_CONDITION};
            else
                codes.insert(POLYFS_CONDITION);
            opts.if_match = etag.c_str();
            if (No(POLYFS_FACT_IF_MATCH))
                codes = {POLYFS_UNSUPPORTED};
        }
        *rc = kind == 1 ? PutShaped(path, bytes, &opts) : Put(path, bytes, &opts);
        if (*rc == POLYFS_OK)
            model_.objects[path] = bytes;
        return codes;
    }
    Codes Looking(unsigned kind, const std::string &path, int *rc)
    {
        if (kind == 5) {
            StatInfo stat;
            *rc = Stat(path, &stat);
            auto object = model_.objects.find(path);
            if (*rc == POLYFS_OK && object != model_.objects.end()) {
                EXPECT_EQ(object->second.size(), stat.size) << path;
            }
            return model_.IsDir(path) ? Codes{POLYFS_OK} : model_.Get(path);
        }
        void *data = nullptr;
        size_t n = 0;
        *rc = polyfs_get_all(fs(), P(path).c_str(), nullptr, &data, &n, nullptr, E());
        if (*rc == POLYFS_OK) {
            EXPECT_TRUE(model_.objects[path] == std::string(static_cast<char *>(data), n)) << path;
        }
        polyfs_free(data);
        return model_.Get(path);
    }
    Codes Moving(unsigned kind, const std::string &from, const std::string &to, int *rc)
    {
        Codes codes = model_.Between(from, to);
        if (kind == 6)
            *rc = polyfs_copy(fs(), P(from).c_str(), fs(), P(to).c_str(), nullptr, nullptr, E());
        else
            *rc = polyfs_rename(fs(), P(from).c_str(), P(to).c_str(), 0, nullptr, E());
        if (*rc == POLYFS_OK)
            model_.objects[to] = model_.objects[from];
        if (*rc == POLYFS_OK && kind == 7)
            model_.objects.erase(from);
        if (kind == 7 && No(POLYFS_FACT_RENAME))
            codes = {POLYFS_UNSUPPORTED};
        return codes;
    }
    Codes Removing(unsigned kind, const std::string &path, int *rc)
    {
        Codes codes = model_.objects.count(path) ? Codes{POLYFS_OK} : model_.Get(path);
        if (kind == 8) {
            *rc = Remove(path);
            if (*rc == POLYFS_OK)
                model_.objects.erase(path);
            if (!store().tells_absent && codes.count(POLYFS_NOT_FOUND))
                codes.insert(POLYFS_OK);
            return codes;
        }
        *rc = polyfs_remove_tree(fs(), P(path).c_str(), nullptr, E());
        if (*rc == POLYFS_OK)
            model_.RemoveTree(path);
        return model_.IsDir(path) || *rc == POLYFS_OK ? Codes{POLYFS_OK} : codes;
    }
    Codes Folders(unsigned kind, const std::string &path, int *rc)
    {
        bool object = model_.objects.count(path) > 0, folder = model_.IsDir(path);
        Codes codes = model_.Above(path);
        if (kind == 9) {
            *rc = Mkdir(path);
            if (*rc == POLYFS_OK)
                model_.folders.insert(path);
            if (codes.empty())
                codes = object   ? Codes{POLYFS_EXISTS, POLYFS_NOT_DIR}
                        : folder ? Codes{POLYFS_EXISTS}
                                 : Codes{POLYFS_OK};
            return codes;
        }
        codes = object ? Codes{POLYFS_NOT_DIR} : folder ? Codes{POLYFS_OK} : model_.Missing(path);
        if (folder && !model_.Empty(path))
            codes = {POLYFS_NOT_EMPTY};
        *rc = polyfs_rmdir(fs(), P(path).c_str(), 0, nullptr, E());
        if (*rc == POLYFS_OK)
            model_.folders.erase(path);
        return codes;
    }
    /* False: this operation has no one answer in this state, so it is not made. */
    bool Sensible(unsigned kind, const std::string &path, const std::string &to) const
    {
        bool object = model_.objects.count(path) > 0, folder = model_.IsDir(path);
        if (kind == 6 || kind == 7)
            return path != to && !folder;
        if (kind == 9 || kind == 10)
            return model_.real;
        return kind != 11 || model_.real || !(object && folder);
    }

    Model model_ = {};
};

} // namespace conformance

namespace conformance
{

class RandomRun : public RandomCase
{
  public:
    using RandomCase::RandomCase;

  protected:
    void Step(Dice *dice, Table *table)
    {
        unsigned kind = dice->Below(12);
        std::string path = dice->Path(), to = dice->Path(), bytes = Bytes(dice->Below(4000), dice->Below(1000000));
        int rc = 0;
        if (!Sensible(kind, path, to))
            return;
        Codes codes = kind < 4    ? Writing(kind, path, bytes, &rc)
                      : kind < 6  ? Looking(kind, path, &rc)
                      : kind < 8  ? Moving(kind, path, to, &rc)
                      : kind == 8 ? Removing(kind, path, &rc)
                      : kind < 11 ? Folders(kind, path, &rc)
                                  : Removing(kind, path, &rc);
        (*table)[operations[kind]][polyfs_code_name(rc)]++;
        EXPECT_TRUE(codes.count(rc)) << operations[kind] << " " << path
                                     << (kind == 6 || kind == 7 ? " to " + to : "") << " is "
                                     << polyfs_code_name(rc) << ", not" << Told(codes) << Why();
    }
    void Run(uint64_t seed, uint64_t count)
    {
        Dice dice(seed);
        Table table;
        model_.real = RealDirs();
        for (uint64_t i = 0; i < count && !HasFailure(); i++) {
            Step(&dice, &table);
            if (i % 100 == 99 && !model_.All().empty()) {
                EXPECT_EQ(model_.All(), Names("", POLYFS_LS_RECURSIVE | POLYFS_LS_DIRS)) << "after " << i;
            }
        }
        for (const auto &object : model_.objects)
            EXPECT_TRUE(object.second == Get(object.first)) << object.first;
        PrintTable(store().name, seed, table);
    }
    void TestBody() override
    {
        uint64_t seed = EnvNumber("POLYFS_SEED", std::random_device{}());
        RecordProperty("seed", std::to_string(seed));
        SCOPED_TRACE("POLYFS_SEED=" + std::to_string(seed));
        Run(seed, EnvNumber("POLYFS_CONFORM_RANDOM", Many(3000, 150)));
    }
};

namespace
{

[[maybe_unused]] const bool added =
    AddCase({"random", "Operations", __FILE__, __LINE__, false, Always,
             [](const Subject &subject) -> Case * { return new RandomRun(subject); }});

} // namespace

} // namespace conformance
