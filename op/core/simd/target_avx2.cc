#define DP_TARGET avx2
#include "core/simd/target.inl"
