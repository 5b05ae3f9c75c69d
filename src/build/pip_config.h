// pip's settings as text: configuration files (INI, as Python's configparser reads them) and
// PIP_* variables. Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace crank::build {

// By pip's long option names, "index-url". Values of several lines are words.
class PipSettings {
public:
    std::string get(const std::string& name) const;
    void set(std::string name, std::string value) { values_[std::move(name)] = std::move(value); }
    void merge(const PipSettings& stronger);
    const std::map<std::string, std::string>& values() const { return values_; }

private:
    std::map<std::string, std::string> values_;
};

// Sections [global] and, over it, [install]; others and malformed lines are passed over. `timeout`
// comes out as "default-timeout", as its variable calls it.
PipSettings parse_pip_config(std::string_view text);
PipSettings pip_environment(const std::map<std::string, std::string>& environment);

// Whether one of the white-space separated URLs (or host:port pairs) names a loopback address,
// which a container with a network of its own does not reach.
bool names_loopback(std::string_view urls);
std::vector<std::string> words(std::string_view text);

}  // namespace crank::build
