/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pickle is a program for a machine with a stack and a memory of what was made. This one makes nodes instead of
 * objects. Every operation takes at least one byte and makes at most one node, one item of another, one
 * place on the stack and one in the memory, which bounds all that is allocated by the pickle's own size.
 *
 * A 0 on the stack is a mark: what lies above it belongs together. An operation that takes a number of values never
 * reaches below a mark.
 */
#include "pickle.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROTOCOL_MAX 5

struct machine {
    struct ckpt_pickle *pickle;
    size_t at;        /* of the next byte */
    size_t operation; /* of the operation under way */
    uint32_t *stack, depth, stack_room;
    uint32_t *memo, memo_room; /* by number; 0: nothing has it */
    uint32_t memo_count;
    int stopped;
    char *why;
};

static int damaged(const struct machine *m, const char *format, ...) POLYFS_PRINTF(2, 3);
static int damaged(const struct machine *m, const char *format, ...)
{
    char what[160];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    snprintf(m->why, CKPT_WHY, "its pickle is damaged at byte %zu: %s", m->operation, what);
    return POLYFS_CORRUPT;
}

static int too_many(const struct machine *m)
{
    snprintf(m->why, CKPT_WHY, "its pickle holds more than %d items, and so many are read at most",
             CKPT_PICKLE_ITEMS_MAX);
    return POLYFS_TOO_LARGE;
}

static int no_memory(const struct machine *m)
{
    snprintf(m->why, CKPT_WHY, "no memory for what its pickle holds");
    return POLYFS_NOMEM;
}

/* Says why the table of nodes could not grow. */
static int failed(const struct machine *m, int rc)
{
    return rc == POLYFS_TOO_LARGE ? too_many(m) : rc == POLYFS_NOMEM ? no_memory(m) : rc;
}

static struct ckpt_node *node_at(const struct machine *m, uint32_t node)
{
    return &m->pickle->nodes[node];
}

static int push(struct machine *m, uint32_t node)
{
    if (m->depth >= CKPT_PICKLE_ITEMS_MAX)
        return too_many(m);
    uint32_t *stack = ckpt_pickle_grown(m->stack, m->depth, &m->stack_room, sizeof(*stack));
    if (!stack)
        return no_memory(m);
    m->stack = stack;
    stack[m->depth++] = node;
    return POLYFS_OK;
}

static int push_new(struct machine *m, const struct ckpt_node *node)
{
    uint32_t made = 0;
    int rc = ckpt_pickle_make(m->pickle, node, &made);
    return rc == POLYFS_OK ? push(m, made) : failed(m, rc);
}

/* ---- what an operation is given --------------------------------------------------------------------------------- */

/* The next @width bytes as a number, lowest first. */
static int number(struct machine *m, unsigned width, uint64_t *out)
{
    uint64_t value = 0;
    if (m->pickle->size - m->at < width)
        return damaged(m, "it ends within a number");
    for (unsigned i = 0; i < width; i++)
        value |= (uint64_t)m->pickle->bytes[m->at + i] << 8 * i;
    m->at += width;
    *out = value;
    return POLYFS_OK;
}

/* So many of the next bytes as its first @width bytes say. */
static int counted(struct machine *m, unsigned width, struct ckpt_slice *out)
{
    uint64_t n = 0;
    int rc = number(m, width, &n);
    if (rc != POLYFS_OK)
        return rc;
    if (m->pickle->size - m->at < n)
        return damaged(m, "it has no %llu bytes more", (unsigned long long)n);
    *out = (struct ckpt_slice){.at = (uint32_t)m->at, .n = (uint32_t)n};
    m->at += n;
    return POLYFS_OK;
}

/* The bytes to the end of the line. */
static int line(struct machine *m, struct ckpt_slice *out)
{
    const uint8_t *from = m->pickle->bytes + m->at, *end = memchr(from, '\n', m->pickle->size - m->at);
    if (!end)
        return damaged(m, "a name has no end");
    *out = (struct ckpt_slice){.at = (uint32_t)m->at, .n = (uint32_t)(end - from)};
    m->at += out->n + 1;
    return POLYFS_OK;
}

/* Are there @count values on the stack, above any mark? *out_first: where they begin. */
static int values(const struct machine *m, uint32_t count, uint32_t *out_first)
{
    if (m->depth < count)
        return damaged(m, "too few values are there");
    for (uint32_t i = m->depth - count; i < m->depth; i++)
        if (!m->stack[i])
            return damaged(m, "too few values are there");
    *out_first = m->depth - count;
    return POLYFS_OK;
}

static int pop(struct machine *m, uint32_t *out)
{
    uint32_t first = 0;
    int rc = values(m, 1, &first);
    if (rc != POLYFS_OK)
        return rc;
    *out = m->stack[--m->depth];
    return POLYFS_OK;
}

/* Where the highest mark is. Everything above it is taken away by who asks, so all searches take linear time. */
static int mark_find(const struct machine *m, uint32_t *out)
{
    for (uint32_t i = m->depth; i-- > 0;)
        if (!m->stack[i]) {
            *out = i;
            return POLYFS_OK;
        }
    return damaged(m, "no mark is there");
}

/* Takes all from @first on off the stack, and into @to. */
static int gather(struct machine *m, uint32_t first, uint32_t to)
{
    int rc = POLYFS_OK;
    for (uint32_t i = first; i < m->depth && rc == POLYFS_OK; i++)
        rc = ckpt_pickle_add(m->pickle, to, m->stack[i]);
    m->depth = first;
    return failed(m, rc);
}

/* ---- operations: plain values ----------------------------------------------------------------------------------- */

typedef int operation(struct machine *m, uint8_t code);

static int op_constant(struct machine *m, uint8_t code)
{
    if (code == 'N')
        return push_new(m, &(struct ckpt_node){.kind = CKPT_NODE_NONE});
    return push_new(m, &(struct ckpt_node){.kind = CKPT_NODE_BOOL, .u.integer = code == 0x88});
}

static int op_integer(struct machine *m, uint8_t code)
{
    uint64_t value = 0;
    int rc = number(m, code == 'J' ? 4 : code == 'M' ? 2 : 1, &value);
    if (rc != POLYFS_OK)
        return rc;
    int64_t is = code == 'J' ? (int32_t)(uint32_t)value : (int64_t)value;
    return push_new(m, &(struct ckpt_node){.kind = CKPT_NODE_INTEGER, .u.integer = is});
}

static int op_long_integer(struct machine *m, uint8_t code)
{
    struct ckpt_node node = {.kind = CKPT_NODE_LONG};
    uint64_t value = 0;
    int rc = counted(m, code == 0x8a ? 1 : 4, &node.u.text);
    if (rc != POLYFS_OK)
        return rc;
    const uint8_t *bytes = m->pickle->bytes + node.u.text.at;
    uint32_t n = node.u.text.n;
    if (n > 8)
        return push_new(m, &node);
    for (uint32_t i = 0; i < 8; i++) /* the sign goes on to the left */
        value |= (uint64_t)(i < n ? bytes[i] : n && bytes[n - 1] & 0x80 ? 0xff : 0) << 8 * i;
    return push_new(m, &(struct ckpt_node){.kind = CKPT_NODE_INTEGER, .u.integer = (int64_t)value});
}

static int op_real(struct machine *m, uint8_t code)
{
    struct ckpt_node node = {.kind = CKPT_NODE_REAL};
    uint64_t bits = 0;
    (void)code;
    int rc = number(m, 8, &bits);
    bits = __builtin_bswap64(bits); /* the one number with its highest byte first */
    memcpy(&node.u.real, &bits, sizeof(bits));
    return rc == POLYFS_OK ? push_new(m, &node) : rc;
}

static int op_text(struct machine *m, uint8_t code)
{
    struct ckpt_node node = {.kind = CKPT_NODE_TEXT};
    int rc = counted(m, code == 0x8d ? 8 : code == 'X' || code == 'T' ? 4 : 1, &node.u.text);
    return rc == POLYFS_OK ? push_new(m, &node) : rc;
}

static int op_bytes(struct machine *m, uint8_t code)
{
    struct ckpt_node node = {.kind = CKPT_NODE_BYTES};
    int rc = counted(m, code == 'C' ? 1 : code == 'B' ? 4 : 8, &node.u.text);
    return rc == POLYFS_OK ? push_new(m, &node) : rc;
}

/* ---- operations: what holds items ------------------------------------------------------------------------------- */

static int op_empty(struct machine *m, uint8_t code)
{
    uint8_t kind = code == ')' ? CKPT_NODE_TUPLE : code == ']' ? CKPT_NODE_LIST : CKPT_NODE_SET;
    return push_new(m, &(struct ckpt_node){.kind = code == '}' ? CKPT_NODE_DICT : kind});
}

/* A new node of what lies from @first on; @below: how much stays on the stack. */
static int enclose(struct machine *m, uint8_t kind, uint32_t first, uint32_t below)
{
    uint32_t made = 0;
    if (kind == CKPT_NODE_DICT && (m->depth - first) % 2)
        return damaged(m, "a key has no value");
    int rc = failed(m, ckpt_pickle_make(m->pickle, &(struct ckpt_node){.kind = kind}, &made));
    if (rc == POLYFS_OK)
        rc = gather(m, first, made);
    m->depth = below;
    return rc == POLYFS_OK ? push(m, made) : rc;
}

static int op_short_tuple(struct machine *m, uint8_t code)
{
    uint32_t first = 0;
    int rc = values(m, code - 0x84u, &first);
    return rc == POLYFS_OK ? enclose(m, CKPT_NODE_TUPLE, first, first) : rc;
}

static int op_marked(struct machine *m, uint8_t code)
{
    uint8_t kind = code == 't' ? CKPT_NODE_TUPLE : code == 'l' ? CKPT_NODE_LIST : CKPT_NODE_SET;
    uint32_t mark = 0;
    int rc = mark_find(m, &mark);
    return rc == POLYFS_OK ? enclose(m, code == 'd' ? CKPT_NODE_DICT : kind, mark + 1, mark) : rc;
}

/* May @node take items by the operation @code? An object takes what its first ones were. */
static int takes(struct ckpt_node *node, uint8_t code)
{
    uint8_t pairs = code == 's' || code == 'u';
    if (node->kind == CKPT_NODE_OBJECT && !node->first)
        node->pairs = pairs;
    if (node->kind == CKPT_NODE_OBJECT)
        return node->pairs == pairs;
    return node->kind == (pairs ? CKPT_NODE_DICT : code == 0x90 ? CKPT_NODE_SET : CKPT_NODE_LIST);
}

static int op_add(struct machine *m, uint8_t code)
{
    uint32_t own = code == 'a' ? 1 : code == 's' ? 2 : 0; /* items; the others take all above a mark */
    uint32_t below = 0;
    int rc = own ? values(m, own, &below) : mark_find(m, &below);
    if (rc != POLYFS_OK)
        return rc;
    uint32_t first = own ? below : below + 1;
    if (!below || !m->stack[below - 1] || !takes(node_at(m, m->stack[below - 1]), code))
        return damaged(m, "what it adds to takes no such items");
    if (code == 'u' && (m->depth - first) % 2)
        return damaged(m, "a key has no value");
    rc = gather(m, first, m->stack[below - 1]);
    m->depth = below;
    return rc;
}

/* ---- operations: names and calls -------------------------------------------------------------------------------- */

static int op_global(struct machine *m, uint8_t code)
{
    struct ckpt_node node = {.kind = CKPT_NODE_GLOBAL};
    (void)code;
    int rc = line(m, &node.u.global.module);
    if (rc == POLYFS_OK)
        rc = line(m, &node.u.global.name);
    return rc == POLYFS_OK ? push_new(m, &node) : rc;
}

static int op_stack_global(struct machine *m, uint8_t code)
{
    uint32_t first = 0;
    (void)code;
    int rc = values(m, 2, &first);
    if (rc != POLYFS_OK)
        return rc;
    const struct ckpt_node *module = node_at(m, m->stack[first]), *name = node_at(m, m->stack[first + 1]);
    if (module->kind != CKPT_NODE_TEXT || name->kind != CKPT_NODE_TEXT)
        return damaged(m, "a name is no text");
    struct ckpt_node node = {.kind = CKPT_NODE_GLOBAL, .u.global = {module->u.text, name->u.text}};
    m->depth = first;
    return push_new(m, &node);
}

static int op_persistent(struct machine *m, uint8_t code)
{
    struct ckpt_node node = {.kind = CKPT_NODE_PERSISTENT};
    (void)code;
    int rc = pop(m, &node.u.object.args);
    return rc == POLYFS_OK ? push_new(m, &node) : rc;
}

/* The one class that is as good as built in: state dictionaries are of it. */
static int is_empty_dict(const struct machine *m, uint32_t callable, uint32_t args)
{
    return !node_at(m, args)->first && ckpt_pickle_is(m->pickle, callable, "collections", "OrderedDict");
}

static int push_call(struct machine *m, uint32_t callable, uint32_t args)
{
    struct ckpt_node node = {.kind = CKPT_NODE_OBJECT, .u.object = {.callable = callable, .args = args}};
    if (node_at(m, args)->kind != CKPT_NODE_TUPLE)
        return damaged(m, "the arguments of a call are no tuple");
    if (is_empty_dict(m, callable, args))
        node = (struct ckpt_node){.kind = CKPT_NODE_DICT};
    return push_new(m, &node);
}

/* Arguments that have names are one more argument: of classes that are not known here, none knows which. */
static int op_call(struct machine *m, uint8_t code)
{
    uint32_t first = 0, callable;
    int rc = values(m, code == 0x92 ? 3 : 2, &first);
    if (rc != POLYFS_OK)
        return rc;
    callable = m->stack[first];
    if (code == 0x92)
        rc = enclose(m, CKPT_NODE_TUPLE, first + 1, first + 1);
    uint32_t args = m->stack[first + 1];
    m->depth = first;
    return rc == POLYFS_OK ? push_call(m, callable, args) : rc;
}

/* The class is a line each for module and name, or the lowest value above the mark. */
static int op_marked_call(struct machine *m, uint8_t code)
{
    uint32_t mark = 0, callable = 0, args = 0;
    int rc = mark_find(m, &mark);
    if (rc == POLYFS_OK && code == 'o' && m->depth == mark + 1)
        return damaged(m, "too few values are there");
    if (rc == POLYFS_OK)
        rc = enclose(m, CKPT_NODE_TUPLE, mark + (code == 'o' ? 2 : 1), mark + (code == 'o' ? 2 : 1));
    if (rc == POLYFS_OK)
        rc = pop(m, &args);
    if (rc == POLYFS_OK && code == 'i')
        rc = op_global(m, code);
    if (rc == POLYFS_OK)
        rc = pop(m, &callable);
    m->depth = rc == POLYFS_OK ? mark : m->depth;
    return rc == POLYFS_OK ? push_call(m, callable, args) : rc;
}

/* Attributes of a dictionary are let go: PyTorch's state dictionaries have versions of modules there, and no tensor. */
static int op_build(struct machine *m, uint8_t code)
{
    uint32_t first = 0;
    (void)code;
    int rc = values(m, 2, &first);
    if (rc != POLYFS_OK)
        return rc;
    struct ckpt_node *node = node_at(m, m->stack[first]);
    if (node->kind != CKPT_NODE_OBJECT && node->kind != CKPT_NODE_DICT)
        return damaged(m, "what has no attributes is given some");
    if (node->kind == CKPT_NODE_OBJECT)
        node->u.object.state = m->stack[first + 1];
    m->depth = first + 1;
    return POLYFS_OK;
}

/* ---- operations: stack and memory ------------------------------------------------------------------------------- */

static int op_mark(struct machine *m, uint8_t code)
{
    (void)code;
    return push(m, 0);
}

static int op_drop(struct machine *m, uint8_t code)
{
    uint32_t below = 0;
    int rc = POLYFS_OK;
    if (code == '1')
        rc = mark_find(m, &below);
    else if (m->depth)
        below = m->depth - 1;
    else
        rc = damaged(m, "too few values are there");
    m->depth = rc == POLYFS_OK ? below : m->depth;
    return rc;
}

static int op_duplicate(struct machine *m, uint8_t code)
{
    uint32_t first = 0;
    (void)code;
    int rc = values(m, 1, &first);
    return rc == POLYFS_OK ? push(m, m->stack[first]) : rc;
}

/* Numbers are given in turn, so that none is larger than the bytes that came before. */
static int op_remember(struct machine *m, uint8_t code)
{
    uint64_t place = m->memo_count;
    uint32_t first = 0;
    int rc = values(m, 1, &first);
    if (rc == POLYFS_OK && code != 0x94)
        rc = number(m, code == 'q' ? 1 : 4, &place);
    if (rc != POLYFS_OK)
        return rc;
    if (place > m->operation)
        return damaged(m, "it remembers under the number %llu, which none can have yet", (unsigned long long)place);
    if (place >= CKPT_PICKLE_ITEMS_MAX)
        return too_many(m);
    uint32_t *memo = ckpt_pickle_grown(m->memo, (uint32_t)place, &m->memo_room, sizeof(*memo));
    if (!memo)
        return no_memory(m);
    m->memo = memo;
    m->memo_count += !memo[place];
    memo[place] = m->stack[first];
    return POLYFS_OK;
}

static int op_recall(struct machine *m, uint8_t code)
{
    uint64_t place = 0;
    int rc = number(m, code == 'h' ? 1 : 4, &place);
    if (rc != POLYFS_OK)
        return rc;
    if (place >= m->memo_room || !m->memo[place])
        return damaged(m, "nothing is remembered under the number %llu", (unsigned long long)place);
    return push(m, m->memo[place]);
}

static int op_protocol(struct machine *m, uint8_t code)
{
    uint64_t version = 0;
    (void)code;
    int rc = number(m, 1, &version);
    if (rc != POLYFS_OK || version <= PROTOCOL_MAX)
        return rc;
    snprintf(m->why, CKPT_WHY, "its pickle is of protocol %u, and %d is the last that can be read",
             (unsigned)version, PROTOCOL_MAX);
    return POLYFS_UNSUPPORTED;
}

static int op_frame(struct machine *m, uint8_t code)
{
    uint64_t n = 0;
    (void)code;
    int rc = number(m, 8, &n);
    return rc == POLYFS_OK && m->pickle->size - m->at < n ? damaged(m, "a frame is longer than the rest") : rc;
}

static int op_stop(struct machine *m, uint8_t code)
{
    (void)code;
    int rc = pop(m, &m->pickle->root);
    if (rc == POLYFS_OK && m->depth)
        return damaged(m, "it stops with %u values too many", m->depth);
    if (rc == POLYFS_OK && m->at < m->pickle->size)
        return damaged(m, "%zu bytes follow its end", m->pickle->size - m->at);
    m->stopped = rc == POLYFS_OK;
    return rc;
}

/* ---- the machine ------------------------------------------------------------------------------------------------ */

static operation *const operations[256] = {
    ['('] = op_mark,          ['.'] = op_stop,         ['0'] = op_drop,        ['1'] = op_drop,
    ['2'] = op_duplicate,     ['J'] = op_integer,      ['K'] = op_integer,     ['M'] = op_integer,
    ['N'] = op_constant,      [0x88] = op_constant,    [0x89] = op_constant,   [0x8a] = op_long_integer,
    [0x8b] = op_long_integer, ['G'] = op_real,         ['X'] = op_text,        [0x8c] = op_text,
    [0x8d] = op_text,         ['T'] = op_text,         ['U'] = op_text,        ['B'] = op_bytes,
    ['C'] = op_bytes,         [0x8e] = op_bytes,       [0x96] = op_bytes,      [')'] = op_empty,
    [']'] = op_empty,         ['}'] = op_empty,        [0x8f] = op_empty,      [0x85] = op_short_tuple,
    [0x86] = op_short_tuple,  [0x87] = op_short_tuple, ['t'] = op_marked,      ['l'] = op_marked,
    ['d'] = op_marked,        [0x91] = op_marked,      ['a'] = op_add,         ['e'] = op_add,
    ['s'] = op_add,           ['u'] = op_add,          [0x90] = op_add,        ['c'] = op_global,
    [0x93] = op_stack_global, ['Q'] = op_persistent,   ['R'] = op_call,        [0x81] = op_call,
    [0x92] = op_call,         ['o'] = op_marked_call,  ['i'] = op_marked_call, ['b'] = op_build,
    ['q'] = op_remember,      ['r'] = op_remember,     [0x94] = op_remember,   ['h'] = op_recall,
    ['j'] = op_recall,        [0x80] = op_protocol,    [0x95] = op_frame,
};

static int run(struct machine *m)
{
    int rc = POLYFS_OK;
    while (rc == POLYFS_OK && !m->stopped) {
        m->operation = m->at;
        if (m->at == m->pickle->size)
            return damaged(m, "it ends too early");
        uint8_t code = m->pickle->bytes[m->at++];
        rc = operations[code] ? operations[code](m, code) : damaged(m, "there is no operation 0x%02x", code);
    }
    return rc;
}

int ckpt_pickle_read(const uint8_t *bytes, size_t size, struct ckpt_pickle *out, char why[CKPT_WHY])
{
    struct ckpt_pickle pickle = {.bytes = bytes, .size = size};
    struct machine machine = {.pickle = &pickle, .why = why};
    if (size > CKPT_PICKLE_MAX) {
        snprintf(why, CKPT_WHY, "its pickle has %zu bytes, and %d are read at most", size, CKPT_PICKLE_MAX);
        return POLYFS_TOO_LARGE;
    }
    int rc = run(&machine);
    free(machine.stack);
    free(machine.memo);
    if (rc == POLYFS_OK)
        *out = pickle;
    else
        ckpt_pickle_clear(&pickle);
    return rc;
}
