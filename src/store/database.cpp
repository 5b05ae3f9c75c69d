#include "store/database.h"

#include <sqlite3.h>

#include <cerrno>
#include <mutex>
#include <utility>

namespace crank::store {

namespace {

constexpr int kBusyMilliseconds = 10'000;

Error error_of(sqlite3* handle, int status) {
    std::string text = std::string("store database: ") +
                       (handle != nullptr ? ::sqlite3_errmsg(handle) : ::sqlite3_errstr(status));
    switch (status & 0xff) {
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
            return Error(Code::deadline_exceeded,
                         "another crank command has been writing to the store for 10 s");
        case SQLITE_FULL: return Error(Code::exhausted, text);
        case SQLITE_NOMEM: return Error(Code::exhausted, text);
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB: return Error(Code::corrupt, text);
        case SQLITE_READONLY:
        case SQLITE_PERM: return Error(Code::permission_denied, text);
        case SQLITE_CANTOPEN:
        case SQLITE_IOERR: {
            int number = handle != nullptr ? ::sqlite3_system_errno(handle) : 0;
            return number != 0 ? Error::from_errno(number, text) : Error(Code::io, text);
        }
        default: return Error(Code::internal, text);
    }
}

}  // namespace

Rows::~Rows() { ::sqlite3_finalize(statement_); }

Result<bool> Rows::next() {
    int status = ::sqlite3_step(statement_);
    if (status == SQLITE_ROW) return true;
    if (status == SQLITE_DONE) return false;
    return fail(error_of(::sqlite3_db_handle(statement_), status));
}

std::int64_t Rows::integer(int column) const { return ::sqlite3_column_int64(statement_, column); }

std::string Rows::text(int column) const {
    const auto* bytes = ::sqlite3_column_blob(statement_, column);
    auto size = static_cast<std::size_t>(::sqlite3_column_bytes(statement_, column));
    return size == 0 ? std::string() : std::string(static_cast<const char*>(bytes), size);
}

bool Rows::is_null(int column) const {
    return ::sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

Result<Database> Database::open(const std::string& path) {
    // Statistics that nobody asks for cost a lock at each allocation. Before SQLite's first use.
    static std::once_flag once;
    std::call_once(once, [] { (void)::sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); });
    sqlite3* handle = nullptr;
    // For writing even where nothing is written: whoever comes first after a kill takes the
    // half-done transaction back. SQLite itself falls back to reading where it may not write.
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_READWRITE;
    int status = ::sqlite3_open_v2(path.c_str(), &handle, flags, nullptr);
    if (status != SQLITE_OK) {
        Error error = error_of(handle, status).with_context(path);
        ::sqlite3_close(handle);
        return fail(std::move(error));
    }
    Database database(handle);
    ::sqlite3_busy_timeout(handle, kBusyMilliseconds);
    // What is stored is untrusted only if someone else could write here; cheap all the same.
    ::sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    return database;
}

Database::~Database() { ::sqlite3_close(handle_); }

Result<Rows> Database::query(const char* sql, std::initializer_list<Value> values) {
    sqlite3_stmt* statement = nullptr;
    int status = ::sqlite3_prepare_v2(handle_, sql, -1, &statement, nullptr);
    Rows rows(statement);
    int index = 0;
    for (const Value& value : values) {
        if (status != SQLITE_OK) break;
        ++index;
        if (const auto* number = std::get_if<std::int64_t>(&value)) {
            status = ::sqlite3_bind_int64(statement, index, *number);
        } else if (const auto* text = std::get_if<std::string_view>(&value)) {
            status = ::sqlite3_bind_text(statement, index, text->empty() ? "" : text->data(),
                                         static_cast<int>(text->size()), SQLITE_TRANSIENT);
        } else {
            status = ::sqlite3_bind_null(statement, index);
        }
    }
    if (status != SQLITE_OK) return fail(error_of(handle_, status));
    return rows;
}

Result<> Database::run(const char* sql, std::initializer_list<Value> values) {
    Rows rows = TRY(query(sql, values));
    while (TRY(rows.next())) continue;
    return {};
}

Result<> Database::script(const char* sql) {
    int status = ::sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr);
    if (status != SQLITE_OK) return fail(error_of(handle_, status));
    return {};
}

std::int64_t Database::last_insert_number() const { return ::sqlite3_last_insert_rowid(handle_); }
std::int64_t Database::total_changes() const { return ::sqlite3_total_changes64(handle_); }

std::int64_t Database::changes() const { return ::sqlite3_changes64(handle_); }

Result<Transaction> Transaction::begin(Database& database, Durability durability) {
    TRY(database.script(durability == Durability::durable ? "PRAGMA synchronous=EXTRA"
                                                          : "PRAGMA synchronous=NORMAL"));
    TRY(database.script("BEGIN IMMEDIATE"));
    return Transaction(database);
}

Transaction::~Transaction() {
    if (database_ != nullptr) (void)database_->script("ROLLBACK");
}

Result<> Transaction::commit() {
    TRY(database_->script("COMMIT"));
    database_ = nullptr;
    return {};
}

}  // namespace crank::store
