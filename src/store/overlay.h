// How a layer's tree says that something of the layers below is gone (Linux,
// Documentation/filesystems/overlayfs.rst, "whiteouts and opaque directories"), and how its tar
// does (OCI image-spec v1.1, layer.md, "Whiteouts"). Internal to store.
#pragma once

#include <array>
#include <string_view>

#include "sys/attributes.h"

namespace crank::store {

inline constexpr std::string_view kWhiteoutPrefix = ".wh.";
inline constexpr std::string_view kOpaqueMarker = ".wh..wh..opq";
inline constexpr std::string_view kAufsPrefix = ".wh..wh.";  // aufs's own files: no content

// The first where crank is root in the initial user namespace, the second with the mount option
// userxattr elsewhere (Linux 5.11).
inline constexpr std::array<const char*, 2> kOpaqueXattrs = {"trusted.overlay.opaque",
                                                             "user.overlay.opaque"};

inline bool is_whiteout(const sys::Attributes& attributes) {
    return attributes.is_char_device() && attributes.major == 0 && attributes.minor == 0;
}

// The extended attributes that are a layer's content. trusted.* and user.overlay.* steer the
// kernel's overlay code, security.* but capabilities belongs to the host's policy.
inline bool is_content_xattr(std::string_view key) {
    return key == "security.capability" ||
           (key.starts_with("user.") && !key.starts_with("user.overlay."));
}

}  // namespace crank::store
