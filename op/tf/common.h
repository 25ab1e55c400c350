// What every kernel needs: errors to status in one place, shape checks, and TensorFlow's threads for the core.
#pragma once

#include <functional>
#include <new>
#include <string>

#include "absl/status/status.h"
#include "dp/context.h"
#include "dp/error.h"
#include "tensorflow/core/framework/op_kernel.h"

namespace dp_tf {

/// TensorFlow's CPU worker threads as the pool of the core.
class WorkerPool : public dp::Pool {
 public:
  explicit WorkerPool(tensorflow::OpKernelContext* context)
      : workers_(context->device()->tensorflow_cpu_worker_threads()->workers) {}

  void run(std::int64_t n, std::int64_t cost, const std::function<void(std::int64_t)>& body) override {
    workers_->ParallelFor(n, cost, [&body](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) body(i);
    });
  }

 private:
  tensorflow::thread::ThreadPool* workers_;
};

/// A status that TensorFlow itself returned, on its way out of a kernel.
struct StatusError {
  absl::Status status;
};

inline void check(const absl::Status& status) {
  if (!status.ok()) throw StatusError{status};
}

/// Run the body of a kernel with a dp::Context; what it throws becomes the status of the op.
template <class Body>
void guarded(tensorflow::OpKernelContext* context, const Body& body) {
  try {
    WorkerPool pool(context);
    body(dp::Context{pool, dp::find_target()});
  } catch (const StatusError& error) {
    context->CtxFailure(error.status);
  } catch (const dp::InvalidInput& error) {
    context->CtxFailure(absl::InvalidArgumentError(error.what()));
  } catch (const std::bad_alloc&) {
    context->CtxFailure(absl::ResourceExhaustedError("out of memory"));
  } catch (const std::exception& error) {
    context->CtxFailure(absl::InternalError(error.what()));
  }
}

/// Input `name` as a matrix of the given shape; throws InvalidInput naming what was expected and found.
inline const tensorflow::Tensor& matrix(tensorflow::OpKernelContext* context, int index, const char* name,
                                        std::int64_t rows, std::int64_t columns) {
  const tensorflow::Tensor& tensor = context->input(index);
  if (tensor.dims() != 2 || tensor.dim_size(0) != rows || tensor.dim_size(1) != columns)
    throw dp::InvalidInput(std::string(name) + ": expected shape [" + std::to_string(rows) + "," +
                           std::to_string(columns) + "], found " + tensor.shape().DebugString());
  return tensor;
}

/// Input `name` of rank 2 with any shape.
inline const tensorflow::Tensor& any_matrix(tensorflow::OpKernelContext* context, int index, const char* name) {
  const tensorflow::Tensor& tensor = context->input(index);
  if (tensor.dims() != 2)
    throw dp::InvalidInput(std::string(name) + ": expected a matrix, found shape " + tensor.shape().DebugString());
  return tensor;
}

/// The sizes in the natoms tensor: [nloc, nall, number of atoms of each type...].
struct Natoms {
  Natoms(tensorflow::OpKernelContext* context, int index) {
    const tensorflow::Tensor& tensor = context->input(index);
    if (tensor.dims() != 1 || tensor.dim_size(0) < 3)
      throw dp::InvalidInput("natoms: expected a vector of 2 + ntypes >= 3 numbers, found shape " +
                             tensor.shape().DebugString());
    const auto values = tensor.vec<std::int32_t>();
    nloc = values(0);
    nall = values(1);
    ntypes = static_cast<int>(tensor.dim_size(0)) - 2;
    if (nloc < 0 || nall < nloc)
      throw dp::InvalidInput("natoms: expected 0 <= natoms[0] <= natoms[1], found " + std::to_string(nloc) + " and " +
                             std::to_string(nall));
  }
  int nloc, nall, ntypes;
};

/// Allocate an output; null when nothing in the graph reads it, so that the work for it can be left out.
template <class T>
T* output(tensorflow::OpKernelContext* context, int index, const tensorflow::TensorShape& shape) {
  if (!context->output_required(index)) return nullptr;
  tensorflow::Tensor* tensor = nullptr;
  check(context->allocate_output(index, shape, &tensor));
  return tensor->flat<T>().data();
}

/// The same for a matrix.
template <class T>
T* output(tensorflow::OpKernelContext* context, int index, std::int64_t rows, std::int64_t columns) {
  return output<T>(context, index, tensorflow::TensorShape({rows, columns}));
}

template <class T>
const T* data(const tensorflow::Tensor& tensor) {
  return tensor.flat<T>().data();
}

}  // namespace dp_tf

/// Register a kernel template for both precisions under one op name.
#define DP_REGISTER_CPU(name, Kernel)                                                                   \
  REGISTER_KERNEL_BUILDER(Name(name).Device(tensorflow::DEVICE_CPU).TypeConstraint<float>("T"), Kernel<float>); \
  REGISTER_KERNEL_BUILDER(Name(name).Device(tensorflow::DEVICE_CPU).TypeConstraint<double>("T"), Kernel<double>)
