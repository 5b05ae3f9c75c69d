// `crank-net certs`: the local authority and the workers' certificates.
//
// The contract with `crank certs`, which replaces itself by crank-net with the same words (so the
// messages say "crank certs"):
//
//     crank-net certs init  [--dir DIR]
//     crank-net certs issue NAME [--ca DIR] [--dir OUT] [--uid N] [--dns NAME]... [--days N]
//
// init   makes an authority in DIR (default ~/.crank/ca; ca.pem and ca-key.pem, see
//        pki/authority_dir.h). An authority that is there is kept, and that is an error (exit code
//        of already_exists).
// issue  makes a key and a certificate for the worker NAME and puts cert.pem, key.pem and ca.pem
//        into OUT (default ~/.crank/certs, see pki/identity_dir.h). They belong to user N: 1000
//        (the base image's `worker`) where the caller is root, else the caller, who can name no
//        other. The certificate is for spiffe://crank.local/worker/NAME, for the DNS names NAME,
//        localhost and each --dns, for 127.0.0.1 and ::1, as server and client, and for 90 days.
//
// stdout: the path of each file that a worker or a client needs, one a line; stderr: one line that
// says what was made. Errors: "crank certs ...: what" and "hint: ..." on stderr, and the exit code
// that base/error.h gives to the error's code (usage for the arguments).
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/error.h"

namespace crank::net {

// What a command prints.
struct Report {
    std::vector<std::string> data;  // lines for stdout
    std::string note;               // a line for stderr
};

// `words`: what stands after "certs". `home`: where ~ is, empty where the caller has none.
Result<Report> run_certs(std::span<const std::string> words, const std::string& home);

}  // namespace crank::net
