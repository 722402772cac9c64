/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operations drawn at random, each outcome and now and then all that is there compared with a model that fits a page.
 * POLYFS_SEED repeats a run, POLYFS_CONFORM_RANDOM says how many operations; the table of operations and outcomes goes
 * to stderr.
 */
#include <map>
#include <memory>
#include <random>
#include <set>

#include "case.h"
#include "random_model.h"

namespace conformance
{

namespace
{

class Dice
{
  public:
    /* @p nested: an object may be a folder's name too. */
    Dice(uint64_t seed, bool nested) : nested_(nested), engine_(seed)
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
        return nested_ ? path : path + ".o";
    }

  private:
    bool nested_;
    std::mt19937_64 engine_;
};

/* Verb → code → how often. */
using Table = std::map<std::string, std::map<int, unsigned>>;

void PrintTable(const std::string &store, uint64_t seed, const Table &table)
{
    fprintf(stderr, "%s: POLYFS_SEED=%llu\n", store.c_str(), static_cast<unsigned long long>(seed));
    for (const auto &operation : table) {
        fprintf(stderr, "  %-13s", operation.first.c_str());
        for (const auto &outcome : operation.second)
            fprintf(stderr, " %s %u", polyfs_code_name(outcome.first), outcome.second);
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

/* What is drawn: the verb, and all that the memory model can answer, without and with real folders. */
enum Verb {
    PUT,
    WRITER,
    CREATE,
    SWAP,
    GET,
    STAT,
    COPY,
    RENAME,
    REMOVE,
    MKDIR,
    RMDIR,
    REMOVE_TREE,
    RANGE,
    READ_MATCH,
    READ_NONE_MATCH,
    EXISTS,
    APPEND,
    COPY_CREATE,
    RENAME_KEEP,
    REMOVE_MATCH,
    LIST,
    METADATA,
    VERBS
};

constexpr int ok = POLYFS_OK, none = POLYFS_NOT_FOUND, there = POLYFS_EXISTS, lost = POLYFS_CONDITION,
              folder = POLYFS_IS_DIR, file = POLYFS_NOT_DIR, full = POLYFS_NOT_EMPTY, changed = POLYFS_CHANGED,
              beyond = POLYFS_RANGE;

const struct VerbRow {
    const char *name;
    Codes flat, real;
} verbs[VERBS] = {
    {"put", {ok}, {ok, none, folder, file}},
    {"writer", {ok}, {ok, none, folder, file}},
    {"create", {ok, there}, {ok, there, none, file}},
    {"swap", {ok, lost}, {ok, lost, none, folder, file}},
    {"get", {ok, none}, {ok, none, folder, file}},
    {"stat", {ok, none}, {ok, none, file}},
    {"copy", {ok, none}, {ok, none, folder, file}},
    {"rename", {ok, none}, {ok, none, folder, file}},
    {"remove", {ok, none}, {ok, none, folder, file}},
    {"mkdir", {}, {ok, there, none, file}},
    {"rmdir", {}, {ok, none, file, full}},
    {"remove_tree", {ok, none}, {ok, none, file}},
    {"range", {ok, none, beyond}, {ok, none, folder, file, beyond}},
    {"read_match", {ok, none, changed}, {ok, none, folder, file, changed}},
    {"read_none", {ok, none, lost}, {ok, none, folder, file, lost}},
    {"exists", {ok}, {ok}},
    {"append", {ok}, {ok, none, folder, file}},
    {"copy_create", {ok, none, there}, {ok, none, there, file}},
    {"rename_keep", {ok, none, there}, {ok, none, there, file}},
    {"remove_match", {ok, none, lost}, {ok, none, folder, file, lost}},
    {"list", {ok, none}, {ok, none, file}},
    {"metadata", {ok, none}, {ok, none, folder, file}},
};

/* One step of a sequence. */
struct Draw {
    unsigned verb;
    std::string path, to, bytes;
    bool right; /* the condition named is the one that holds */
    uint64_t offset;
};

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
        bool exists = model_.objects.count(path) > 0;
        std::string etag = "none";
        opts.durability = POLYFS_DURABILITY_NONE;
        if (kind == CREATE) {
            opts.flags = POLYFS_WRITE_CREATE_ONLY;
            if (exists || codes.count(POLYFS_IS_DIR))
                codes = exists ? Codes{POLYFS_EXISTS} : Codes{POLYFS_EXISTS, POLYFS_IS_DIR};
            if (No(POLYFS_FACT_CREATE_ONLY))
                codes = {POLYFS_UNSUPPORTED};
        } else if (kind == SWAP) {
            if (exists)
                etag = Etag(path);
            else if (codes.count(POLYFS_OK))
                codes = {POLYFS_CONDITION};
            else
                codes.insert(POLYFS_CONDITION);
            opts.if_match = etag.c_str();
            if (No(POLYFS_FACT_IF_MATCH))
                codes = {POLYFS_UNSUPPORTED};
        }
        *rc = kind == WRITER ? PutShaped(path, bytes, &opts) : Put(path, bytes, &opts);
        if (*rc == POLYFS_OK)
            model_.objects[path] = bytes;
        return codes;
    }
    Codes Looking(unsigned kind, const std::string &path, int *rc)
    {
        if (kind == STAT) {
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
    /* A range, under a condition or not. */
    Codes Reading(const Draw &draw, int *rc)
    {
        polyfs_read_opts opts = POLYFS_READ_OPTS_INIT;
        Codes codes = model_.Get(draw.path);
        const bool here = codes == Codes{POLYFS_OK};
        const std::string object = here ? model_.objects[draw.path] : "",
                          etag = here && draw.right ? Etag(draw.path) : "no";
        opts.offset = draw.verb == RANGE ? draw.offset : 0;
        if (draw.verb == READ_MATCH)
            opts.condition.if_match = etag.c_str();
        if (draw.verb == READ_NONE_MATCH)
            opts.condition.if_none_match = etag.c_str();
        std::string buffer(4096, '#');
        size_t n = 0;
        *rc = polyfs_get(fs(), P(draw.path).c_str(), &opts, buffer.data(), buffer.size(), &n, nullptr, E());
        if (*rc == POLYFS_OK) {
            EXPECT_TRUE(object.substr(std::min<size_t>(opts.offset, object.size()), 4096) == buffer.substr(0, n))
                << draw.path;
        }
        if (here && opts.offset > object.size())
            codes = {POLYFS_RANGE};
        if (here && draw.verb == READ_MATCH && !draw.right)
            codes = {POLYFS_CHANGED};
        if (here && draw.verb == READ_NONE_MATCH && draw.right)
            codes = {POLYFS_CONDITION};
        if (draw.verb != RANGE && No(POLYFS_FACT_READ_CONDITION))
            codes = {POLYFS_UNSUPPORTED};
        return codes;
    }
    Codes Existing(const std::string &path, int *rc)
    {
        int answer = -1;
        *rc = polyfs_exists(fs(), P(path).c_str(), nullptr, &answer, E());
        EXPECT_EQ(model_.objects.count(path) || model_.IsDir(path) ? 1 : 0, answer) << path;
        return {POLYFS_OK};
    }
    Codes Appending(const std::string &path, const std::string &bytes, int *rc)
    {
        polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
        opts.flags = POLYFS_WRITE_APPEND;
        opts.durability = POLYFS_DURABILITY_NONE;
        Codes codes = model_.Put(path);
        polyfs_writer *writer = nullptr;
        *rc = polyfs_writer_open(fs(), P(path).c_str(), &opts, &writer, E());
        if (*rc == POLYFS_OK)
            *rc = polyfs_writer_write(writer, bytes.data(), bytes.size(), E());
        if (*rc == POLYFS_OK)
            *rc = polyfs_writer_commit(writer, nullptr, E());
        polyfs_writer_close(writer);
        if (*rc == POLYFS_OK)
            model_.objects[path] += bytes;
        return No(POLYFS_FACT_APPEND) && No(POLYFS_FACT_IF_MATCH) ? Codes{POLYFS_UNSUPPORTED} : codes;
    }
    /* One level of a folder; an object is listed as itself. */
    Codes Listing(const std::string &path, int *rc)
    {
        std::vector<Row> rows;
        polyfs_list_opts opts = POLYFS_LIST_OPTS_INIT;
        *rc = List(path, &opts, &rows);
        if (model_.objects.count(path) || model_.IsDir(path))
            return {POLYFS_OK};
        return model_.Missing(path);
    }
    Codes Describing(const std::string &path, int *rc)
    {
        const polyfs_kv pairs[] = {{"drawn", "by chance"}};
        *rc = polyfs_set_metadata(fs(), P(path).c_str(), pairs, 1, nullptr, nullptr, E());
        return Yes(POLYFS_FACT_SET_METADATA) ? model_.Get(path) : Codes{POLYFS_UNSUPPORTED};
    }
    Codes Moving(const Draw &draw, int *rc)
    {
        const std::string from = P(draw.path), to = P(draw.to);
        const bool taken = model_.objects.count(draw.to) > 0,
                   keeps = draw.verb == COPY_CREATE || draw.verb == RENAME_KEEP,
                   moves = draw.verb == RENAME || draw.verb == RENAME_KEEP;
        Codes codes = model_.Between(draw.path, draw.to);
        polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
        opts.flags = keeps ? POLYFS_WRITE_CREATE_ONLY : 0;
        if (keeps && taken)
            codes = codes == Codes{POLYFS_OK} ? Codes{POLYFS_EXISTS} : Plus(codes, POLYFS_EXISTS);
        if (keeps && model_.IsDir(draw.to))
            codes = Plus(codes, POLYFS_EXISTS);
        *rc = moves ? polyfs_rename(fs(), from.c_str(), to.c_str(), keeps ? POLYFS_RENAME_NO_REPLACE : 0, nullptr,
                                    E())
                    : polyfs_copy(fs(), from.c_str(), fs(), to.c_str(), &opts, nullptr, E());
        if (*rc == POLYFS_OK)
            model_.objects[draw.to] = model_.objects[draw.path];
        if (*rc == POLYFS_OK && moves)
            model_.objects.erase(draw.path);
        if (moves && No(keeps ? POLYFS_FACT_RENAME_NO_REPLACE : POLYFS_FACT_RENAME))
            codes.insert(POLYFS_UNSUPPORTED);
        if (!moves && keeps && No(POLYFS_FACT_CREATE_ONLY))
            codes = {POLYFS_UNSUPPORTED};
        return codes;
    }
    static Codes Plus(Codes codes, int code)
    {
        codes.insert(code);
        return codes;
    }
    Codes RemovingIf(const Draw &draw, int *rc)
    {
        polyfs_remove_opts opts = POLYFS_REMOVE_OPTS_INIT;
        Codes codes = model_.Get(draw.path);
        const bool here = codes == Codes{POLYFS_OK};
        const std::string etag = here && draw.right ? Etag(draw.path) : "no";
        opts.if_match = etag.c_str();
        *rc = Remove(draw.path, &opts);
        if (*rc == POLYFS_OK)
            model_.objects.erase(draw.path);
        if (!Yes(POLYFS_FACT_REMOVE_CONDITION))
            return {POLYFS_UNSUPPORTED};
        if (here)
            return {draw.right ? POLYFS_OK : POLYFS_CONDITION};
        return store().tells_absent ? codes : Plus(Plus(codes, POLYFS_OK), POLYFS_CONDITION);
    }
    Codes Removing(unsigned kind, const std::string &path, int *rc)
    {
        Codes codes = model_.objects.count(path) ? Codes{POLYFS_OK} : model_.Get(path);
        if (kind == REMOVE) {
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
        bool object = model_.objects.count(path) > 0, is_folder = model_.IsDir(path);
        Codes codes = model_.Above(path);
        if (kind == MKDIR) {
            *rc = Mkdir(path);
            if (*rc == POLYFS_OK)
                model_.folders.insert(path);
            if (codes.empty())
                codes = object      ? Codes{POLYFS_EXISTS, POLYFS_NOT_DIR}
                        : is_folder ? Codes{POLYFS_EXISTS}
                                    : Codes{POLYFS_OK};
            return codes;
        }
        codes = object ? Codes{POLYFS_NOT_DIR} : is_folder ? Codes{POLYFS_OK} : model_.Missing(path);
        if (is_folder && !model_.Empty(path))
            codes = {POLYFS_NOT_EMPTY};
        *rc = polyfs_rmdir(fs(), P(path).c_str(), 0, nullptr, E());
        if (*rc == POLYFS_OK)
            model_.folders.erase(path);
        return codes;
    }
    /* Would a write to it make folders where the store does that? The twin and the model know of no such store. */
    bool MakesFolders(const std::string &path) const
    {
        return store().makes_folders && model_.Above(path).count(POLYFS_NOT_FOUND);
    }
    /* False: this operation has no one answer in this state, so it is not made. */
    bool Sensible(const Draw &draw) const
    {
        const bool object = model_.objects.count(draw.path) > 0, is_folder = model_.IsDir(draw.path);
        const bool copies = draw.verb == COPY || draw.verb == COPY_CREATE;
        const bool writes = draw.verb <= SWAP || draw.verb == APPEND;
        if ((copies && MakesFolders(draw.to)) || (writes && MakesFolders(draw.path)))
            return false;
        switch (draw.verb) {
        case COPY:
        case RENAME:
        case COPY_CREATE:
        case RENAME_KEEP: return draw.path != draw.to && !is_folder;
        case MKDIR:
        case RMDIR: return model_.real;
        case REMOVE_TREE: return model_.real || !(object && is_folder);
        case RANGE:
        case READ_MATCH:
        case READ_NONE_MATCH:
        case METADATA:
        case REMOVE_MATCH: return model_.real || !is_folder || object;
        default: return true;
        }
    }
    Codes Do(const Draw &draw, int *rc)
    {
        switch (draw.verb) {
        case PUT:
        case WRITER:
        case CREATE:
        case SWAP: return Writing(draw.verb, draw.path, draw.bytes, rc);
        case GET:
        case STAT: return Looking(draw.verb, draw.path, rc);
        case RANGE:
        case READ_MATCH:
        case READ_NONE_MATCH: return Reading(draw, rc);
        case REMOVE:
        case REMOVE_TREE: return Removing(draw.verb, draw.path, rc);
        case REMOVE_MATCH: return RemovingIf(draw, rc);
        case MKDIR:
        case RMDIR: return Folders(draw.verb, draw.path, rc);
        case EXISTS: return Existing(draw.path, rc);
        case APPEND: return Appending(draw.path, draw.bytes, rc);
        case LIST: return Listing(draw.path, rc);
        case METADATA: return Describing(draw.path, rc);
        default: return Moving(draw, rc);
        }
    }

    Model model_ = {};
};

} // namespace conformance

namespace conformance
{

/*
 * The same sequence on the store and on a twin, a memory store with folders of the same kind. What the store cannot do
 * is not done on the twin either.
 */
class RandomRun : public RandomCase
{
  public:
    using RandomCase::RandomCase;

  protected:
    void Step(const Draw &draw, RandomRun *twin, Table *table)
    {
        int rc = 0, twin_rc = 0;
        if (!Sensible(draw))
            return;
        const Codes codes = Do(draw, &rc);
        (*table)[verbs[draw.verb].name][rc]++;
        EXPECT_TRUE(codes.count(rc)) << verbs[draw.verb].name << " " << draw.path << " to " << draw.to << " is "
                                     << polyfs_code_name(rc) << ", not" << Told(codes) << Why();
        if (rc == POLYFS_UNSUPPORTED)
            return;
        const Codes twin_codes = twin->Do(draw, &twin_rc);
        if (codes.size() == 1 && twin_codes.size() == 1) {
            EXPECT_EQ(twin_rc, rc) << verbs[draw.verb].name << " " << draw.path << ": the memory store says "
                                   << polyfs_code_name(twin_rc);
        }
    }
    /* Half of them name what is there, or rare answers would be too rare. */
    std::string Path(Dice *dice) const
    {
        const unsigned which = dice->Below(6), nth = dice->Below(1000);
        if (which < 2 && !model_.objects.empty())
            return std::next(model_.objects.begin(), nth % model_.objects.size())->first;
        if (which == 2 && model_.folders.size() > 1 && (RealDirs() || store().nested_names))
            return *std::next(model_.folders.begin(), 1 + nth % (model_.folders.size() - 1));
        return dice->Path();
    }
    Draw Next(Dice *dice)
    {
        Draw draw;
        draw.verb = dice->Below(VERBS);
        draw.path = Path(dice);
        draw.to = Path(dice);
        draw.bytes = Bytes(dice->Below(4000), dice->Below(1000000));
        draw.right = dice->Below(2) == 1;
        draw.offset = dice->Below(6000);
        return draw;
    }
    void CompareAll(RandomRun *twin, uint64_t after)
    {
        const bool linger = store().folders_linger;
        const uint32_t flags = POLYFS_LS_RECURSIVE | (linger ? 0 : POLYFS_LS_DIRS);
        const std::vector<std::string> all = model_.All(!linger);
        if (all.empty())
            return;
        EXPECT_EQ(all, Names("", flags)) << "after " << after;
        EXPECT_EQ(twin->Names("", flags), Names("", flags)) << "after " << after;
    }
    void Run(RandomRun *twin, uint64_t seed, uint64_t count)
    {
        Dice dice(seed, RealDirs() || store().nested_names);
        Table table;
        model_.real = twin->model_.real = RealDirs();
        for (uint64_t i = 0; i < count && !HasFailure(); i++) {
            Step(Next(&dice), twin, &table);
            if (i % 100 == 99)
                CompareAll(twin, i);
        }
        for (const auto &object : model_.objects) {
            EXPECT_TRUE(object.second == Get(object.first)) << object.first;
            EXPECT_TRUE(object.second == twin->Get(object.first)) << object.first << " in the memory store";
        }
        PrintTable(store().name, seed, table);
        if (count >= enough && !HasFailure())
            ExpectAllPairs(table);
    }
    /* Every answer that the model can give was given, but for what this store cannot do; and no other. */
    void ExpectAllPairs(const Table &table)
    {
        for (const VerbRow &row : verbs) {
            const Codes &expected = model_.real ? row.real : row.flat;
            auto seen = table.find(row.name);
            if (seen != table.end() && seen->second.count(POLYFS_UNSUPPORTED))
                continue;
            for (int code : expected)
                EXPECT_TRUE(seen != table.end() && seen->second.count(code))
                    << row.name << " was never " << polyfs_code_name(code);
            for (const auto &outcome : seen == table.end() ? std::map<int, unsigned>() : seen->second)
                EXPECT_TRUE(expected.count(outcome.first) || Between(row.name))
                    << row.name << " was " << polyfs_code_name(outcome.first)
                    << ", which no row of the table expects";
        }
    }
    /* Two paths: which end a store looks at first is its own affair. */
    static bool Between(const std::string &verb)
    {
        return verb.compare(0, 4, "copy") == 0 || verb.compare(0, 6, "rename") == 0 || verb == "create";
    }
    void TestBody() override
    {
        uint64_t seed = EnvNumber("POLYFS_SEED", std::random_device{}());
        RecordProperty("seed", std::to_string(seed));
        SCOPED_TRACE("POLYFS_SEED=" + std::to_string(seed));
        Store memory;
        memory.name = "twin";
        memory.url = "memory://twin";
        memory.options = {"store=twin-of-" + store().name, RealDirs() ? "folders=real" : "folders=implied"};
        RandomRun twin(Subject{&memory, 0});
        twin.SetUp();
        if (Network())
            twin.DescriptorsAreNotCounted(); /* the store's connections open meanwhile */
        if (!HasFatalFailure())
            Run(&twin, seed, EnvNumber("POLYFS_CONFORM_RANDOM", Many(30000, 150)));
        twin.TearDown();
    }

  private:
    static constexpr uint64_t enough = 30000; /* operations after which a rare pair has come */
};

namespace
{

[[maybe_unused]] const bool added =
    AddCase({"random", "Operations", __FILE__, __LINE__, false, Always,
             [](const Subject &subject) -> Case * { return new RandomRun(subject); }});

} // namespace

} // namespace conformance
