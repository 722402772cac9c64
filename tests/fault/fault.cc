/* SPDX-License-Identifier: Apache-2.0 */
#include "fault.h"

#include <arpa/inet.h>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <jansson.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace fault
{

namespace
{

#ifndef FAULT_SCHEME
#define FAULT_SCHEME "s3"
#endif
const char *const BUCKET = "polyfs-fault";

/* The control connection of the proxy, one for the whole program. */
class Control
{
  public:
    static json_t *Ask(const std::string &line)
    {
        static Control control;
        return control.Exchange(line);
    }

  private:
    Control()
    {
        const char *port = getenv("POLYFS_FAULT_CONTROL");
        sockaddr_in address = {};
        address.sin_family = AF_INET;
        address.sin_port = htons(static_cast<uint16_t>(port ? atoi(port) : 0));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (!port || connect(fd, reinterpret_cast<sockaddr *>(&address), sizeof(address)) != 0) {
            fprintf(stderr, "there is no proxy; run it as proxy.py run minio -- fault_s3\n");
            exit(1);
        }
        file_ = fdopen(fd, "r+");
    }
    json_t *Exchange(const std::string &line)
    {
        fprintf(file_, "%s\n", line.c_str());
        fflush(file_);
        char *answer = nullptr;
        size_t room = 0;
        json_t *parsed = getline(&answer, &room, file_) > 0 ? json_loads(answer, 0, nullptr) : nullptr;
        free(answer);
        if (!parsed) {
            fprintf(stderr, "the proxy does not take: %s\n", line.c_str());
            exit(1);
        }
        return parsed;
    }
    FILE *file_;
};

std::string Text(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

Request RequestOf(json_t *row)
{
    Request request;
    const char *name;
    json_t *value;
    request.method = Text(row, "method");
    request.target = Text(row, "target");
    request.listener = Text(row, "listener");
    json_object_foreach(json_object_get(row, "headers"), name, value) request.headers[name] =
        json_string_value(value);
    request.connection = static_cast<long>(json_integer_value(json_object_get(row, "connection")));
    request.body_bytes = static_cast<long>(json_integer_value(json_object_get(row, "body_bytes")));
    request.status = static_cast<long>(json_integer_value(json_object_get(row, "status")));
    request.applied = json_is_true(json_object_get(row, "applied"));
    request.time_s = json_number_value(json_object_get(row, "time"));
    const json_t *rule = json_object_get(row, "rule");
    request.rule = json_is_integer(rule) ? static_cast<int>(json_integer_value(rule)) : -1;
    return request;
}

Fs OpenWith(std::vector<std::string> options)
{
    static unsigned opened;
    options.push_back("no_proxy=none" +
                      std::to_string(opened++)); /* no other case's instance, nor what it learned */
    std::vector<const char *> list;
    for (const std::string &option : options)
        list.push_back(option.c_str());
    list.push_back(nullptr);
    polyfs_error error = POLYFS_ERROR_INIT;
    polyfs_fs *fs = nullptr;
    EXPECT_EQ(POLYFS_OK, polyfs_fs_open(FAULT_SCHEME "://polyfs-fault", list.data(), &fs, nullptr, &error))
        << error.message;
    return Fs(fs);
}

const Dialect dialects[] = {
    {"s3",
     "PUT",
     "",
     "HEAD",
     "",
     "partNumber=",
     "POST",
     "uploadId=",
     "SlowDown",
     "InternalError",
     "x-amz-request-id",
     "x-amz-retry-after",
     R"("etag": "\"another\"")",
     "kill",
     {{403, "AccessDenied", POLYFS_PERMISSION},
      {404, "NoSuchBucket", POLYFS_NOT_FOUND},
      {403, "ExpiredToken", POLYFS_AUTH},
      {403, "InvalidAccessKeyId", POLYFS_AUTH},
      {403, "SignatureDoesNotMatch", POLYFS_AUTH},
      {400, "InvalidArgument", POLYFS_INVALID},
      {401, "", POLYFS_AUTH},
      {501, "NotImplemented", POLYFS_UNSUPPORTED}}},
    {"abfs",
     "PUT",
     "",
     "HEAD",
     "",
     "blockid=",
     "PUT",
     "comp=blocklist",
     "ServerBusy",
     "InternalError",
     "x-ms-request-id",
     "x-ms-retry-after-ms",
     R"("etag": "\"another\"")",
     "stop",
     {{403, "AuthorizationFailure", POLYFS_PERMISSION},
      {403, "AuthorizationPermissionMismatch", POLYFS_PERMISSION},
      {403, "AuthenticationFailed", POLYFS_AUTH},
      {401, "NoAuthenticationInformation", POLYFS_AUTH},
      {404, "ContainerNotFound", POLYFS_NOT_FOUND},
      {400, "InvalidHeaderValue", POLYFS_INVALID},
      {409, "BlobArchived", POLYFS_PERMISSION},
      {501, "FeatureNotSupported", POLYFS_UNSUPPORTED}}},
    {"gs",
     "POST",
     "/upload/",
     "GET",
     "projection=noAcl",
     "partNumber=",
     "POST",
     "uploadId=",
     "rateLimitExceeded",
     "backendError",
     "x-guploader-uploadid",
     nullptr,
     R"("x-goog-generation": "7")",
     "stop",
     {{403, "forbidden", POLYFS_PERMISSION},
      {401, "required", POLYFS_AUTH},
      {404, "notFound", POLYFS_NOT_FOUND},
      {400, "invalid", POLYFS_INVALID},
      {400, "userProjectMissing", POLYFS_INVALID}}},
};

} // namespace

const Dialect &D()
{
    size_t i = 0;
    while (strcmp(dialects[i].scheme, FAULT_SCHEME) != 0)
        i++;
    return dialects[i];
}

static std::string At(const char *method, const char *target)
{
    return std::string(R"("method": ")") + method + R"(", "target": ")" + target + R"(", )";
}

std::string AtComplete()
{
    return At(D().complete_method, D().complete);
}

std::string AtPut()
{
    return At(D().put_method, D().put);
}

std::string AtStat()
{
    return At(D().stat_method, D().stat);
}

bool IsPinned(Request &request)
{
    return !request.headers["if-match"].empty() || request.target.find("ifGenerationMatch=") != std::string::npos;
}

std::string RangeOf(Request &request)
{
    return request.headers.count("x-ms-range") ? request.headers["x-ms-range"] : request.headers["range"];
}

std::string Bytes(size_t size, unsigned seed)
{
    std::string bytes(size, '\0');
    uint32_t state = seed * 2654435761u + 1;
    for (char &c : bytes) {
        state = state * 1664525u + 1013904223u;
        c = static_cast<char>(state >> 24);
    }
    return bytes;
}

double Now()
{
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void Fault::SetUp()
{
    const testing::TestInfo *info = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = std::string(info->test_suite_name()) + "." + info->name();
    Rules("");
    direct_ = OpenWith({std::string("endpoint_url=") + getenv("POLYFS_FAULT_DIRECT")});
    ASSERT_CODE(POLYFS_OK,
                polyfs_mkdir(Direct(), BUCKET, POLYFS_MKDIR_BUCKET | POLYFS_MKDIR_EXIST_OK, nullptr, E()));
    fs_ = Open();
}

void Fault::Rules(const std::string &rules)
{
    json_decref(Control::Ask("{\"do\": \"rules\", \"rules\": [" + rules + "]}"));
}

std::vector<Request> Fault::Journal(const std::string &method, const std::string &in_target)
{
    json_t *answer = Control::Ask("{\"do\": \"journal\"}"), *row;
    std::vector<Request> found;
    size_t i;
    json_array_foreach(json_object_get(answer, "requests"), i, row)
    {
        Request request = RequestOf(row);
        if ((method.empty() || request.method == method) && request.target.find(in_target) != std::string::npos)
            found.push_back(request);
    }
    json_decref(answer);
    return found;
}

void Fault::Server(const std::string &what)
{
    json_decref(Control::Ask("{\"do\": \"server\", \"what\": \"" + what + "\"}"));
}

Fs Fault::Open(const std::vector<std::string> &options)
{
    return OpenWith(options);
}

std::string Fault::P(const std::string &name) const
{
    return std::string(BUCKET) + "/" + folder_ + "/" + name;
}

int Fault::Put(const std::string &name, const std::string &bytes, uint32_t flags)
{
    polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    opts.flags = flags;
    return polyfs_put(fs(), P(name).c_str(), bytes.data(), bytes.size(), &opts, nullptr, E());
}

static int GetFrom(polyfs_fs *fs, const std::string &path, std::string *out, polyfs_error *error)
{
    void *data = nullptr;
    size_t n = 0;
    int rc = polyfs_get_all(fs, path.c_str(), nullptr, &data, &n, nullptr, error);
    if (rc == POLYFS_OK)
        out->assign(static_cast<char *>(data), n);
    polyfs_free(data);
    return rc;
}

int Fault::Get(const std::string &name, std::string *out)
{
    return GetFrom(fs(), P(name), out, E());
}

std::string Fault::There(const std::string &name)
{
    std::string bytes;
    polyfs_error told = POLYFS_ERROR_INIT;
    int rc = GetFrom(Direct(), P(name), &bytes, &told);
    EXPECT_TRUE(rc == POLYFS_OK || rc == POLYFS_NOT_FOUND) << told.message;
    return rc == POLYFS_OK ? bytes : "(absent)";
}

void Fault::Make(const std::string &name, const std::string &bytes)
{
    ASSERT_CODE(POLYFS_OK,
                polyfs_put(Direct(), P(name).c_str(), bytes.data(), bytes.size(), nullptr, nullptr, E()));
}

int Fault::List(std::vector<std::string> *out)
{
    polyfs_list_opts opts = POLYFS_LIST_OPTS_INIT;
    polyfs_lister *lister = nullptr;
    const struct polyfs_entry *rows;
    size_t count = 0;
    out->clear();
    opts.flags = POLYFS_LS_RECURSIVE;
    int rc = polyfs_list_open(fs(), P("l").c_str(), &opts, &lister, E());
    while (rc == POLYFS_OK || rc == POLYFS_MORE) {
        rc = polyfs_list_next(lister, &rows, &count, E());
        for (size_t i = 0; (rc == POLYFS_OK || rc == POLYFS_MORE) && i < count; i++)
            out->push_back(rows[i].path);
        if (rc == POLYFS_OK || out->size() > 10000)
            break;
    }
    polyfs_list_close(lister);
    return rc;
}

int Fault::Stream(const std::string &name, const std::string &bytes, uint32_t flags)
{
    polyfs_write_opts opts = POLYFS_WRITE_OPTS_INIT;
    polyfs_writer *writer = nullptr;
    opts.flags = flags;
    opts.part_bytes = 5 * MiB;
    int rc = polyfs_writer_open(fs(), P(name).c_str(), &opts, &writer, E());
    for (size_t at = 0; rc == POLYFS_OK && at < bytes.size(); at += MiB)
        rc = polyfs_writer_write(writer, bytes.data() + at, std::min(MiB, bytes.size() - at), E());
    if (rc == POLYFS_OK)
        rc = polyfs_writer_commit(writer, nullptr, E());
    polyfs_writer_close(writer);
    return rc;
}

struct polyfs_fs_stats Fault::Stats()
{
    struct polyfs_fs_stats stats = {};
    stats.struct_size = sizeof(stats);
    polyfs_fs_stats(fs(), &stats);
    return stats;
}

} // namespace fault
