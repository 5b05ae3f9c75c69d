// Opening a store: creation, version, and what an interrupted command has left.
#include <cerrno>
#include <chrono>

#include "base/crash_point.h"
#include "base/text.h"
#include "store/layer_files.h"
#include "store/state.h"
#include "sys/attributes.h"
#include "sys/file.h"
#include "sys/placement.h"
#include "sys/stream.h"

namespace crank::store {

namespace {

// O_EXCL creation: an existing file is fine.
Result<> create_private_file(int dirfd, const std::string& name) {
    auto created = sys::create_file_at(dirfd, name, 0600);
    if (!created && created.error().code() != Code::already_exists)
        return fail(std::move(created).error());
    return {};
}

Result<> create_directories(const std::string& root) {
    for (const char* name : {"/l", "/tmp"})
        if (auto made = sys::make_dir(root + name, 0700);
            !made && made.error().code() != Code::already_exists)
            return made;
    return {};
}

// Inside a transaction.
Result<> apply_migrations(Database& db) {
    TRY(db.script(kSchema));
    int done = kUnmigrated;
    {
        Rows rows = TRY(db.query("PRAGMA user_version"));
        if (TRY(rows.next()) && rows.integer(0) != 0) done = static_cast<int>(rows.integer(0));
    }
    for (; done < kFormat; ++done)
        TRY_IN(db.script(kMigrations[static_cast<std::size_t>(done - kUnmigrated)]),
               "bringing the store to format " + std::to_string(done + 1));
    return db.script(("PRAGMA user_version=" + std::to_string(kFormat)).c_str());
}

Result<> write_format(const std::string& root) {
    return sys::write_file_atomic(root + "/format", std::to_string(kFormat) + "\n", 0600,
                                  sys::Sync::yes);
}

}  // namespace

namespace {

// Formats 3 to 5 had a second name of each file in o/, and l/N/keys said which.
Result<> remove_pool(const std::string& root) {
    if (sys::exists(root + "/o")) TRY(sys::remove_tree(root + "/o"));
    for (const std::string& name : TRY(sys::list_dir(root + "/l"))) {
        auto dir = TRY(sys::open_dir(root + "/l/" + name));
        // A kept tar says nothing of the tree beside it: that takes a list.
        if (sys::exists(root + "/l/" + name + "/tar") &&
            !sys::exists(root + "/l/" + name + "/files"))
            TRY(write_layer_files(dir.get(), TRY(list_tree(dir.get()))));
        std::string keys = root + "/l/" + name + "/keys";
        if (sys::exists(keys)) TRY(sys::remove_file(keys));
    }
    return {};
}

}  // namespace

std::string current_boot() {
    auto text = sys::read_file("/proc/sys/kernel/random/boot_id", 64);
    return text ? std::string(trim(*text)) : "unknown";
}

std::int64_t now_nanoseconds() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

Result<int> read_format(const std::string& root) {
    auto text = sys::read_file(root + "/format", 32);
    if (!text && text.error().code() == Code::not_found)
        return fail(Error(Code::not_found, "no image store at " + root)
                        .with_hint("'crank build' or 'crank load' makes one"));
    auto number = parse_int(trim(TRY(std::move(text))));
    if (!number || *number < 1) return fail(Code::corrupt, root + "/format does not hold a number");
    if (*number > kFormat)
        return fail(Error(Code::unsupported, "the store at " + root + " has format " +
                                                 std::to_string(*number) + ", this crank reads " +
                                                 std::to_string(kFormat) + " and older")
                        .with_hint("use the crank that made it, or another --root"));
    return static_cast<int>(*number);
}

Result<> create_store(const std::string& root) {
    TRY(sys::make_dirs(root, 0700));
    auto dir = TRY(sys::open_dir(TRY(sys::real_path(root))));
    // Two commands may be the first at once.
    TRY(sys::lock(dir.get(), sys::LockMode::exclusive));
    if (sys::exists(root + "/format")) return {};
    TRY(create_directories(root));
    for (const char* name : {"crank.db", "locks"}) TRY(create_private_file(dir.get(), name));
    crash_point("store.create.before_schema");
    auto db = TRY(Database::open(root + "/crank.db"));
    auto transaction = TRY(Transaction::begin(db, Durability::durable));
    TRY(apply_migrations(db));
    TRY(transaction.commit());
    crash_point("store.create.before_format");
    return write_format(root);
}

Result<> migrate(const std::string& root) {
    auto dir = TRY(sys::open_dir(root));
    // Two commands may be the first of a new version at once.
    TRY(sys::lock(dir.get(), sys::LockMode::exclusive));
    if (TRY(read_format(root)) == kFormat) return {};
    auto db = TRY(Database::open(root + "/crank.db"));
    auto transaction = TRY(Transaction::begin(db, Durability::durable));
    TRY(apply_migrations(db));
    crash_point("store.upgrade.before_commit");
    TRY(transaction.commit());
    crash_point("store.upgrade.before_format");
    TRY(remove_pool(root));
    return write_format(root);
}

bool release_reserve(const std::string& root) {
    return sys::remove_file(root + "/reserve").has_value();
}

void take_reserve(const std::string& root) {
    if (sys::exists(root + "/reserve")) return;
    auto dir = sys::open_dir(root);
    if (!dir) return;
    auto file = sys::create_file_at(dir->get(), "reserve", 0600);
    if (file && !sys::allocate(file->get(), kReserveBytes, "reserve"))
        (void)sys::remove_at(dir->get(), "reserve");
}

Result<Owned> make_owned_dir(const std::string& root) {
    // Shared against the sweeper, which must not see the directory before it is locked.
    auto tmp = TRY(sys::open_dir(root + "/tmp"));
    TRY(sys::lock(tmp.get(), sys::LockMode::shared));
    // Every layer's tree begins here. Before ext4 takes an inode it looks at each one of the group
    // that was freed within the last minutes: near the place where many files were just removed,
    // making others takes up to ten times as long.
    sys::spread_directories_in(tmp.get());
    Owned out;
    out.path = TRY(sys::make_temp_dir(root + "/tmp/"));
    out.lock = TRY(sys::open_dir(out.path));
    TRY(sys::lock(out.lock.get(), sys::LockMode::exclusive));
    return out;
}

void sweep_temporary(const std::string& root) {
    auto tmp = sys::open_dir(root + "/tmp");
    if (!tmp) return;
    auto names = sys::list_at(tmp->get());
    if (!names || names->empty()) return;
    // Never waits and never fails: what cannot be swept now is swept later.
    auto alone = sys::try_lock(tmp->get(), sys::LockMode::exclusive);
    if (!alone || !*alone) return;
    std::vector<std::pair<std::string, sys::UniqueFd>> dead;
    for (const std::string& name : *names) {
        auto entry = sys::open_dir_at(tmp->get(), name);
        if (!entry) continue;
        auto locked = sys::try_lock(entry->get(), sys::LockMode::exclusive);
        if (locked && *locked) dead.emplace_back(name, std::move(*entry));
    }
    tmp->reset();  // deleting takes long; others may stage meanwhile
    for (const auto& [name, lock] : dead) (void)sys::remove_tree(root + "/tmp/" + name);
}

Store::Store(std::unique_ptr<State> state) : state_(std::move(state)) {}
Store::Store(Store&&) noexcept = default;
Store& Store::operator=(Store&&) noexcept = default;

namespace {

// Whoever opens the database first reads the whole log; a log this long costs `run` 0.1 ms.
constexpr std::int64_t kLongLog = 48 * 1024;  // bytes

}  // namespace

Store::~Store() {
    if (!state_ || state_->mode != OpenMode::read_write) return;
    (void)state_->record_use();  // best effort: a wrong guess of what is old
    if (state_->db.total_changes() == 0) return;
    auto log = sys::lstat(state_->root + "/crank.db-wal");
    // Best effort: a reader in the way leaves it to the next writer.
    if (log && log->size > kLongLog) (void)state_->db.script("PRAGMA wal_checkpoint(TRUNCATE)");
}

const std::string& Store::root() const { return state_->root; }

Result<Store> Store::open(const std::string& given_root, OpenMode mode) {
    bool writing = mode == OpenMode::read_write;
    auto format = read_format(given_root);
    if (!format && writing && format.error().code() == Code::not_found) {
        TRY(create_store(given_root));
        format = read_format(given_root);
    }
    if (TRY(std::move(format)) < kFormat)
        TRY_IN(migrate(given_root), "bringing the store at " + given_root + " up to date");
    // Absolute and free of links: what is handed out outlives the working directory.
    std::string root = TRY(sys::real_path(given_root));
    return with_reserve(root, [&]() -> Result<Store> {
        auto db = TRY(Database::open(root + "/crank.db"));
        auto state = std::make_unique<State>(root, mode, std::move(db));
        if (writing) TRY(state->prepare_to_write());
        return Store(std::move(state));
    });
}

Result<> Store::State::prepare_to_write() {
    locks = TRY(sys::open_lock_file(root + "/locks"));
    boot = current_boot();
    TRY(db.script("PRAGMA foreign_keys=ON"));
    sweep_temporary(root);
    TRY(forget_lost_layers());
    TRY(remove_orphan());
    TRY(remove_merged_orphans());
    TRY(empty_garbage());
    TRY(collect_replaced());
    take_reserve(root);
    return {};
}

Staging::Staging(Staging&&) noexcept = default;

Staging& Staging::operator=(Staging&& other) noexcept {
    std::swap(path_, other.path_);
    std::swap(upper_, other.upper_);
    std::swap(work_, other.work_);
    std::swap(lock_, other.lock_);
    return *this;
}

Staging::~Staging() {
    // A directory that stays is swept by the next command.
    if (lock_) (void)sys::remove_tree(path_);
}

}  // namespace crank::store
