// The two names of libFuzzer's own header, which no package of Debian has, that Jazzer.js includes it for.
#pragma once
#include <cstddef>
#include <cstdint>

namespace fuzzer {
typedef int (*UserCallback)(const uint8_t *data, size_t size);
int FuzzerDriver(int *argc, char ***argv, UserCallback callback);
}
