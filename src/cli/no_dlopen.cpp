// What SQLite would load extensions with, which crank never asks it for; the linker puts these in
// its place (--wrap). The program is static: a shared object would need the very C library that it
// was linked with, and who breaks into crank finds nothing here that loads code.
extern "C" {

// NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming): the linker's names
void* __wrap_dlopen(const char* /*path*/, int /*mode*/) { return nullptr; }
void* __wrap_dlsym(void* /*object*/, const char* /*name*/) { return nullptr; }
int __wrap_dlclose(void* /*object*/) { return -1; }
char* __wrap_dlerror() {
    static char text[] = "crank loads no shared objects";
    return text;
}
// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming)
}
