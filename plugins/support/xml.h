/* SPDX-License-Identifier: Apache-2.0 */
/*
 * XML as stores answer it, read as it arrives: elements and their text, without namespaces' prefixes, attributes or
 * entities. A DTD is refused, so nothing expands; depth and the text of one element are bounded.
 */
#ifndef PS_XML_H
#define PS_XML_H

#include "buf.h"

struct ps_xml;

/*
 * Called as an element ends, with its path from the root ("ListBucketResult/Contents/Key") and its own text, which may be
 * changed in place. Not POLYFS_OK (with @err filled) ends the reading.
 */
typedef int ps_xml_element(void *arg, const char *path, char *text, uint64_t size, struct polyfs_error *err);

int ps_xml_new(ps_xml_element *element, void *arg, struct ps_xml **out, struct polyfs_error *err);
void ps_xml_free(struct ps_xml *xml);

/* The next piece. CORRUPT when it is not well-formed, or is over a bound. */
int ps_xml_add(struct ps_xml *xml, const char *data, uint64_t size, struct polyfs_error *err);
/* No more comes. CORRUPT when the document is not whole, or its root is not @root ("A|B": neither; NULL: any). */
int ps_xml_end(struct ps_xml *xml, const char *root, struct polyfs_error *err);
/* A whole document at once. */
int ps_xml_read(const char *data, uint64_t size, ps_xml_element *element, void *arg, struct polyfs_error *err);

/* Text with & < > and control characters as references, for the body of a request. */
void ps_xml_escape(struct ps_buf *buf, const char *text, uint64_t size);
/* Whether XML 1.0 can carry it at all: UTF-8 without most control characters (section 2.2). */
int ps_xml_can_carry(const char *text, uint64_t size);

#endif
