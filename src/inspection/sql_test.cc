#include <gtest/gtest.h>

#include "inspection/sql.h"

namespace callgate::inspection {
namespace {

std::string judge(std::string_view sql, SqlDialect dialect) {
  auto analysis = analyze_sql(sql, dialect);
  return analysis.read_only() ? "reads" : analysis.why();
}

// T-26
TEST(Sql, PostgresWritesAreSeenWhereverTheyStand) {
  for (std::string_view sql : {
           "SELECT 1; DROP TABLE t",
           "WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x",
           "SELECT * INTO u FROM t",
           "COPY t TO '/tmp/x'",
           "EXPLAIN ANALYZE DELETE FROM t",
           "EXPLAIN (ANALYZE true) INSERT INTO t VALUES (1)",
           "EXPLAIN (ANALYZE 1) UPDATE t SET a = 1",
           "SELECT pg_read_file('/etc/passwd')",
           "SELECT Pg_Catalog.PG_SLEEP(10)",
           "SELECT \"nextval\"('s')",
           "SELECT ('s'::regclass).nextval",
           "SELECT * FROM dblink('host=x', 'delete from t') AS t(a int)",
           "SELECT 1 FROM t FOR UPDATE",
           "DO $$BEGIN DELETE FROM t; END$$",
           "CALL p()",
           "SET ROLE admin",
           "BEGIN",
           "PREPARE p AS DELETE FROM t",
           "SELECT $$a$$; DELETE FROM t",
           "SELECT U&'\\0061'; TRUNCATE t",
           "/* SELECT 1 */ DELETE FROM t",
           "SELECT 1 --\n; DELETE FROM t",
           "TABLE t; VACUUM",
           "VALUES (nextval('s'))",
           "SELECT (SELECT set_config('role', 'x', false))",
           "SELECT * FROM t WHERE a = (SELECT lo_import('/etc/passwd'))",
           "SELEC 1",
           "",
           ";",
           "-- nothing",
           "EXPLAIN ANALYZE SELECT pg_sleep(1)",
           "MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN DELETE",
           "LISTEN c",
           "SELECT query_to_xml('delete from t', true, true, '')",
       })
    EXPECT_NE("reads", judge(sql, SqlDialect::PostgreSql)) << sql;
  for (std::string_view sql : {
           "SELECT 1",
           "select * from t where a = 'DELETE FROM t'",
           "WITH x AS (SELECT 1) SELECT * FROM x",
           "EXPLAIN DELETE FROM t",
           "EXPLAIN (ANALYZE off) DELETE FROM t",
           "EXPLAIN ANALYZE SELECT 1",
           "SHOW work_mem",
           "TABLE t",
           "VALUES (1)",
           "SELECT 1; SELECT 2;",
           "SELECT replace(a, 'x', 'y') FROM t",
           "SELECT \"delete\" FROM \"update\"",
           "SELECT $q$; DROP TABLE t$q$",
           "(SELECT 1) UNION (SELECT 2)",
           "SELECT currval('s')",
           "SELECT updated_at FROM t",
       })
    EXPECT_EQ("reads", judge(sql, SqlDialect::PostgreSql)) << sql;
}

// T-26
TEST(Sql, MySqlWritesAreSeenWhereverTheyStand) {
  for (std::string_view sql : {
           "SELECT 1; DELETE FROM t",
           "/*!50000 DROP TABLE t */",
           "SELECT 1 /*!INTO OUTFILE '/tmp/x'*/ FROM t",
           "SELECT /*!99999 1; DELETE FROM t */",
           "SELECT 1 INTO @a",
           "SELECT * FROM t INTO DUMPFILE '/x'",
           "SELECT LOAD_FILE('/etc/passwd')",
           "SELECT SLEEP /**/ (5)",
           "SELECT `sleep`(5)",
           "SELECT @a := 1",
           "SELECT 1 FROM t FOR UPDATE",
           "SELECT 1 FROM t LOCK IN SHARE MODE",
           "WITH c AS (SELECT 1) DELETE FROM t",
           "SELECT 'a\\'; DELETE FROM t; -- '",
           "SELECT \"a\\\"; DELETE FROM t; -- \"",
           "SELECT 1 -- x\n; DELETE FROM t",
           "SELECT 1 # x\n; DELETE FROM t",
           "EXPLAIN ANALYZE DELETE FROM t",
           "SET @a = 1",
           "USE other",
           "HANDLER t OPEN",
           "CALL p()",
           "SELECT 'open",
           "SELECT 1 /* open",
           "SELECT (1",
           "SELECT 1)",
           "SELECT /* a /* b */ DELETE */ 1",
           "DELIMITER //",
           "\\! id",
           "SELECT 1 /*M!100100 ; DELETE FROM t */",
           "REPLACE INTO t VALUES (1)",
           "INSERT INTO t SELECT 1",
           "SELECT GET_LOCK('a', 1)",
           "SELECT last_insert_id(5)",
           "KILL 1",
           "DO SLEEP(1)",
           "TRUNCATE t",
           "ANALYZE TABLE t",
           "LOAD DATA INFILE 'x' INTO TABLE t",
       }) {
    EXPECT_NE("reads", judge(sql, SqlDialect::MySql)) << sql;
    EXPECT_NE("reads", judge(sql, SqlDialect::MariaDb)) << sql;
  }
  for (std::string_view sql : {
           "SELECT 1",
           "SELECT 'DELETE FROM t'",
           "SELECT `update` FROM `delete`",
           "SHOW TABLES",
           "DESCRIBE t",
           "EXPLAIN DELETE FROM t",
           "EXPLAIN FORMAT=JSON UPDATE t SET a = 1",
           "SELECT /*+ MAX_EXECUTION_TIME(1) */ 1",
           "SELECT replace(a, 'x', 'y'), insert(a, 1, 1, 'z') FROM t",
           "SELECT 1--1",
           "WITH c AS (SELECT 1 AS a) SELECT a FROM c",
           "VALUES ROW(1)",
           "SELECT a, JSON_EXTRACT(d, '$.delete') FROM t",
           "SELECT last_insert_id()",
           "SHOW CREATE TABLE t",
           "(SELECT 1) UNION (SELECT 2)",
       })
    EXPECT_EQ("reads", judge(sql, SqlDialect::MySql)) << sql;
  EXPECT_EQ("reads", judge("ANALYZE FORMAT=JSON SELECT 1", SqlDialect::MariaDb));
  EXPECT_NE("reads", judge("ANALYZE UPDATE t SET a = 1", SqlDialect::MariaDb));
}

// T-26
TEST(Sql, SqliteWritesAreSeenWhereverTheyStand) {
  for (std::string_view sql : {
           "INSERT INTO t VALUES (1)",
           "SELECT 1; DELETE FROM t",
           "SELECT load_extension('x')",
           "SELECT writefile('x', 1)",
           "ATTACH 'x' AS y",
           "PRAGMA journal_mode = wal",
           "PRAGMA writable_schema(1)",
           "WITH c AS (SELECT 1) INSERT INTO t SELECT * FROM c",
           "VACUUM INTO 'x'",
           ".shell id",
           "REPLACE INTO t VALUES (1)",
           "/* x */ DROP TABLE t",
           "SELECT [a",
           "PRAGMA user_version = 3",
           "PRAGMA optimize",
       })
    EXPECT_NE("reads", judge(sql, SqlDialect::Sqlite)) << sql;
  for (std::string_view sql :
       {"SELECT 1", "PRAGMA table_info('t')", "PRAGMA index_list(t)", "PRAGMA user_version", "EXPLAIN QUERY PLAN SELECT 1",
        "EXPLAIN DELETE FROM t", "SELECT [delete] FROM \"t\"", "VALUES (1), (2)", "SELECT replace(a, 'x', 'y') FROM t",
        "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT n FROM c"})
    EXPECT_EQ("reads", judge(sql, SqlDialect::Sqlite)) << sql;
}

TEST(Sql, OtherDialectsNeedNoSemicolon) {
  EXPECT_NE("reads", judge("SELECT 1 DROP TABLE t", SqlDialect::TSql));
  EXPECT_NE("reads", judge("SELECT 1 EXEC sp_who", SqlDialect::TSql));
  // A procedure called `describe` that is missing ends nothing.
  for (std::string_view sql : {"describe t DROP TABLE t", "explain t DROP TABLE t"})
    EXPECT_NE("reads", judge(sql, SqlDialect::TSql)) << sql;
  EXPECT_NE("reads", judge("EXEC xp_cmdshell 'dir'", SqlDialect::TSql));
  EXPECT_EQ("reads", judge("SELECT [drop] FROM [dbo].[t]", SqlDialect::TSql));
  EXPECT_NE("reads", judge("BEGIN EXECUTE IMMEDIATE 'DROP TABLE t'; END;", SqlDialect::Oracle));
}

// T-26
TEST(Sql, NumbersDoNotSwallowTheWordBehindThem) {
  for (std::string_view sql : {"SELECT 1e0INTO OUTFILE 'x'", "SELECT 1.INTO OUTFILE 'x'", "SELECT .5INTO @a", "SELECT 1.5INTO @a FROM t",
                               "SELECT 1e-1INTO OUTFILE 'x'"}) {
    EXPECT_NE("reads", judge(sql, SqlDialect::MySql)) << sql;
    EXPECT_NE("reads", judge(sql, SqlDialect::MariaDb)) << sql;
  }
  for (std::string_view sql : {"SELECT 1DROP TABLE t", "SELECT 1e0DROP TABLE t", "SELECT 1eDROP TABLE t", "SELECT $1DROP TABLE t",
                               "SELECT 1.DELETE FROM t", "SELECT 0x1GRANT a TO b"})
    EXPECT_NE("reads", judge(sql, SqlDialect::TSql)) << sql;
  // Amounts of money, and blanks beyond ASCII.
  for (std::string_view sign :
       {"\xc2\xa3", "\xc2\xa2", "\xc2\xa5", "\xe2\x82\xac", "\xe2\x82\xb1", "\xe0\xb8\xbf", "\xef\xbc\x84", "\xef\xbf\xa5"}) {
    EXPECT_NE("reads", judge("SELECT " + std::string(sign) + "1DROP TABLE t", SqlDialect::TSql)) << sign;
    EXPECT_EQ("reads", judge("SELECT '" + std::string(sign) + "1', [a" + std::string(sign) + "] FROM t", SqlDialect::TSql)) << sign;
  }
  for (std::string_view blank : {"\xc2\xa0", "\xe2\x80\x83", "\xe3\x80\x80"})
    EXPECT_NE("reads", judge("SELECT a" + std::string(blank) + "DROP TABLE t", SqlDialect::TSql));
  EXPECT_EQ("reads", judge("SELECT stra\xc3\x9f"
                           "e, \xd0\xb8\xd0\xbc\xd1\x8f, \xe5\x90\x8d FROM t",
                           SqlDialect::TSql));
  EXPECT_NE("reads", judge("SELECT * FROM t WHERE a = 1FOR UPDATE", SqlDialect::Oracle));
  for (std::string_view sql : {"SELECT 1e5, 0x1F, 0b11, 1.5, .5, 1.e2 FROM 2024_sales", "SELECT a.1b FROM db.7days"})
    EXPECT_EQ("reads", judge(sql, SqlDialect::MySql)) << sql;
  EXPECT_EQ("reads", judge("SELECT 1.5f, 2d, 1e3 FROM dual", SqlDialect::Oracle));
  EXPECT_EQ("reads", judge("SELECT 1_000, 0x1F, 1e+3", SqlDialect::Sqlite));
}

// T-26
TEST(Sql, SequencesPackagesLocksAndChainsAreNoReads) {
  for (std::string_view sql :
       {"SELECT utl_http.request('http://x') FROM dual", "SELECT sys.utl_inaddr.get_host_address('x') FROM dual",
        "SELECT \"UTL_HTTP\" . \"REQUEST\"('x') FROM dual", "SELECT dbms_pipe.receive_message('a') FROM dual",
        "SELECT dbms_pipe.unique_session_name FROM dual", "SELECT dbms_stats.create_extended_stats(user, 'T', '(a,b)') FROM dual",
        "SELECT dbms_sqltune.create_tuning_task('x') FROM dual", "SELECT dbms_utility.wait_on_pending_dml('T', 1, 2) FROM dual",
        "SELECT s.nextval FROM dual", "SELECT 1 FROM dual\n/\nDROP TABLE t"})
    EXPECT_NE("reads", judge(sql, SqlDialect::Oracle)) << sql;
  for (std::string_view sql : {"SELECT dbms_lob.substr(a, 10) FROM t", "SELECT dbms_random.value FROM dual", "SELECT s.currval FROM dual"})
    EXPECT_EQ("reads", judge(sql, SqlDialect::Oracle)) << sql;
  for (std::string_view sql : {"SELECT a.b.nextval", "SELECT * FROM TABLE(getnextval(s))", "SHOW TABLES ->> DROP TABLE t",
                               "SHOW TABLES ->> GET @s 'file:///tmp'", "SHOW TABLES ->> SELECT * FROM $1 ->> GRANT a TO b",
                               "LIST @s ->> REMOVE @s", "DESCRIBE TABLE t ->> DROP TABLE t", "SELECT 1 ->> (DROP TABLE t)", "SELECT 1 ->>"})
    EXPECT_NE("reads", judge(sql, SqlDialect::Snowflake)) << sql;
  for (std::string_view sql : {"SHOW TABLES ->> SELECT * FROM $1", "SELECT 1 ->> (SELECT 2) ->> WITH c AS (SELECT 1 AS a) SELECT a FROM c",
                               "SELECT * FROM t WHERE a > get(b, 0) AND c - 1 > 2"})
    EXPECT_EQ("reads", judge(sql, SqlDialect::Snowflake)) << sql;
  for (std::string_view sql :
       {"SELECT * FROM t WITH (HOLDLOCK, UPDLOCK)", "SELECT * FROM t (XLOCK)", "SELECT * FROM t WITH (HOLDLOCK XLOCK)",
        "SELECT * FROM t WITH (INDEX(a) UPDLOCK)", "SELECT @a += 1 FROM t", "SELECT 1 CHECKPOINT", "SELECT a FROM t WRITETEXT t.a @p 0x1"})
    EXPECT_NE("reads", judge(sql, SqlDialect::TSql)) << sql;
  EXPECT_EQ("reads", judge("SELECT a FROM t WITH (NOLOCK)", SqlDialect::TSql));
}

TEST(Sql, SaysWhatEachStatementIs) {
  auto analysis = analyze_sql("SELECT lower(a) FROM t; INSERT INTO t VALUES (upper('x'))", SqlDialect::PostgreSql);
  ASSERT_EQ(2u, analysis.statements.size());
  EXPECT_EQ("select", analysis.statements[0].kind);
  EXPECT_EQ("insert", analysis.statements[1].kind);
  EXPECT_EQ((std::vector<std::string>{"lower", "upper"}), analysis.functions);
  EXPECT_TRUE(analysis.only({"select", "insert"}));
  EXPECT_FALSE(analysis.only({"select"}));
  EXPECT_FALSE(analyze_sql("WITH x AS (DELETE FROM t RETURNING 1) SELECT 1", SqlDialect::PostgreSql).only({"select"}));
  EXPECT_TRUE(analyze_sql("UPDATE t SET a = 1", SqlDialect::MySql).only({"update"}));
  EXPECT_FALSE(analyze_sql(std::string(kSqlBytesMax + 1, ' '), SqlDialect::MySql).understood);
  EXPECT_FALSE(analyze_sql("SELECT " + std::string(5000, '(') + "1" + std::string(5000, ')'), SqlDialect::PostgreSql).understood);
}

}  // namespace
}  // namespace callgate::inspection
