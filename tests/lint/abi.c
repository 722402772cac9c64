/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The binary interface, as numbers: made by `tests/lint/abi.py SOURCE BUILD --write`, compiled by the check of the
 * same name. A row that fails after the contract was frozen breaks plugins and programs that exist.
 */
#include "polyfs/async.h"
#include "polyfs/checkpoint.h"
#include "polyfs/plugin.h"
#include "polyfs/policy.h"
#include "polyfs/polyfs.h"

_Static_assert(sizeof(void *) == 8 && sizeof(long) == 8, "these numbers are of LP64");

#define SIZE(type, bytes) _Static_assert(sizeof(struct type) == (bytes), "size of struct " #type)
#define AT(type, member, bytes) _Static_assert(offsetof(struct type, member) == (bytes), #type "." #member)

SIZE(polyfs_ckpt_async_opts, 24);
AT(polyfs_ckpt_async_opts, struct_size, 0);
AT(polyfs_ckpt_async_opts, depth, 4);
AT(polyfs_ckpt_async_opts, full, 8);
AT(polyfs_ckpt_async_opts, reserved, 12);
AT(polyfs_ckpt_async_opts, budget_bytes, 16);

SIZE(polyfs_item, 48);
AT(polyfs_item, struct_size, 0);
AT(polyfs_item, flags, 4);
AT(polyfs_item, source, 8);
AT(polyfs_item, target, 16);
AT(polyfs_item, bytes, 24);
AT(polyfs_item, code, 32);
AT(polyfs_item, reserved, 36);
AT(polyfs_item, error, 40);

SIZE(polyfs_progress, 40);
AT(polyfs_progress, struct_size, 0);
AT(polyfs_progress, reserved, 4);
AT(polyfs_progress, items_done, 8);
AT(polyfs_progress, items_failed, 16);
AT(polyfs_progress, bytes_done, 24);
AT(polyfs_progress, bytes_total, 32);

SIZE(polyfs_bulk_opts, 56);
AT(polyfs_bulk_opts, struct_size, 0);
AT(polyfs_bulk_opts, flags, 4);
AT(polyfs_bulk_opts, call, 8);
AT(polyfs_bulk_opts, max_depth, 16);
AT(polyfs_bulk_opts, durability, 20);
AT(polyfs_bulk_opts, jobs, 24);
AT(polyfs_bulk_opts, reserved, 28);
AT(polyfs_bulk_opts, on_item, 32);
AT(polyfs_bulk_opts, on_progress, 40);
AT(polyfs_bulk_opts, user, 48);

SIZE(polyfs_bulk_result, 40);
AT(polyfs_bulk_result, struct_size, 0);
AT(polyfs_bulk_result, reserved, 4);
AT(polyfs_bulk_result, items_done, 8);
AT(polyfs_bulk_result, items_failed, 16);
AT(polyfs_bulk_result, items_skipped, 24);
AT(polyfs_bulk_result, bytes, 32);

SIZE(polyfs_gc_opts, 40);
AT(polyfs_gc_opts, struct_size, 0);
AT(polyfs_gc_opts, flags, 4);
AT(polyfs_gc_opts, call, 8);
AT(polyfs_gc_opts, older_than_s, 16);
AT(polyfs_gc_opts, reserved, 20);
AT(polyfs_gc_opts, found, 24);
AT(polyfs_gc_opts, user, 32);

SIZE(polyfs_pipe, 32);
AT(polyfs_pipe, path, 0);
AT(polyfs_pipe, data, 8);
AT(polyfs_pipe, size, 16);
AT(polyfs_pipe, code, 24);
AT(polyfs_pipe, flags, 28);

SIZE(polyfs_ckpt_opts, 56);
AT(polyfs_ckpt_opts, struct_size, 0);
AT(polyfs_ckpt_opts, flags, 4);
AT(polyfs_ckpt_opts, options, 8);
AT(polyfs_ckpt_opts, call, 16);
AT(polyfs_ckpt_opts, keep_newest, 24);
AT(polyfs_ckpt_opts, keep_records, 28);
AT(polyfs_ckpt_opts, ranks, 32);
AT(polyfs_ckpt_opts, last_as, 40);
AT(polyfs_ckpt_opts, reserved, 44);
AT(polyfs_ckpt_opts, last_path, 48);

SIZE(polyfs_ckpt_info, 872);
AT(polyfs_ckpt_info, struct_size, 0);
AT(polyfs_ckpt_info, flags, 4);
AT(polyfs_ckpt_info, seq, 8);
AT(polyfs_ckpt_info, step, 16);
AT(polyfs_ckpt_info, epoch, 24);
AT(polyfs_ckpt_info, time_ns, 32);
AT(polyfs_ckpt_info, bytes, 40);
AT(polyfs_ckpt_info, files, 48);
AT(polyfs_ckpt_info, reserved, 52);
AT(polyfs_ckpt_info, score, 56);
AT(polyfs_ckpt_info, name, 64);
AT(polyfs_ckpt_info, attempt, 320);
AT(polyfs_ckpt_info, note, 360);

SIZE(polyfs_ckpt_save_opts, 40);
AT(polyfs_ckpt_save_opts, struct_size, 0);
AT(polyfs_ckpt_save_opts, flags, 4);
AT(polyfs_ckpt_save_opts, name, 8);
AT(polyfs_ckpt_save_opts, step, 16);
AT(polyfs_ckpt_save_opts, epoch, 24);
AT(polyfs_ckpt_save_opts, score, 32);

SIZE(polyfs_ckpt_item, 32);
AT(polyfs_ckpt_item, name, 0);
AT(polyfs_ckpt_item, data, 8);
AT(polyfs_ckpt_item, size, 16);
AT(polyfs_ckpt_item, path, 24);

SIZE(polyfs_ckpt_ranks, 168);
AT(polyfs_ckpt_ranks, struct_size, 0);
AT(polyfs_ckpt_ranks, flags, 4);
AT(polyfs_ckpt_ranks, rank, 8);
AT(polyfs_ckpt_ranks, world, 12);
AT(polyfs_ckpt_ranks, restart, 16);
AT(polyfs_ckpt_ranks, deadline_ms, 20);
AT(polyfs_ckpt_ranks, launch, 24);
AT(polyfs_ckpt_ranks, gather, 152);
AT(polyfs_ckpt_ranks, user, 160);

SIZE(polyfs_ckpt_file, 24);
AT(polyfs_ckpt_file, name, 0);
AT(polyfs_ckpt_file, size, 8);
AT(polyfs_ckpt_file, crc32c, 16);
AT(polyfs_ckpt_file, flags, 20);

SIZE(polyfs_ckpt_part, 56);
AT(polyfs_ckpt_part, struct_size, 0);
AT(polyfs_ckpt_part, role, 4);
AT(polyfs_ckpt_part, name, 8);
AT(polyfs_ckpt_part, save, 16);
AT(polyfs_ckpt_part, on_save, 24);
AT(polyfs_ckpt_part, on_load, 32);
AT(polyfs_ckpt_part, load, 40);
AT(polyfs_ckpt_part, user, 48);

SIZE(polyfs_error, 2048);
AT(polyfs_error, struct_size, 0);
AT(polyfs_error, code, 4);
AT(polyfs_error, retry, 8);
AT(polyfs_error, after_ms, 12);
AT(polyfs_error, commit_state, 16);
AT(polyfs_error, sys_errno, 20);
AT(polyfs_error, http_status, 24);
AT(polyfs_error, attempts, 28);
AT(polyfs_error, native_code, 32);
AT(polyfs_error, request_id, 96);
AT(polyfs_error, operation, 192);
AT(polyfs_error, uri, 224);
AT(polyfs_error, message, 864);

SIZE(polyfs_call_opts, 24);
AT(polyfs_call_opts, struct_size, 0);
AT(polyfs_call_opts, lane, 4);
AT(polyfs_call_opts, timeout_ms, 8);
AT(polyfs_call_opts, flags, 12);
AT(polyfs_call_opts, cancel, 16);

SIZE(polyfs_fs_stats, 80);
AT(polyfs_fs_stats, struct_size, 0);
AT(polyfs_fs_stats, reserved, 4);
AT(polyfs_fs_stats, calls, 8);
AT(polyfs_fs_stats, retries, 16);
AT(polyfs_fs_stats, throttles, 24);
AT(polyfs_fs_stats, failures, 32);
AT(polyfs_fs_stats, requests, 40);
AT(polyfs_fs_stats, bytes_read, 48);
AT(polyfs_fs_stats, bytes_written, 56);
AT(polyfs_fs_stats, wire_sent, 64);
AT(polyfs_fs_stats, wire_received, 72);

SIZE(polyfs_list_opts, 48);
AT(polyfs_list_opts, struct_size, 0);
AT(polyfs_list_opts, flags, 4);
AT(polyfs_list_opts, call, 8);
AT(polyfs_list_opts, limit, 16);
AT(polyfs_list_opts, page_size, 24);
AT(polyfs_list_opts, max_depth, 28);
AT(polyfs_list_opts, start_after, 32);
AT(polyfs_list_opts, token, 40);

SIZE(polyfs_usage, 24);
AT(polyfs_usage, bytes, 0);
AT(polyfs_usage, objects, 8);
AT(polyfs_usage, folders, 16);

SIZE(polyfs_remove_opts, 32);
AT(polyfs_remove_opts, struct_size, 0);
AT(polyfs_remove_opts, flags, 4);
AT(polyfs_remove_opts, call, 8);
AT(polyfs_remove_opts, if_match, 16);
AT(polyfs_remove_opts, version, 24);

SIZE(polyfs_read_opts, 88);
AT(polyfs_read_opts, struct_size, 0);
AT(polyfs_read_opts, flags, 4);
AT(polyfs_read_opts, call, 8);
AT(polyfs_read_opts, offset, 16);
AT(polyfs_read_opts, length, 24);
AT(polyfs_read_opts, version, 32);
AT(polyfs_read_opts, condition, 40);
AT(polyfs_read_opts, merge_gap, 72);
AT(polyfs_read_opts, read_ahead_max, 80);

SIZE(polyfs_range, 48);
AT(polyfs_range, offset, 0);
AT(polyfs_range, length, 8);
AT(polyfs_range, buffer, 16);
AT(polyfs_range, bytes, 24);
AT(polyfs_range, code, 32);
AT(polyfs_range, flags, 36);
AT(polyfs_range, user, 40);

SIZE(polyfs_write_opts, 128);
AT(polyfs_write_opts, struct_size, 0);
AT(polyfs_write_opts, flags, 4);
AT(polyfs_write_opts, call, 8);
AT(polyfs_write_opts, size_hint, 16);
AT(polyfs_write_opts, if_match, 24);
AT(polyfs_write_opts, content_type, 32);
AT(polyfs_write_opts, metadata, 40);
AT(polyfs_write_opts, metadata_count, 48);
AT(polyfs_write_opts, extra, 56);
AT(polyfs_write_opts, extra_count, 64);
AT(polyfs_write_opts, part_bytes, 72);
AT(polyfs_write_opts, durability, 80);
AT(polyfs_write_opts, shape, 84);
AT(polyfs_write_opts, checksum, 88);

SIZE(polyfs_bytes, 16);
AT(polyfs_bytes, data, 0);
AT(polyfs_bytes, size, 8);

SIZE(polyfs_call, 80);
AT(polyfs_call, struct_size, 0);
AT(polyfs_call, attempt, 4);
AT(polyfs_call, flags, 8);
AT(polyfs_call, lane, 12);
AT(polyfs_call, deadline_ns, 16);
AT(polyfs_call, op_id, 24);
AT(polyfs_call, core, 40);
AT(polyfs_call, bytes_done, 48);
AT(polyfs_call, wire_sent, 56);
AT(polyfs_call, wire_received, 64);
AT(polyfs_call, requests, 72);
AT(polyfs_call, reused, 76);

SIZE(polyfs_host, 184);
AT(polyfs_host, struct_size, 0);
AT(polyfs_host, abi_minor, 4);
AT(polyfs_host, alloc, 8);
AT(polyfs_host, resize, 16);
AT(polyfs_host, free, 24);
AT(polyfs_host, log, 32);
AT(polyfs_host, clock_ns, 40);
AT(polyfs_host, stopped, 48);
AT(polyfs_host, stop_fd, 56);
AT(polyfs_host, option, 64);
AT(polyfs_host, option_number, 72);
AT(polyfs_host, env, 80);
AT(polyfs_host, authority, 88);
AT(polyfs_host, text_set, 96);
AT(polyfs_host, pair_add, 104);
AT(polyfs_host, upload_add, 112);
AT(polyfs_host, budget_count, 120);
AT(polyfs_host, section_enter, 128);
AT(polyfs_host, section_leave, 136);
AT(polyfs_host, fork_generation, 144);
AT(polyfs_host, random, 152);
AT(polyfs_host, crc, 160);
AT(polyfs_host, crc_join, 168);
AT(polyfs_host, query, 176);

SIZE(polyfs_option, 56);
AT(polyfs_option, name, 0);
AT(polyfs_option, aliases, 8);
AT(polyfs_option, env, 16);
AT(polyfs_option, type, 24);
AT(polyfs_option, flags, 28);
AT(polyfs_option, default_value, 32);
AT(polyfs_option, choices, 40);
AT(polyfs_option, help, 48);

SIZE(polyfs_get_request, 72);
AT(polyfs_get_request, struct_size, 0);
AT(polyfs_get_request, flags, 4);
AT(polyfs_get_request, offset, 8);
AT(polyfs_get_request, length, 16);
AT(polyfs_get_request, version, 24);
AT(polyfs_get_request, condition, 32);
AT(polyfs_get_request, meta, 64);

SIZE(polyfs_source, 48);
AT(polyfs_source, struct_size, 0);
AT(polyfs_source, reserved, 4);
AT(polyfs_source, path, 8);
AT(polyfs_source, path_len, 16);
AT(polyfs_source, etag, 24);
AT(polyfs_source, version, 32);
AT(polyfs_source, fs, 40);

SIZE(polyfs_put_request, 136);
AT(polyfs_put_request, struct_size, 0);
AT(polyfs_put_request, flags, 4);
AT(polyfs_put_request, durability, 8);
AT(polyfs_put_request, reserved, 12);
AT(polyfs_put_request, size_hint, 16);
AT(polyfs_put_request, condition, 24);
AT(polyfs_put_request, content_type, 56);
AT(polyfs_put_request, metadata, 64);
AT(polyfs_put_request, metadata_count, 72);
AT(polyfs_put_request, metadata_stride, 76);
AT(polyfs_put_request, extra, 80);
AT(polyfs_put_request, extra_count, 88);
AT(polyfs_put_request, extra_stride, 92);
AT(polyfs_put_request, checksum, 96);

SIZE(polyfs_list_request, 32);
AT(polyfs_list_request, struct_size, 0);
AT(polyfs_list_request, flags, 4);
AT(polyfs_list_request, start_after, 8);
AT(polyfs_list_request, marker, 16);
AT(polyfs_list_request, page_size, 24);
AT(polyfs_list_request, reserved, 28);

SIZE(polyfs_page, 32);
AT(polyfs_page, struct_size, 0);
AT(polyfs_page, stride, 4);
AT(polyfs_page, entries, 8);
AT(polyfs_page, count, 16);
AT(polyfs_page, marker, 24);

SIZE(polyfs_remove_item, 72);
AT(polyfs_remove_item, path, 0);
AT(polyfs_remove_item, path_len, 8);
AT(polyfs_remove_item, version, 16);
AT(polyfs_remove_item, if_match, 24);
AT(polyfs_remove_item, code, 32);
AT(polyfs_remove_item, flags, 36);
AT(polyfs_remove_item, native_code, 40);

SIZE(polyfs_upload_row, 40);
AT(polyfs_upload_row, struct_size, 0);
AT(polyfs_upload_row, reserved, 4);
AT(polyfs_upload_row, path, 8);
AT(polyfs_upload_row, path_len, 16);
AT(polyfs_upload_row, upload_id, 24);
AT(polyfs_upload_row, started_ns, 32);

SIZE(polyfs_step, 32);
AT(polyfs_step, struct_size, 0);
AT(polyfs_step, poll_after_ms, 4);
AT(polyfs_step, cursor, 8);
AT(polyfs_step, next, 16);
AT(polyfs_step, done_bytes, 24);

SIZE(polyfs_fs_ops, 184);
AT(polyfs_fs_ops, struct_size, 0);
AT(polyfs_fs_ops, reserved, 4);
AT(polyfs_fs_ops, open, 8);
AT(polyfs_fs_ops, close, 16);
AT(polyfs_fs_ops, caps, 24);
AT(polyfs_fs_ops, stat, 32);
AT(polyfs_fs_ops, get, 40);
AT(polyfs_fs_ops, put, 48);
AT(polyfs_fs_ops, remove, 56);
AT(polyfs_fs_ops, remove_many, 64);
AT(polyfs_fs_ops, remove_tree, 72);
AT(polyfs_fs_ops, copy, 80);
AT(polyfs_fs_ops, compose, 88);
AT(polyfs_fs_ops, rename, 96);
AT(polyfs_fs_ops, mkdir, 104);
AT(polyfs_fs_ops, rmdir, 112);
AT(polyfs_fs_ops, set_metadata, 120);
AT(polyfs_fs_ops, set_times, 128);
AT(polyfs_fs_ops, link, 136);
AT(polyfs_fs_ops, sign, 144);
AT(polyfs_fs_ops, sub, 152);
AT(polyfs_fs_ops, checksum, 160);
AT(polyfs_fs_ops, after_fork, 168);
AT(polyfs_fs_ops, query, 176);

SIZE(polyfs_lister_ops, 32);
AT(polyfs_lister_ops, struct_size, 0);
AT(polyfs_lister_ops, reserved, 4);
AT(polyfs_lister_ops, open, 8);
AT(polyfs_lister_ops, next, 16);
AT(polyfs_lister_ops, close, 24);

SIZE(polyfs_reader_ops, 32);
AT(polyfs_reader_ops, struct_size, 0);
AT(polyfs_reader_ops, reserved, 4);
AT(polyfs_reader_ops, open, 8);
AT(polyfs_reader_ops, pread, 16);
AT(polyfs_reader_ops, close, 24);

SIZE(polyfs_upload_ops, 72);
AT(polyfs_upload_ops, struct_size, 0);
AT(polyfs_upload_ops, reserved, 4);
AT(polyfs_upload_ops, start, 8);
AT(polyfs_upload_ops, part, 16);
AT(polyfs_upload_ops, copy_part, 24);
AT(polyfs_upload_ops, list_parts, 32);
AT(polyfs_upload_ops, complete, 40);
AT(polyfs_upload_ops, abort, 48);
AT(polyfs_upload_ops, list, 56);
AT(polyfs_upload_ops, is_ours, 64);

SIZE(polyfs_placed_ops, 40);
AT(polyfs_placed_ops, struct_size, 0);
AT(polyfs_placed_ops, reserved, 4);
AT(polyfs_placed_ops, open, 8);
AT(polyfs_placed_ops, write, 16);
AT(polyfs_placed_ops, commit, 24);
AT(polyfs_placed_ops, abort, 32);

SIZE(polyfs_stream_ops, 48);
AT(polyfs_stream_ops, struct_size, 0);
AT(polyfs_stream_ops, reserved, 4);
AT(polyfs_stream_ops, open, 8);
AT(polyfs_stream_ops, write, 16);
AT(polyfs_stream_ops, offset, 24);
AT(polyfs_stream_ops, commit, 32);
AT(polyfs_stream_ops, abort, 40);

SIZE(polyfs_inner, 64);
AT(polyfs_inner, struct_size, 0);
AT(polyfs_inner, reserved, 4);
AT(polyfs_inner, fs, 8);
AT(polyfs_inner, fs_ops, 16);
AT(polyfs_inner, lister_ops, 24);
AT(polyfs_inner, reader_ops, 32);
AT(polyfs_inner, upload_ops, 40);
AT(polyfs_inner, placed_ops, 48);
AT(polyfs_inner, stream_ops, 56);

SIZE(polyfs_plugin, 136);
AT(polyfs_plugin, magic, 0);
AT(polyfs_plugin, struct_size, 4);
AT(polyfs_plugin, abi_major, 8);
AT(polyfs_plugin, abi_minor, 12);
AT(polyfs_plugin, name, 16);
AT(polyfs_plugin, version, 24);
AT(polyfs_plugin, summary, 32);
AT(polyfs_plugin, protocols, 40);
AT(polyfs_plugin, authority, 48);
AT(polyfs_plugin, flags, 56);
AT(polyfs_plugin, priority, 60);
AT(polyfs_plugin, options, 64);
AT(polyfs_plugin, option_count, 72);
AT(polyfs_plugin, option_stride, 76);
AT(polyfs_plugin, fs, 80);
AT(polyfs_plugin, lister, 88);
AT(polyfs_plugin, reader, 96);
AT(polyfs_plugin, upload, 104);
AT(polyfs_plugin, placed, 112);
AT(polyfs_plugin, stream, 120);
AT(polyfs_plugin, query, 128);

SIZE(polyfs_policy_opts, 144);
AT(polyfs_policy_opts, struct_size, 0);
AT(polyfs_policy_opts, flags, 4);
AT(polyfs_policy_opts, dirpath, 8);
AT(polyfs_policy_opts, filename, 16);
AT(polyfs_policy_opts, monitor, 24);
AT(polyfs_policy_opts, name_last, 32);
AT(polyfs_policy_opts, ext, 40);
AT(polyfs_policy_opts, join, 48);
AT(polyfs_policy_opts, equals, 56);
AT(polyfs_policy_opts, mode, 64);
AT(polyfs_policy_opts, save_last, 68);
AT(polyfs_policy_opts, when, 72);
AT(polyfs_policy_opts, reserved, 76);
AT(polyfs_policy_opts, save_top_k, 80);
AT(polyfs_policy_opts, every_n_train_steps, 88);
AT(polyfs_policy_opts, every_n_epochs, 96);
AT(polyfs_policy_opts, train_time_interval_ms, 104);
AT(polyfs_policy_opts, starting_version, 112);
AT(polyfs_policy_opts, keep_newest, 120);
AT(polyfs_policy_opts, keep_every_n_steps, 128);
AT(polyfs_policy_opts, keep_every_ms, 136);

SIZE(polyfs_policy_metric, 32);
AT(polyfs_policy_metric, name, 0);
AT(polyfs_policy_metric, kind, 8);
AT(polyfs_policy_metric, reserved, 12);
AT(polyfs_policy_metric, integer, 16);
AT(polyfs_policy_metric, real, 24);

SIZE(polyfs_policy_run, 48);
AT(polyfs_policy_run, struct_size, 0);
AT(polyfs_policy_run, flags, 4);
AT(polyfs_policy_run, dirpath, 8);
AT(polyfs_policy_run, resumed_from, 16);
AT(polyfs_policy_run, exists, 24);
AT(polyfs_policy_run, user, 32);
AT(polyfs_policy_run, validate_every_n_epochs, 40);

SIZE(polyfs_policy_moment, 56);
AT(polyfs_policy_moment, struct_size, 0);
AT(polyfs_policy_moment, flags, 4);
AT(polyfs_policy_moment, epoch, 8);
AT(polyfs_policy_moment, step, 16);
AT(polyfs_policy_moment, now_ms, 24);
AT(polyfs_policy_moment, time_ms, 32);
AT(polyfs_policy_moment, metrics, 40);
AT(polyfs_policy_moment, count, 48);

SIZE(polyfs_policy_step, 32);
AT(polyfs_policy_step, what, 0);
AT(polyfs_policy_step, flags, 4);
AT(polyfs_policy_step, path, 8);
AT(polyfs_policy_step, source, 16);
AT(polyfs_policy_step, score, 24);

SIZE(polyfs_policy_plan, 48);
AT(polyfs_policy_plan, struct_size, 0);
AT(polyfs_policy_plan, flags, 4);
AT(polyfs_policy_plan, steps, 8);
AT(polyfs_policy_plan, count, 16);
AT(polyfs_policy_plan, last, 24);
AT(polyfs_policy_plan, best, 32);
AT(polyfs_policy_plan, best_score, 40);

SIZE(polyfs_implementation, 64);
AT(polyfs_implementation, struct_size, 0);
AT(polyfs_implementation, state, 4);
AT(polyfs_implementation, protocol, 8);
AT(polyfs_implementation, name, 16);
AT(polyfs_implementation, version, 24);
AT(polyfs_implementation, summary, 32);
AT(polyfs_implementation, library, 40);
AT(polyfs_implementation, manifest, 48);
AT(polyfs_implementation, reason, 56);

SIZE(polyfs_option_info, 64);
AT(polyfs_option_info, struct_size, 0);
AT(polyfs_option_info, secret, 4);
AT(polyfs_option_info, name, 8);
AT(polyfs_option_info, aliases, 16);
AT(polyfs_option_info, env, 24);
AT(polyfs_option_info, type, 32);
AT(polyfs_option_info, default_value, 40);
AT(polyfs_option_info, choices, 48);
AT(polyfs_option_info, help, 56);

SIZE(polyfs_runtime_stats, 40);
AT(polyfs_runtime_stats, struct_size, 0);
AT(polyfs_runtime_stats, threads, 4);
AT(polyfs_runtime_stats, threads_peak, 8);
AT(polyfs_runtime_stats, handles, 12);
AT(polyfs_runtime_stats, budget_bytes, 16);
AT(polyfs_runtime_stats, used_bytes, 24);
AT(polyfs_runtime_stats, peak_bytes, 32);

SIZE(polyfs_tensor, 64);
AT(polyfs_tensor, struct_size, 0);
AT(polyfs_tensor, flags, 4);
AT(polyfs_tensor, name, 8);
AT(polyfs_tensor, dtype, 16);
AT(polyfs_tensor, shape, 24);
AT(polyfs_tensor, rank, 32);
AT(polyfs_tensor, reserved, 36);
AT(polyfs_tensor, bytes, 40);
AT(polyfs_tensor, data, 48);
AT(polyfs_tensor, file, 56);

SIZE(polyfs_tensor_read, 24);
AT(polyfs_tensor_read, tensor, 0);
AT(polyfs_tensor_read, buffer, 8);
AT(polyfs_tensor_read, code, 16);
AT(polyfs_tensor_read, flags, 20);

SIZE(polyfs_checksum, 40);
AT(polyfs_checksum, kind, 0);
AT(polyfs_checksum, length, 4);
AT(polyfs_checksum, value, 8);

SIZE(polyfs_stat, 504);
AT(polyfs_stat, struct_size, 0);
AT(polyfs_stat, type, 4);
AT(polyfs_stat, size, 8);
AT(polyfs_stat, mtime_ns, 16);
AT(polyfs_stat, created_ns, 24);
AT(polyfs_stat, mode, 32);
AT(polyfs_stat, uid, 36);
AT(polyfs_stat, gid, 40);
AT(polyfs_stat, flags, 44);
AT(polyfs_stat, checksum, 48);
AT(polyfs_stat, etag, 88);
AT(polyfs_stat, version, 216);
AT(polyfs_stat, content_type, 344);
AT(polyfs_stat, storage_class, 472);

SIZE(polyfs_entry, 56);
AT(polyfs_entry, path, 0);
AT(polyfs_entry, path_len, 8);
AT(polyfs_entry, type, 16);
AT(polyfs_entry, flags, 20);
AT(polyfs_entry, size, 24);
AT(polyfs_entry, mtime_ns, 32);
AT(polyfs_entry, etag, 40);
AT(polyfs_entry, version, 48);

SIZE(polyfs_kv, 16);
AT(polyfs_kv, key, 0);
AT(polyfs_kv, value, 8);

SIZE(polyfs_caps, 304);
AT(polyfs_caps, struct_size, 0);
AT(polyfs_caps, shapes, 4);
AT(polyfs_caps, condition_shapes, 8);
AT(polyfs_caps, reserved, 12);
AT(polyfs_caps, fact, 16);
AT(polyfs_caps, put_max, 80);
AT(polyfs_caps, part_min, 88);
AT(polyfs_caps, part_max, 96);
AT(polyfs_caps, part_align, 104);
AT(polyfs_caps, object_max, 112);
AT(polyfs_caps, copy_max, 120);
AT(polyfs_caps, parts_max, 128);
AT(polyfs_caps, remove_many_max, 132);
AT(polyfs_caps, compose_max, 136);
AT(polyfs_caps, list_page_max, 140);
AT(polyfs_caps, path_max, 144);
AT(polyfs_caps, name_max, 148);
AT(polyfs_caps, metadata_max, 152);
AT(polyfs_caps, stored_checksums, 156);
AT(polyfs_caps, cancel_bound_ms, 160);
AT(polyfs_caps, sign_max_s, 164);
AT(polyfs_caps, mtime_resolution_ns, 168);
AT(polyfs_caps, limit_key, 176);

SIZE(polyfs_part, 184);
AT(polyfs_part, number, 0);
AT(polyfs_part, flags, 4);
AT(polyfs_part, size, 8);
AT(polyfs_part, checksum, 16);
AT(polyfs_part, etag, 56);

SIZE(polyfs_condition, 32);
AT(polyfs_condition, struct_size, 0);
AT(polyfs_condition, create_only, 4);
AT(polyfs_condition, if_match, 8);
AT(polyfs_condition, if_none_match, 16);
AT(polyfs_condition, if_modified_ns, 24);
