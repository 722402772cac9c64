/* SPDX-License-Identifier: Apache-2.0 */
/* See report.h. */
#include "report.h"

#include <cstdio>
#include <fstream>
#include <sstream>

namespace conformance
{

namespace
{

/* "store.group" → its two halves; a store's name may hold dots itself. */
void Split(const std::string &suite, std::string *store, std::string *group)
{
    size_t dot = suite.rfind('.');
    *store = suite.substr(0, dot);
    *group = dot == std::string::npos ? "" : suite.substr(dot + 1);
}

std::string Quoted(const std::string &text)
{
    std::string out = "\"";
    for (char c : text) {
        unsigned char byte = static_cast<unsigned char>(c);
        char code[8];
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (byte < 0x20 || byte == 0x7f) {
            snprintf(code, sizeof(code), "\\u%04x", byte);
            out += code;
        } else {
            out += c;
        }
    }
    return out + "\"";
}

/* Rows "store<TAB>case<TAB>result", '#' before a remark. Only n/a is written down: all else must pass. */
std::map<std::string, std::set<std::string>> ReadExpected(const std::string &file, bool *ok)
{
    std::map<std::string, std::set<std::string>> expected;
    std::ifstream in(file);
    *ok = in.good();
    for (std::string line; std::getline(in, line);) {
        std::istringstream row(line);
        std::string store, name, result;
        if (line.empty() || line[0] == '#' || !std::getline(row, store, '\t') || !std::getline(row, name, '\t') ||
            !std::getline(row, result, '\t'))
            continue;
        if (result == "n/a")
            expected[store].insert(name);
        else
            *ok = false;
    }
    return expected;
}

} // namespace

void Report::OnTestStart(const testing::TestInfo &)
{
    skip_.clear();
    failure_.clear();
}

void Report::OnTestPartResult(const testing::TestPartResult &result)
{
    if (result.skipped()) {
        skip_ += result.message();
    } else if (result.failed()) {
        std::ostringstream text;
        text << (result.file_name() ? result.file_name() : "?") << ":" << result.line_number() << ": "
             << result.message() << "\n";
        failure_ += text.str();
    }
}

void Report::OnTestEnd(const testing::TestInfo &info)
{
    Result result;
    Split(info.test_suite_name(), &result.store, &result.group);
    result.name = info.name();
    result.ms = info.result()->elapsed_time();
    bool na = skip_.find("n/a:") != std::string::npos;
    if (info.result()->Failed() || (info.result()->Skipped() && !na)) {
        result.outcome = "failed";
        result.why = failure_.empty() ? "skipped without \"n/a:\": " + skip_ : failure_;
        good_ = false;
        if (options_.quiet && !options_.json)
            printf("FAILED %s %s.%s\n%s", result.store.c_str(), result.group.c_str(), result.name.c_str(),
                   result.why.c_str());
    } else if (info.result()->Skipped()) {
        result.outcome = "n/a";
        result.why = skip_.substr(skip_.find("n/a:"));
    } else {
        result.outcome = "passed";
    }
    fflush(stdout);
    results_.push_back(result);
}

void Report::Compare(const testing::UnitTest &unit)
{
    bool readable = false;
    auto expected = ReadExpected(options_.expected, &readable);
    if (!readable) {
        fprintf(stderr, "%s cannot be read, or has a row that is not n/a\n", options_.expected.c_str());
        good_ = false;
    }
    std::set<std::string> stores;
    for (const Result &result : results_) {
        stores.insert(result.store);
        std::set<std::string> &known = expected[result.store];
        bool was = known.erase(result.group + "." + result.name) > 0;
        if (was == (result.outcome == "n/a"))
            continue;
        good_ = false;
        fprintf(stderr, "%s %s.%s is %s; %s says %s\n", result.store.c_str(), result.group.c_str(),
                result.name.c_str(), result.outcome.c_str(), options_.expected.c_str(),
                was ? "n/a" : "it must pass");
    }
    if (unit.test_to_run_count() != unit.total_test_count())
        return;
    for (const std::string &store : stores) {
        for (const std::string &name : expected[store]) {
            fprintf(stderr, "%s %s is in %s, but there is no such case\n", store.c_str(), name.c_str(),
                    options_.expected.c_str());
            good_ = false;
        }
    }
}

void Report::PrintTable() const
{
    std::map<std::string, std::map<std::string, Counts>> stores;
    for (const Result &result : results_) {
        for (const char *group : {result.group.c_str(), "~"}) { /* '~' sorts behind every group */
            Counts &counts = stores[result.store][group];
            unsigned &count = result.outcome == "passed" ? counts.passed
                              : result.outcome == "n/a"  ? counts.na
                                                         : counts.failed;
            count++;
        }
    }
    for (const auto &store : stores) {
        printf("\n%-24s %7s %7s %7s\n", store.first.c_str(), "passed", "failed", "n/a");
        for (const auto &group : store.second)
            printf("  %-22s %7u %7u %7u\n", group.first == "~" ? "all" : group.first.c_str(), group.second.passed,
                   group.second.failed, group.second.na);
    }
    for (const Result &result : results_)
        if (result.outcome == "n/a")
            printf("%s %s.%s %s\n", result.store.c_str(), result.group.c_str(), result.name.c_str(),
                   result.why.c_str());
}

void Report::PrintJson() const
{
    printf("[");
    const char *comma = "";
    for (const Result &result : results_) {
        printf("%s\n {\"store\": %s, \"group\": %s, \"case\": %s, \"result\": \"%s\", \"ms\": %lld, \"why\": %s}",
               comma, Quoted(result.store).c_str(), Quoted(result.group).c_str(), Quoted(result.name).c_str(),
               result.outcome.c_str(), static_cast<long long>(result.ms), Quoted(result.why).c_str());
        comma = ",";
    }
    printf("\n]\n");
}

void Report::OnTestProgramEnd(const testing::UnitTest &unit)
{
    if (results_.empty())
        good_ = false;
    if (options_.json)
        PrintJson();
    else
        PrintTable();
    if (!options_.expected.empty())
        Compare(unit);
    fflush(stdout);
}

} // namespace conformance
