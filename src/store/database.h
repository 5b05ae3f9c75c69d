// A thin layer over SQLite: results instead of codes, statements and transactions as objects.
// Internal to store. Not safe for use by several threads at once. The journal is SQLite's ordinary
// one (docs/decisions/0011): a process that opens, reads one row and ends writes nothing.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

#include "base/error.h"

struct sqlite3;
struct sqlite3_stmt;

namespace crank::store {

using Value = std::variant<std::nullptr_t, std::int64_t, std::string_view>;

// The rows of one SELECT. Columns count from 0.
class Rows {
public:
    explicit Rows(sqlite3_stmt* statement) : statement_(statement) {}
    Rows(Rows&& other) noexcept : statement_(std::exchange(other.statement_, nullptr)) {}
    Rows& operator=(Rows&&) = delete;
    ~Rows();

    Result<bool> next();
    std::int64_t integer(int column) const;
    std::string text(int column) const;
    bool is_null(int column) const;

private:
    sqlite3_stmt* statement_;
};

enum class Durability {
    ordered,  // survives a kill; a power cut may take the last transactions, never part of one
    durable,  // on disk when commit() returns
};

class Database {
public:
    // The file must exist. Nothing is read yet.
    static Result<Database> open(const std::string& path);
    Database(Database&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    Database& operator=(Database&&) = delete;
    ~Database();

    Result<Rows> query(const char* sql, std::initializer_list<Value> values = {});
    // A statement without rows.
    Result<> run(const char* sql, std::initializer_list<Value> values = {});
    // Several statements, without values.
    Result<> script(const char* sql);
    std::int64_t last_insert_number() const;
    std::int64_t changes() const;
    std::int64_t total_changes() const;  // of this connection since it was opened

private:
    explicit Database(sqlite3* handle) : handle_(handle) {}
    sqlite3* handle_;
};

// BEGIN IMMEDIATE, waiting at most 10 s for other writers (deadline_exceeded); rolled back when it
// goes without commit().
class Transaction {
public:
    static Result<Transaction> begin(Database& database, Durability durability);
    Transaction(Transaction&& other) noexcept
        : database_(std::exchange(other.database_, nullptr)) {}
    Transaction& operator=(Transaction&&) = delete;
    ~Transaction();
    Result<> commit();

private:
    explicit Transaction(Database& database) : database_(&database) {}
    Database* database_;
};

}  // namespace crank::store
