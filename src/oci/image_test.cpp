#include "oci/image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crank::oci {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string kDigestText = "sha256:" + std::string(64, 'a');
const Digest kDigest = *Digest::parse(kDigestText);

ImageConfig full_config() {
    ImageConfig image;
    image.created = "2026-01-02T03:04:05Z";
    image.author = "a <a@example.org>";
    image.platform = {"arm64", "linux", "v8"};
    ContainerConfig& config = image.config;
    config.user = "worker";
    config.exposed_ports = {"8501/tcp", "8502/udp"};
    config.env = {"PATH=/usr/bin", "CERT_DIR=/c", "Z=ä\t\"", "A=1"};
    config.entrypoint = {"/init", "--"};
    config.cmd = {"python", "w.py"};
    config.volumes = {"/data"};
    config.working_dir = "/app";
    config.labels = {{"z", "1"}, {"a", "2"}};
    config.stop_signal = "SIGTERM";
    config.healthcheck = Healthcheck{{"CMD", "true"}, 1, 2, 3, 4, 5};
    config.shell = {"/bin/bash", "-c"};
    config.on_build = {"RUN true"};
    image.diff_ids = {kDigest};
    image.history = {{"2026-01-02T03:04:05Z", "RUN x", "c", false}, {"", "ENV A=1", "", true}};
    return image;
}

// These texts are identities: when one changes, every image of every user changes its id.
TEST(ImageConfig, serialises_to_the_golden_text) {
    EXPECT_EQ(
        serialize(full_config()),
        R"({"architecture":"arm64","author":"a <a@example.org>","config":{"Cmd":["python","w.py"],)"
        R"("Entrypoint":["/init","--"],"Env":["PATH=/usr/bin","CERT_DIR=/c","Z=ä\t\"","A=1"],)"
        R"("ExposedPorts":{"8501/tcp":{},"8502/udp":{}},"Healthcheck":{"Interval":1,"Retries":5,)"
        R"("StartInterval":4,"StartPeriod":3,"Test":["CMD","true"],"Timeout":2},"Labels":{"a":"2",)"
        R"("z":"1"},"OnBuild":["RUN true"],"Shell":["/bin/bash","-c"],"StopSignal":"SIGTERM",)"
        R"("User":"worker","Volumes":{"/data":{}},"WorkingDir":"/app"},)"
        R"("created":"2026-01-02T03:04:05Z","history":[{"comment":"c",)"
        R"("created":"2026-01-02T03:04:05Z","created_by":"RUN x"},{"created_by":"ENV A=1",)"
        R"("empty_layer":true}],"os":"linux","rootfs":{"diff_ids":[")" +
            kDigestText + R"("],"type":"layers"},"variant":"v8"})");
}

TEST(ImageConfig, leaves_out_what_is_empty) {
    ImageConfig image;
    image.platform = {"amd64", "linux", ""};
    EXPECT_EQ(serialize(image),
              R"({"architecture":"amd64","os":"linux","rootfs":{"diff_ids":[],"type":"layers"}})");
}

TEST(ImageConfig, replaces_bytes_that_are_not_utf8) {
    ImageConfig image;
    image.platform = {"amd64", "linux", ""};
    image.author = "\xff";
    EXPECT_THAT(serialize(image), HasSubstr("\"author\":\"\xEF\xBF\xBD\""));
}

TEST(ImageConfig, reads_what_it_writes) {
    auto parsed = parse_image_config(serialize(full_config()));
    ASSERT_TRUE(parsed) << parsed.error().text();
    EXPECT_EQ(*parsed, full_config());
}

TEST(ImageConfig, reads_nulls_and_drops_unknown_fields_as_docker_writes_them) {
    auto parsed = parse_image_config(
        R"({"architecture":"amd64","os":"linux","config":{"Cmd":["sh"],"Entrypoint":null,)"
        R"("Volumes":null,"Labels":null,"OnBuild":null,"Image":"","Tty":false},)"
        R"("container":"x","docker_version":"20.10","rootfs":{"type":"layers"}})");
    ASSERT_TRUE(parsed) << parsed.error().text();
    EXPECT_THAT(parsed->config.cmd, ElementsAre("sh"));
    EXPECT_TRUE(parsed->config.entrypoint.empty());
    EXPECT_TRUE(parsed->diff_ids.empty());
}

std::string with(const std::string& field) {
    return R"({"architecture":"amd64","os":"linux","rootfs":{"type":"layers"},)" + field + "}";
}

TEST(ImageConfig, refuses_bad_documents_by_field) {
    std::string deep = with("\"x\":" + std::string(64, '[') + std::string(64, ']'));
    std::string layers = R"({"architecture":"a","os":"l","rootfs":{"type":"layers","diff_ids":[)";
    for (int i = 0; i < 128; ++i) layers += (i != 0 ? ",\"" : "\"") + kDigestText + "\"";
    struct Bad {
        std::string json, names;
    };
    for (const Bad& c : {
             Bad{"", "not valid JSON"},
             Bad{"{", "not valid JSON"},
             Bad{"[]", "not an object"},
             Bad{"{} x", "not valid JSON"},
             Bad{"{}", "'architecture' is missing"},
             Bad{R"({"architecture":"a","os":"l"})", "'rootfs' is missing"},
             Bad{R"({"architecture":"a","os":"l","rootfs":{"type":"x"}})", "'rootfs.type'"},
             Bad{R"({"architecture":"a","os":"l","rootfs":{"type":"layers","diff_ids":["x"]}})",
                 "rootfs.diff_ids[0]"},
             Bad{layers + "]}}", "127"},
             Bad{with(R"("os":"windows")"), "'os' twice"},
             Bad{with(R"("config":{"Env":"A=1"})"), "'config.Env' is not a list"},
             Bad{with(R"("config":{"Env":["A=1",2]})"), "'config.Env[1]' is not a string"},
             Bad{with(R"("config":{"Cmd":["a\u0000b"]})"), "NUL"},
             Bad{with(R"("config":{"Labels":{"a":1}})"), "'config.Labels.a'"},
             Bad{with(R"("config":{"ExposedPorts":["80"]})"), "'config.ExposedPorts'"},
             Bad{with(R"("config":{"Healthcheck":{"Retries":4294967296}})"), "out of range"},
             Bad{with(R"("config":{"Healthcheck":{"Interval":-1}})"), "negative"},
             Bad{with(R"("config":{"Healthcheck":{"Interval":1.5}})"), "whole number"},
             Bad{with(R"("history":[{"empty_layer":1}])"), "'history[0].empty_layer'"},
             Bad{with("\"author\":\"\xff\""), "not valid JSON"},
             Bad{deep, "64 levels"},
             Bad{with("\"author\":\"" + std::string(4 << 20, 'x') + "\""), "4 MiB"},
         }) {
        auto parsed = parse_image_config(c.json);
        ASSERT_FALSE(parsed) << c.json.substr(0, 200);
        EXPECT_EQ(parsed.error().code(), Code::corrupt) << c.json.substr(0, 200);
        EXPECT_THAT(parsed.error().text(), HasSubstr(c.names));
        EXPECT_THAT(parsed.error().text(), HasSubstr("image configuration"));
    }
}

Manifest sample_manifest() {
    Manifest manifest;
    manifest.media_type = kMediaTypeManifest;
    manifest.config = {std::string(kMediaTypeConfig), kDigest, 10, {}, {}};
    manifest.layers = {{std::string(kMediaTypeLayer), kDigest, 20, {{"k", "v"}}, {}}};
    manifest.annotations = {{"a", "b"}};
    return manifest;
}

TEST(Manifest, serialises_to_the_golden_text) {
    EXPECT_EQ(serialize(sample_manifest()),
              R"({"annotations":{"a":"b"},"config":{"digest":")" + kDigestText +
                  R"(","mediaType":"application/vnd.oci.image.config.v1+json","size":10},)"
                  R"("layers":[{"annotations":{"k":"v"},"digest":")" +
                  kDigestText +
                  R"(","mediaType":"application/vnd.oci.image.layer.v1.tar","size":20}],)"
                  R"("mediaType":"application/vnd.oci.image.manifest.v1+json",)"
                  R"("schemaVersion":2})");
}

TEST(Manifest, reads_what_it_writes) {
    auto parsed = parse_manifest(serialize(sample_manifest()));
    ASSERT_TRUE(parsed) << parsed.error().text();
    EXPECT_EQ(serialize(*parsed), serialize(sample_manifest()));
}

TEST(Manifest, refuses_bad_documents_by_field) {
    std::string config = R"("config":{"mediaType":"m","digest":")" + kDigestText + R"(","size":1})";
    struct Bad {
        std::string json, names;
    };
    for (const Bad& c : {
             Bad{"{" + config + "}", "schemaVersion"},
             Bad{R"({"schemaVersion":1,)" + config + "}", "schemaVersion"},
             Bad{R"({"schemaVersion":2})", "'config' is missing"},
             Bad{R"({"schemaVersion":2,"mediaType":"text/html",)" + config + "}", "mediaType"},
             Bad{R"({"schemaVersion":2,"manifests":[],)" + config + "}", "'manifests'"},
             Bad{R"({"schemaVersion":2,"config":{"mediaType":"m","digest":"x","size":1}})",
                 "'config.digest'"},
             Bad{R"({"schemaVersion":2,"config":{"mediaType":"m","digest":")" + kDigestText +
                     R"(","size":-1}})",
                 "'config.size' is negative"},
             Bad{R"({"schemaVersion":2,"layers":[{}],)" + config + "}", "'layers[0].mediaType'"},
         }) {
        auto parsed = parse_manifest(c.json);
        ASSERT_FALSE(parsed) << c.json;
        EXPECT_EQ(parsed.error().code(), Code::corrupt) << c.json;
        EXPECT_THAT(parsed.error().text(), HasSubstr(c.names));
    }
}

TEST(Index, reads_what_it_writes) {
    Index index;
    index.media_type = kMediaTypeIndex;
    index.manifests = {{std::string(kMediaTypeManifest),
                        kDigest,
                        7,
                        {{"n", "v"}},
                        Platform{"amd64", "linux", ""}}};
    std::string text = serialize(index);
    EXPECT_EQ(text, R"({"manifests":[{"annotations":{"n":"v"},"digest":")" + kDigestText +
                        R"(","mediaType":"application/vnd.oci.image.manifest.v1+json",)"
                        R"("platform":{"architecture":"amd64","os":"linux"},"size":7}],)"
                        R"("mediaType":"application/vnd.oci.image.index.v1+json",)"
                        R"("schemaVersion":2})");
    auto parsed = parse_index(text);
    ASSERT_TRUE(parsed) << parsed.error().text();
    EXPECT_EQ(serialize(*parsed), text);
}

TEST(Index, refuses_a_manifest) {
    auto parsed = parse_index(serialize(sample_manifest()));
    ASSERT_FALSE(parsed);
    EXPECT_EQ(parsed.error().code(), Code::corrupt);
    auto both = parse_index(R"({"schemaVersion":2,"manifests":[],"layers":[]})");
    ASSERT_FALSE(both);
    EXPECT_THAT(both.error().text(), HasSubstr("'layers'"));
}

}  // namespace
}  // namespace crank::oci
