#define DP_TARGET avx512
#include "core/simd/target.inl"
