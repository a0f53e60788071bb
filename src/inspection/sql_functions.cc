// Functions that do more than compute, by dialect. A trailing * stands for any ending.

#include "inspection/sql_tokens.h"

namespace callgate::inspection {
namespace {

constexpr std::string_view kPostgres[] = {
    // files and programs of the server
    "pg_read_file*",
    "pg_read_binary_file*",
    "pg_ls_*",
    "pg_stat_file",
    "pg_file_*",
    "pg_logdir_ls",
    "pg_logfile_rotate",
    "pg_rotate_logfile*",
    "lo_*",
    "lowrite",
    "pg_current_logfile",
    "file_fdw_*",
    // other servers, and text run as SQL
    "dblink*",
    "query_to_xml*",
    "cursor_to_xml*",
    "query_to_xmlschema",
    "ts_stat",
    "ts_rewrite",
    "crosstab*",
    "connectby",
    "xpath_table",
    "database_to_xml*",
    "schema_to_xml*",
    "table_to_xml*",
    "pg_execute*",
    "exec",
    "execute_sql",
    "http*",
    "plv8*",
    "postgres_fdw_*",
    "aws_*",
    // sessions and the server itself
    "pg_terminate_backend",
    "pg_cancel_backend",
    "pg_reload_conf",
    "pg_sleep*",
    "pg_notify",
    "set_config",
    "pg_promote",
    "pg_advisory_*",
    "pg_try_advisory_*",
    "pg_log_backend_memory_contexts",
    "pg_export_snapshot",
    "pg_backup_*",
    "pg_start_backup",
    "pg_stop_backup",
    "pg_switch_wal",
    "pg_switch_xlog",
    "pg_create_restore_point",
    "pg_wal_replay_*",
    "pg_xlog_replay_*",
    "pg_import_system_collations",
    // sequences, statistics, replication, indexes
    "nextval",
    "setval",
    "pg_stat_reset*",
    "pg_stat_clear*",
    "pg_stat_force*",
    "pg_stat_statements_reset*",
    "pg_replication_*",
    "pg_create_*",
    "pg_drop_*",
    "pg_copy_*",
    "pg_logical_*",
    "pg_sync_*",
    "pg_alter_*",
    "brin_*",
    "gin_clean_pending_list",
    "pg_prewarm",
    "autoprewarm*",
    "pg_truncate_visibility_map",
    "txid_current",
    "pg_current_xact_id",
    "pg_extension_config_dump",
    "pg_surgery*",
    "heap_force_*",
    "pg_nextoid",
    "binary_upgrade_*",
    "pg_stop_making_pinned_objects",
    "pg_stat_get_snapshot_timestamp_reset",
    "pg_set_*",
    "pg_clear_*",
    "pg_restore_*",
    "currtid*",
    "unique_key_recheck",
    "ri_fkey_*",
    "suppress_redundant_updates_trigger",
    "cron_*",
    "schedule*",
    "unschedule",
    "net_http_*",
    "http_post",
    "http_get",
    "create_*",
    "drop_*",
    "add_job",
    "run_job",
};
constexpr std::string_view kMySql[] = {"load_file",
                                       "sleep",
                                       "benchmark",
                                       "get_lock",
                                       "release_lock",
                                       "release_all_locks",
                                       "is_free_lock",
                                       "is_used_lock",
                                       "master_pos_wait",
                                       "source_pos_wait",
                                       "wait_for_executed_gtid_set",
                                       "wait_until_sql_thread_after_gtids",
                                       "sys_exec",
                                       "sys_eval",
                                       "sys_get",
                                       "sys_set",
                                       "lib_mysqludf_*",
                                       "http_get",
                                       "http_post",
                                       "nextval",
                                       "setval",
                                       "lastval",
                                       "next_value",
                                       "keyring_*",
                                       "asynchronous_connection_*",
                                       "group_replication_*",
                                       "gen_*",
                                       "mysql_query_attribute_*",
                                       "audit_log_*",
                                       "firewall_*",
                                       "version_tokens_*",
                                       "service_get_*",
                                       "service_release_*",
                                       "statement_digest_*_reset",
                                       "xmltype",
                                       "load_*",
                                       "uninstall_*",
                                       "install_*"};
constexpr std::string_view kSqlite[] = {"load_extension", "writefile",     "readfile",           "edit",    "fts3_tokenizer",  "fsdir",
                                        "shell_*",        "sqlite_dbpage", "sqlite_dbdata",      "zipfile", "sqlar_*",         "eval",
                                        "lsdir",          "geopoly_debug", "icu_load_collation", "fts5_*",  "writable_schema", "exec",
                                        "spawn"};
constexpr std::string_view kOthers[] = {"openrowset",     "openquery",         "opendatasource", "xp_*",    "sp_*",    "utl_*",
                                        "dbms_*",         "httpuritype",       "xmltype",        "ctxsys*", "sys_*",   "system$*",
                                        "load_extension", "nextval",           "getnextval",     "sleep",   "fn_xe_*", "fn_trace_*",
                                        "lo_*",           "fn_get_audit_file", "openxml",        "sys_eval"};

bool named(std::string_view name, std::string_view pattern) {
  return pattern.ends_with('*') ? name.starts_with(pattern.substr(0, pattern.size() - 1)) : name == pattern;
}

template <std::size_t size> bool listed(std::string_view name, const std::string_view (&patterns)[size]) {
  for (auto pattern : patterns)
    if (named(name, pattern)) return true;
  return false;
}

}  // namespace

bool sql_function_acts(std::string_view name, SqlDialect dialect) {
  switch (dialect) {
    case SqlDialect::PostgreSql: return listed(name, kPostgres);
    case SqlDialect::MySql:
    case SqlDialect::MariaDb: return listed(name, kMySql);
    case SqlDialect::Sqlite: return listed(name, kSqlite);
    default: return listed(name, kOthers) || listed(name, kMySql);
  }
}

// What Oracle delivers with the server; those that only compute are spared.
bool sql_package_acts(std::string_view name, SqlDialect dialect) {
  constexpr std::string_view kActing[] = {"utl_*", "dbms_*", "owa_*", "htp", "apex_web_service", "ctx_*", "mdsys", "ordsys"};
  constexpr std::string_view kComputing[] = {"dbms_assert", "dbms_crypto", "dbms_lob",   "dbms_metadata", "dbms_random",
                                             "dbms_rowid",  "dbms_xplan",  "utl_encode", "utl_i18n",      "utl_lms",
                                             "utl_match",   "utl_raw",     "utl_url"};
  return dialect == SqlDialect::Oracle && listed(name, kActing) && !listed(name, kComputing);
}

}  // namespace callgate::inspection
