/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The catalogue of cases, and how one store's worth of it becomes tests: suite "STORE.GROUP" has the cases of a
 * group, and a case of writing is there once for each shape that the store declares at its URL.
 */
#include <deque>

#include "case.h"

namespace conformance
{

namespace
{

std::vector<CatalogueRow> &Rows()
{
    static std::vector<CatalogueRow> rows;
    return rows;
}

/* Tests keep a pointer to their store. */
std::deque<Store> &Stores()
{
    static std::deque<Store> stores;
    return stores;
}

/* Stands for the whole suite when a store cannot be opened. */
class CannotOpen : public testing::Test
{
  public:
    explicit CannotOpen(std::string why) : why_(std::move(why))
    {
    }
    void TestBody() override
    {
        FAIL() << why_;
    }

  private:
    std::string why_;
};

uint32_t ShapesOf(const Store &store, std::string *why)
{
    polyfs_error err = POLYFS_ERROR_INIT;
    CapsInfo caps = {};
    std::string path;
    caps.struct_size = sizeof(caps);
    Fs fs = OpenStore(store, "", &path, &err);
    if (!fs || polyfs_caps(fs.get(), path.c_str(), 0, nullptr, &caps, &err) != POLYFS_OK)
        *why = err.message;
    return caps.shapes;
}

void RegisterOne(const CatalogueRow &row, const Store &store, uint32_t shape)
{
    std::string suite = store.name + "." + row.group;
    std::string name = row.name;
    if (shape)
        name += std::string("_") + ShapeName(shape);
    Subject subject{&store, shape};
    testing::RegisterTest(suite.c_str(), name.c_str(), nullptr, nullptr, row.file, row.line,
                          [subject, make = row.make]() -> Case * { return make(subject); });
}

} // namespace

bool AddCase(const CatalogueRow &row)
{
    Rows().push_back(row);
    return true;
}

const std::vector<CatalogueRow> &Catalogue()
{
    return Rows();
}

void RegisterConformance(const Store &given)
{
    Stores().push_back(given);
    const Store &store = Stores().back();
    std::string why;
    uint32_t shapes = ShapesOf(store, &why);
    if (!why.empty()) {
        testing::RegisterTest((store.name + ".open").c_str(), "Store", nullptr, nullptr, __FILE__, __LINE__,
                              [why]() -> CannotOpen * { return new CannotOpen(why); });
        return;
    }
    for (const CatalogueRow &row : Catalogue()) {
        if (!row.wanted(store))
            continue;
        if (!row.per_shape)
            RegisterOne(row, store, 0);
        for (uint32_t bit = 1; row.per_shape && bit <= POLYFS_SHAPE_STREAM; bit <<= 1)
            if (shapes & bit)
                RegisterOne(row, store, bit);
    }
}

} // namespace conformance
