/* SPDX-License-Identifier: Apache-2.0 */
/*
 * polyfs-conform URL|plugin.so: all cases on anybody's store. A plugin.so is registered as it is, without a manifest,
 * and gets its main protocol with an empty path unless --url says another. Exit status 0: every case passed or is n/a.
 */
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <set>

#include "conformance.h"

namespace
{

const char usage[] =
    "usage: polyfs-conform URL|plugin.so [--url URL] [--option NAME=VALUE]… [--name NAME] [--filter PATTERN]\n"
    "                      [--dots-resolved] [--silent-remove] [--in-process] [--expected FILE] [--json] "
    "[--verbose]\n"
    "\n"
    "  URL              a folder on the store; every case works in a new folder below it and removes that\n"
    "  plugin.so        a plugin to load; the URL is its protocol followed by ://, or what --url says\n"
    "  --filter         cases to run, e.g. 'read.*' or '*Rename*:-large.*'\n"
    "  --dots-resolved  `.`, `..` and `//` in paths mean what they mean to the kernel\n"
    "  --silent-remove  the store does not tell when there was nothing to remove\n"
    "  --in-process     objects live in the process, so that other processes do not see them\n"
    "  --expected       a file of known n/a: store, case and \"n/a\", separated by tabs\n"
    "  --json           one JSON array of results instead of the summary\n"
    "  --verbose        each case as it runs\n";

struct Arguments {
    conformance::Store store;
    conformance::RunOptions options;
    std::string what, url, filter;
    bool verbose = false;
};

int Fail(const std::string &why)
{
    fprintf(stderr, "polyfs-conform: %s\n%s", why.c_str(), usage);
    return 2;
}

bool TakeSwitch(Arguments *to, const std::string &name)
{
    if (name == "--dots-resolved")
        to->store.dots_resolved = true;
    else if (name == "--silent-remove")
        to->store.tells_absent = false;
    else if (name == "--in-process")
        to->store.same_process = true;
    else if (name == "--json")
        to->options.json = true;
    else if (name == "--verbose")
        to->verbose = true;
    else
        return false;
    return true;
}

bool TakeValue(Arguments *to, const std::string &name, const char *value)
{
    if (!value)
        return false;
    if (name == "--url")
        to->url = value;
    else if (name == "--option")
        to->store.options.push_back(value);
    else if (name == "--name")
        to->store.name = value;
    else if (name == "--filter")
        to->filter = value;
    else if (name == "--expected")
        to->options.expected = value;
    else
        return false;
    return true;
}

int Parse(int argc, char **argv, Arguments *to)
{
    for (int i = 1; i < argc; i++) {
        std::string text = argv[i];
        if (text == "--help" || text == "-h") {
            fputs(usage, stdout);
            exit(0);
        }
        if (TakeSwitch(to, text))
            continue;
        if (text[0] != '-' && to->what.empty())
            to->what = text;
        else if (TakeValue(to, text, i + 1 < argc ? argv[i + 1] : nullptr))
            i++;
        else
            return Fail("what is \"" + text + "\"?");
    }
    return to->what.empty() ? Fail("a URL or a plugin is needed") : 0;
}

std::set<std::string> BuiltIn()
{
    std::set<std::string> protocols;
    polyfs_implementations *list = nullptr;
    if (polyfs_known_implementations(0, &list, nullptr) != POLYFS_OK)
        return protocols;
    for (size_t i = 0; i < polyfs_implementations_count(list); i++) {
        const polyfs_implementation *row = polyfs_implementations_at(list, i);
        if (row->state == POLYFS_PLUGIN_BUILTIN)
            protocols.insert(row->protocol);
    }
    polyfs_implementations_free(list);
    return protocols;
}

using Entry = int (*)(const polyfs_host *, const polyfs_plugin **, polyfs_error *);

/* Registers the shared object; its protocols are those that are built in now and were not before. */
bool LoadPlugin(const std::string &file, std::string *protocol)
{
    std::string path = file.find('/') == std::string::npos ? "./" + file : file;
    std::set<std::string> before = BuiltIn();
    void *library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    void *symbol = library ? dlsym(library, "polyfs_plugin_v1") : nullptr;
    if (!symbol) {
        fprintf(stderr, "polyfs-conform: %s\n", dlerror());
        return false;
    }
    Entry entry;
    memcpy(&entry, &symbol, sizeof(entry));
    polyfs_error err = POLYFS_ERROR_INIT;
    if (polyfs_plugin_register(entry, &err) != POLYFS_OK) {
        fprintf(stderr, "polyfs-conform: %s\n", err.message);
        return false;
    }
    for (const std::string &name : BuiltIn())
        if (!before.count(name))
            *protocol = protocol->empty() ? name : *protocol;
    return !protocol->empty();
}

/* Patterns are on "group.case"; GoogleTest's are on "store.group.case". */
std::string FilterFlag(const std::string &patterns)
{
    std::string flag = "--gtest_filter=";
    bool first = true;
    for (char c : patterns) {
        bool between = c == ':' || c == '-';
        if (first && !between)
            flag += "*.";
        first = between;
        flag += c;
    }
    return flag;
}

/* A name that GoogleTest can filter by: '-' and ':' mean something to it. */
std::string StoreName(const std::string &protocol)
{
    std::string name;
    for (char c : protocol)
        name += isalnum(static_cast<unsigned char>(c)) ? c : '_';
    return name;
}

bool EndsWith(const std::string &text, const std::string &end)
{
    return text.size() > end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

} // namespace

int main(int argc, char **argv)
{
    Arguments arguments;
    int status = Parse(argc, argv, &arguments);
    if (status)
        return status;
    size_t scheme = arguments.what.find("://");
    std::string protocol = scheme == std::string::npos ? "file" : arguments.what.substr(0, scheme);
    arguments.store.url = arguments.what;
    if (EndsWith(arguments.what, ".so") && scheme == std::string::npos) {
        protocol.clear();
        if (!LoadPlugin(arguments.what, &protocol))
            return 2;
        arguments.store.url = arguments.url.empty() ? protocol + "://" : arguments.url;
    }
    if (arguments.store.name.empty())
        arguments.store.name = StoreName(protocol);
    arguments.options.quiet = !arguments.verbose;
    std::string filter = FilterFlag(arguments.filter);
    std::vector<char *> flags = {argv[0]};
    if (!arguments.filter.empty())
        flags.push_back(filter.data());
    flags.push_back(nullptr);
    return conformance::Run(
        static_cast<int>(flags.size()) - 1, flags.data(),
        [&arguments] { return std::vector<conformance::Store>{arguments.store}; }, arguments.options);
}
