// A root with a driver of the tests' own making in it.
#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace crank::engine::gpu {

class TestRoot {
public:
    TestRoot() {
        std::string pattern = testing::TempDir() + "/crank-gpu-XXXXXX";
        dir_ = mkdtemp(pattern.data());
    }
    ~TestRoot() { std::filesystem::remove_all(dir_); }
    TestRoot(const TestRoot&) = delete;
    TestRoot& operator=(const TestRoot&) = delete;

    const std::string& dir() const { return dir_; }
    void write(const std::string& path, const std::string& text) const {
        std::filesystem::create_directories(std::filesystem::path(dir_ + path).parent_path());
        std::ofstream(dir_ + path) << text;
    }
    void link(const std::string& target, const std::string& path) const {
        std::filesystem::create_symlink(target, dir_ + path);
    }
    // A library as far as its first bytes tell.
    void library(const std::string& path) const {
        write(path, std::string("\x7f"
                                "ELF\x02\x01\x01",
                                7));
    }
    // False: this machine does not let devices be made.
    bool node(const std::string& path, unsigned major, unsigned minor, mode_t mode = 0666) const {
        std::filesystem::create_directories(std::filesystem::path(dir_ + path).parent_path());
        if (mknod((dir_ + path).c_str(), S_IFCHR | mode, makedev(major, minor)) != 0) return false;
        return chmod((dir_ + path).c_str(), mode) == 0;
    }
    void remove(const std::string& path) const { std::filesystem::remove_all(dir_ + path); }

    static constexpr const char* kLib = "/usr/lib/x86_64-linux-gnu/";
    // Two GPUs of NVIDIA's; false as node().
    bool nvidia(const std::string& version = "550.54.14") const {
        write("/proc/driver/nvidia/version",
              "NVRM version: NVIDIA UNIX x86_64 Kernel Module  " + version +
                  "  Thu Feb 22 01:44:30 UTC 2024\nGCC version:  gcc version 12.2.0\n");
        gpu("0000:3b:00.0", 1, "GPU-aaaa");
        gpu("0000:af:00.0", 0, "GPU-bbbb");
        for (const char* stem : {"libcuda", "libnvidia-ml", "libnvidia-encode", "libnew-part"}) {
            std::string file = std::string(stem) + ".so." + version;
            library(kLib + file);
            link(file, kLib + std::string(stem) + ".so.1");
        }
        link("libcuda.so.1", kLib + std::string("libcuda.so"));
        write("/usr/bin/nvidia-smi", "program");
        return node("/dev/nvidiactl", 195, 255) && node("/dev/nvidia0", 195, 0) &&
               node("/dev/nvidia1", 195, 1) && node("/dev/nvidia-uvm", 511, 0);
    }
    void gpu(const std::string& bus, int minor, const std::string& uuid) const {
        write("/proc/driver/nvidia/gpus/" + bus + "/information",
              "Model: \t\t NVIDIA Test\nIRQ:   \t\t 24\nGPU UUID: \t " + uuid +
                  "\nDevice Minor: \t " + std::to_string(minor) + "\n");
    }

private:
    std::string dir_;
};

}  // namespace crank::engine::gpu
