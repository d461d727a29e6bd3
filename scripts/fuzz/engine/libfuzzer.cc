// What Jazzer.js asks of its own build of libFuzzer and Debian's lacks: comparisons told with the place where they are made.
// Debian's takes them without it.
#include <cstdint>

extern "C" {
void __sanitizer_cov_trace_const_cmp8(uint64_t one, uint64_t other);
void __sanitizer_cov_trace_pc_indir(uintptr_t callee);

void __sanitizer_cov_trace_const_cmp8_with_pc(uintptr_t, uint64_t one, uint64_t other) { __sanitizer_cov_trace_const_cmp8(one, other); }
void __sanitizer_cov_trace_pc_indir_with_pc(void *, uintptr_t callee) { __sanitizer_cov_trace_pc_indir(callee); }
}
