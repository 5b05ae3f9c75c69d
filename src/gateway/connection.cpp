#include "gateway/connection.h"

#include <utility>

namespace crank::gateway {

void Connections::add(std::unique_ptr<Connection> connection) {
    Connection& added = *connection;
    all_.push_back(std::move(connection));
    added.place_ = std::prev(all_.end());
    added.start();
}

void Connections::remove(Connection& connection) {
    std::unique_ptr<Connection> gone = std::move(*connection.place_);
    all_.erase(connection.place_);
    loop_.retire(std::move(gone));
    if (all_.empty() && on_empty) on_empty();
}

void Connections::end_idle() {
    for (auto at = all_.begin(); at != all_.end();) (*at++)->end_if_idle();
}

std::size_t Connections::end_all() {
    const std::size_t count = all_.size();
    while (!all_.empty()) all_.front()->end();
    return count;
}

}  // namespace crank::gateway
