// The reference pages and man pages, from the tables that parse. Pure.
#pragma once

#include <string>

#include "cli/verb.h"

namespace crank::cli {

// "run.md", "image-ls.md" of docs/reference/cli, and the page that lists them.
std::string page_name(const Verb& verb);
std::string markdown_page(const Verb& verb);
std::string markdown_index();
// man(7) of "crank-run(1)", and of crank(1).
std::string man_page(const Verb& verb);
std::string man_index();

}  // namespace crank::cli
