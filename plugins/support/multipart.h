/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Uploads in parts as S3's XML API has them, which Google's speaks too: the mark that says that polyfs began one
 * (docs/adr/0008-marks-of-uploads.md), the document that completes it, lists of parts and of unfinished uploads.
 */
#ifndef PS_MULTIPART_H
#define PS_MULTIPART_H

#include "http.h"
#include "url.h"
#include "xml.h"

#define PS_MARK 10000 /* number of the part that says that polyfs began an upload; no Complete names it */
extern const char ps_mark[];
#define PS_MARK_BYTES 13

/* `<CompleteMultipartUpload>` with checksums of @kind where parts have them; @out_size: bytes of all parts. */
void ps_complete_body(struct ps_buf *body, uint32_t kind, const struct polyfs_part *parts, uint64_t count,
                      uint64_t stride, uint64_t *out_size);

/* ---- lists of parts ---- */
struct ps_parts {
    struct polyfs_part part; /* the one being read */
    struct polyfs_part *out;
    uint64_t room, stride, count;
    int truncated, marked; /* there are more; the mark was among them */
    char after[16], most[24];
};
/* What asks for a page behind a part: three rows at most, behind those that @query has. They point into @parts. */
void ps_parts_ask(struct ps_parts *parts, const char *upload_id, uint32_t after, struct ps_query *query,
                  unsigned *query_count);
/* Elements of a `<ListPartsResult>`; its argument is a struct ps_parts with out, room and stride. */
ps_xml_element ps_parts_element;

/* ---- lists of unfinished uploads ---- */
struct ps_uploads; /* one page */
/* NULL without memory. @id_prefix goes in front of the ids; both are borrowed. Due to ps_uploads_free(). */
struct ps_uploads *ps_uploads_new(const struct ps_target *target, const char *id_prefix, struct polyfs_error *err);
void ps_uploads_free(struct ps_uploads *page);
/* What asks for the page behind a cursor, or NULL: six rows at most, behind those that @query has. They point into the page and
 * the cursor. @by_prefix: the server looks at prefixes as it should. */
int ps_uploads_ask(struct ps_uploads *page, const char *cursor, int by_prefix, struct ps_query *query,
                   unsigned *query_count, struct polyfs_error *err);
/* Elements of a `<ListMultipartUploadsResult>`; its argument is the page. */
ps_xml_element ps_uploads_element;
/* Hands over the rows below the prefix, since not every server looks at it. POLYFS_MORE with the next cursor. */
int ps_uploads_give(struct ps_uploads *page, struct polyfs_step *step, struct polyfs_uploads *out,
                    struct polyfs_error *err);

#endif
