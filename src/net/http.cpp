#include "net/http.h"

#include <curl/curl.h>

#include <algorithm>
#include <cstdlib>
#include <mutex>

#include "base/text.h"

namespace crank::net {

namespace {

constexpr std::size_t kMaxHeaders = 128 * 1024;
constexpr long kConnectSeconds = 20;
constexpr long kSlowBytes = 1024;  // a second: what is slower for long is broken off
constexpr long kSlowSeconds = 30;
constexpr long kBuffer = 256 * 1024;

void initialise() {
    static std::once_flag once;
    std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

long slow_seconds() {
    const char* text = std::getenv("CRANK_NET_STALL_SECONDS");
    auto number = parse_int(text == nullptr ? "" : text);
    return number && *number > 0 && *number <= 3600 ? static_cast<long>(*number) : kSlowSeconds;
}

// What the callbacks of one request share.
struct Exchange {
    const HttpRequest& request;
    HttpResponse response;
    std::size_t header_bytes = 0;
    std::optional<Error> error;  // of a callback

    bool stop(Error why) {
        error = std::move(why);
        return false;
    }
    bool take_header(std::string_view line) {
        header_bytes += line.size();
        if (header_bytes > kMaxHeaders)
            return stop(Error(Code::corrupt, "the answer has more than 128 KiB of headers"));
        line = trim(line);
        if (line.starts_with("HTTP/")) {
            response.headers.clear();
            auto words = split(line, ' ');
            auto status = words.size() > 1 ? parse_int(words[1]) : std::nullopt;
            response.status = status ? static_cast<long>(*status) : 0;
            return true;
        }
        std::size_t colon = line.find(':');
        if (colon == std::string_view::npos) return true;
        std::string name = to_lower(line.substr(0, colon));
        std::string value(trim(line.substr(colon + 1)));
        auto [at, inserted] = response.headers.try_emplace(name, value);
        // Several headers of a name are one list (RFC 9110, 5.3).
        if (!inserted) at->second += ", " + value;
        return true;
    }
    bool take_body(Bytes bytes) {
        bool wanted = response.status == 200 || response.status == 206;
        if (request.sink && wanted) {
            auto taken = request.sink(response, bytes);
            return taken ? true : stop(std::move(taken).error());
        }
        if (response.body.size() + bytes.size() > request.max_body)
            return stop(Error(Code::corrupt, "the answer is larger than " +
                                                 std::to_string(request.max_body) + " bytes"));
        response.body.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        return true;
    }
};

std::size_t on_header(char* data, std::size_t size, std::size_t count, void* user) {
    auto& exchange = *static_cast<Exchange*>(user);
    return exchange.take_header({data, size * count}) ? size * count : 0;
}

std::size_t on_body(char* data, std::size_t size, std::size_t count, void* user) {
    auto& exchange = *static_cast<Exchange*>(user);
    Bytes bytes(reinterpret_cast<const std::uint8_t*>(data), size * count);
    return exchange.take_body(bytes) ? size * count : CURL_WRITEFUNC_ERROR;
}

std::size_t on_upload(char* data, std::size_t size, std::size_t count, void* user) {
    auto& exchange = *static_cast<Exchange*>(user);
    auto read =
        exchange.request.upload(std::span(reinterpret_cast<std::uint8_t*>(data), size * count));
    if (read) return *read;
    exchange.stop(std::move(read).error());
    return CURL_READFUNC_ABORT;
}

Error error_of(CURLcode code, const HttpRequest& request, const char* detail) {
    std::string host = request.url.origin();
    std::string why = *detail != '\0' ? detail : curl_easy_strerror(code);
    switch (code) {
        case CURLE_COULDNT_RESOLVE_HOST:
        case CURLE_COULDNT_RESOLVE_PROXY:
        case CURLE_COULDNT_CONNECT:
            return Error(Code::failed_precondition, "cannot reach " + host + ": " + why);
        case CURLE_OPERATION_TIMEDOUT:
            return Error(Code::deadline_exceeded, host + " is too slow: " + why);
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_CACERT_BADFILE:
            return Error(Code::permission_denied,
                         "the certificate of " + host + " is not trusted: " + why)
                .with_hint("put its authority into /etc/docker/certs.d/" +
                           host.substr(host.find("//") + 2) + "/ca.crt");
        case CURLE_SSL_CONNECT_ERROR:
            return Error(Code::unsupported, "no TLS connection to " + host + ": " + why)
                .with_hint("--tls-verify=false for a registry without encryption");
        case CURLE_UNSUPPORTED_PROTOCOL:
        case CURLE_WEIRD_SERVER_REPLY:
            return Error(Code::corrupt, host + " does not answer in HTTP: " + why);
        default: return Error(Code::io, host + " broke off: " + why);
    }
}

struct HeaderList {
    curl_slist* list = nullptr;
    ~HeaderList() { curl_slist_free_all(list); }
    void add(const std::string& line) { list = curl_slist_append(list, line.c_str()); }
};

// `text` outlives the request.
void set_blob(CURL* handle, CURLoption option, const std::string& text) {
    curl_blob blob{const_cast<char*>(text.data()), text.size(), CURL_BLOB_NOCOPY};
    curl_easy_setopt(handle, option, &blob);
}

void set_trust(CURL* handle, const TlsTrust& trust) {
    curl_easy_setopt(handle, CURLOPT_SSL_VERIFYPEER, trust.verify ? 1L : 0L);
    curl_easy_setopt(handle, CURLOPT_SSL_VERIFYHOST, trust.verify ? 2L : 0L);
    if (!trust.authorities.empty()) set_blob(handle, CURLOPT_CAINFO_BLOB, trust.authorities);
    if (trust.certificate.empty()) return;
    // As texts: the sandbox has no files of the user's.
    set_blob(handle, CURLOPT_SSLCERT_BLOB, trust.certificate);
    set_blob(handle, CURLOPT_SSLKEY_BLOB, trust.key);
}

void set_method(CURL* handle, const HttpRequest& request, HeaderList& headers) {
    if (request.method == "HEAD") {
        curl_easy_setopt(handle, CURLOPT_NOBODY, 1L);
    } else if (request.upload) {
        curl_easy_setopt(handle, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(handle, CURLOPT_INFILESIZE_LARGE,
                         static_cast<curl_off_t>(request.upload_size));
        curl_easy_setopt(handle, CURLOPT_READFUNCTION, on_upload);
        // The body follows at once: waiting for "100 Continue" costs a second where there is none.
        headers.add("Expect:");
        curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    } else if (request.method != "GET") {
        curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE,
                         static_cast<curl_off_t>(request.body.size()));
        curl_easy_setopt(handle, CURLOPT_POSTFIELDS, request.body.data());
        curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
        headers.add("Expect:");
    }
}

void set_limits(CURL* handle, const HttpRequest& request) {
    curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
    curl_easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, kSlowBytes);
    curl_easy_setopt(handle, CURLOPT_LOW_SPEED_TIME, slow_seconds());
    curl_easy_setopt(handle, CURLOPT_TIMEOUT, static_cast<long>(request.deadline.count()));
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, request.url.secure ? "https" : "http");
    curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(handle, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(handle, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(handle, CURLOPT_BUFFERSIZE, kBuffer);
    curl_easy_setopt(handle, CURLOPT_UPLOAD_BUFFERSIZE, kBuffer);
}

}  // namespace

std::string HttpResponse::header(const std::string& name) const {
    auto at = headers.find(name);
    return at == headers.end() ? "" : at->second;
}

bool may_pass(const Error& error) {
    return error.code() == Code::io || error.code() == Code::deadline_exceeded;
}

struct Http::State {
    CURL* handle = nullptr;
    char detail[CURL_ERROR_SIZE] = "";
};

Http::Http() : state_(std::make_unique<State>()) {
    initialise();
    state_->handle = curl_easy_init();
}

Http::~Http() { curl_easy_cleanup(state_->handle); }

Result<HttpResponse> Http::send(const HttpRequest& request) {
    CURL* handle = state_->handle;
    if (handle == nullptr) return fail(Code::exhausted, "libcurl has no memory");
    curl_easy_reset(handle);  // keeps the connections
    Exchange exchange{request, {}, 0, {}};
    HeaderList headers;
    headers.add("User-Agent: crank");
    headers.add("Accept-Encoding:");
    for (const std::string& line : request.headers) headers.add(line);
    if (!request.authorization.empty()) headers.add("Authorization: " + request.authorization);
    set_limits(handle, request);
    set_method(handle, request, headers);
    if (request.trust != nullptr) set_trust(handle, *request.trust);
    std::string url = request.url.str();
    *state_->detail = '\0';
    curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, state_->detail);
    curl_easy_setopt(handle, CURLOPT_URL, url.c_str());
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers.list);
    curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(handle, CURLOPT_HEADERDATA, &exchange);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, &exchange);
    curl_easy_setopt(handle, CURLOPT_READDATA, &exchange);
    CURLcode code = curl_easy_perform(handle);
    if (exchange.error) return fail(*std::move(exchange.error));
    if (code != CURLE_OK) return fail(error_of(code, request, state_->detail));
    return std::move(exchange.response);
}

}  // namespace crank::net
