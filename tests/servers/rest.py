# SPDX-License-Identifier: Apache-2.0
"""One HTTP request to a server of the tests, by the standard library alone."""
import http.client
import ssl
import urllib.parse


def ask(endpoint, method, target, headers, body=b"", authority=None):
    """Status and body of its answer. @authority: file of certificates that an https:// endpoint is held against."""
    place = urllib.parse.urlsplit(endpoint)
    if place.scheme == "https":
        connection = http.client.HTTPSConnection(place.netloc, context=ssl.create_default_context(cafile=authority))
    else:
        connection = http.client.HTTPConnection(place.netloc)
    connection.request(method, target, body, headers)
    answer = connection.getresponse()
    told = answer.read()
    connection.close()
    return answer.status, told
