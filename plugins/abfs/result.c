/* SPDX-License-Identifier: Apache-2.0 */
/* Answers that are an XML document: lists of blobs, containers and blocks, read as they arrive. */
#include "abfs.h"

static int sink(void *arg, const char *data, uint64_t size, struct polyfs_error *err)
{
    return ps_xml_add(arg, data, size, err);
}

int abfs_send_xml(struct abfs_fs *fs, struct polyfs_call *call, struct abfs_request *r, ps_xml_element *element,
                  void *arg, const char *root, struct polyfs_error *err)
{
    struct ps_xml *xml = NULL;
    int rc = ps_xml_new(element, arg, &xml, err);
    if (rc != POLYFS_OK)
        return rc;
    r->http.sink = sink;
    r->http.arg = xml;
    rc = abfs_send_only(fs, call, r, err);
    if (rc == POLYFS_OK)
        rc = ps_xml_end(xml, root, err);
    ps_xml_free(xml);
    return rc;
}
