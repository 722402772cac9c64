/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a store must hold and answer, in a page: objects, and where folders are real those too. Each question gives the
 * set of codes that are right; more than one where stores may look at either end first.
 */
#ifndef POLYFS_CONFORMANCE_RANDOM_MODEL_H
#define POLYFS_CONFORMANCE_RANDOM_MODEL_H

#include <map>
#include <set>
#include <string>
#include <vector>

#include "conformance.h"

namespace conformance
{

using Codes = std::set<int>;

/* Paths are relative. */
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
    std::vector<std::string> All(bool with_folders) const
    {
        std::set<std::string> names;
        for (const auto &object : objects) {
            names.insert(object.first);
            for (std::string up = Parent(object.first); with_folders && !up.empty(); up = Parent(up))
                names.insert(up + "/");
        }
        for (const std::string &folder : folders)
            if (!folder.empty() && real && with_folders)
                names.insert(folder + "/");
        return {names.begin(), names.end()};
    }
};

} // namespace conformance

#endif
