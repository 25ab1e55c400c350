#define DP_TARGET baseline
#include "core/simd/target.inl"
