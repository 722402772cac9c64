/* SPDX-License-Identifier: Apache-2.0 */
/* Elements out of XML, by expat (xml.h). Invariant: path holds the names of the open elements, text that of the last. */
#include "xml.h"

#include <expat.h>

#define DEPTH_MAX 64
#define TEXT_MAX (UINT64_C(1) << 20) /* of one element */
#define BODY_MAX (UINT64_C(32) << 20)

struct ps_xml {
    XML_Parser parser;
    ps_xml_element *element;
    void *arg;
    struct polyfs_error *error; /* of the call under way */
    int failed;
    unsigned depth;
    uint64_t bytes;
    struct ps_buf path, text;
    char root[48];
};

static int bad(struct ps_xml *xml, const char *why)
{
    if (xml->failed == POLYFS_OK) {
        polyfs_fail(xml->error, POLYFS_CORRUPT, "the server's answer is not the XML that was expected: %s", why);
        if (xml->error)
            xml->error->retry = POLYFS_RETRY_TRANSIENT;
        xml->failed = POLYFS_CORRUPT;
    }
    XML_StopParser(xml->parser, XML_FALSE);
    return xml->failed;
}

static void XMLCALL on_start(void *arg, const XML_Char *name, const XML_Char **attributes)
{
    struct ps_xml *xml = arg;
    const char *plain = strrchr(name, ':');
    (void)attributes;
    if (xml->failed)
        return;
    if (++xml->depth > DEPTH_MAX) {
        bad(xml, "it is nested too deep");
        return;
    }
    if (xml->path.size)
        ps_buf_char(&xml->path, '/');
    else
        snprintf(xml->root, sizeof(xml->root), "%s", plain ? plain + 1 : name);
    ps_buf_text(&xml->path, plain ? plain + 1 : name);
    ps_buf_reset(&xml->text);
    if (xml->path.failed || xml->path.size > TEXT_MAX)
        bad(xml, "no memory for its names");
}

static void XMLCALL on_text(void *arg, const XML_Char *data, int size)
{
    struct ps_xml *xml = arg;
    ps_buf_add(&xml->text, data, (uint64_t)size);
    if (xml->text.failed || xml->text.size > TEXT_MAX)
        bad(xml, "a text in it is too long");
}

static void XMLCALL on_end(void *arg, const XML_Char *name)
{
    struct ps_xml *xml = arg;
    (void)name;
    if (xml->failed)
        return;
    ps_buf_add(&xml->text, "", 0); /* a NUL, also for an element without text */
    if (xml->text.failed) {
        bad(xml, "no memory for a text");
        return;
    }
    int rc = xml->element(xml->arg, xml->path.data, xml->text.data, xml->text.size, xml->error);
    if (rc != POLYFS_OK) {
        xml->failed = rc;
        XML_StopParser(xml->parser, XML_FALSE);
        return;
    }
    char *slash = strrchr(xml->path.data, '/');
    xml->path.size = slash ? (uint64_t)(slash - xml->path.data) : 0;
    xml->path.data[xml->path.size] = '\0';
    xml->depth--;
    ps_buf_reset(&xml->text); /* blanks behind an inner element are nobody's text */
}

static void XMLCALL on_dtd(void *arg, const XML_Char *name, const XML_Char *system, const XML_Char *public,
                           int inner)
{
    (void)name;
    (void)system;
    (void)public;
    (void)inner;
    bad(arg, "it has a document type, which may expand to anything");
}

static void *expat_alloc(size_t size)
{
    return ps_host->alloc(size);
}

static void *expat_resize(void *memory, size_t size)
{
    return ps_host->resize(memory, size);
}

static void expat_free(void *memory)
{
    ps_host->free(memory);
}

int ps_xml_new(ps_xml_element *element, void *arg, struct ps_xml **out, struct polyfs_error *err)
{
    static const XML_Memory_Handling_Suite memory = {expat_alloc, expat_resize, expat_free};
    struct ps_xml *xml = ps_host->alloc(sizeof(*xml));
    XML_Parser parser = xml ? XML_ParserCreate_MM(NULL, &memory, NULL) : NULL;
    if (!parser) {
        ps_host->free(xml);
        return polyfs_fail(err, POLYFS_NOMEM, "no memory to read an answer");
    }
    *xml = (struct ps_xml){.parser = parser, .element = element, .arg = arg};
    XML_SetUserData(parser, xml);
    XML_SetElementHandler(parser, on_start, on_end);
    XML_SetCharacterDataHandler(parser, on_text);
    XML_SetStartDoctypeDeclHandler(parser, on_dtd);
    *out = xml;
    return POLYFS_OK;
}

void ps_xml_free(struct ps_xml *xml)
{
    if (!xml)
        return;
    XML_ParserFree(xml->parser);
    ps_buf_clear(&xml->path);
    ps_buf_clear(&xml->text);
    ps_host->free(xml);
}

static int feed(struct ps_xml *xml, const char *data, uint64_t size, int last, struct polyfs_error *err)
{
    xml->error = err;
    xml->bytes += size;
    if (xml->bytes > BODY_MAX)
        return bad(xml, "it is over 32 MiB");
    if (XML_Parse(xml->parser, data, (int)size, last) == XML_STATUS_OK && xml->failed == POLYFS_OK)
        return POLYFS_OK;
    return xml->failed ? xml->failed : bad(xml, XML_ErrorString(XML_GetErrorCode(xml->parser)));
}

int ps_xml_add(struct ps_xml *xml, const char *data, uint64_t size, struct polyfs_error *err)
{
    return feed(xml, data, size, 0, err);
}

/* Is it one of those between the bars? */
static int is_one_of(const char *root, const char *roots)
{
    size_t n = strlen(root);
    for (; n && roots; roots = strchr(roots, '|') ? strchr(roots, '|') + 1 : NULL)
        if (strncmp(roots, root, n) == 0 && (!roots[n] || roots[n] == '|'))
            return 1;
    return 0;
}

int ps_xml_end(struct ps_xml *xml, const char *root, struct polyfs_error *err)
{
    int rc = feed(xml, "", 0, 1, err);
    return rc == POLYFS_OK && root && !is_one_of(xml->root, root) ? bad(xml, "it is a document of another kind")
                                                                  : rc;
}

int ps_xml_read(const char *data, uint64_t size, ps_xml_element *element, void *arg, struct polyfs_error *err)
{
    struct ps_xml *xml;
    int rc = ps_xml_new(element, arg, &xml, err);
    if (rc != POLYFS_OK)
        return rc;
    while (size && (*data == ' ' || *data == '\n' || *data == '\r' || *data == '\t')) { /* kept alive with blanks */
        data++;
        size--;
    }
    rc = ps_xml_add(xml, data, size, err);
    if (rc == POLYFS_OK)
        rc = ps_xml_end(xml, NULL, err);
    ps_xml_free(xml);
    return rc;
}

/* ---- writing -------------------------------------------------------------------------------------------------------- */

void ps_xml_escape(struct ps_buf *buf, const char *text, uint64_t size)
{
    for (uint64_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '&' || c == '<' || c == '>' || c < 0x20) {
            ps_buf_text(buf, "&#");
            ps_buf_number(buf, c);
            ps_buf_char(buf, ';');
        } else {
            ps_buf_char(buf, text[i]);
        }
    }
}

int ps_xml_can_carry(const char *text, uint64_t size)
{
    const unsigned char *at = (const unsigned char *)text, *end = at + size;
    while (at < end) {
        uint32_t code;
        unsigned n = ps_utf8_next(at, (uint64_t)(end - at), &code);
        int plain = code >= 0x20 || code == '\t' || code == '\n' || code == '\r';
        if (!n || !plain || code == 0xfffe || code == 0xffff)
            return 0;
        at += n;
    }
    return 1;
}
