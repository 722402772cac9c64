/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What bare libcurl costs: requests that nobody signs, one warm handle a thread, bytes dropped or made up. No client of
 * HTTP over libcurl can be below it.
 *   http_floor get|put|post URL-PREFIX COUNT THREADS BYTES     objects URL-PREFIX%06d, written as PUT or POST
 *   http_floor range URL BYTES THREADS PART                    one object, in parts
 * In the environment, for stores that want it: FLOOR_QUERY, "?..." behind each URL; FLOOR_HEADER, a line of each request.
 */
#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *url, *verb, *query;
static long count, threads, bytes, part;
static atomic_long next_one, failed;
static char *body;

static size_t drop(char *data, size_t size, size_t n, void *user)
{
    (void)data;
    (void)user;
    return size * n;
}

static size_t give(char *to, size_t size, size_t n, void *user)
{
    long *sent = user, left = bytes - *sent;
    size_t some = size * n < (size_t)left ? size * n : (size_t)left;
    memcpy(to, body + *sent, some);
    *sent += (long)some;
    return some;
}

static void prepare(CURL *curl, struct curl_slist *lines, long *sent)
{
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, drop);
    curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, 262144L);
    curl_easy_setopt(curl, CURLOPT_UPLOAD_BUFFERSIZE, 131072L);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, lines);
    if (getenv("CURL_CA_BUNDLE"))
        curl_easy_setopt(curl, CURLOPT_CAINFO, getenv("CURL_CA_BUNDLE"));
    if (!body)
        return;
    if (strcmp(verb, "post") == 0)
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, "POST");
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, give);
    curl_easy_setopt(curl, CURLOPT_READDATA, sent);
    curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)bytes);
}

static void aim(CURL *curl, long number)
{
    char text[1024];
    if (part) {
        long last = (number + 1) * part < bytes ? (number + 1) * part : bytes;
        snprintf(text, sizeof(text), "%ld-%ld", number * part, last - 1);
        curl_easy_setopt(curl, CURLOPT_RANGE, text);
        snprintf(text, sizeof(text), "%s%s", url, query);
    } else {
        snprintf(text, sizeof(text), "%s%06ld%s", url, number, query);
    }
    curl_easy_setopt(curl, CURLOPT_URL, text);
}

static void *work(void *unused)
{
    struct curl_slist *lines = curl_slist_append(NULL, "Expect:");
    if (getenv("FLOOR_HEADER"))
        lines = curl_slist_append(lines, getenv("FLOOR_HEADER"));
    CURL *curl = curl_easy_init();
    long number, sent, status;
    (void)unused;
    prepare(curl, lines, &sent);
    while ((number = atomic_fetch_add(&next_one, 1)) < count) {
        sent = status = 0;
        aim(curl, number);
        CURLcode rc = curl_easy_perform(curl);
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
        atomic_fetch_add(&failed, rc != CURLE_OK || status >= 300);
    }
    curl_easy_cleanup(curl);
    curl_slist_free_all(lines);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t ids[64];
    if (argc != 6)
        return 2;
    verb = argv[1];
    url = argv[2];
    query = getenv("FLOOR_QUERY") ? getenv("FLOOR_QUERY") : "";
    threads = strtol(argv[4], NULL, 10);
    if (strcmp(verb, "range") == 0) {
        bytes = strtol(argv[3], NULL, 10);
        part = strtol(argv[5], NULL, 10);
        count = (bytes + part - 1) / part;
    } else {
        count = strtol(argv[3], NULL, 10);
        bytes = strtol(argv[5], NULL, 10);
        body = strcmp(verb, "get") == 0 ? NULL : calloc(1, (size_t)bytes + 1);
    }
    if (threads < 1 || threads > 64)
        return 2;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    for (long i = 0; i < threads; i++)
        pthread_create(&ids[i], NULL, work, NULL);
    for (long i = 0; i < threads; i++)
        pthread_join(ids[i], NULL);
    return failed ? 1 : 0;
}
