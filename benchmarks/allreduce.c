// The sum over two processes of as many numbers as the gradient of water se_e2_a has, by MPI alone: what any exchange costs
// at least. mpicc -O3 allreduce.c -o allreduce && mpirun -np 2 ./allreduce
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

enum { kNumbers = 1014182, kTimes = 300 };

static int compare(const void* a, const void* b) {
  const double x = *(const double*)a, y = *(const double*)b;
  return (x > y) - (x < y);
}

static double median_ms(const void* from, double* to) {
  static double ms[kTimes];
  for (int k = 0; k < kTimes; ++k) {
    MPI_Barrier(MPI_COMM_WORLD);
    const double begin = MPI_Wtime();
    MPI_Allreduce(from, to, kNumbers, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
    ms[k] = 1e3 * (MPI_Wtime() - begin);
    for (int i = 0; i < kNumbers; ++i) to[i] *= 0.5;
  }
  qsort(ms, kTimes, sizeof(double), compare);
  return ms[kTimes / 2];
}

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  int rank;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  double *a = malloc(kNumbers * sizeof(double)), *b = calloc(kNumbers, sizeof(double));
  for (int i = 0; i < kNumbers; ++i) a[i] = 1e-9 * i;
  const double in_place = median_ms(MPI_IN_PLACE, a), apart = median_ms(a, b);
  if (rank == 0) printf("in place %.2f ms, from array to array %.2f ms (medians)\n", in_place, apart);
  MPI_Finalize();
  return 0;
}
