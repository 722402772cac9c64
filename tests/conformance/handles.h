/* SPDX-License-Identifier: Apache-2.0 */
/* Handles of polyfs that close themselves; other test programs use them too. */
#ifndef POLYFS_CONFORMANCE_HANDLES_H
#define POLYFS_CONFORMANCE_HANDLES_H

#include <memory>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#include <polyfs/polyfs.h>
#pragma GCC diagnostic pop

namespace handles
{

template <auto Close> struct Closer {
    template <typename T> void operator()(T *handle) const
    {
        Close(handle);
    }
};
using Fs = std::unique_ptr<polyfs_fs, Closer<polyfs_fs_close>>;
using Reader = std::unique_ptr<polyfs_reader, Closer<polyfs_reader_close>>;
using Writer = std::unique_ptr<polyfs_writer, Closer<polyfs_writer_close>>;
using Lister = std::unique_ptr<polyfs_lister, Closer<polyfs_list_close>>;
using Pairs = std::unique_ptr<polyfs_pairs, Closer<polyfs_pairs_free>>;
using Cancel = std::unique_ptr<polyfs_cancel, Closer<polyfs_cancel_free>>;
using Text = std::unique_ptr<char, Closer<polyfs_free>>;
using Stat = struct polyfs_stat; /* its name is also a function's */

} // namespace handles

#endif
